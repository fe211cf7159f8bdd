"""Questions to people, and what to do with the answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, overload

from . import proto as pb
from ._values import digest, enum, from_json
from .errors import AlreadyConsumed, Expired, FootplateError, GateClosed, PayloadChanged, Rejected

if TYPE_CHECKING:
    from ._execution import Execution
    from ._lane import Entry

_AS_ANNOUNCED: Any = object()


class Gate:
    """One question, used once. `Execution.gate` announces it."""

    def __init__(self, execution: Execution, opened: pb.GateOpened, payload: Any) -> None:
        self._execution = execution
        self._engine = execution._engine
        self._entry: Entry | None = None
        self._error: FootplateError | None = None
        self._withdrawal: pb.WithdrawGate | None = None
        self._payload = payload
        self.opened = opened
        """The question as it was announced last."""
        self.decision: Decision | None = None
        """The answer, once there is one."""

    @property
    def gate_id(self) -> str:
        """The gate's name within its execution."""
        return self.opened.gate_id

    @property
    def version(self) -> int:
        """The version of the question that was announced last."""
        return self.opened.gate_version

    @property
    def is_open(self) -> bool:
        """Whether an answer is awaited, whether or not anything is waiting in `wait`."""
        return self.decision is None and self._error is None

    @overload
    def wait(self, timeout: None = None) -> Decision: ...

    @overload
    def wait(self, timeout: float | None) -> Decision | None: ...

    def wait(self, timeout: float | None = None) -> Decision | None:
        """The decision; or None after `timeout` seconds, with the gate still open.

        The timeout is this call's patience and not the gate's deadline, which the relay keeps. A paused execution does not
        come back from here until it is resumed.

        Raises GateRejected, GateClosed, Cancelled, LaneRefused or EngineStopped if no decision is to be had.
        """
        until = None if timeout is None else time.monotonic() + timeout
        execution = self._execution
        with self._engine._lock:
            while True:
                execution._rest()
                execution._check()
                if self._error is not None:
                    raise self._error
                if self.decision is not None and not execution.paused:
                    return self.decision
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._engine._lock.wait(left)


class Decision:
    """A gate's resolution. It is pending until one of `consume`, `applied`, `refuse` and `failed` concludes it, once."""

    def __init__(self, gate: Gate, message: pb.Decision) -> None:
        self._gate = gate
        self._engine = gate._engine
        self._taken = False
        self.message = message
        """Everything that the relay has stated about it."""

    @property
    def decision_id(self) -> str:
        """The decision's id."""
        return self.message.decision_id

    @property
    def kind(self) -> int:
        """What was decided: a DECISION_KIND of `footplate.proto`."""
        return self.message.kind

    @property
    def approved(self) -> bool:
        """Whether to go on. False for every kind that this version does not know."""
        return self.kind in (pb.DECISION_KIND_APPROVE, pb.DECISION_KIND_MODIFY)

    @property
    def option_id(self) -> str:
        """The chosen option."""
        return self.message.option_id

    @property
    def comment(self) -> str:
        """What the deciding person wrote."""
        return self.message.comment

    @property
    def actor(self) -> str:
        """Who decided; empty if it was no person, or the relay knows no identities."""
        return self.message.actor.display_name or self.message.actor.subject

    @property
    def modification(self) -> Any:
        """The whole payload that is to take the place of the one shown; None if it was not modified."""
        return from_json(self.message.modification)

    @contextlib.contextmanager
    def consume(self, payload: Any = _AS_ANNOUNCED, *, node_status_after: str | int | None = None) -> Iterator[Any]:
        """Acts on an approval, once: `with decision.consume(plan) as plan: deploy(plan)`.

        `payload` is what is about to be done now; if that is not what was decided about, the decision is refused and
        PayloadChanged raised. Left out, it is the payload as announced. The block gets that payload, or the modified one.
        Leaving the block reports the decision as applied, and an exception as failed. A decision that is no approval has
        taken effect by being obeyed: it is reported as applied, and raised as Rejected or Expired.
        """
        self._take()
        if not self.approved:
            self._conclude(pb.OUTCOME_STATUS_APPLIED, "", node_status_after)
            raise self._denial()
        # Only a digest that was computed here can be computed again: the relay's own has another form.
        own = self._gate.opened.payload_sha256
        shown = own and (self.message.payload_sha256 or own)
        current = self._gate._payload if payload is _AS_ANNOUNCED else payload
        try:
            value = self.modification if self.kind == pb.DECISION_KIND_MODIFY else current
            changed = bool(shown) and payload is not _AS_ANNOUNCED and digest(current) != shown
            if self.kind == pb.DECISION_KIND_MODIFY and not self.message.modification.text:
                raise ValueError("the modified payload is missing")
        except ValueError as error:
            self._conclude(pb.OUTCOME_STATUS_REFUSED, "invalid_payload", None)
            raise PayloadChanged(f"gate {self._gate.gate_id}: {error}", self) from error
        if changed:
            self._conclude(pb.OUTCOME_STATUS_REFUSED, "payload_changed", None)
            raise PayloadChanged(f"gate {self._gate.gate_id}: the payload is not the one that was decided about", self)
        try:
            yield value
        except BaseException as error:
            with contextlib.suppress(FootplateError):
                self._conclude(pb.OUTCOME_STATUS_FAILED, f"{type(error).__name__}: {error}"[:1024], None)
            raise
        self._conclude(pb.OUTCOME_STATUS_APPLIED, "", node_status_after)

    def applied(self, *, node_status_after: str | int | None = None) -> None:
        """Reports that the decision, of whatever kind, took effect."""
        self._take()
        self._conclude(pb.OUTCOME_STATUS_APPLIED, "", node_status_after)

    def refuse(self, reason: str) -> None:
        """Reports that the decision has no effect and will have none."""
        self._take()
        self._conclude(pb.OUTCOME_STATUS_REFUSED, reason, None)

    def failed(self, reason: str) -> None:
        """Reports that acting on the decision went wrong."""
        self._take()
        self._conclude(pb.OUTCOME_STATUS_FAILED, reason, None)

    def _denial(self) -> Rejected | Expired:
        by = f" by {self.actor}" if self.actor else ""
        comment = f": {self.comment}" if self.comment else ""
        if self.kind in (pb.DECISION_KIND_EXPIRED, pb.DECISION_KIND_NO_APPROVER):
            return Expired(f"gate {self._gate.gate_id}: nobody decided in time", self)
        return Rejected(f"gate {self._gate.gate_id}: {self.option_id or 'not approved'}{by}{comment}", self)

    def _take(self) -> None:
        with self._engine._lock:
            if self._taken:
                raise AlreadyConsumed(f"decision {self.decision_id} of gate {self._gate.gate_id} has been used")
            self._taken = True

    def _conclude(self, outcome: int, reason: str, after: str | int | None) -> None:
        status = enum(pb.NodeStatus, "NODE_STATUS", after)
        self._gate._execution._decided(self.message, outcome, reason, status)


def closed(gate: Gate, why: str) -> GateClosed:
    """The error that ends a wait at a gate that is no longer to be answered."""
    return GateClosed(f"gate {gate.gate_id}: {why}")
