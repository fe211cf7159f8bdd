"""What the doors are asked that they do not do, and what costs more to read than to send."""

from __future__ import annotations

import socket
from typing import Any

import grpc
import pytest
from footplate import proto as pb

from conftest import Bench
from engines import Wire, line
from relay import PATIENCE, Relay
from tokens import API_KEY, AUTHORIZATION, WATCH

# Memory that may be taken by what is refused.
COST = 32 << 20


def ask(relay: Relay, head: str, body: bytes = b"") -> bytes:
    """All that is answered to a request that is written by hand, to the end of the connection."""
    card = relay.card("/v1", (AUTHORIZATION, API_KEY))
    head = "\n".join([head, *(f"{name}: {value}" for name, value in (card.headers if card else ()))])
    with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as connection:
        connection.sendall((head.replace("\n", "\r\n") + "\r\n\r\n").encode() + body)
        answer = b""
        while got := connection.recv(1 << 16):
            answer += got
        WATCH.see("http by hand", answer)
        return answer


def status(answer: bytes) -> int:
    """Of the first answer."""
    return int(answer.split(b" ", 2)[1])


POST = "POST /v1/commands HTTP/1.1\nHost: localhost\nContent-Type: application/json\nConnection: close"


def test_a_body_whose_length_is_said_in_two_ways_is_refused_or_ends_the_connection(bench: Bench) -> None:
    relay = bench.relay()
    smuggled = b"0\r\n\r\nGET /v1/executions HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = "POST /v1/commands HTTP/1.1\nHost: localhost\nContent-Type: application/json"
    for lengths in (
        f"Content-Length: {len(smuggled)}\nTransfer-Encoding: chunked",
        f"Transfer-Encoding: chunked\nContent-Length: {len(smuggled)}",
        "Content-Length: 5\nContent-Length: 6",
        "Content-Length: +5",
        "Transfer-Encoding: chunked, identity",
    ):
        answer = ask(relay, f"{both}\n{lengths}", smuggled)
        # However it is read, there is one request and one answer to it, which is no yes.
        assert answer.count(b"HTTP/1.1 ") == 1 and 400 <= status(answer) < 500, (lengths, answer)


def test_packed_and_endless_bodies_are_not_taken(bench: Bench) -> None:
    relay = bench.relay()
    packed = ask(relay, f"{POST}\nContent-Encoding: gzip\nContent-Length: 20", b"\x1f\x8b" + bytes(18))
    assert 400 <= status(packed) < 500, packed
    large = ask(relay, f"{POST}\nContent-Length: {1 << 40}", b"{")
    assert status(large) == 413, large


def test_no_extension_is_agreed_to(bench: Bench) -> None:
    relay = bench.relay()
    connection = bench.viewer(relay, extensions=None).connection
    assert connection.response is not None and "sec-websocket-extensions" not in connection.response.headers
    with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as raw:
        raw.sendall(
            b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        )
        answer = raw.recv(1 << 16).lower()
    assert answer.startswith(b"http/1.1 101 ") and b"extensions" not in answer and b"deflate" not in answer


@pytest.mark.parametrize("shape", ["list", "objects", "names", "deep"])
def test_a_message_that_is_dear_to_read_costs_little_and_is_answered(bench: Bench, shape: str) -> None:
    relay = bench.relay()
    viewer = bench.viewer(relay)
    room = 1_000_000
    value = {
        "list": "[" + "1," * (room // 2) + "1]",
        "objects": "[" + "{}," * (room // 3) + "{}]",
        "names": "{" + ",".join(f'"{nth:x}":1' for nth in range(room // 10)) + "}",
        "deep": "[" * (room // 2) + "]" * (room // 2),
    }[shape]
    before = relay.memory()
    for _ in range(5):
        viewer.say(f'{{"type":"ping","x":{value}}}')
        assert viewer.expect("error")["code"] in ("unknown_field", "too_deep")
        viewer.heard.clear()
    assert relay.memory() - before < COST
    viewer.say({"type": "ping"})
    viewer.expect("pong")


NAMES = ["", ".", "..", "a/b", "a\nb", "a\0b", "a\x1b[2J", "a\x85", "\u202ea", "a\u2066b", "\u200fa", "\u061ca", "x" * 300]


def test_what_is_no_name_names_no_execution(bench: Bench) -> None:
    relay = bench.relay()
    wire: Wire = bench.wire(relay)
    for name in NAMES:
        wire.publish(name, 1, line("one"))
    # The stream lives, and of all of them there is none.
    wire.publish("good", 1, line("one"))
    wire.wait_acked("good", 1)
    _, listed = relay.http("GET", "/v1/executions")
    assert [it["execution_id"] for it in listed["items"]] == ["good"], listed
    viewer = bench.viewer(relay)
    for name in NAMES:
        viewer.say({"type": "subscribe", "execution_id": name})
        viewer.expect("error")
        viewer.heard.clear()


@pytest.mark.parametrize("path", ["../good", "..%2fgood", "%2e%2e%2fgood", "./good", "%2e/good", "good%00", "good%2f", "%ff", "good%0d%0a"])
def test_a_path_is_decoded_once_and_leads_nowhere_else(bench: Bench, path: str) -> None:
    relay = bench.relay()
    wire = bench.wire(relay)
    wire.publish("good", 1, line("one"))
    wire.wait_acked("good", 1)
    for before in ("/v1/executions", "/v1/executions/x", "/v1"):
        answer = ask(relay, f"GET {before}/{path} HTTP/1.1\nHost: localhost\nConnection: close")
        assert status(answer) in (400, 404), answer
    good = ask(relay, "GET /v1/executions/g%6Fod HTTP/1.1\nHost: localhost\nConnection: close")
    assert status(good) == 200


def test_the_engines_door_has_no_services_for_the_curious(bench: Bench) -> None:
    relay = bench.relay()
    with grpc.insecure_channel(relay.target) as channel:
        for path in (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "/grpc.channelz.v1.Channelz/GetServers",
            "/footplate.v1.EngineService/Echo",
        ):
            call = channel.unary_unary(path, lambda it: it, lambda it: it)
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", timeout=PATIENCE)
            code: Any = refused.value
            assert code.code() == grpc.StatusCode.UNIMPLEMENTED, path


def test_members_of_one_name_cost_an_engine_its_event_and_no_more(bench: Bench) -> None:
    relay = bench.relay()
    wire = bench.wire(relay)
    twice = pb.Event(log_written=pb.LogWritten(message="m", metadata=pb.Json(text=b'{"a":{"decision":"reject","decision":"approve"}}')))
    wire.publish("good", 1, line("before"), twice, line("after"))
    wire.wait_acked("good", 3)
    issues = [it for result in wire.results("good") for it in result.issues]
    assert [(it.pseq, it.code) for it in issues] == [(2, pb.ISSUE_CODE_REJECTED_JSON)]
    assert "decision" in issues[0].message, issues
