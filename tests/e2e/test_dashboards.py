"""Dashboards of three protocols in Python, which nobody changed for the relay: from beginning to end, through lost connections
and a relay that dies."""

from __future__ import annotations

import json

from footplate import proto as pb

from conftest import Bench
from dashboards import Executions, Nebula, Stage5
from engines import Wire, line, started
from relay import PATIENCE, Message, Relay

RUN = "run-1"


def again(bench: Bench, first: Relay) -> Relay:
    """A relay dies, and another takes its place."""
    first.kill()
    return bench.relay(tls=True, viewers=first.viewers, engines=tuple(first.engines))


def lines(of: list[Message]) -> list[str]:
    """What was logged."""
    return [it["log"]["message"] for it in of if it["type"] == "log"]


def test_the_sample_of_the_executions_api_is_shown_everything_each_time_that_it_is_started(bench: Bench) -> None:
    first = bench.relay(tls=True)
    way = bench.way(first)
    early = Executions(way, RUN)
    early.wait(lambda: early.opened, "it is never let in")
    early.say("ping")
    assert early.expect("pong") == {"type": "pong"}

    engine = bench.engine(first)
    execution = engine.start(RUN, name="Nightly")
    execution.graph(["build", "test", "ship"], [("build", "test"), ("test", "ship")])
    execution.node("build", "running")
    execution.node("build", "completed", output={"rows": 12})
    execution.log("one", node_id="build")
    early.expect("status", lambda it: it["status"] == "running")
    node = early.expect("node_update", lambda it: it["node_state"]["status"] == "completed")
    assert (node["execution_id"], node["node_id"], node["node_state"]["output"]) == (RUN, "build", {"rows": 12})
    assert node["node_state"].keys() >= {"status", "output", "error", "started_at", "completed_at"}
    told = early.expect("log")["log"]
    assert (told["level"], told["message"], told["node_id"]) == ("info", "one", "build")
    assert float(told["timestamp"]) > 1e9 and float(node["timestamp"]) > 1e9

    way.cut()
    early.life.result(PATIENCE)
    execution.node("test", "completed")
    execution.log("two", level="warning")
    assert engine.flush(PATIENCE)
    way.mend()
    second = Executions(way, RUN)
    second.expect("log", lambda it: it["log"]["message"] == "two")
    second.expect("node_update", lambda it: it["node_id"] == "test")
    second.expect("node_update", lambda it: it["node_id"] == "build" and it["node_state"]["output"] == {"rows": 12})
    assert lines(early.heard + second.heard) == ["one", "two"]

    relay = again(bench, first)
    second.life.result(PATIENCE)
    third = Executions(way, RUN)
    for node_id in ("build", "test"):
        third.expect("node_update", lambda it, node_id=node_id: it["node_id"] == node_id)
    execution.log("three")
    execution.node("ship", "completed")
    execution.finish(output={"released": "4.2"})
    result = third.expect("completion")["result"]
    assert (result["status"], result["output"], result["nodes_completed"]) == ("completed", {"released": "4.2"}, 3)
    ends = [it["type"] for it in third.heard if it["type"] == "completion" or it.get("status") == "completed"]
    assert ends == ["status", "completion"], "one client needs the one, another the other"
    assert lines(third.heard) == ["three"]

    late = Executions(way, RUN)
    late.expect("completion")
    assert {it["node_id"] for it in late.of("node_update")} == {"build", "test", "ship"}
    assert relay.process.poll() is None


def obey(wire: Wire) -> pb.Command:
    """A command has reached the engine, which says so."""
    command: pb.Command = wire.first("command")
    receipt = pb.DeliveryReceipt(execution_id=command.execution_id, command_id=command.command_id)
    wire.send(receipts=pb.DeliveryReceipts(receipts=[receipt]))
    return command


def node(node_id: str, status: str) -> pb.Event:
    """A node changed."""
    return pb.Event(node_changed=pb.NodeChanged(node_id=node_id, status=pb.NodeStatus.Value(f"NODE_STATUS_{status.upper()}")))


def plan(*node_ids: str) -> pb.Event:
    """What is going to happen."""
    return pb.Event(graph_declared=pb.GraphDeclared(nodes=[pb.GraphNode(node_id=it, label=it.title()) for it in node_ids]))


FINISHED = pb.Event(execution_finished=pb.ExecutionFinished(status=pb.EXECUTION_STATUS_COMPLETED))


def test_a_dashboard_of_nebula_starts_a_workflow_and_is_told_of_it_without_asking_again(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    way = bench.way(relay)
    wire = bench.wire(relay, startable_workflow_ids=["nightly"])
    dashboard = Nebula(way)
    dashboard.wait(lambda: dashboard.opened, "it is never let in")
    dashboard.say({"type": "execute_workflow", "workflow_id": "unheard-of", "input": {}})
    assert dashboard.expect("error")["message"]
    dashboard.say({"type": "execute_workflow", "workflow_id": "nightly", "input": {"rows": 12}})
    command = obey(wire)
    assert (command.workflow_id, json.loads(command.payload.text)) == ("nightly", {"rows": 12})
    run = dashboard.expect("subscribed")["id"]
    assert run == command.execution_id
    wire.publish(run, 1, started(command_id=command.command_id, workflow_id="nightly"), plan("build", "ship"), line("one"))
    wire.publish(run, 4, node("build", "running"))
    shown = dashboard.expect("execution_update", lambda it: it["execution"]["actions_executed"])["execution"]
    assert (shown["id"], shown["workflow_id"], shown["status"]) == (run, "nightly", "running")
    assert shown["progress"] == {"current_action": 1, "total_actions": 2, "percentage": 50}
    assert shown["actions_executed"][0].items() >= {"action_id": "build", "name": "Build", "status": "running"}.items()
    dashboard.wait(lambda: dashboard.lines, "no line")

    way.cut()
    wire.publish(run, 5, node("build", "completed"), line("two"))
    wire.wait_acked(run, 6)
    way.mend()
    dashboard.expect("execution_update", lambda it: [act["status"] for act in it["execution"]["actions_executed"]] == ["completed"])
    dashboard.wait(lambda: len(dashboard.lines) == 2, "the line that it missed")
    assert dashboard.opened > 1 and len(dashboard.of("subscribed")) == 1
    dashboard.say({"type": "ping"})
    dashboard.expect("pong")

    wire.publish(run, 7, node("ship", "completed"), line("three"), FINISHED)
    ended = dashboard.expect("execution_update", lambda it: it["execution"]["status"] == "completed")["execution"]
    assert ended["progress"] == {"current_action": 2, "total_actions": 2, "percentage": 100} and ended["completed_at"]
    dashboard.wait(lambda: len(dashboard.lines) == 3, "the last line")
    assert dashboard.lines == ["[INFO] one", "[INFO] two", "[INFO] three"]
    dashboard.say({"type": "unsubscribe", "resource": "execution", "id": run})
    assert dashboard.expect("unsubscribed")["id"] == run


def test_a_dashboard_of_nebula_names_in_its_token_what_it_watches_after_the_relay_has_died(bench: Bench) -> None:
    first = bench.relay(tls=True)
    way = bench.way(first)
    engine = bench.engine(first)
    execution = engine.start(RUN, workflow_id="nightly")
    execution.graph(["build", "ship"])
    dashboard = Nebula(way, f"&subscribe=execution:{RUN}")
    execution.log("one")
    execution.node("build", "completed")
    dashboard.expect("execution_update", lambda it: it["execution"]["progress"]["current_action"] == 1)
    dashboard.wait(lambda: dashboard.lines, "no line")
    before = len(dashboard.of("execution_update"))
    again(bench, first)
    # To the new relay it is a stranger: it is shown the state, and lines from then on.
    dashboard.wait(lambda: len(dashboard.of("execution_update")) > before, "the state after the relay died")
    execution.log("two")
    execution.node("ship", "failed", error="the mirror is gone")
    execution.finish("failed", error="the mirror is gone")
    ended = dashboard.expect("execution_update", lambda it: it["execution"]["status"] == "failed")["execution"]
    assert {it["action_id"]: it["status"] for it in ended["actions_executed"]} == {"build": "completed", "ship": "failed"}
    dashboard.wait(lambda: "[INFO] two" in dashboard.lines, "the line after the relay died")
    assert dashboard.statuses[RUN][-1] == "failed" and dashboard.lines[:2] == ["[INFO] one", "[INFO] two"]


def test_a_dashboard_of_stage_5_misses_nothing_and_counts_nothing_twice(bench: Bench) -> None:
    first = bench.relay(tls=True)
    way = bench.way(first)
    engine = bench.engine(first)
    execution = engine.start(RUN, task="Ship it", session_id="s-1")
    execution.graph(["build", "ship"], [("build", "ship")])
    dashboard = Stage5(way, RUN)
    dashboard.expect("connected")
    # The first, or one in its place: such dashboards put it in the place of what they have.
    graph = dashboard.wait(lambda: dashboard.of("dag_created") or dashboard.of("dag_updated"), "no graph")[0]["data"]
    assert [it["id"] for it in graph["nodes"]] == ["build", "ship"] and len(graph["edges"]) == 1
    execution.node("build", "running")
    execution.cost("0.25", model="small-1", input_tokens=100, output_tokens=20)
    dashboard.expect("dag_node_status_changed", lambda it: it["data"]["node_id"] == "build" and it["data"]["new_status"] == "running")
    dashboard.expect("cost_update")

    way.cut()
    execution.cost("0.5", model="small-1")
    execution.node("build", "completed")
    gate = execution.gate("plan:1", node_id="ship", title="Ship it?", options=["approve", "reject", "modify"])
    assert engine.flush(PATIENCE)
    way.mend()
    asked = dashboard.expect("approval_requested")["data"]
    assert (asked["approval_id"], asked["options"]) == ("plan:1", ["approve", "reject", "modify"])
    costs = dashboard.wait(lambda: len(dashboard.of("cost_update")) == 2 and dashboard.of("cost_update"), "the cost that it missed")
    assert [it["data"]["cost_usd"] for it in costs] == [0.25, 0.5] and costs[1]["data"]["total_cost_usd"] == 0.75

    before = len(dashboard.of("approval_requested"))
    again(bench, first)
    dashboard.wait(lambda: len(dashboard.of("approval_requested")) > before, "the question after the relay died")
    dashboard.say({"type": "resolve_approval", "approval_id": "plan:1", "resolution": "approve", "feedback": "go"})
    decision = gate.wait(PATIENCE)
    assert decision is not None and (decision.option_id, decision.comment) == ("approve", "go")
    with decision.consume():
        pass
    got = dashboard.expect("approval_received")["data"]
    assert (got["approval_id"], got["approved"], got["resolution"]) == ("plan:1", True, "approve")
    dashboard.say({"type": "resolve_approval", "approval_id": "plan:1", "resolution": "reject"})
    refused = dashboard.expect("error_occurred", lambda it: it["data"]["error_type"] == "ApprovalNotPending")
    assert "plan:1" in refused["data"]["message"]

    dashboard.say({"type": "ping"})
    assert dashboard.expect("pong")["data"] == {}
    execution.node("ship", "completed")
    execution.finish(results={"released": "4.2"})
    assert dashboard.expect("workflow_completed")["data"]["results"] == {"released": "4.2"}
    # What the new relay was told again has been spent before.
    costs = [it["data"] for it in dashboard.of("cost_update")]
    assert [it["cost_usd"] for it in costs if it["cost_usd"]] == [0.25, 0.5] and costs[-1]["total_cost_usd"] == 0.75


def test_a_dashboard_of_stage_5_starts_a_run_with_its_first_words(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    way = bench.way(relay)
    wire = bench.wire(relay, startable_workflow_ids=["default"], capabilities=pb.Capabilities(pause=True, resume=True, cancel=True))
    dashboard = Stage5(way, "task_1", {"task": "Ship it", "config": {"model": "small-1"}})
    command = obey(wire)
    assert command.execution_id == "task_1" and b"Ship it" in command.payload.text
    wire.publish("task_1", 1, started(command_id=command.command_id, task="Ship it"))
    begun = dashboard.expect("workflow_started")
    assert (begun["run_id"], begun["data"]["task_description"]) == ("task_1", "Ship it")
