"""Whatever is said wrong is answered in a way that helps, and loses nothing."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from footplate import proto as pb
from websockets.exceptions import ConnectionClosed

from conftest import Bench
from engines import Wire, events_of, gate, line, started
from relay import PATIENCE
from viewer import Viewer, assert_shows_what_is, new_id

RUN = "run-1"


@pytest.fixture
def wire(bench: Bench) -> Wire:
    wire = bench.wire(bench.relay(tls=True))
    wire.publish(RUN, 1, started(), gate("g", options=[pb.GateOption(option_id="approve", kind=pb.DECISION_KIND_APPROVE)]))
    wire.wait_acked(RUN, 2)
    return wire


@pytest.fixture
def viewer(bench: Bench, wire: Wire) -> Viewer:
    viewer = bench.viewer(wire.relay)
    viewer.watch_from_birth(RUN)
    return viewer


DECISION = {
    "type": "human_decision",
    "decision_id": "d-1",
    "execution_id": RUN,
    "gate_id": "g",
    "gate_version": 1,
    "option_id": "approve",
}


def but(**fields: Any) -> dict[str, Any]:
    """A right decision with something wrong in it; None leaves the field out."""
    return {name: value for name, value in (DECISION | fields).items() if value is not None}


ERRORS: dict[str, tuple[str | dict[str, Any], str]] = {
    "no_json": ("approve, please", "not_an_object"),
    "cut_off": ('{"type":"ping"', "bad_json"),
    "not_an_object": ('["ping"]', "not_an_object"),
    "duplicate_key": ('{"type":"ping","type":"ping"}', "duplicate_key"),
    "duplicate_key_deep_inside": (json.dumps(but(modification={}))[:-3] + '{"a":1,"a":2}}', "duplicate_key"),
    "too_deep": ('{"type":' + "[" * 70 + "]" * 70 + "}", "too_deep"),
    "unknown_type": ({"type": "humandecision"}, "unknown_type"),
    "no_type": ({"execution_id": RUN}, "missing_field"),
    "unknown_field": (but(opinion="yes"), "unknown_field"),
    "missing_field": (but(option_id=None), "missing_field"),
    "wrong_type": (but(gate_version="one"), "bad_field"),
    "impossible_id": (but(gate_id="a/b"), "bad_id"),
    "too_long": (but(comment="x" * 20_000), "too_long"),
    "unknown_execution": ({"type": "subscribe", "execution_id": "nobody-knows"}, "not_found"),
}
RECEIPTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown_gate": (but(gate_id="h"), "gate_unknown"),
    "unknown_execution": (but(execution_id="nobody-knows"), "gate_unknown"),
    "unknown_option": (but(option_id="maybe"), "refused"),
    "changed_gate": (but(gate_version=2), "gate_changed"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_message_that_means_nothing_is_answered_and_the_socket_lives(viewer: Viewer, name: str) -> None:
    wrong, code = ERRORS[name]
    viewer.say(wrong)
    answer = viewer.expect("error")
    assert answer["code"] == code and answer["message"], answer
    if isinstance(wrong, dict) and "decision_id" in wrong:
        assert answer["ref"] == wrong["decision_id"]
    assert_lives(viewer)


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_decision_that_answers_nothing_is_told_so_and_decides_nothing(viewer: Viewer, name: str) -> None:
    wrong, stage = RECEIPTS[name]
    viewer.say(wrong)
    answer = viewer.expect("receipt", decision_id="d-1")
    assert answer["stage"] == stage, answer
    assert_lives(viewer)


def assert_lives(viewer: Viewer) -> None:
    """The same socket still hears, and the gate is still to be decided."""
    viewer.say({"type": "ping"})
    viewer.expect("pong")
    assert viewer.pictures[RUN].state["gates"]["g"]["resolution"] == "open"
    decision_id = viewer.decide(RUN, viewer.gate(RUN, "g"), "approve")
    viewer.expect("receipt", decision_id=decision_id, stage="recorded")


def test_where_nobody_needs_a_token_none_is_taken(bench: Bench) -> None:
    # It is about a relay without tokens.
    viewer = bench.viewer(bench.relay(tokens=False))
    for wrong in ("authenticate", "refresh"):
        viewer.say({"type": wrong, "token": "secret"})
        assert viewer.expect("error")["code"] == "not_supported"
        viewer.heard.clear()
    viewer.say({"type": "ping"})
    viewer.expect("pong")


def test_binary_closes_with_1003(viewer: Viewer) -> None:
    viewer.say(b'{"type":"ping"}')
    assert viewer.closed()[0] == 1003


def test_more_than_a_mebibyte_closes_with_1009(viewer: Viewer) -> None:
    most = but(decision_id=new_id(), comment="")
    room = (1 << 20) - len(json.dumps(most))
    viewer.say(json.dumps(most | {"comment": "x" * room}))
    assert viewer.expect("error")["code"] == "too_long"
    try:
        viewer.say(json.dumps(most | {"comment": "x" * (room + 1)}))
    except ConnectionClosed:
        pass
    assert viewer.closed()[0] == 1009


def opaque(text: bytes) -> pb.Event:
    return pb.Event(log_written=pb.LogWritten(message="with data", metadata=pb.Json(text=text)))


MALFORMED: dict[str, tuple[pb.Event, str, int]] = {
    "not_utf8": (line("\N{SNOWMAN}" * 3), "utf8", pb.ISSUE_CODE_REJECTED_UTF8),
    "not_finite": (
        pb.Event(metric_measured=pb.MetricMeasured(name="loss", value=float("nan"))),
        "not_finite",
        pb.ISSUE_CODE_REJECTED_NOT_FINITE,
    ),
    "no_json": (opaque(b"{"), "json", pb.ISSUE_CODE_REJECTED_JSON),
    "json_too_deep": (opaque(b"[" * 65 + b"]" * 65), "depth", pb.ISSUE_CODE_REJECTED_DEPTH),
    "too_large": (line("x" * (257 << 10)), "too_large", pb.ISSUE_CODE_REJECTED_TOO_LARGE),
    "no_kind": (pb.Event(), "unknown_kind", pb.ISSUE_CODE_REJECTED_UNKNOWN_KIND),
    "invalid": (
        pb.Event(node_changed=pb.NodeChanged(node_id="a\nb", status=pb.NODE_STATUS_RUNNING)),
        "invalid",
        pb.ISSUE_CODE_REJECTED_INVALID,
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_an_invalid_event_is_rejected_in_its_place_and_the_rest_is_stored(wire: Wire, viewer: Viewer, name: str) -> None:
    event, code, issue = MALFORMED[name]
    raw = pb.AttachRequest(events=events_of(RUN, 3, line("before"), event, line("after"))).SerializeToString()
    if name == "not_utf8":
        broken = raw.replace("\N{SNOWMAN}".encode(), b"\xff\xfe\xfd")
        assert broken != raw
        raw = broken
    wire.send(raw)
    wire.wait_acked(RUN, 5)
    issues = [it for result in wire.results(RUN) for it in result.issues]
    assert [(it.pseq, it.code) for it in issues] == [(4, issue)] and issues[0].message
    rejected = viewer.expect("rejected", pseq=4)
    assert rejected["code"] == code, rejected
    viewer.expect("log", pseq=5, message="after")
    assert [it.get("message") for it in viewer.pictures[RUN].records if it["type"] == "log"] == ["before", "after"]
    assert viewer.pictures[RUN].state["rejected"] == 1
    assert_shows_what_is(wire.relay, viewer, RUN)


def test_a_gap_is_answered_with_the_number_that_is_expected(wire: Wire, viewer: Viewer) -> None:
    wire.publish(RUN, 5, line("too early"))
    nacks = wire.wait(lambda: [it for it in wire.results(RUN) if it.HasField("nack")], "no nack")
    assert nacks[0].nack.expected_pseq == 3
    wire.publish(RUN, 3, line("a"), line("b"), line("c"))
    wire.wait_acked(RUN, 5)
    viewer.expect("log", pseq=5)
    assert [it["message"] for it in viewer.pictures[RUN].records if it["type"] == "log"] == ["a", "b", "c"]


def test_what_is_sent_again_is_acknowledged_again_and_stored_once(wire: Wire, viewer: Viewer) -> None:
    for times in range(1, 4):
        wire.publish(RUN, 3, line("a"), line("b"))
        wire.wait(lambda: sum(it.ack.pseq == 4 for it in wire.results(RUN)) == times, "not acknowledged again")  # noqa: B023
    # One that overlaps adds what is new.
    wire.publish(RUN, 4, line("b"), line("c"))
    wire.wait_acked(RUN, 5)
    viewer.expect("log", pseq=5)
    assert [it["message"] for it in viewer.pictures[RUN].records if it["type"] == "log"] == ["a", "b", "c"]


def test_other_bytes_under_the_same_number_are_a_conflict_and_the_first_stand(wire: Wire, viewer: Viewer) -> None:
    wire.publish(RUN, 3, line("first"))
    wire.wait_acked(RUN, 3)
    wire.publish(RUN, 3, line("second"), line("next"))
    wire.wait_acked(RUN, 4)
    issues = [it for result in wire.results(RUN) for it in result.issues]
    assert [(it.pseq, it.code) for it in issues] == [(3, pb.ISSUE_CODE_CONFLICT)]
    viewer.expect("log", pseq=4)
    assert [it["message"] for it in viewer.pictures[RUN].records if it["type"] == "log"] == ["first", "next"]


def test_silent_connections_are_closed_in_time_and_hold_up_nobody(bench: Bench) -> None:
    with_tls, plain = bench.relay(tls=True), bench.relay()
    began = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", with_tls.port), PATIENCE) for _ in range(5)]
    silent.append(socket.create_connection(("127.0.0.1", plain.port), PATIENCE))
    bench.viewer(with_tls)
    bench.viewer(plain)
    assert time.monotonic() - began < 5
    for connection in silent:
        with connection:
            try:
                assert connection.recv(1 << 16) == b"" or connection.recv(1 << 16) == b""
            except ConnectionResetError:
                pass
    assert time.monotonic() - began < 15
