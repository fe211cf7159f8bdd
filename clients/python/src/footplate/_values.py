"""Conversions between Python's values and the proto's."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from decimal import Decimal
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from . import proto as pb

#: An amount of money: a number or its decimal text. Text and Decimal are exact.
Usd = str | int | float | Decimal
#: A moment, or a time from now: `timedelta`, or seconds.
When = dt.datetime | dt.timedelta | float | int


def timestamp(seconds: float | None = None) -> Timestamp:
    """A wall-clock instant, floored to microseconds; without an argument, now."""
    micros = time.time_ns() // 1000 if seconds is None else int(seconds * 1_000_000)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def deadline(when: When) -> Timestamp:
    """The instant that `when` means."""
    if isinstance(when, dt.datetime):
        return timestamp(when.timestamp())
    return timestamp(time.time() + (when.total_seconds() if isinstance(when, dt.timedelta) else when))


def to_json(value: Any) -> pb.Json:
    """Opaque JSON. NaN and infinity are refused here rather than by the relay."""
    if isinstance(value, pb.Json):
        return value
    return pb.Json(text=json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def from_json(value: pb.Json) -> Any:
    """The value of opaque JSON; None if there is none."""
    return json.loads(value.text) if value.text else None


def digest(value: Any) -> bytes:
    """A digest of a payload that does not depend on the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).digest()


def nanos(usd: Usd) -> int:
    """US dollars in billionths."""
    return int((Decimal(str(usd)) * 1_000_000_000).to_integral_value())


def enum(kind: Any, prefix: str, value: str | int | None) -> Any:
    """An enum's number from its number or its short name: `running` for NODE_STATUS_RUNNING."""
    if value is None:
        return 0
    return value if isinstance(value, int) else int(kind.Value(f"{prefix}_{value.upper()}"))


def failure(error: BaseException | str | pb.Failure, node_id: str = "") -> pb.Failure:
    """What went wrong, from an exception or a text."""
    if isinstance(error, pb.Failure):
        return error
    if isinstance(error, str):
        return pb.Failure(message=error, node_id=node_id)
    return pb.Failure(error_type=type(error).__name__, message=str(error), node_id=node_id)
