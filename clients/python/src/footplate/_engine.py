"""An engine's link with the relay, and the executions on it.

One daemon thread keeps the link: it dials, greets, reads what the relay sends, and dials again. What is to be sent is
taken from the lanes by gRPC's own sender. One lock guards everything, gates included; nothing waits for the network
while it holds it.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import platform
import random
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc

from . import proto as pb
from ._execution import Execution, OnCommand
from ._gate import Gate
from ._gen.engine_pb2_grpc import EngineServiceStub
from ._values import Usd, nanos, to_json
from .errors import EngineStopped, Fenced, LaneRefused, Refused, Replaced

log = logging.getLogger("footplate")

WINDOW = pb.Window(max_unacked_events=16_384, max_unacked_bytes=8 << 20)
LIMITS = pb.Limits(max_event_bytes=256 << 10, max_batch_events=256, max_message_bytes=1 << 20)
BATCH_EVENTS = 256
BATCH_BYTES = 256 << 10
BATCH_DELAY = 0.010
CLAIM_BYTES = 512 << 10
# A relay that does not answer a hello in this time is given up, and dialled again.
WELCOME_TIMEOUT = 15.0
# Finished executions whose state is kept for a relay that restarts without its own.
KEPT_FINISHED = 32
KEEPALIVE = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Each dialling is our own, after our own delay.
    ("grpc.use_local_subchannel_pool", 1),
]
# For a Unix socket gRPC would name the socket's path as the authority, percent-encoded. That is no authority, and HTTP/2
# servers that are strict refuse the call for it.
UNIX = [("grpc.default_authority", "localhost")]
REASONS = {
    pb.GOODBYE_REASON_FENCED: Fenced,
    pb.GOODBYE_REASON_REPLACED: Replaced,
    pb.GOODBYE_REASON_PROTOCOL: Refused,
    pb.GOODBYE_REASON_FORBIDDEN: Refused,
}

Token = str | Callable[[], str]


class Engine:
    """A program that executes, attached to a relay. It attaches in the background, and again whenever the link breaks.

    `target` is `host:port` or `unix:/path`; with `tls_ca`, a file with the authorities to trust, the link is encrypted.
    `producer_id` names this engine, the same after a restart. `capabilities` are the commands that it really obeys, of
    "pause", "resume" and "cancel": dashboards offer these and no others. `token` is a bearer token or a function that
    returns a fresh one. `backoff` are the first and the greatest delay, in seconds, before the link is tried again.
    """

    def __init__(
        self,
        target: str,
        *,
        producer_id: str,
        tls_ca: str | Path | None = None,
        capabilities: Iterable[str] = (),
        token: Token | None = None,
        labels: dict[str, str] | None = None,
        backoff: tuple[float, float] = (0.1, 10.0),
    ) -> None:
        self._target = target
        self._roots = None if tls_ca is None else Path(tls_ca).read_bytes()
        self._token = token
        self._backoff = backoff
        self._kinds = {int(pb.CommandKind.Value(f"COMMAND_KIND_{name.upper()}")) for name in capabilities}
        self._producer = pb.Producer(producer_id=producer_id, producer_epoch=time.time_ns() // 1000)
        self._labels = [pb.Label(key=key, value=value) for key, value in (labels or {}).items()]
        self._lock = threading.Condition(threading.RLock())
        self._executions: OrderedDict[str, Execution] = OrderedDict()
        self._receipts: deque[pb.DeliveryReceipt] = deque()
        self._window, self._limits = WINDOW, LIMITS
        self._finished: deque[Execution] = deque()
        self._withdrawing: list[Gate] = []
        self._events = self._bytes = 0
        self._fresh = 0
        self._dirty = False
        self._error: EngineStopped | None = None
        self._closing = False
        self._failures = 0
        self._call: Any = None
        self._thread = threading.Thread(target=self._run, name="footplate", daemon=True)
        self.welcome: pb.Welcome | None = None
        """What the relay said when the present link was made; None while there is no link."""
        self._thread.start()
        atexit.register(self.close)

    def start(
        self,
        execution_id: str,
        *,
        name: str = "",
        input: Any = None,
        budget_usd: Usd | None = None,
        labels: dict[str, str] | None = None,
        on_pause: OnCommand | None = None,
        on_resume: OnCommand | None = None,
        on_cancel: OnCommand | None = None,
        **fields: Any,
    ) -> Execution:
        """Takes up an execution and states that it began. Further fields are those of `ExecutionStarted`.

        Without the callbacks, a pause is concluded by `checkpoint` or a waiting gate, a resume at once, and a cancel by
        `finish`. A callback is for an engine that works in several threads: it is called on the link's thread, must not
        block, and has to conclude its command there or later.
        """
        started = pb.ExecutionStarted(name=name, **fields)
        started.labels.extend(pb.Label(key=key, value=value) for key, value in (labels or {}).items())
        if input is not None:
            started.input.CopyFrom(to_json(input))
        if budget_usd is not None:
            started.budget_usd_nanos = nanos(budget_usd)
        callbacks = (
            (pb.COMMAND_KIND_PAUSE, on_pause),
            (pb.COMMAND_KIND_RESUME, on_resume),
            (pb.COMMAND_KIND_CANCEL, on_cancel),
        )
        on = {kind: callback for kind, callback in callbacks if callback is not None}
        execution = Execution(self, execution_id, list(started.aliases), on)
        with self._lock:
            if execution_id in self._executions:
                raise ValueError(f"{execution_id} has been started here")
            execution._check()
            self._executions[execution_id] = execution
            execution._append(pb.Event(execution_started=started))
        return execution

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Waits for the relay's welcome; False if there was none in time."""
        with self._lock:
            return self._wait(lambda: self.welcome is not None, timeout)

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything is acknowledged; False if it is not in time."""
        with self._lock:
            return self._wait(lambda: self._events == 0, timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Waits for what is not acknowledged, at most `timeout` seconds, and ends the link."""
        atexit.unregister(self.close)
        with self._lock:
            self._closing = True
            self._changed()
            self._lock.wait_for(lambda: self._error is not None or (self.welcome is None and self._events == 0), timeout)
            if self._events:
                log.warning("closed with %d events that the relay has not acknowledged", self._events)
            if self._error is None:
                self._error = EngineStopped("the engine was closed")
            call = self._call
            self._lock.notify_all()
        if call is not None:
            call.cancel()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What follows is called with the lock held.

    def _wait(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Waits for a condition; an engine that has stopped raises instead."""
        self._lock.wait_for(lambda: condition() or self._error is not None, timeout)
        if condition():
            return True
        if self._error is not None:
            raise self._error
        return False

    def _room(self, size: int, share: float = 1.0) -> bool:
        """Whether an event of this size fits in the outbox, which is as large as the relay's window."""
        if self._events == 0:
            return True
        window = self._window
        return (
            self._events + 1 <= window.max_unacked_events * share and self._bytes + size <= window.max_unacked_bytes * share
        )

    def _count(self, events: int, size: int) -> None:
        self._events += events
        self._bytes += size

    def _taken_in(self, size: int) -> None:
        """An event is in the outbox. The sender is woken for the first of a batch, and when the batch is full."""
        self._count(1, size)
        self._fresh += 1
        if not self._dirty or self._fresh == BATCH_EVENTS:
            self._changed()

    def _changed(self) -> None:
        """Wakes everybody who waits for something, the sender included."""
        self._dirty = True
        self._lock.notify_all()

    def _retire(self, execution: Execution) -> None:
        """Keeps the last finished executions, and forgets the others."""
        if execution not in self._finished:
            self._finished.append(execution)
        while len(self._finished) > KEPT_FINISHED:
            old = self._finished.popleft()
            if not old._lane.entries and self._executions.get(old.execution_id) is old:
                del self._executions[old.execution_id]

    def _to_send(self) -> Iterator[pb.AttachRequest]:
        """Everything that is to be sent now, the urgent first."""
        if self._receipts:
            receipts = [self._receipts.popleft() for _ in range(min(len(self._receipts), 256))]
            yield pb.AttachRequest(receipts=pb.DeliveryReceipts(receipts=receipts))
        claims = list(self._unclaimed())
        if claims:
            yield pb.AttachRequest(claims=pb.Claims(claims=claims))
        for execution in self._executions.values():
            lane = execution._lane
            if lane.granted and lane.need_state:
                open_gates = {gate_id for gate_id, gate in execution._gates.items() if gate.is_open}
                for part in lane.report(open_gates, BATCH_BYTES):
                    yield pb.AttachRequest(state_report=part)
        for gate in list(self._withdrawing):
            lane, entry = gate._execution._lane, gate._entry
            # The relay must have the question before it is withdrawn.
            if lane.granted and not lane.need_state and entry is not None and lane.pseq(entry) < lane.first_unacked:
                self._withdrawing.remove(gate)
                if gate.is_open and gate._withdrawal is not None:
                    yield pb.AttachRequest(withdraw_gate=gate._withdrawal)
        events = self._batch()
        if events is not None:
            yield pb.AttachRequest(events=events)
            # There may be more than fits into one message.
            self._dirty = True

    def _unclaimed(self) -> Iterator[pb.Claim]:
        size, now = 0, time.monotonic()
        for execution in self._executions.values():
            if not execution._lane.claimed and execution._refused is None and execution._lane.retry_at <= now:
                claim = execution._claim()
                if size and size + claim.ByteSize() > CLAIM_BYTES:
                    self._dirty = True
                    return
                size += claim.ByteSize()
                execution._lane.claimed = True
                yield claim

    def _retry_in(self) -> float | None:
        """How long until a lane that was put off is to be tried again; None if there is none."""
        now = time.monotonic()
        times = [e._lane.retry_at - now for e in self._executions.values() if e._lane.retry_at > now]
        return min(times, default=None)

    def _batch(self) -> pb.Events | None:
        """As many unsent events as go into one message and into the window, of all lanes in turn."""
        now = time.monotonic()
        self._fresh = 0
        events = pb.Events()
        sent = sum(e._lane.sent for e in self._executions.values())
        sent_bytes = sum(e._lane.sent_bytes for e in self._executions.values())
        room = min(self._limits.max_batch_events, self._window.max_unacked_events - sent)
        room_bytes = self._window.max_unacked_bytes - sent_bytes
        batch_bytes = 0
        for execution in list(self._executions.values()):
            lane = execution._lane
            if not lane.granted or lane.need_state or lane.retry_at > now or lane.sent >= len(lane.entries):
                continue
            batch = pb.EventBatch(execution_id=lane.execution_id, first_pseq=lane.first_unacked + lane.sent)
            for entry in list(itertools.islice(lane.entries, lane.sent, lane.sent + max(room, 0))):
                too_much = batch_bytes + entry.size > BATCH_BYTES or batch_bytes + entry.size > room_bytes
                # A single event goes out whatever its size, when nothing else is on its way.
                if too_much and (batch_bytes or sent):
                    room = 0
                    break
                batch.events.append(entry.event)
                lane.sent += 1
                lane.sent_bytes += entry.size
                batch_bytes += entry.size
                room -= 1
            if batch.events:
                events.batches.append(batch)
                # The next batch begins with another lane.
                self._executions.move_to_end(lane.execution_id)
            if room <= 0:
                break
        return events if events.batches else None

    # The link.

    def _requests(self, link: dict[str, Any]) -> Iterator[pb.AttachRequest]:
        """What gRPC's sender sends: it asks for one message after the other."""
        with self._lock:
            if link["over"]:
                return
            hello = pb.Hello(
                producer=self._producer,
                revision=1,
                sdk=pb.Sdk(name="footplate-python", version="0.1.0", runtime=f"python {platform.python_version()}"),
                capabilities=pb.Capabilities(
                    pause=pb.COMMAND_KIND_PAUSE in self._kinds,
                    resume=pb.COMMAND_KIND_RESUME in self._kinds,
                    cancel=pb.COMMAND_KIND_CANCEL in self._kinds,
                ),
                labels=self._labels,
                claims=self._unclaimed(),
            )
        yield pb.AttachRequest(hello=hello)
        with self._lock:
            self._lock.wait_for(lambda: self.welcome is not None or link["over"], WELCOME_TIMEOUT)
            if self.welcome is None:
                link["call"].cancel()
                return
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._dirty or link["over"], self._retry_in())
                if not self._receipts and not self._closing:
                    # A little patience makes fewer and larger messages.
                    self._lock.wait_for(lambda: link["over"] or self._receipts or self._fresh >= BATCH_EVENTS, BATCH_DELAY)
                if link["over"]:
                    return
                self._dirty = False
                messages = list(self._to_send())
                if not messages and self._closing and self._events == 0:
                    return
            yield from messages

    def _run(self) -> None:
        while True:
            goodbye, lasted = self._attach()
            with self._lock:
                if self._closing and self._events == 0 and self._error is None:
                    self._error = EngineStopped("the engine was closed")
                if goodbye is not None and self._error is None:
                    stop = REASONS.get(goodbye.reason)
                    if goodbye.reason == pb.GOODBYE_REASON_UNAUTHENTICATED and not callable(self._token):
                        stop = Refused
                    if stop is not None:
                        self._error = stop(goodbye.message or pb.GoodbyeReason.Name(goodbye.reason))
                        log.error("stopped: %s: %s", stop.__name__, self._error)
                if self._error is not None:
                    self._changed()
                    return
                first, most = self._backoff
                # An acknowledgement says that the relay works; a mere welcome does not.
                self._failures = 0 if lasted else min(self._failures + 1, 30)
                delay = random.uniform(0, min(most, first * 2**self._failures))
                if goodbye is not None and goodbye.HasField("retry_delay"):
                    delay = goodbye.retry_delay.ToTimedelta().total_seconds() + random.uniform(0, first)
                self._lock.wait_for(lambda: self._error is not None, delay)

    def _attach(self) -> tuple[pb.Goodbye | None, bool]:
        """One link from its beginning to its end: what the relay's last word was, and whether it took any event."""
        link: dict[str, Any] = {"over": False, "call": None, "goodbye": None, "acked": False}
        channel = None
        try:
            token = self._token() if callable(self._token) else self._token
            metadata = [("authorization", f"Bearer {token}")] if token else None
            options = KEEPALIVE + UNIX if self._target.startswith("unix:") else KEEPALIVE
            if self._roots is None:
                channel = grpc.insecure_channel(self._target, options)
            else:
                channel = grpc.secure_channel(self._target, grpc.ssl_channel_credentials(self._roots), options)
            call = EngineServiceStub(channel).Attach(  # type: ignore[no-untyped-call]
                self._requests(link), metadata=metadata
            )
            with self._lock:
                link["call"] = self._call = call
                stopped = self._error is not None
            if stopped:
                call.cancel()
            for response in call:
                self._receive(link, response)
        except grpc.RpcError as error:
            if not self._closing and link["goodbye"] is None:
                level = logging.WARNING if self._failures == 0 else logging.DEBUG
                log.log(level, "no link with %s: %s %s", self._target, error.code().name, error.details())
        except Exception:
            log.exception("the link with %s broke", self._target)
        finally:
            with self._lock:
                link["over"], self.welcome, self._call = True, None, None
                self._window, self._limits = WINDOW, LIMITS
                self._receipts.clear()
                self._withdrawing = []
                for execution in self._executions.values():
                    execution._lane.disconnect()
                    self._withdrawing += [g for g in execution._gates.values() if g.is_open and g._withdrawal is not None]
                self._changed()
            if channel is not None:
                channel.close()
        return link["goodbye"], link["acked"]

    def _receive(self, link: dict[str, Any], response: pb.AttachResponse) -> None:
        """One message of the relay."""
        callback: Callable[[], None] | None = None
        with self._lock:
            try:
                kind = response.WhichOneof("message")
                if kind == "welcome":
                    self._on_window(response.welcome.window)
                    self._limits = _with_defaults(response.welcome.limits, LIMITS)
                    self.welcome = response.welcome
                    self._on_grants(response.welcome.grants)
                elif kind == "grants":
                    self._on_grants(response.grants.grants)
                elif kind == "results":
                    for result in response.results.results:
                        link["acked"] |= result.HasField("ack")
                        self._on_result(result)
                elif kind == "window":
                    self._on_window(response.window)
                elif kind == "decision":
                    self._on_decision(response.decision)
                elif kind == "command":
                    callback = self._on_command(response.command)
                elif kind == "gate_verdict":
                    verdict = response.gate_verdict
                    if verdict.HasField("decision"):
                        self._on_decision(verdict.decision)
                    if verdict.execution_id in self._executions:
                        self._executions[verdict.execution_id]._on_verdict(verdict)
                elif kind == "state_request":
                    for execution_id in response.state_request.execution_ids:
                        if execution_id in self._executions:
                            self._executions[execution_id]._lane.state_needed(asked=True)
                elif kind == "goodbye":
                    link["goodbye"] = response.goodbye
                    # Ends our side; the status comes when the relay has seen it.
                    link["over"] = True
            except (EngineStopped, LaneRefused) as error:
                log.debug("not answered: %s", error)
            self._changed()
        if callback is not None:
            callback()

    def _on_window(self, window: pb.Window) -> None:
        self._window = _with_defaults(window, WINDOW)

    def _on_grants(self, grants: Iterable[pb.Grant]) -> None:
        for grant in grants:
            execution = self._executions.get(grant.execution_id)
            if execution is None or execution._refused is not None:
                continue
            if grant.HasField("error"):
                execution._on_error(grant.error)
                continue
            lane = execution._lane
            before, size = len(lane.entries), lane.bytes
            lane.grant(grant.next_pseq, grant.need_state)
            execution._acked(before - len(lane.entries), size - lane.bytes)

    def _on_result(self, result: pb.LaneResult) -> None:
        execution = self._executions.get(result.execution_id)
        if execution is None or execution._refused is not None:
            return
        lane = execution._lane
        for issue in result.issues:
            execution._on_issue(issue)
        before, size = len(lane.entries), lane.bytes
        if result.HasField("ack"):
            lane.ack(result.ack.pseq)
        if result.HasField("nack"):
            lane.nack(result.nack.expected_pseq)
        execution._acked(before - len(lane.entries), size - lane.bytes)
        if result.HasField("error"):
            execution._on_error(result.error)

    def _on_decision(self, decision: pb.Decision) -> None:
        # One for an execution that is not here is left alone: the relay delivers it again when it is taken up.
        execution = self._executions.get(decision.execution_id)
        if execution is not None:
            self._receipts.append(pb.DeliveryReceipt(execution_id=decision.execution_id, decision_id=decision.decision_id))
            execution._on_decision(decision)

    def _on_command(self, command: pb.Command) -> Callable[[], None] | None:
        execution = self._executions.get(command.execution_id)
        if execution is None:
            return None
        self._receipts.append(pb.DeliveryReceipt(execution_id=command.execution_id, command_id=command.command_id))
        return execution._on_command(command)


def _with_defaults(stated: Any, defaults: Any) -> Any:
    """What is stated, and the default where that is 0."""
    merged = type(defaults)()
    merged.CopyFrom(defaults)
    merged.MergeFrom(stated)
    return merged
