"""What operators see: a door of their own, a probe, and a log that tells who did what and nothing of what was said."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from typing import Any

from footplate import proto as pb

from conftest import Bench
from engines import Wire, line as log_line, started
from relay import BINARY, LINE, PATIENCE, Message, Relay, command, environment
from viewer import Viewer

RUN = "run-1"
CANARY = "quicksilver-canary"


def test_the_log_tells_who_attached_and_who_decided_and_nothing_of_what_was_said(bench: Bench) -> None:
    relay = bench.relay()
    assert relay.purse is not None
    engine = bench.engine(relay, "nightly-1")
    execution = engine.start(RUN, name=f"{CANARY} name")
    execution.node("build", "running", output={"text": f"{CANARY} output"})
    execution.log(f"{CANARY} line", node_id="build")
    gate = execution.gate(
        "deploy:1", title=f"{CANARY} title", prompt=f"{CANARY} prompt", payload={"n": f"{CANARY} payload"},
        options=["approve", "modify", "reject"],
    )
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    shown = viewer.gate(RUN, "deploy:1")
    said = {"comment": f"{CANARY} comment", "modification": {"n": f"{CANARY} modification"}}
    first = viewer.decide(RUN, shown, "modify", **said)
    viewer.expect("receipt", decision_id=first, stage="recorded")
    decision = gate.wait(PATIENCE)
    assert decision is not None
    decision.applied()
    viewer.expect("receipt", decision_id=first, stage="applied")
    second = viewer.decide(RUN, shown, "reject", comment=f"{CANARY} comment")
    viewer.expect("receipt", decision_id=second, stage="already_decided")
    paused = viewer.steer("pause", RUN, reason=f"{CANARY} reason")
    viewer.expect("receipt", command_id=paused, stage="recorded")
    # What makes no sense is no reason to repeat it.
    viewer.say({"type": f"{CANARY} type"})
    viewer.expect("error")
    viewer.close()
    engine.close(PATIENCE)
    relay.wait(lambda: line(relay.lines, "engine gone") and line(relay.lines, "viewer gone"), "nobody has gone")
    relay.stop()

    for text in relay.lines:
        record = json.loads(text, object_pairs_hook=each_once)
        assert {"timestamp", "level", "target", "message"} <= record.keys(), text
    assert not [text for text in relay.lines if CANARY in text]

    attached = the(relay.lines, "engine attached")
    assert attached["level"] == "INFO"
    span = attached["spans"][-1]
    assert (span["name"], span["producer"], span["identity"]) == ("engine", "nightly-1", relay.purse.engine_identity), attached
    assert span["epoch"] > 0
    gone = the(relay.lines, "engine gone")
    assert gone["spans"][-1]["producer"] == "nightly-1" and gone["why"] in ("half_closed", "gone"), gone
    where = {"level": "INFO", "execution": RUN, "gate": "deploy:1"}
    expect(the(relay.lines, "decision recorded"), where, decision=first, by="local", kind="modify", stage="recorded")
    expect(the(relay.lines, "gate settled"), where, decision=first, how="decided")
    expect(the(relay.lines, "decision answered by its engine"), where, decision=first, stage="applied")
    expect(the(relay.lines, "decision not taken"), where, decision=second, stage="already_decided")
    ordered = the(relay.lines, "command recorded")
    expect(ordered, {"level": "INFO", "execution": RUN}, command=paused, by="local", kind="pause")
    came, went = the(relay.lines, "viewer connected"), the(relay.lines, "viewer gone")
    expect(came, {"level": "INFO"}, dialect="native")
    expect(went, {"level": "INFO"}, dialect="native", viewer=came["viewer"], why="by_peer")
    assert the(relay.lines, "draining") and the(relay.lines, "ended")["clean"] is True


# Clears a terminal, goes back to the line's start, and begins one that looks like the relay's own, in both of its forms.
FORGED = '\x1b[2J\r\n2026-01-01T00:00:00.000000Z  INFO footplate::app: FAKE level=info\n{"level":"ERROR","message":"FAKE"}\u202e\x9b2J'


def test_nobody_forges_a_line_of_the_log_whatever_they_are_called() -> None:
    # As programs read it; and as people do, and everything.
    for relay in (Relay(), Relay(text=True, log="trace")):
        try:
            forge(relay)
        finally:
            relay.stop()
        for text in relay.lines:
            if relay.text:
                assert LINE.match(text), repr(text)
            else:
                json.loads(text, object_pairs_hook=each_once)
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), repr(text)
            assert not re.match("FAKE|2026-01-01|{.level.:.ERROR", text), text


def forge(relay: Relay) -> None:
    """Says it wherever something can be said."""
    wire = Wire(relay, "wire-1")
    option = pb.GateOption(option_id="approve", label=FORGED, kind=pb.DECISION_KIND_APPROVE)
    events = [
        started(name=FORGED),
        log_line(FORGED),
        pb.Event(metric_measured=pb.MetricMeasured(name=FORGED, value=1)),
        pb.Event(opaque=pb.Opaque(protocol=FORGED, json=pb.Json(text=json.dumps({FORGED: FORGED}).encode()))),
        pb.Event(failure_reported=pb.FailureReported(failure=pb.Failure(error_type=FORGED, message=FORGED))),
        pb.Event(node_changed=pb.NodeChanged(node_id=FORGED, status=pb.NODE_STATUS_RUNNING)),
        pb.Event(gate_opened=pb.GateOpened(gate_id="g", gate_version=1, title=FORGED, prompt=FORGED, options=[option])),
    ]
    wire.publish(RUN, 1, *events)
    wire.wait_acked(RUN, len(events))
    wire.publish(FORGED, 1, log_line("one"))
    viewer = Viewer(relay)
    viewer.watch_from_birth(RUN)
    for wrong in ({"type": FORGED}, {"type": "subscribe", "execution_id": FORGED}, FORGED):
        viewer.say(wrong)
        viewer.expect("error")
    first = viewer.decide(RUN, viewer.gate(RUN, "g"), "approve", comment=FORGED)
    viewer.expect("receipt", decision_id=first, stage="recorded")
    viewer.close()
    wire.close()
    # An engine that calls itself so is sent away, or let in.
    Wire(relay, FORGED).close()
    for raw in (f"GET /{FORGED!r}%0d%0aFAKE HTTP/1.1\r\nHost: evil\x1b[2J\r\n\r\n", "\x1b[2JFAKE level=info\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as connection:
            connection.sendall(raw.encode())
            while connection.recv(1 << 16):
                pass


def each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that names nothing twice."""
    assert len({name for name, _ in fields}) == len(fields), fields
    return dict(fields)


def line(lines: list[str], message: str) -> list[Message]:
    """The records with this message."""
    return [it for it in map(json.loads, list(lines)) if it["message"] == message]


def the(lines: list[str], message: str) -> Message:
    """The one record with this message."""
    found = line(lines, message)
    assert len(found) == 1, f"{message}: {found}"
    return found[0]


def expect(record: Message, *wanted: dict[str, Any], **more: Any) -> None:
    """The record says all of this."""
    for fields in (*wanted, more):
        assert {name: record.get(name) for name in fields} == fields, record


def test_numbers_stand_at_the_operators_door_alone(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    bench.engine(relay).start(RUN).gate("g", options=["approve"])
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    viewer.gate(RUN, "g")
    status, text = relay.operators("/metrics")
    assert status == 200 and text.endswith("# EOF\n")
    for sample in ("engines_attached 1", "gates_open 1", 'viewers_connected{dialect="native"} 1', "ready 1"):
        assert f"\nfootplate_{sample}\n" in text, sample
    memory = next(it for it in text.splitlines() if it.startswith("process_resident_memory_bytes "))
    assert 0.5 < int(memory.split()[1]) / relay.memory() < 2
    assert relay.http("GET", "/metrics")[0] == 404
    assert relay.operators("/v1/executions")[0] == 404
    assert [relay.operators(path) for path in ("/livez", "/readyz")] == [(200, "live\n"), (200, "ready\n")]


def test_ready_asks_a_running_relay(bench: Bench) -> None:
    relay = bench.relay()
    ended = command("ready", "--admin", relay.admin)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"footplate: {relay.admin}: ready\n", "")
    # In the relay's own container its variable is there already.
    told = environment() | {"FOOTPLATE_ADMIN_LISTEN": f"{relay.admin},127.0.0.1:1"}
    ran = subprocess.run([BINARY, "ready"], capture_output=True, text=True, timeout=PATIENCE, env=told)
    assert ran.returncode == 0, ran
    # At another of its doors there is a /readyz too; at the engines' there is none.
    ended = command("ready", "--admin", relay.engines[0])
    assert ended.returncode == 1 and "--admin-listen" in ended.stderr, ended
    relay.stop()
    ended = command("ready", "--admin", relay.admin)
    assert ended.returncode == 1 and not ended.stdout, ended
    assert len(ended.stderr.splitlines()) == 1 and "nothing answers there" in ended.stderr, ended
    assert command("ready", "--admin", "none").returncode == 64


def test_an_operators_port_in_use_says_how_to_do_without() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        others = ("--viewer-listen", "127.0.0.1:0", "--engine-listen", "127.0.0.1:0")
        ended = command("serve", *others, "--admin-listen", address)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert f"--admin-listen {address}: " in last and "in use" in last and "none" in last, ended.stderr
