"""How it ends: in order, also under load. And the demo."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from footplate import proto as pb
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from conftest import Bench
from engines import line, started
from relay import PATIENCE, Certificate, Process, Relay
from tokens import API_KEY, AUTHORIZATION, WATCH
from viewer import SUBPROTOCOL, Viewer

RUN = "run-1"
VIEWERS = 50


def test_sigterm_under_load_ends_well_and_everybody_has_seen_what_was_acknowledged(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    wire = bench.wire(relay)
    wire.publish(RUN, 1, started())
    wire.wait_acked(RUN, 1)
    crowd = Crowd(relay)
    pushed = 1

    def near() -> bool:
        # Far ahead of so many viewers in one process; but who falls off the tape is shown the state in between.
        return min(crowd.pseqs) > pushed - 800 or wire.ended is not None

    def push() -> None:
        nonlocal pushed
        while wire.ended is None:
            crowd.wait_for(near)
            wire.publish(RUN, pushed + 1, *(line(f"line {pushed + n}") for n in range(10)))
            pushed += 10

    pushing = threading.Thread(target=push, daemon=True)
    pushing.start()
    crowd.wait_for(lambda: min(crowd.pseqs) > 500)
    before = time.monotonic()
    code = relay.terminate(within=10.5)
    took = time.monotonic() - before
    crowd.thread.join(PATIENCE)
    with crowd.news:
        crowd.news.notify_all()
    pushing.join(PATIENCE)
    assert code == 0

    assert wire.first("goodbye").reason == pb.GOODBYE_REASON_DRAINING and wire.first("goodbye").HasField("retry_delay")
    assert wire.end() is grpc.StatusCode.UNAVAILABLE
    acked = wire.acked(RUN)
    assert acked > 500
    print(f"{VIEWERS} viewers under load: gone {took:.1f} s after SIGTERM, {acked} events acknowledged, none unseen")
    assert min(crowd.pseqs) >= acked, "the engine was told that it is stored, and a viewer has not seen it"
    assert crowd.ends == [("going_away", 1012)] * VIEWERS


class Crowd:
    """Many viewers in one thread: the last event that each has seen, then its last message and how it was closed."""

    def __init__(self, relay: Relay) -> None:
        self.news = threading.Condition()
        self.pseqs = [0] * VIEWERS
        self.ends: list[tuple[str, int]] = []
        self._relay = relay
        self.thread = threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True)
        self.thread.start()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Waits until the viewers are so far."""
        with self.news:
            assert self.news.wait_for(lambda: condition() or self.ends, PATIENCE), self.pseqs

    async def _watch(self) -> None:
        assert self._relay.certificate is not None
        trusted = self._relay.certificate.trusted()
        ends = await asyncio.gather(*(self._view(n, trusted) for n in range(VIEWERS)))
        with self.news:
            self.ends = ends
            self.news.notify_all()

    async def _view(self, number: int, trusted: ssl.SSLContext) -> tuple[str, int]:
        url = self._relay.url + "/v1/stream"
        card = self._relay.card("/v1/stream", (AUTHORIZATION, API_KEY))
        assert card is not None
        options: dict[str, Any] = {"subprotocols": [SUBPROTOCOL], "ssl": trusted, "additional_headers": card.headers}
        async with connect(url, compression=None, proxy=None, **options) as socket:
            assert socket.transport.get_extra_info("ssl_object").version() == "TLSv1.3"
            await socket.send(json.dumps({"type": "subscribe", "execution_id": RUN}))
            seq, message = 0, {"type": ""}
            with contextlib.suppress(ConnectionClosed):
                while True:
                    text = await socket.recv()
                    if number == 0:
                        # What all are told.
                        WATCH.see("websocket /v1/stream", text)
                    message = json.loads(text)
                    if message["type"] == "snapshot":
                        seq = message["seq"]
                        self.pseqs[number] = message["state"]["producers"][0]["last_pseq"]
                    elif "seq" in message:
                        assert message["seq"] == seq + 1, "a gap, or something twice"
                        seq += 1
                        self.pseqs[number] = message.get("pseq", self.pseqs[number])
                    if message["type"] == "snapshot" or seq % 10 == 0:
                        with self.news:
                            self.news.notify_all()
            return message["type"], socket.close_code or 0


def test_sigint_ends_it_too_and_the_socket_file_is_gone(bench: Bench) -> None:
    relay = bench.relay(unix=True)
    path = Path(relay.target.removeprefix("unix:"))
    assert path.is_socket()
    relay.process.send_signal(signal.SIGINT)
    assert relay.process.wait(PATIENCE) == 0
    assert not path.exists()


def test_the_demo_shows_itself_over_tls_and_ends(tmp_path: Path) -> None:
    demo = Process("demo", "--tls", "--port", "0")
    try:
        match = demo.wait(lambda: re.search(r"https://localhost:(\d+)", "\n".join(demo.said)), "it names no page")
        pem = Path(demo.wait(lambda: re.search(r"/\S+\.pem", "\n".join(demo.said)), "it names no certificate")[0])
        shown = Demo(int(match[1]), Certificate(pem, pem, pem))
        status, page = shown.http("GET", "/")
        assert status == 200 and "<html" in page
        viewer = Viewer(shown)
        try:
            picture = viewer.watch_from_birth("demo")
            viewer.wait(lambda: any(it["status"] == "running" for it in picture.state["nodes"].values()), "nothing runs")
            assert picture.state["execution"]["name"] and picture.state["cost"]["budget"] > 0
        finally:
            viewer.close()
        assert demo.terminate() == 0
        assert not pem.exists(), "its certificate goes with it"
        assert "panicked" not in "\n".join(demo.lines)
    finally:
        demo.kill()


class Demo(Relay):
    """A relay that somebody else has started, as far as viewers need it."""

    def __init__(self, port: int, certificate: Certificate) -> None:
        self.viewers, self.certificate = f"127.0.0.1:{port}", certificate
