"""A relay of a few lines, for the client's own tests: one stream at a time, everything in memory, nothing checked twice."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc

from footplate import proto as pb
from footplate._gen import engine_pb2_grpc

PATIENCE = 20.0


class Relay(engine_pb2_grpc.EngineServiceServicer):
    """Stores what comes, in order and once, and says what a test tells it to say."""

    def __init__(self, address: str = "127.0.0.1:0", credentials: Any = None) -> None:
        self.changed = threading.Condition()
        self.requests: list[pb.AttachRequest] = []
        self.log: dict[str, list[pb.Event]] = {}
        """The stored events of each execution; the place in the list is the number less `first`."""
        self.first: dict[str, int] = {}
        self.duplicates = 0
        self.acking = True
        self.accepting = True
        """Whether events are stored at all; otherwise they are lost, as with a link that breaks."""
        self.window: pb.Window | None = None
        self.need_state: set[str] = set()
        self.refuse: dict[str, int] = {}
        self.welcoming = True
        self.streams = 0
        self._out: queue.Queue[pb.AttachResponse | None] | None = None
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        engine_pb2_grpc.add_EngineServiceServicer_to_server(self, self.server)
        if credentials is None:
            self.port = self.server.add_insecure_port(address)
        else:
            self.port = self.server.add_secure_port(address, credentials)
        self.server.start()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.server.stop(None).wait(PATIENCE)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Waits until the condition holds; a test that waits in vain fails with what had come."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), self.requests
            return condition()

    def requests_of(self, kind: str) -> list[Any]:
        with self.changed:
            return [getattr(r, kind) for r in self.requests if r.WhichOneof("message") == kind]

    def events(self, execution_id: str, kind: str | None = None) -> list[Any]:
        with self.changed:
            events = list(self.log.get(execution_id, []))
        return events if kind is None else [getattr(e, kind) for e in events if e.WhichOneof("kind") == kind]

    def wait_events(self, execution_id: str, kind: str, count: int = 1) -> list[Any]:
        self.wait(lambda: len(self.events(execution_id, kind)) >= count)
        return self.events(execution_id, kind)

    def next_pseq(self, execution_id: str) -> int:
        return self.first.get(execution_id, 1) + len(self.log.get(execution_id, []))

    def send(self, **message: Any) -> None:
        """Says something on the present stream."""
        self.wait(lambda: self._out is not None)
        assert self._out is not None
        self._out.put(pb.AttachResponse(**message))

    def decide(self, gate: Any, decision_id: str = "d1", kind: str = "approve", **fields: Any) -> pb.Decision:
        fields.setdefault("gate_version", gate.version)
        fields.setdefault("payload_sha256", gate.opened.payload_sha256)
        decision = pb.Decision(
            execution_id=gate._execution.execution_id,
            gate_id=gate.gate_id,
            decision_id=decision_id,
            kind=pb.DecisionKind.Value(f"DECISION_KIND_{kind.upper()}"),
            option_id=kind,
            **fields,
        )
        self.send(decision=decision)
        return decision

    def command(self, execution_id: str, kind: str, command_id: str) -> None:
        number = pb.CommandKind.Value(f"COMMAND_KIND_{kind.upper()}")
        self.send(command=pb.Command(execution_id=execution_id, command_id=command_id, kind=number))

    def end(self, goodbye: pb.Goodbye | None = None) -> None:
        """Ends the present stream."""
        with self.changed:
            out, self._out = self._out, None
        assert out is not None
        if goodbye is not None:
            out.put(pb.AttachResponse(goodbye=goodbye))
        out.put(None)

    def ack(self, execution_id: str) -> None:
        self.send(results=pb.Results(results=[self._acked(execution_id)]))

    def forget(self) -> None:
        """What a restart of a relay without a store does."""
        with self.changed:
            self.need_state = set(self.log)
            self.log.clear()
            self.first.clear()

    def Attach(self, requests: Iterator[pb.AttachRequest], context: Any) -> Iterator[pb.AttachResponse]:  # noqa: N802
        out: queue.Queue[pb.AttachResponse | None] = queue.Queue()
        threading.Thread(target=self._read, args=(requests, out), daemon=True).start()
        while True:
            response = out.get()
            if response is None:
                return
            yield response

    def _read(self, requests: Iterator[pb.AttachRequest], out: queue.Queue[pb.AttachResponse | None]) -> None:
        try:
            for request in requests:
                with self.changed:
                    self.requests.append(request)
                    self._handle(request, out)
                    self.changed.notify_all()
        except grpc.RpcError:
            pass
        out.put(None)

    def _handle(self, request: pb.AttachRequest, out: queue.Queue[pb.AttachResponse | None]) -> None:
        kind = request.WhichOneof("message")
        if kind == "hello":
            self.streams += 1
            if self.welcoming:
                grants = [self._grant(claim) for claim in request.hello.claims]
                out.put(pb.AttachResponse(welcome=pb.Welcome(boot_id="b", window=self.window, grants=grants)))
            self._out = out
        elif kind == "claims":
            grants = [self._grant(claim) for claim in request.claims.claims]
            out.put(pb.AttachResponse(grants=pb.Grants(grants=grants)))
        elif kind == "state_report" and request.state_report.last:
            report = request.state_report
            self.need_state.discard(report.execution_id)
            self.first[report.execution_id] = report.as_of_pseq + 1
            self.log[report.execution_id] = []
            grant = pb.Grant(execution_id=report.execution_id, next_pseq=report.as_of_pseq + 1)
            out.put(pb.AttachResponse(grants=pb.Grants(grants=[grant])))
        elif kind == "events" and self.accepting:
            results = [self._store(batch) for batch in request.events.batches]
            results = [result for result in results if result is not None]
            if results:
                out.put(pb.AttachResponse(results=pb.Results(results=results)))

    def _grant(self, claim: pb.Claim) -> pb.Grant:
        name = claim.execution_id
        if name in self.refuse:
            return pb.Grant(execution_id=name, error=pb.LaneError(code=self.refuse[name], message="no"))
        return pb.Grant(execution_id=name, next_pseq=self.next_pseq(name), need_state=name in self.need_state)

    def _store(self, batch: pb.EventBatch) -> pb.LaneResult | None:
        name = batch.execution_id
        if name in self.need_state:
            error = pb.LaneError(code=pb.LANE_ERROR_CODE_STATE_NEEDED)
            return pb.LaneResult(execution_id=name, error=error)
        expected = self.next_pseq(name)
        if batch.first_pseq > expected:
            return pb.LaneResult(execution_id=name, nack=pb.Nack(expected_pseq=expected))
        known = expected - batch.first_pseq
        self.duplicates += min(known, len(batch.events))
        self.log.setdefault(name, []).extend(list(batch.events)[known:])
        return self._acked(name) if self.acking else None

    def _acked(self, name: str) -> pb.LaneResult:
        return pb.LaneResult(execution_id=name, ack=pb.Ack(pseq=self.next_pseq(name) - 1))
