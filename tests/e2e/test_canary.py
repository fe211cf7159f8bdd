"""A5: a token that is shown stands in nothing that comes out. `conftest.py` looks for those of every test; here each way is gone
on one relay that says as much as it can, with good tokens and bad ones; and the search itself has to find what there is."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from footplate import proto as pb
from websockets.exceptions import ConnectionClosed, InvalidStatus

import tokens
from conftest import Bench
from engines import ATTACH, line, started
from raw_h2 import Raw
from relay import PATIENCE, Relay
from tokens import WATCH, Card, Watch, mint
from viewer import Socket

RUN = "run-1"
PATHS = ("/v1/stream", "/api/v1/ws", f"/api/dags/{RUN}/stream", f"/ws/executions/{RUN}", f"/api/ws/executions/{RUN}", f"/ws/{RUN}")


def comes(relay: Relay, path: str, card: Card) -> None:
    """Somebody shows this, and hears what there is to hear: an answer, a refusal, or an end."""
    with contextlib.suppress(ConnectionClosed, InvalidStatus):
        dashboard = Socket(relay, path, card=card)
        with contextlib.suppress(ConnectionClosed):
            # Also where it means nothing, which is answered with what is wrong.
            dashboard.say({"type": "refresh", "token": card.token})
            dashboard.say(f'{{"type":"authenticate","token":"{card.token}"')
        dashboard.close()
        # What it has heard until then.
        while True:
            dashboard.hear()


def asks(relay: Relay, card: Card) -> None:
    """The same by plain HTTP, also where it does not belong."""
    for method, path in (("GET", "/v1/executions"), ("GET", f"/v1/executions/{card.token}"), ("POST", "/v1/nowhere")):
        relay.http(method, path, headers=dict(card.headers))
    for path in ("/v1/executions", "/nowhere", "/"):
        relay.http("GET", f"{path}?token={card.token}")
    relay.http("POST", f"/v1/executions/{RUN}/commands", {"type": "pause_execution", "token": card.token}, dict(card.headers))


def attaches(relay: Relay, metadata: list[tuple[str, str]]) -> None:
    """An engine shows this; what is answered is looked at, whatever it is."""
    hello = pb.AttachRequest(hello=pb.Hello(producer=pb.Producer(producer_id="shows", producer_epoch=1))).SerializeToString()
    with grpc.insecure_channel(relay.target) as channel:
        call = channel.stream_stream(ATTACH, lambda raw: raw, lambda raw: raw)(iter([hello]), metadata=metadata, timeout=PATIENCE)
        with contextlib.suppress(grpc.RpcError):
            for raw in call:
                WATCH.see("grpc", raw)
        WATCH.see("grpc", f"{call.details()} {call.initial_metadata()} {call.trailing_metadata()}")


def test_a5_whatever_is_shown_in_whichever_way_none_of_it_comes_out(bench: Bench, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    relay = bench.relay("--store", str(tmp_path / "store"), "--audit", str(audit), log="trace")
    execution = bench.engine(relay).start(RUN)
    execution.gate("deploy:1", node_id="deploy", title="Deploy?", options=["approve", "reject"])
    watching = bench.viewer(relay)
    watching.watch_from_birth(RUN)
    watching.decide(RUN, watching.gate(RUN, "deploy:1"), "approve")

    forged = mint().issue("forged one", tokens.NAME, "admin", key=Ed25519PrivateKey.generate())
    engine = mint().issue("engine's own", tokens.ENGINE, tokens.ENGINE)
    good = mint().issue("good one", tokens.NAME, *tokens.ROLES)
    for token in (good, engine, forged, mint().keys[tokens.NAME], WATCH.know(f"fp_{'quicksilver' * 9}", "unknown key")):
        for path in PATHS:
            for way in tokens.ways(path):
                comes(relay, path, Card.of(way, token))
        for way in (tokens.AUTHORIZATION, tokens.API_KEY):
            asks(relay, Card.of(way, token))
        for metadata in (("authorization", f"Bearer {token}"), ("x-api-key", token), ("te", token), ("grpc-timeout", token)):
            attaches(relay, [metadata])
        unreadable(relay, token)
    # What is given in exchange: a ticket, which the harness remembers by itself, and a cookie, which is the token again.
    for _ in PATHS:
        card = relay.card("/v1/stream", (tokens.TICKET,))
        assert card is not None
        comes(relay, "/v1/stream", card)
        comes(relay, "/v1/stream", card)
    status, told = bare(relay, f"POST /v1/session HTTP/1.1\r\nAuthorization: Bearer {good}")
    assert (status, told) == (204, ""), told

    said = relay.lines
    relay.stop()
    for target in ('"level":"DEBUG"', "viewer connected", "what was shown does not count"):
        assert [it for it in said if target in it], f"it logs no {target}"
    WATCH.look()
    for where in ("stderr", "http", "websocket", "grpc", "operators", "kept", "command"):
        assert WATCH.seen[where], f"nothing has come out of {where}"
    assert audit.stat().st_size and WATCH.shown.keys() >= {*tokens.ways("/v1/stream"), *tokens.ways(PATHS[2]), tokens.METADATA}


def bare(relay: Relay, head: str) -> tuple[int, str]:
    """A request that is not looked at: the status, and the body."""
    with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as connection:
        connection.sendall(f"{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
    return int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[2]


def unreadable(relay: Relay, token: str) -> None:
    """Requests of HTTP/2 with addresses that are none, and headers that don't belong, of which a library may speak."""
    for fault in ("\x7f", "\u20ac", " ", "\\"):
        for door in ("viewer", "engine"):
            with Raw(relay, door) as raw:
                pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", raw.authority)]
                first = raw.hpack.encode([*pseudo, (":path", f"/v1/stream?token={token}{fault}")])
                second = raw.hpack.encode([*pseudo[:2], (":authority", f"{token}{fault}@localhost"), (":path", "/")])
                third = raw.hpack.encode([*pseudo, (":path", "/"), ("te", token)])
                raw.send(raw.headers(it, block, "END_HEADERS", "END_STREAM") for it, block in ((1, first), (3, second), (5, third)))
                raw.drain(0.2)
    bare(relay, f"GET /v1/stream?token={token}\x7f HTTP/1.1")
    bare(relay, f"GET /v1/stream?token={token} HTTP/1.1\r\nAuthorization: Bearer {token}\x01")


WITHIN: dict[str, Callable[[str], str]] = {
    "whole": lambda it: it,
    "its claims": lambda it: it.split(".")[1],
    "half its signature": lambda it: it.split(".")[2][:43],
    "in quotes": lambda it: json.dumps({"token": it}),
    "in base64": lambda it: base64.b64encode(f"Bearer {it}".encode()).decode(),
    "in base64, a byte later": lambda it: base64.b64encode(f"Bearer  {it}".encode()).decode(),
    "in base64, two bytes later": lambda it: base64.urlsafe_b64encode(f"Bearer   {it}".encode()).decode(),
    "in hexadecimal digits": lambda it: it.encode().hex(),
    "percent-encoded": tokens.percent,
    "percent-encoded where it need not be": lambda it: it.replace(".", "%2E").replace("e", "%65"),
}


@pytest.mark.parametrize("form", WITHIN)
def test_a5_a_token_in_a_line_of_the_log_is_found(form: str) -> None:
    watch = Watch()
    token = mint().issue("made up", "nobody")
    watch.know(token, "made up")
    watch.see("stderr of 1", '{"level":"INFO","message":"viewer connected"}')
    watch.look()
    watch.see("stderr of 1", f'{{"level":"DEBUG","message":"came","with":"{WITHIN[form](token)}","from":"127.0.0.1"}}')
    with pytest.raises(AssertionError, match="stderr of 1: the token in the made up") as told:
        watch.look()
    # Who reads of it is not told it.
    watch.see("report", str(told.value))
    watch.look()


def test_a5_what_an_engine_says_is_looked_for_wherever_it_goes(bench: Bench, tmp_path: Path) -> None:
    relay = bench.relay("--store", str(tmp_path / "store"))
    # A token that an engine itself makes known is no secret of the relay's, so it is found; and that is what it is said for.
    spoken = mint().issue("mouth of an engine", "nobody")
    wire = bench.wire(relay)
    wire.publish(RUN, 1, started(), line(f"I was given {spoken}"))
    wire.wait_acked(RUN, 2)
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    viewer.expect("log")
    relay.stop()
    found = WATCH.take()
    where = {it.split()[0] for it in found}
    assert where == {"http", "websocket", "kept"}, found
    assert all("the token in the mouth of an engine" in it and spoken not in it for it in found)
