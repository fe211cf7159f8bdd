"""Client for engines of Footplate: `Engine` attaches a program to a relay; `footplate.proto` has the messages."""

from . import proto
from ._engine import Engine
from ._execution import Command, Execution
from ._gate import Decision, Gate
from .errors import (
    AlreadyConsumed,
    Cancelled,
    EngineStopped,
    EventTooLarge,
    Expired,
    Fenced,
    FootplateError,
    GateClosed,
    GateRejected,
    LaneRefused,
    NotApproved,
    OutboxFull,
    PayloadChanged,
    Refused,
    Rejected,
    Replaced,
)

__version__ = "0.1.0"

__all__ = [
    "AlreadyConsumed",
    "Cancelled",
    "Command",
    "Decision",
    "Engine",
    "EngineStopped",
    "EventTooLarge",
    "Execution",
    "Expired",
    "Fenced",
    "FootplateError",
    "Gate",
    "GateClosed",
    "GateRejected",
    "LaneRefused",
    "NotApproved",
    "OutboxFull",
    "PayloadChanged",
    "Refused",
    "Rejected",
    "Replaced",
    "proto",
]
