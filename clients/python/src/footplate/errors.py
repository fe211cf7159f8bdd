"""What can go wrong, as exceptions."""


class FootplateError(Exception):
    """The base of all of them."""


class EngineStopped(FootplateError):
    """The engine's link has ended for good: closed by the program, or for the reason that a subclass names."""


class Fenced(EngineStopped):
    """A newer process of this producer has attached. Nothing that this process does counts any more."""


class Replaced(EngineStopped):
    """Another stream of this very process has taken this one's place."""


class Refused(EngineStopped):
    """The relay will not have this engine: not allowed, not authenticated, or a breach of the protocol."""


class LaneRefused(FootplateError):
    """The relay will not take this execution's events: it belongs to somebody else, or is gone."""

    def __init__(self, execution_id: str, code: int, message: str) -> None:
        super().__init__(f"{execution_id}: {message or 'refused'} (code {code})")
        self.execution_id = execution_id
        self.code = code


class OutboxFull(FootplateError):
    """The relay has not acknowledged enough events in the time given to make room for this one."""


class EventTooLarge(FootplateError, ValueError):
    """The event is larger than the relay takes. It was not sent."""


class Cancelled(FootplateError):
    """A person cancelled the execution: unwind, and finish it as cancelled."""


class GateRejected(FootplateError):
    """The relay rejected the gate itself, so nobody was asked."""


class GateClosed(FootplateError):
    """The gate was withdrawn or closed: no decision will come."""


class NotApproved(FootplateError):
    """The decision is no approval. `decision` has what was decided and by whom."""

    def __init__(self, message: str, decision: object = None) -> None:
        super().__init__(message)
        self.decision = decision


class Rejected(NotApproved):
    """Somebody decided against it."""


class Expired(NotApproved):
    """Nobody decided in time, or nobody could. Not a rejection by anybody."""


class PayloadChanged(NotApproved):
    """What is about to be done is not what was decided about. It has been refused."""


class AlreadyConsumed(FootplateError):
    """The decision has been used. A decision has one effect at most."""
