"""An engine without the client, which can start one workflow. It says that it has begun what it is asked to begin, and then
states what it is told, line by line on its standard input: `["emit", {…}]` with an event as JSON, or `["flush", {}]`, which
is done when the relay has everything. On its standard output it says, in JSON too, what it was asked and what it has done.

    python starter.py TARGET WORKFLOW
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time

import grpc
from footplate import proto as pb
from google.protobuf.json_format import ParseDict

from engine import say

ATTACH = "/footplate.v1.EngineService/Attach"


class Starter:
    """One stream, and the execution that was begun on it last."""

    def __init__(self, target: str, workflow: str) -> None:
        self._out: queue.SimpleQueue[pb.AttachRequest] = queue.SimpleQueue()
        self._news = threading.Condition()
        self._execution = ""
        self._stated = self._acked = 0
        attach = grpc.insecure_channel(target).stream_stream(
            ATTACH, pb.AttachRequest.SerializeToString, pb.AttachResponse.FromString
        )
        producer = pb.Producer(producer_id="starter", producer_epoch=time.time_ns() // 1000)
        self._out.put(pb.AttachRequest(hello=pb.Hello(producer=producer, startable_workflow_ids=[workflow])))
        self._heard = attach(iter(self._out.get, None))

    def listen(self) -> None:
        """Does what the relay says."""
        for heard in self._heard:
            kind = heard.WhichOneof("message")
            if kind == "welcome":
                say(ready=True)
            elif kind == "results":
                with self._news:
                    for result in heard.results.results:
                        self._acked = max(self._acked, result.ack.pseq)
                    self._news.notify_all()
            elif kind == "command" and heard.command.kind == pb.COMMAND_KIND_START:
                self._start(heard.command)

    def _start(self, command: pb.Command) -> None:
        receipt = pb.DeliveryReceipt(execution_id=command.execution_id, command_id=command.command_id)
        self._out.put(pb.AttachRequest(receipts=pb.DeliveryReceipts(receipts=[receipt])))
        if command.execution_id == self._execution:
            return  # It is asked for again, and goes on.
        self._execution, self._stated, self._acked = command.execution_id, 0, 0
        payload = json.loads(command.payload.text or "null")
        task = payload.get("task", "") if isinstance(payload, dict) else ""
        started = pb.ExecutionStarted(command_id=command.command_id, workflow_id=command.workflow_id, task=task)
        self.emit(pb.Event(execution_started=started))
        say(started=True, execution_id=command.execution_id, workflow_id=command.workflow_id, payload=payload)

    def emit(self, event: pb.Event) -> None:
        """States a fact."""
        self._stated += 1
        batch = pb.EventBatch(execution_id=self._execution, first_pseq=self._stated, events=[event])
        self._out.put(pb.AttachRequest(events=pb.Events(batches=[batch])))

    def flush(self) -> None:
        """Waits until the relay has everything."""
        with self._news:
            self._news.wait_for(lambda: self._acked >= self._stated, 30)


def main() -> None:
    starter = Starter(*sys.argv[1:])
    threading.Thread(target=starter.listen, daemon=True).start()
    for line in sys.stdin:
        method, arguments = json.loads(line)
        if method == "emit":
            starter.emit(ParseDict(arguments, pb.Event()))
        else:
            starter.flush()
        say(did=method)


if __name__ == "__main__":
    main()
