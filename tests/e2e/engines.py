"""Engines: the example as a process, and one without the client, which says whatever a test wants said."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from footplate import proto as pb

from relay import PATIENCE, Relay, environment
from tokens import METADATA, WATCH

EXAMPLE = Path(__file__).parents[2] / "clients/python/examples/engine.py"
ATTACH = "/footplate.v1.EngineService/Attach"


class Example:
    """The committed example, run as its text says."""

    def __init__(self, relay: Relay, execution_id: str, *args: str) -> None:
        trust = () if relay.roots is None else ("--tls-ca", str(relay.roots))
        shown = {} if relay.purse is None else {"FOOTPLATE_TOKEN": relay.purse.engine}
        WATCH.shown[METADATA] += len(shown)
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLE), "--target", relay.target, "--execution", execution_id, "--fast", *trust, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment() | shown,
        )

    def ends(self) -> tuple[int, str]:
        """Waits for its end: its exit code, and what it has said."""
        said, _ = self.process.communicate(timeout=PATIENCE)
        WATCH.see("engine", said)
        return self.process.returncode, said

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Wire:
    """One stream of an engine. `sent` is bytes, so that it need not make sense."""

    def __init__(
        self,
        relay: Relay,
        producer_id: str,
        *,
        epoch: int = 1,
        target: str | None = None,
        shows: bool = True,
        **hello: Any,
    ) -> None:
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.relay = relay
        self.news = threading.Condition()
        self.heard: list[pb.AttachResponse] = []
        self._acked: dict[str, int] = {}
        self.ended: grpc.StatusCode | None = None
        target = target or relay.target
        if relay.roots is None or target.startswith("unix:"):
            # Not the socket's path, which is no authority.
            self._channel = grpc.insecure_channel(target, [("grpc.default_authority", "localhost")])
        else:
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(relay.roots.read_bytes()))
        attach = self._channel.stream_stream(ATTACH, lambda raw: raw, self._read)
        metadata = relay.purse.metadata() if relay.purse is not None and shows else None
        self._call = attach(iter(self._out.get, None), metadata=metadata)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.send(hello=pb.Hello(producer=pb.Producer(producer_id=producer_id, producer_epoch=epoch), **hello))
        self.wait(lambda: self.of("welcome") or self.ended is not None, "no welcome")

    def _read(self, raw: bytes) -> pb.AttachResponse:
        WATCH.see("grpc", raw)
        return pb.AttachResponse.FromString(raw)

    def _listen(self) -> None:
        code = grpc.StatusCode.OK
        try:
            for response in self._call:
                if response.WhichOneof("message") == "goodbye":
                    self._out.put(None)
                with self.news:
                    self.heard.append(response)
                    for result in response.results.results:
                        if result.HasField("ack"):
                            self._acked[result.execution_id] = result.ack.pseq
                    self.news.notify_all()
        except grpc.RpcError as error:
            code = error.code()
        WATCH.see("grpc", f"{self._call.details()} {self._call.initial_metadata()} {self._call.trailing_metadata()}")
        with self.news:
            self.ended = code
            self.news.notify_all()

    def send(self, raw: bytes | None = None, **message: Any) -> None:
        """Sends one message."""
        self._out.put(pb.AttachRequest(**message).SerializeToString() if raw is None else raw)

    def publish(self, execution_id: str, first_pseq: int, *events: pb.Event) -> None:
        """Sends one batch."""
        self.send(events=events_of(execution_id, first_pseq, *events))

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Listens until the condition holds."""
        with self.news:
            self.news.wait_for(lambda: condition() or self.ended is not None, PATIENCE)
            found = condition()
            assert found, f"{what}; ended: {self.ended}; heard:\n" + "\n".join(map(str, self.heard[-5:]))
            return found

    def of(self, kind: str) -> list[Any]:
        """What was heard of one kind."""
        return [getattr(it, kind) for it in list(self.heard) if it.WhichOneof("message") == kind]

    def first(self, kind: str) -> Any:
        """The first message of a kind."""
        return self.wait(lambda: self.of(kind), f"no {kind}")[0]

    def results(self, execution_id: str) -> Iterator[pb.LaneResult]:
        """What was heard of a lane."""
        return (it for results in self.of("results") for it in results.results if it.execution_id == execution_id)

    def acked(self, execution_id: str) -> int:
        """The last number that the relay says it has stored."""
        return self._acked.get(execution_id, 0)

    def wait_acked(self, execution_id: str, pseq: int) -> None:
        """Waits until everything up to there is stored."""
        self.wait(lambda: self.acked(execution_id) >= pseq, f"{execution_id}: {pseq} is never acknowledged")

    def end(self) -> grpc.StatusCode:
        """Waits for the stream's end, which the relay brings about: what the call ends with."""
        code: grpc.StatusCode = self.wait(lambda: self.ended, "the stream goes on")
        return code

    def close(self) -> None:
        """Goes away."""
        self._out.put(None)
        self._call.cancel()
        self._channel.close()
        self._thread.join(PATIENCE)


def events_of(execution_id: str, first_pseq: int, *events: pb.Event) -> pb.Events:
    """One batch."""
    return pb.Events(batches=[pb.EventBatch(execution_id=execution_id, first_pseq=first_pseq, events=events)])


def started(**fields: Any) -> pb.Event:
    """An execution began."""
    return pb.Event(execution_started=pb.ExecutionStarted(**fields))


def line(text: str) -> pb.Event:
    """A line was logged."""
    return pb.Event(log_written=pb.LogWritten(message=text))


def gate(gate_id: str, **fields: Any) -> pb.Event:
    """A question."""
    return pb.Event(gate_opened=pb.GateOpened(gate_id=gate_id, gate_version=1, **fields))
