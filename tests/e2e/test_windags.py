"""Dashboards of WinDAGs, whose protocol is docs/protocol/windags.md."""

from __future__ import annotations

from conftest import Bench
from relay import PATIENCE

RUN = "run-1"


def test_a_windags_dashboard_sees_the_state_on_open_decides_by_node_and_sees_the_end(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    early = bench.windags(relay, RUN)
    assert early.hear() == {"type": "error", "message": f"Unknown DAG {RUN}"}

    engine = bench.engine(relay)
    execution = engine.start(RUN, budget_usd="2")
    execution.graph(["build", "deploy"], [("build", "deploy")])
    # Whoever asked too early sees it begin, on the same socket, and was told one error only.
    live = early.expect("cost_update")
    assert (live["budget"], live["spent"], live["remaining"]) == (2.0, 0.0, 2.0)

    execution.node("build", "running")
    early.expect("node_state", node_id="build", status="running")
    execution.node("build", "completed", output={"rows": 12})
    execution.cost("0.5")
    gate = execution.gate("deploy:1", node_id="deploy", title="Deploy?", options=["approve", "reject"])
    shown = early.expect("human_gate_waiting", node_id="deploy")
    assert shown["presentation"]["outcomes"] == ["approve", "reject"]
    assert engine.flush(PATIENCE)

    late = bench.windags(relay, RUN)
    opening = [late.hear() for _ in range(4)]
    assert [(it["type"], it.get("node_id"), it.get("status")) for it in opening] == [
        ("node_state", "build", "completed"),
        ("node_state", "deploy", "paused"),
        ("cost_update", None, None),
        ("human_gate_waiting", "deploy", None),
    ]
    assert opening[0]["output"] == {"rows": 12} and opening[2]["remaining"] == 1.5
    assert all("as_of_seq" in it and "seq" not in it for it in opening)

    late.say({"type": "human_decision", "node_id": "deploy", "decision": "approve", "feedback": "go"})
    decision = gate.wait(PATIENCE)
    assert decision is not None and (decision.option_id, decision.comment) == ("approve", "go")
    with decision.consume():
        # Not before it has taken effect does the node run.
        assert not any(it["type"] == "node_state" and it["status"] == "running" for it in late.heard)
    late.expect("node_state", node_id="deploy", status="running")
    early.say({"type": "human_decision", "node_id": "deploy", "decision": "reject"})
    told = early.expect("error", node_id="deploy")
    assert "already decided: approve" in told["message"] and "local" in told["message"], told

    execution.node("deploy", "completed")
    execution.finish(results={"released": "4.2"})
    for dashboard in (early, late):
        ended = dashboard.expect("execution_complete")
        assert ended["results"] == {"released": "4.2"}
    places = [it["seq"] for it in early.heard if "seq" in it]
    assert places == sorted(places)
    assert sum(it["type"] == "error" for it in early.heard) == 2


def test_what_a_windags_dashboard_says_wrong_is_answered_by_an_error(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    bench.engine(relay).start(RUN).node("build", "running")
    dashboard = bench.windags(relay, RUN)
    dashboard.expect("node_state", node_id="build")
    for wrong in (
        "no json",
        "[]",
        '{"type":"pause_execution","type":"cancel_execution"}',
        {"type": "subscribe"},
        {"node_id": "build"},
        {"type": "human_decision", "node_id": "build"},
        {"type": "human_decision", "node_id": "build", "decision": "approve"},
        {"type": "human_decision", "node_id": "nowhere", "decision": "approve"},
    ):
        dashboard.say(wrong)
        answer = dashboard.hear()
        assert answer["type"] == "error" and answer["message"], wrong
    # Fields that this protocol does not know are ignored.
    dashboard.say({"type": "pause_execution", "sent_by": "a later version"})
    dashboard.close()
    binary = bench.windags(relay, RUN)
    binary.say(b"\x00")
    assert binary.closed()[0] == 1003
