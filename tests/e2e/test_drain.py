"""SIGTERM: when, how fast, and in which order everybody is sent away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from footplate import proto as pb
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from conftest import Bench
from engines import Wire, line, started
from relay import BINARY, PATIENCE, Process, Relay, environment
from tokens import API_KEY, AUTHORIZATION, SUBPROTOCOL as SUBPROTOCOL_TOKEN
from viewer import SUBPROTOCOL

RUN = "run-1"
VIEWERS = 1_000
LINES = 20


def test_1000_viewers_leave_in_turn_and_have_seen_what_was_acknowledged(bench: Bench) -> None:
    relay = bench.relay()
    wire = bench.wire(relay)
    wire.publish(RUN, 1, started())
    wire.wait_acked(RUN, 1)
    ends = asyncio.run(crowd(relay, wire))
    assert relay.process.wait(PATIENCE) == 0
    assert wire.first("goodbye").reason == pb.GOODBYE_REASON_DRAINING
    acked = wire.acked(RUN)
    assert acked >= LINES
    assert min(pseq for pseq, _, _ in ends) >= acked, "the engine was told that it is stored, and a viewer has not seen it"
    assert {code for _, code, _ in ends} == {1012}
    first, last = min(at for _, _, at in ends), max(at for _, _, at in ends)
    tenths = [0] * 10
    for _, _, at in ends:
        tenths[min(9, int((at - first) / (last - first) * 10))] += 1
    print(f"{VIEWERS} viewers left within {last - first:.1f} s; by tenths of it: {tenths}")
    # All at once would be one tenth with all of them; what this machine is busy with moves some.
    assert max(tenths) < VIEWERS / 2 and sum(it > 0 for it in tenths) >= 8, tenths


async def crowd(relay: Relay, wire: Wire) -> list[tuple[int, int, float]]:
    """Viewers that watch until they are sent away: what each has seen, the code, and when."""
    watching = asyncio.Semaphore(0)

    async def view() -> tuple[int, int, float]:
        url = relay.url + "/v1/stream"
        card = relay.card("/v1/stream", (AUTHORIZATION, API_KEY, SUBPROTOCOL_TOKEN))
        assert card is not None
        options: dict[str, Any] = {"additional_headers": card.headers, "subprotocols": [SUBPROTOCOL, *card.subprotocols]}
        async with connect(url, compression=None, proxy=None, open_timeout=PATIENCE, **options) as socket:
            await socket.send(json.dumps({"type": "subscribe", "execution_id": RUN}))
            pseq = 0
            with contextlib.suppress(ConnectionClosed):
                while True:
                    message = json.loads(await socket.recv())
                    if message["type"] == "snapshot":
                        pseq = message["state"]["producers"][0]["last_pseq"]
                        watching.release()
                    pseq = message.get("pseq", pseq)
                    if pseq == LINES:
                        watching.release()
            return pseq, socket.close_code or 0, time.monotonic()

    views = []
    for _ in range(0, VIEWERS, 50):
        # As fast as one process can shake hands.
        views += [asyncio.create_task(view()) for _ in range(50)]
        for _ in range(50):
            await asyncio.wait_for(watching.acquire(), PATIENCE)
    for pseq in range(2, LINES + 1):
        wire.publish(RUN, pseq, line(f"line {pseq}"))
    for _ in range(VIEWERS):
        await asyncio.wait_for(watching.acquire(), PATIENCE)
    # These may or may not be taken in: what is acknowledged is seen.
    for pseq in range(LINES + 1, LINES + 6):
        wire.publish(RUN, pseq, line(f"line {pseq}"))
    relay.process.send_signal(signal.SIGTERM)
    return await asyncio.gather(*views)


def test_idle_it_is_gone_at_once_however_long_the_grace(bench: Bench) -> None:
    relay = bench.relay("--drain-grace", "1h")
    bench.wire(relay)
    bench.viewer(relay)
    assert relay.terminate(within=PATIENCE) == 0


def test_during_the_delay_a_second_signal_ends_it(bench: Bench) -> None:
    relay = Relay("--drain-delay", "1h")
    try:
        relay.process.send_signal(signal.SIGTERM)
        relay.wait(lambda: any('"draining"' in it for it in relay.lines), "it does not drain")
        # It says so before it is so.
        assert any(relay.http("GET", "/readyz")[0] == 503 for _ in range(1_000))
        assert relay.http("GET", "/livez")[0] == 200
        relay.process.send_signal(signal.SIGTERM)
        assert relay.process.wait(PATIENCE) == 1
    finally:
        relay.kill()
    relay.check_log()


def test_sigterm_during_the_start_ends_it_too(tmp_path: Path) -> None:
    args = [BINARY, "serve", "--viewer-listen", "127.0.0.1:0", "--engine-listen", f"unix:{tmp_path}/engine.sock"]
    args += ["--admin-listen", "none"]
    codes = set()
    for attempt in range(40):
        process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        try:
            # From before its first line to after its last one.
            deadline = time.monotonic() + attempt * 0.0005
            while time.monotonic() < deadline:
                pass
            process.send_signal(signal.SIGTERM)
            _, lines = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.wait()
        assert "panicked" not in lines, lines
        assert not (tmp_path / "engine.sock").exists(), lines
        codes.add(process.returncode)
    # Before it could listen for signals, the signal's own effect.
    assert codes <= {0, -signal.SIGTERM}, codes
    assert 0 in codes


def test_the_demo_ends_while_its_engine_works() -> None:
    demo = Process("demo", "--port", "0")
    try:
        demo.wait(lambda: any("localhost" in it for it in demo.said), "it names no page")
        assert demo.terminate() == 0
    finally:
        demo.kill()
