"""One run of a graph: what an engine states of it, what it asks, and what it is told."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import proto as pb
from ._gate import Decision, Gate, closed
from ._lane import KEPT_OUTCOMES, Entry, Lane
from ._values import Usd, When, digest, enum, failure, nanos, timestamp, to_json
from ._values import deadline as instant
from .errors import Cancelled, EngineStopped, EventTooLarge, GateRejected, LaneRefused, OutboxFull

if TYPE_CHECKING:
    from ._engine import Engine

log = logging.getLogger("footplate")

# Logs and progress leave this share of the outbox to what may not be lost.
DROPPABLE_SHARE = 0.75

OnCommand = Callable[["Command"], None]


class Command:
    """Something that a person wants done. Conclude it once, unless the client does: see `Engine.start`."""

    def __init__(self, execution: Execution, message: pb.Command) -> None:
        self._execution = execution
        self.message = message
        """Everything that the relay has stated about it."""

    @property
    def reason(self) -> str:
        """Why, as the person wrote it."""
        return self.message.reason

    def applied(self) -> None:
        """Reports that the state that was asked for holds."""
        self._execution._concluded(self, pb.OUTCOME_STATUS_APPLIED, "")

    def refuse(self, reason: str) -> None:
        """Reports that it will not be done."""
        self._execution._concluded(self, pb.OUTCOME_STATUS_REFUSED, reason)

    def failed(self, reason: str) -> None:
        """Reports that doing it went wrong."""
        self._execution._concluded(self, pb.OUTCOME_STATUS_FAILED, reason)


class Execution:
    """One run of a graph. `Engine.start` makes it. Every method may be called from any thread."""

    def __init__(self, engine: Engine, execution_id: str, aliases: Sequence[str], on: dict[Any, OnCommand]) -> None:
        self._engine = engine
        self._lane = Lane(execution_id)
        self._aliases = aliases
        self._on = on
        self._gates: dict[str, Gate] = {}
        self._used: set[str] = set()
        self._outcomes: OrderedDict[str, pb.Event] = OrderedDict()
        self._pending: dict[str, Command] = {}
        self._dropped: pb.EventsDropped | None = None
        self._latest: dict[str, pb.Event] = {}
        self._refused: LaneRefused | None = None
        self._at_rest = False
        self.execution_id = execution_id
        self.paused = False
        """Whether a person has asked for a pause and not for a resume."""
        self.cancelled = False
        """Whether a person has asked for a cancel."""
        self.finished = False
        """Whether `finish` was called."""
        self.issues: deque[pb.Issue] = deque(maxlen=100)
        """The last things that the relay found wrong with single events."""

    # What the engine states.

    def emit(self, event: pb.Event, *, timeout: float | None = None) -> None:
        """States a fact: the relay will have it, once, in this order.

        Blocks while the outbox is full, at most for `timeout` seconds, and then raises OutboxFull.
        """
        with self._engine._lock:
            self._append(event, timeout=timeout)

    def node(
        self,
        node_id: str,
        status: str | int | None = None,
        *,
        input: Any = None,
        output: Any = None,
        extra: Any = None,
        error: BaseException | str | pb.Failure | None = None,
        **fields: Any,
    ) -> None:
        """A node changed: `status` as in "running". Further fields are those of `NodeChanged`."""
        changed = pb.NodeChanged(node_id=node_id, status=enum(pb.NodeStatus, "NODE_STATUS", status), **fields)
        for name, value in (("input", input), ("output", output), ("extra", extra)):
            if value is not None:
                getattr(changed, name).CopyFrom(to_json(value))
        if error is not None:
            changed.failure.CopyFrom(failure(error, node_id))
        self.emit(pb.Event(node_changed=changed))

    def log(self, message: str, *, level: str | int = "info", metadata: Any = None, **fields: Any) -> None:
        """A line was logged. Dropped, and counted, rather than made to wait while the outbox is nearly full."""
        line = pb.LogWritten(message=message, level=enum(pb.LogLevel, "LOG_LEVEL", level), **fields)
        if metadata is not None:
            line.metadata.CopyFrom(to_json(metadata))
        with self._engine._lock:
            self._append(pb.Event(log_written=line), droppable=True)

    def progress(self, fraction: float | None = None, *, node_id: str = "", message: str = "") -> None:
        """How far a node, or the whole execution, is. While the outbox is nearly full only the latest is kept."""
        if node_id:
            event = pb.Event(node_progressed=pb.NodeProgressed(node_id=node_id, fraction=fraction, message=message))
        else:
            event = pb.Event(execution_progressed=pb.ExecutionProgressed(fraction=fraction, message=message))
        with self._engine._lock:
            self._append(event, latest=node_id)

    def cost(
        self, usd: Usd | None = None, *, total_usd: Usd | None = None, budget_usd: Usd | None = None, **fields: Any
    ) -> None:
        """Money was spent: `usd` more, or `total_usd` so far. Further fields are those of `CostIncurred`."""
        self.emit(
            pb.Event(
                cost_incurred=pb.CostIncurred(
                    increment_usd_nanos=None if usd is None else nanos(usd),
                    total_usd_nanos=None if total_usd is None else nanos(total_usd),
                    budget_usd_nanos=None if budget_usd is None else nanos(budget_usd),
                    **fields,
                )
            )
        )

    def graph(
        self,
        nodes: Iterable[str | dict[str, Any] | pb.GraphNode],
        edges: Iterable[tuple[str, str] | pb.GraphEdge] = (),
        *,
        replace: bool = True,
    ) -> None:
        """The graph, or with `replace=False` an addition to it. A dict has the fields of `GraphNode`."""
        declared = pb.GraphDeclared(replace=replace)
        for node in nodes:
            if isinstance(node, str):
                node = pb.GraphNode(node_id=node)
            declared.nodes.append(pb.GraphNode(**node) if isinstance(node, dict) else node)
        for edge in edges:
            if isinstance(edge, tuple):
                edge = pb.GraphEdge(source_node_id=edge[0], target_node_id=edge[1])
            declared.edges.append(edge)
        self.emit(pb.Event(graph_declared=declared))

    def finish(
        self,
        status: str | int = "completed",
        *,
        output: Any = None,
        results: Any = None,
        error: BaseException | str | pb.Failure | None = None,
        reason: str = "",
    ) -> None:
        """The execution ended. Commands that it has not concluded are concluded with it."""
        ended = pb.ExecutionFinished(status=enum(pb.ExecutionStatus, "EXECUTION_STATUS", status), reason=reason)
        for name, value in (("output", output), ("results", results)):
            if value is not None:
                getattr(ended, name).CopyFrom(to_json(value))
        if error is not None:
            ended.failure.CopyFrom(failure(error))
        with self._engine._lock:
            for command in list(self._pending.values()):
                cancelled = command.message.kind == pb.COMMAND_KIND_CANCEL
                if cancelled and ended.status == pb.EXECUTION_STATUS_CANCELLED:
                    self._concluded(command, pb.OUTCOME_STATUS_APPLIED, "")
                else:
                    self._concluded(command, pb.OUTCOME_STATUS_REFUSED, "finished")
            self._append(pb.Event(execution_finished=ended))
            self.finished = True

    # Gates.

    def gate(
        self,
        gate_id: str,
        *,
        node_id: str = "",
        title: str = "",
        prompt: str = "",
        payload: Any = None,
        payload_schema: Any = None,
        context: Any = None,
        options: Iterable[str | pb.GateOption] = (),
        deadline: When | None = None,
        on_timeout: str | int | None = None,
        **fields: Any,
    ) -> Gate:
        """Asks a person, and returns at once; `Gate.wait` waits. Further fields are those of `GateOpened`.

        Called again for a gate that is open, it announces the question again: with a higher version if it has changed.
        `deadline` is a `datetime`, or a time from now. An option is its id, or a `GateOption`.
        """
        opened = pb.GateOpened(gate_id=gate_id, node_id=node_id, title=title, prompt=prompt, **fields)
        for name, value in (("payload", payload), ("payload_schema", payload_schema), ("context", context)):
            if value is not None:
                getattr(opened, name).CopyFrom(to_json(value))
        if payload is not None and not opened.payload_sha256 and not isinstance(payload, pb.Json):
            opened.payload_sha256 = digest(payload)
        for option in options:
            if isinstance(option, str):
                name = f"DECISION_KIND_{option.upper()}"
                kind: Any = pb.DecisionKind.Value(name) if name in pb.DecisionKind.keys() else 0
                option = pb.GateOption(option_id=option, kind=kind)
            opened.options.append(option)
        if deadline is not None:
            opened.deadline_time.CopyFrom(instant(deadline))
        opened.on_timeout = enum(pb.TimeoutAction, "TIMEOUT_ACTION", on_timeout)
        with self._engine._lock:
            gate = self._gates.get(gate_id)
            if gate_id in self._used or (gate is not None and not gate.is_open):
                raise ValueError(f"gate {gate_id} has been used: a gate is single-use")
            if gate is None:
                opened.gate_version = max(opened.gate_version, 1)
                gate = Gate(self, opened, payload)
            else:
                _next_version(opened, gate.opened)
            entry = self._append(pb.Event(gate_opened=opened))
            gate._entry, gate.opened, gate._payload, gate._withdrawal = entry, opened, payload, None
            self._gates[gate_id] = gate
            return gate

    def withdraw(self, gate: Gate, reason: str = "", *, timeout: float | None = None) -> Decision | None:
        """Gives up waiting, and takes the relay's verdict: None if the gate is withdrawn, or the decision that came first.

        Raises TimeoutError if there is no verdict yet; it stays asked for, and a further call goes on waiting.
        """
        with self._engine._lock:
            if gate.is_open and gate._withdrawal is None:
                gate._withdrawal = pb.WithdrawGate(
                    execution_id=self.execution_id, gate_id=gate.gate_id, gate_version=gate.version, reason=reason
                )
                self._engine._withdrawing.append(gate)
                self._engine._changed()
            if not self._engine._wait(lambda: not gate.is_open or bool(self._refused), timeout):
                raise TimeoutError(f"gate {gate.gate_id}: no verdict yet")
            if gate.is_open:
                self._check(cancelled=False)
            return gate.decision

    # Commands.

    def checkpoint(self) -> None:
        """To be called between pieces of work: waits while the execution is paused, and raises Cancelled."""
        with self._engine._lock:
            while True:
                self._rest()
                self._check()
                if not self.paused:
                    return
                self._engine._lock.wait()

    def __enter__(self) -> Execution:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.finished or isinstance(error, (EngineStopped, LaneRefused)):
            return
        if error is None:
            self.finish()
        elif isinstance(error, (Cancelled, KeyboardInterrupt)):
            self.finish("cancelled", reason=str(error))
        else:
            self.finish("failed", error=error)

    # What follows is called with the lock held.

    def _append(
        self, event: pb.Event, *, timeout: float | None = None, droppable: bool = False, latest: str | None = None
    ) -> Entry:
        copy = pb.Event()
        copy.CopyFrom(event)
        if not copy.HasField("event_time"):
            copy.event_time.CopyFrom(timestamp())
        size = copy.ByteSize()
        engine = self._engine
        self._check(cancelled=False)
        if size > engine._limits.max_event_bytes:
            if droppable:
                return self._drop(copy, pb.DROP_REASON_TOO_LARGE)
            most = engine._limits.max_event_bytes
            raise EventTooLarge(f"{self.execution_id}: an event of {size} bytes; the relay takes {most}")
        if latest is not None and not engine._room(size, DROPPABLE_SHARE):
            self._latest[latest] = copy
            return Entry(copy, size, -1)
        if droppable and not engine._room(size, DROPPABLE_SHARE):
            return self._drop(copy, pb.DROP_REASON_OUTBOX_FULL)
        # The link's own thread must never wait for room that only it can make.
        if threading.current_thread() is not engine._thread:
            if not engine._wait(lambda: engine._room(size) or bool(self._refused), timeout):
                raise OutboxFull(f"{self.execution_id}: the relay has not taken {engine._events} events")
            self._check(cancelled=False)
        if self._dropped is not None:
            dropped, self._dropped = self._dropped, None
            self._take_in(pb.Event(event_time=timestamp(), events_dropped=dropped))
        if latest is not None:
            self._latest.pop(latest, None)
        return self._take_in(copy)

    def _take_in(self, event: pb.Event) -> Entry:
        entry = self._lane.append(event, event.ByteSize())
        self._engine._taken_in(entry.size)
        return entry

    def _drop(self, event: pb.Event, reason: Any) -> Entry:
        if self._dropped is None:
            self._dropped = pb.EventsDropped(reason=reason, first_drop_time=event.event_time)
        self._dropped.count += 1
        self._dropped.last_drop_time.CopyFrom(event.event_time)
        return Entry(event, 0, -1)

    def _acked(self, events: int, size: int) -> None:
        """The relay has taken events, which makes room."""
        if not events:
            return
        self._engine._count(-events, -size)
        for key in list(self._latest) if self._engine._room(0, DROPPABLE_SHARE) else ():
            self._take_in(self._latest.pop(key))
        if self.finished and not self._lane.entries:
            self._engine._retire(self)

    def _check(self, *, cancelled: bool = True) -> None:
        if self._engine._error is not None:
            raise self._engine._error
        if self._refused is not None:
            raise self._refused
        if cancelled and self.cancelled:
            raise Cancelled(f"{self.execution_id} was cancelled")

    def _rest(self) -> None:
        """The engine has come to rest, in a checkpoint or at a gate: that is what a pause waits for."""
        for command in list(self._pending.values()):
            if command.message.kind == pb.COMMAND_KIND_PAUSE and pb.COMMAND_KIND_PAUSE not in self._on:
                self._concluded(command, pb.OUTCOME_STATUS_APPLIED, "")

    def _claim(self) -> pb.Claim:
        return pb.Claim(
            execution_id=self.execution_id,
            first_unacked_pseq=self._lane.first_unacked,
            aliases=self._aliases,
            open_gates=[pb.OpenGate(gate_id=g.gate_id, gate_version=g.version) for g in self._gates.values() if g.is_open],
            outcomes=[_known(event) for event in self._outcomes.values()],
        )

    def _remember(self, key: str, event: pb.Event) -> None:
        """States an outcome, and keeps it for further deliveries of the same."""
        self._outcomes[key] = event
        while len(self._outcomes) > KEPT_OUTCOMES:
            self._outcomes.popitem(last=False)
        self._append(event)

    def _decided(self, decision: pb.Decision, outcome: Any, reason: str, status: Any = 0) -> None:
        with self._engine._lock:
            gate = self._gates.get(decision.gate_id)
            if gate is not None and gate.decision is not None and gate.decision.message is decision:
                self._use_up(gate)
            concluded = pb.DecisionOutcome(
                decision_id=decision.decision_id,
                gate_id=decision.gate_id,
                gate_version=decision.gate_version,
                outcome=outcome,
                reason=reason,
                node_status_after=status,
            )
            self._remember(decision.decision_id, pb.Event(decision_outcome=concluded))

    def _use_up(self, gate: Gate) -> None:
        self._gates.pop(gate.gate_id, None)
        self._used.add(gate.gate_id)

    def _on_decision(self, message: pb.Decision) -> None:
        """A delivery, perhaps not the first one. At most one resolves the gate."""
        gate = self._gates.get(message.gate_id)
        known = self._outcomes.get(message.decision_id)
        if known is not None:
            self._append(known)
        elif gate is not None and gate.decision is not None and gate.decision.decision_id == message.decision_id:
            pass  # It arrived before and is being acted on.
        elif gate is None or not gate.is_open:
            self._decided(message, pb.OUTCOME_STATUS_REFUSED, "gate_not_open")
        elif message.gate_version != gate.version:
            self._decided(message, pb.OUTCOME_STATUS_REFUSED, "gate_changed")
        else:
            gate.decision = Decision(gate, message)

    def _on_verdict(self, verdict: pb.GateVerdict) -> None:
        gate = self._gates.get(verdict.gate_id)
        if gate is None or not gate.is_open or gate._withdrawal is None:
            return
        if verdict.verdict in (
            pb.GATE_VERDICT_CODE_WITHDRAWN,
            pb.GATE_VERDICT_CODE_ALREADY_CLOSED,
            pb.GATE_VERDICT_CODE_UNKNOWN,
        ):
            self._lane.state.gates.pop(gate.gate_id, None)
            gate._error = closed(gate, "withdrawn")
            self._use_up(gate)

    def _on_issue(self, issue: pb.Issue) -> None:
        self.issues.append(issue)
        name = pb.IssueCode.Name(issue.code) if issue.code in pb.IssueCode.values() else str(issue.code)
        what = f"{self.execution_id}: event {issue.pseq}: {name} {issue.field_path} {issue.message}".rstrip()
        log.warning("%s", what)
        if issue.code == pb.ISSUE_CODE_UNSUPPORTED:
            return
        at = issue.pseq - self._lane.first_unacked
        if issue.code != pb.ISSUE_CODE_CONTRADICTION and 0 <= at < len(self._lane.entries):
            self._lane.entries[at].rejected = True
        # A question that contradicts what was said before is not asked: nobody will answer it.
        for gate in list(self._gates.values()):
            if gate.is_open and gate._entry is not None and self._lane.pseq(gate._entry) == issue.pseq:
                gate._error = GateRejected(what)
                self._lane.state.gates.pop(gate.gate_id, None)
                self._use_up(gate)

    def _on_error(self, error: pb.LaneError) -> None:
        if error.code == pb.LANE_ERROR_CODE_STATE_NEEDED:
            self._lane.state_needed(asked=False)
        elif error.code == pb.LANE_ERROR_CODE_LIMIT:
            log.warning("%s: %s; trying again", self.execution_id, error.message or "a limit of the relay is reached")
            self._lane.rewind(0)
            self._lane.claimed = self._lane.granted
            self._lane.retry_at = time.monotonic() + 1.0
        else:
            self._refused = LaneRefused(self.execution_id, error.code, error.message)
            lost = len(self._lane.entries)
            if lost:
                log.warning("%s; %d events are lost", self._refused, lost)
            self._engine._count(-lost, -self._lane.bytes)
            self._lane.entries.clear()
            self._lane.bytes = 0
            self._lane.rewind(0)

    def _on_command(self, message: pb.Command) -> Callable[[], None] | None:
        """A delivery, perhaps not the first one. Returns what to call without the lock."""
        known = self._outcomes.get(message.command_id)
        if known is not None:
            self._append(known)
            return None
        if message.command_id in self._pending:
            return None
        command, kind = Command(self, message), message.kind
        on = self._on.get(kind)
        refusal = ""
        if self.finished:
            refusal = "finished"
        elif kind not in self._engine._kinds:
            refusal = "unsupported"
        elif self.cancelled and kind != pb.COMMAND_KIND_CANCEL:
            refusal = "cancelled"
        self._pending[message.command_id] = command
        if refusal:
            self._concluded(command, pb.OUTCOME_STATUS_REFUSED, refusal)
            return None
        progress = pb.CommandOutcome(command_id=message.command_id, outcome=pb.OUTCOME_STATUS_IN_PROGRESS)
        self._append(pb.Event(command_outcome=progress))
        if kind == pb.COMMAND_KIND_CANCEL:
            self.cancelled, self.paused, self._at_rest = True, False, False
            self._status(pb.EXECUTION_STATUS_CANCELLING)
        elif kind == pb.COMMAND_KIND_PAUSE:
            self.paused = True
            if self._at_rest:
                self._concluded(command, pb.OUTCOME_STATUS_APPLIED, "")
                return None
            self._status(pb.EXECUTION_STATUS_PAUSING)
        elif kind == pb.COMMAND_KIND_RESUME:
            self.paused = self._at_rest = False
            if on is None:
                self._concluded(command, pb.OUTCOME_STATUS_APPLIED, "")
        # A newer wish takes the place of a pause that has not come about.
        if kind in (pb.COMMAND_KIND_CANCEL, pb.COMMAND_KIND_RESUME):
            for other in list(self._pending.values()):
                if other.message.kind in (pb.COMMAND_KIND_PAUSE, pb.COMMAND_KIND_RESUME) and other is not command:
                    self._concluded(other, pb.OUTCOME_STATUS_REFUSED, "superseded")
        if on is None:
            return None
        return lambda: self._call_back(on, command)

    def _call_back(self, on: OnCommand, command: Command) -> None:
        try:
            on(command)
        except Exception as error:
            log.exception("%s: a callback failed", self.execution_id)
            command.failed(f"{type(error).__name__}: {error}"[:1024])

    def _status(self, status: Any) -> None:
        self._append(pb.Event(execution_status_changed=pb.ExecutionStatusChanged(status=status)))

    def _concluded(self, command: Command, outcome: Any, reason: str) -> None:
        with self._engine._lock:
            if self._pending.pop(command.message.command_id, None) is None:
                return
            if outcome == pb.OUTCOME_STATUS_APPLIED:
                if command.message.kind == pb.COMMAND_KIND_PAUSE and self.paused and not self._at_rest:
                    self._at_rest = True
                    self._status(pb.EXECUTION_STATUS_PAUSED)
                elif command.message.kind == pb.COMMAND_KIND_RESUME:
                    self._status(pb.EXECUTION_STATUS_RUNNING)
            concluded = pb.CommandOutcome(command_id=command.message.command_id, outcome=outcome, reason=reason)
            self._remember(command.message.command_id, pb.Event(command_outcome=concluded))
            self._engine._changed()


def _known(event: pb.Event) -> pb.KnownOutcome:
    """An outcome as a claim names it."""
    if event.HasField("decision_outcome"):
        decided = event.decision_outcome
        return pb.KnownOutcome(
            decision_id=decided.decision_id, gate_id=decided.gate_id, outcome=decided.outcome, reason=decided.reason
        )
    done = event.command_outcome
    return pb.KnownOutcome(command_id=done.command_id, outcome=done.outcome, reason=done.reason)


def _next_version(opened: pb.GateOpened, before: pb.GateOpened) -> None:
    """The version of a question that is announced again: a higher one if what is shown has changed."""
    if opened.gate_version:
        return
    shown = [pb.GateOpened(), pb.GateOpened()]
    for copy, question in zip(shown, (opened, before), strict=True):
        copy.CopyFrom(question)
        copy.ClearField("gate_version")
        copy.ClearField("deadline_time")
    opened.gate_version = before.gate_version + (shown[0] != shown[1])
