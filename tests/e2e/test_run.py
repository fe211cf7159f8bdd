"""The main job: an engine tells, dashboards see and decide, and the decision comes back over the same stream."""

from __future__ import annotations

import pytest

from conftest import Bench
from viewer import assert_shows_what_is

PLAN = {"service": "ranking", "version": "v12", "replicas": 3}
RUN = "nightly-1"
STEPS = {"extract": 4, "clean": 4, "train": 4, "evaluate": 4, "deploy": 2}


@pytest.mark.parametrize("doors", ["tls", "unix_and_tls", "plain"])
def test_an_engine_is_watched_and_decided_upon_over_the_same_stream(bench: Bench, doors: str) -> None:
    relay = bench.relay(tls=doors != "plain", unix=doors == "unix_and_tls")
    assert relay.url.startswith("wss://" if doors != "plain" else "ws://")
    assert relay.target.startswith("unix:" if doors == "unix_and_tls" else "localhost:")
    viewer = bench.viewer(relay)
    example = bench.example(relay, RUN)
    picture = viewer.watch_from_birth(RUN)
    gate = viewer.gate(RUN, "approve:1")
    assert (gate["payload"], gate["title"]) == (PLAN, "Deploy ranking v12?")
    assert picture.state["nodes"]["approve"]["status"] == "waiting_gate"

    decision_id = viewer.decide(RUN, gate, "approve", comment="go")
    ended = viewer.expect("execution_complete", execution_id=RUN)
    viewer.expect_stages(decision_id, "recorded", "delivered", "applied")
    code, said = example.ends()
    assert code == 0, said
    assert "approve: approve by local: go" in said and "completed" in said
    assert (ended["status"], ended["execution"]["ending"]["output"]) == ("completed", PLAN)

    # Everything once, and in order: the relay's numbers without a gap are the viewer's business, these are the engine's.
    told = [it for it in picture.records if "pseq" in it]
    assert [it["pseq"] for it in told] == list(range(1, len(told) + 1))
    lines = [(it["node_id"], it["message"]) for it in told if it["type"] == "log"]
    assert lines == [(node, f"step {n + 1} of {steps}") for node, steps in STEPS.items() for n in range(steps)]
    assert [it["delivery"] for it in picture.records if it["type"] == "gate_delivery"] == ["sent", "delivered", "applied"]
    assert picture.state["cost"]["spent_usd_nanos"] == 100_000_000
    assert_shows_what_is(relay, viewer, RUN)


def test_a_rejection_is_obeyed(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    viewer = bench.viewer(relay)
    example = bench.example(relay, RUN)
    viewer.watch_from_birth(RUN)
    decision_id = viewer.decide(RUN, viewer.gate(RUN, "approve:1"), "reject", comment="not today")
    ended = viewer.expect("execution_complete", execution_id=RUN)
    code, said = example.ends()
    assert code == 3 and "not today" in said, said
    assert ended["status"] == "failed"
    viewer.expect_stages(decision_id, "recorded", "delivered", "applied")
    assert_shows_what_is(relay, viewer, RUN)


def test_a_modified_plan_is_what_the_engine_carries_out(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    viewer = bench.viewer(relay)
    example = bench.example(relay, RUN)
    picture = viewer.watch_from_birth(RUN)
    gate = viewer.gate(RUN, "approve:1")
    plan = PLAN | {"replicas": 1, "build": 9007199254740993}
    viewer.decide(RUN, gate, "modify", modification=plan, payload_sha256=gate["payload_sha256"])
    ended = viewer.expect("execution_complete", execution_id=RUN)
    code, said = example.ends()
    assert code == 0 and f"deploy: with {plan}" in said, said
    assert ended["execution"]["ending"]["output"] == plan
    assert picture.state["gates"]["approve:1"]["decision"]["modification"] == plan
    assert_shows_what_is(relay, viewer, RUN)


def test_pause_resume_and_cancel_are_obeyed(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    viewer = bench.viewer(relay)
    example = bench.example(relay, RUN)
    picture = viewer.watch_from_birth(RUN)
    gate = viewer.gate(RUN, "approve:1")
    done = ("recorded", "delivered", "in_progress", "applied")

    pause = viewer.steer("pause", RUN, reason="a hotfix comes")
    viewer.expect_stages(pause, *done)
    viewer.wait(lambda: picture.state["progress"]["status"] == "paused", "it does not pause")
    assert picture.state["gates"]["approve:1"]["resolution"] == "open"

    resume = viewer.steer("resume", RUN)
    viewer.expect_stages(resume, *done)
    viewer.wait(lambda: picture.state["progress"]["status"] == "running", "it does not go on")

    cancel = viewer.steer("cancel", RUN, reason="superseded")
    ended = viewer.expect("execution_complete", execution_id=RUN)
    code, said = example.ends()
    assert code == 2 and "cancelled" in said, said
    assert ended["status"] == "cancelled"
    viewer.expect_stages(cancel, *done)
    # Nobody waits any longer at the gate of what is over, and whoever still answers is told so.
    late = viewer.decide(RUN, gate, "approve")
    viewer.expect_stages(late, "gate_closed")
    assert_shows_what_is(relay, viewer, RUN)
