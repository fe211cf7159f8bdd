"""HTTP/2 that is meant to hurt, at both doors: the relay lives, answers everybody else meanwhile, and holds little for it."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from conftest import Bench
from raw_h2 import PREFACE, Raw
from relay import PATIENCE, Relay

# Memory that an attack may cost while it lasts.
COST = 64 << 20
# How long the others may have to wait for an answer meanwhile. The machine that tests may be busy with much else.
ANSWER = 5.0
DOORS = {"viewer over TLS": ("viewer", True), "engine plain": ("engine", False), "engine over TLS": ("engine", True)}
# How long answers are not read before everybody has seen what that costs.
UNREAD = 3.0
# A window that is never opened again, and one that never fills.
CLOSED, MOST = 0, (1 << 31) - 1
# Why streams and connections are ended: RFC 9113, section 7.
FLOW, FRAME_SIZE, REFUSED, CALM = 3, 6, 7, 11


def streams() -> Iterator[int]:
    """Numbers for streams that the client opens."""
    return itertools.count(1, 2)


def rapid_reset(raw: Raw) -> None:
    """Streams that are opened and at once reset (CVE-2023-44487)."""
    block = raw.request()
    both = (raw.headers(it, block, "END_HEADERS") + RstStreamFrame(it, 8).serialize() for it in streams())
    raw.send(itertools.islice(both, 100_000))
    assert raw.ended and raw.goaway and raw.goaway[0] == CALM, raw.goaway


def resets_by_the_relay(raw: Raw) -> None:
    """Streams that make the relay reset them (CVE-2025-8671): their windows are opened further than there are numbers."""
    block = raw.request()
    both = (raw.headers(it, block, "END_HEADERS") + WindowUpdateFrame(it, MOST).serialize() for it in streams())
    raw.send(itertools.islice(both, 100_000))
    assert raw.ended and raw.goaway and raw.goaway[0] == CALM, raw.goaway


def continuation(raw: Raw) -> None:
    """A header list that never ends (CVE-2024-27316), in full frames."""
    raw.send([raw.headers(1, raw.request())])
    frame = ContinuationFrame(1, b"\x00\x01a\x7f\x81\x7e" + b"x" * 253).serialize()
    raw.send(itertools.repeat(frame, 400_000))
    assert raw.ended, raw.came


def continuation_empty(raw: Raw) -> None:
    """The same in frames that hold nothing."""
    raw.send([raw.headers(1, raw.request())])
    raw.send(itertools.repeat(ContinuationFrame(1, b"").serialize(), 1_000_000))
    assert raw.ended, raw.came


def empty_data(raw: Raw) -> None:
    """Frames of a body that hold nothing, which cost no window (CVE-2019-9518)."""
    raw.send([raw.headers(1, raw.request(), "END_HEADERS")])
    raw.send(itertools.repeat(DataFrame(1, b"").serialize(), 2_000_000))


def padded_data(raw: Raw) -> None:
    """Frames of a body that are nothing but padding."""
    raw.send([raw.headers(1, raw.request(), "END_HEADERS")])
    frame = DataFrame(1, b"", pad_length=255, flags=["PADDED"]).serialize()
    raw.send(itertools.repeat(frame, 200_000))


def pings(raw: Raw) -> None:
    """Pings whose answers nobody reads (CVE-2019-9512)."""
    raw.send(itertools.repeat(PingFrame(0, b"01234567").serialize(), 1_000_000), reads=False, seconds=UNREAD)


def settings(raw: Raw) -> None:
    """Settings whose acknowledgements nobody reads (CVE-2019-9515)."""
    raw.send(itertools.repeat(SettingsFrame(0, {3: 100}).serialize(), 1_000_000), reads=False, seconds=UNREAD)


def large_header_list(raw: Raw) -> None:
    """400 KB of headers in one request, as they are."""
    block = raw.request(*((f"x-{nth}", "v" * 4_000) for nth in range(100)))
    pieces = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    frames = [HeadersFrame(1, pieces[0]).serialize()]
    frames += [ContinuationFrame(1, it).serialize() for it in pieces[1:-1]]
    raw.send([*frames, ContinuationFrame(1, pieces[-1], flags=["END_HEADERS"]).serialize()])
    raw.drain(2)
    assert raw.ended or raw.resets or raw.came["Headers"], raw.came


def packed_header_list(raw: Raw) -> None:
    """A header that is said once and meant 4,000 times in each request (CVE-2016-6581)."""
    block = raw.request(("x-large", "v" * 3_900))
    again = raw.request(*[("x-large", "v" * 3_900)] * 4_000)
    first = raw.headers(1, block, "END_HEADERS", "END_STREAM")
    raw.send([first, *(raw.headers(it, again, "END_HEADERS", "END_STREAM") for it in range(3, 2_003, 2))])


def table_updates(raw: Raw) -> None:
    """Requests that do nothing but change the size of the table of headers."""
    block = b"\x20\x3f\xe1\x1f" * 2_000 + raw.request()
    raw.send(raw.headers(it, block, "END_HEADERS", "END_STREAM") for it in itertools.islice(streams(), 2_000))


def many_streams(raw: Raw) -> None:
    """20,000 streams at once, of which none is ended."""
    block = raw.request()
    raw.send(raw.headers(it, block, "END_HEADERS") for it in itertools.islice(streams(), 20_000))
    raw.drain(1)
    # More than there may be are refused, each or all together.
    assert raw.ended or raw.resets[REFUSED] > 10_000, (raw.resets, raw.goaway)


def tiny_windows(raw: Raw) -> None:
    """Requests whose answers are let through by the byte."""
    raw.send([SettingsFrame(0, {4: 1}).serialize()])
    block = raw.request(method="GET")
    raw.send(raw.headers(it, block, "END_HEADERS", "END_STREAM") for it in itertools.islice(streams(), 60))
    one = b"".join(WindowUpdateFrame(it, 1).serialize() for it in itertools.islice(streams(), 60))
    raw.send(itertools.repeat(one, 2_000))


def closed_windows(raw: Raw) -> None:
    """Requests, again and again, whose answers are never let through."""
    raw.send([SettingsFrame(0, {4: CLOSED}).serialize()])
    block = raw.request(method="GET")
    raw.send(raw.headers(it, block, "END_HEADERS", "END_STREAM") for it in itertools.islice(streams(), 20_000))


def window_updates(raw: Raw) -> None:
    """A window that is opened by one byte at a time, until it is as wide as may be."""
    raw.send(itertools.repeat(WindowUpdateFrame(0, 1).serialize(), 500_000))


def window_overflow(raw: Raw) -> None:
    """A window that is opened further than there are numbers."""
    raw.send([WindowUpdateFrame(0, MOST).serialize() * 2])
    assert raw.drain(ANSWER) and raw.goaway and raw.goaway[0] == FLOW, raw.goaway


def windows_up_and_down(raw: Raw) -> None:
    """Windows of all streams, made wide and narrow again in turn (CVE-2019-9517)."""
    block = raw.request()
    raw.send(raw.headers(it, block, "END_HEADERS") for it in itertools.islice(streams(), 8))
    both = SettingsFrame(0, {4: MOST}).serialize() + SettingsFrame(0, {4: CLOSED}).serialize()
    raw.send(itertools.repeat(both, 20_000))


def priorities(raw: Raw) -> None:
    """Priorities of streams that there are not (CVE-2019-9513)."""
    raw.send(PriorityFrame(it, depends_on=it + 2, stream_weight=1).serialize() for it in itertools.islice(streams(), 200_000))


def unknown_frames(raw: Raw) -> None:
    """Frames of a type that nobody knows, which are to be passed over."""
    raw.send(itertools.repeat(b"\x00\x40\x00\xbe\x00\x00\x00\x00\x00" + b"x" * 16_384, 10_000))


def frame_too_large(raw: Raw) -> None:
    """A frame that says it has 16 MiB."""
    raw.send([b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"x" * 100_000])
    assert raw.drain(ANSWER) and raw.goaway and raw.goaway[0] == FRAME_SIZE, raw.goaway


def nonsense(raw: Raw) -> None:
    """A preface, and then noise."""
    raw.send([bytes(range(256)) * 4_000])
    assert raw.drain(ANSWER)


ATTACKS = [
    rapid_reset,
    resets_by_the_relay,
    continuation,
    continuation_empty,
    empty_data,
    padded_data,
    pings,
    settings,
    large_header_list,
    packed_header_list,
    table_updates,
    many_streams,
    tiny_windows,
    closed_windows,
    window_updates,
    window_overflow,
    windows_up_and_down,
    priorities,
    unknown_frames,
    frame_too_large,
    nonsense,
]


class Others:
    """Everybody else: asks both doors, each time anew, and remembers how long that took."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.took: dict[str, list[float]] = {"viewer": [], "engine": []}
        self.failed: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(door,)) for door in self.took]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self, door: str) -> None:
        ask = self._viewer if door == "viewer" else self._engine
        over = False
        while not over:
            # Once more after the attack, too.
            over = self._over.wait(0.05)
            began = time.monotonic()
            try:
                ask()
            except (OSError, http.client.HTTPException, grpc.RpcError, AssertionError) as error:
                self.failed.append(f"{door}: {error!r}")
            self.took[door].append(time.monotonic() - began)

    def _viewer(self) -> None:
        assert self.relay.http("GET", "/livez")[0] == 200

    def _engine(self) -> None:
        with contextlib.ExitStack() as things:
            if self.relay.roots is None:
                channel = grpc.insecure_channel(self.relay.target)
            else:
                trusted = grpc.ssl_channel_credentials(self.relay.roots.read_bytes())
                channel = grpc.secure_channel(self.relay.target, trusted)
            things.callback(channel.close)
            check = channel.unary_unary("/grpc.health.v1.Health/Check", lambda it: it, lambda it: it)
            # SERVING.
            assert check(b"", timeout=ANSWER) == b"\x08\x01"


def most(relay: Relay) -> int:
    """Bytes that it held at most since `forget`."""
    status = Path(f"/proc/{relay.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) << 10


def forget(relay: Relay) -> None:
    """From here on anew."""
    Path(f"/proc/{relay.process.pid}/clear_refs").write_text("5")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("name", DOORS)
def test_what_is_meant_to_hurt_costs_little_and_disturbs_nobody(
    bench: Bench, name: str, attack: Callable[[Raw], None], record_property: Callable[[str, object], None]
) -> None:
    door, tls = DOORS[name]
    relay = bench.relay(tls=tls)
    with Others(relay) as others:
        others.relay.http("GET", "/livez")
        forget(relay)
        before, began = relay.memory(), time.monotonic()
        with Raw(relay, door) as raw:
            attack(raw)
            seconds = time.monotonic() - began
            cost = most(relay) - before
    figures = f"{attack.__name__} at {name}: {cost / (1 << 20):.1f} MiB, {seconds:.1f} s, {raw.goaway}, {dict(raw.came)}"
    record_property("abuse", figures)
    print(figures)
    assert cost <= COST, figures
    assert not others.failed, others.failed
    for took in others.took.values():
        assert took and max(took) < ANSWER, took


@pytest.mark.parametrize("name", DOORS)
def test_half_a_greeting_and_silence_are_not_waited_for(bench: Bench, name: str) -> None:
    door, tls = DOORS[name]
    relay = bench.relay(tls=tls)
    with Others(relay) as others, contextlib.ExitStack() as things:
        began = time.monotonic()
        halves = [things.enter_context(Raw(relay, door, PREFACE[:it])) for it in range(1, len(PREFACE))]
        # They greet, and answer nothing from then on.
        silent = [things.enter_context(Raw(relay, door)) for _ in range(20)]
        assert all(it.drain(PATIENCE) for it in halves), "half a greeting is waited for"
        assert time.monotonic() - began < 10
        assert all(it.drain(PATIENCE) for it in silent), "silence is waited for"
        assert time.monotonic() - began < 20
    assert not others.failed, others.failed
