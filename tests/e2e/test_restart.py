"""Processes that die and come back, and others that only claim to be them."""

from __future__ import annotations

import grpc
from footplate import proto as pb

from conftest import Bench
from engines import gate, line, started
from relay import PATIENCE, Message, Relay
from viewer import assert_shows_what_is, snapshot

RUN = "run-1"


def assert_numbered_once(records: list[Message]) -> None:
    """No place and no event occurs twice, whatever was lost in between."""
    places = [(it["epoch"], it["seq"]) for it in records]
    assert len(places) == len(set(places))
    events = [(it["producer_id"], it["pseq"]) for it in records if "pseq" in it]
    assert len(events) == len(set(events))


def test_a_relay_that_is_killed_gets_the_state_from_the_engine_and_the_gate_is_still_decided(bench: Bench) -> None:
    first = bench.relay(tls=True)
    engine = bench.engine(first)
    execution = engine.start(RUN, name="Nightly", budget_usd="1")
    execution.graph(["build", "deploy"], [("build", "deploy")])
    execution.node("build", "completed", output={"rows": 9007199254740993})
    execution.cost("0.25", node_id="build")
    asked = execution.gate("deploy:1", node_id="deploy", title="Deploy?", payload={"n": 1}, options=["approve", "reject"])
    viewer = bench.viewer(first)
    picture = viewer.watch_from_birth(RUN)
    shown, shown_in = viewer.gate(RUN, "deploy:1"), picture.epoch
    assert engine.flush(PATIENCE)
    first.kill()

    second = bench.relay(tls=True, viewers=first.viewers, engines=tuple(first.engines))
    # The engine finds it, and tells it where the execution stands.
    other = bench.viewer(second)
    other.watch_from_birth(RUN)
    other.gate(RUN, "deploy:1")
    later = bench.viewer(second)
    assert later.boot_id != viewer.boot_id
    answer = later.subscribe(RUN, picture)
    assert (answer["recovered"], answer["reason"]) == (False, "epoch_changed"), answer
    assert picture.epoch == answer["epoch"] != shown_in
    state = picture.state
    assert state["gates"]["deploy:1"]["resolution"] == "open"
    same = ("gate_version", "title", "payload", "options", "payload_sha256", "node_id")
    assert {key: state["gates"]["deploy:1"][key] for key in same} == {key: shown[key] for key in same}
    assert state["nodes"]["build"]["output"] == {"rows": 9007199254740993}
    assert state["nodes"]["deploy"]["status"] == "waiting_gate"
    assert (state["execution"]["name"], state["cost"]["spent_usd_nanos"]) == ("Nightly", 250_000_000)

    decision_id = later.decide(RUN, state["gates"]["deploy:1"], "approve")
    decision = asked.wait(PATIENCE)
    assert decision is not None and decision.decision_id == decision_id
    with decision.consume():
        pass
    execution.node("deploy", "completed")
    execution.finish()
    later.expect("execution_complete", status="completed")
    later.expect_stages(decision_id, "recorded", "delivered", "applied")
    # The picture has what both relays have told; what the engine had told the first, it has not told again as events.
    assert {it["epoch"] for it in picture.records} == {shown_in, picture.epoch}
    assert_numbered_once(picture.records)
    assert not execution.issues
    assert_shows_what_is(second, later, RUN)


def test_an_engine_that_is_killed_at_a_gate_gets_the_answer_without_a_second_question(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    viewer = bench.viewer(relay)
    killed = bench.example(relay, RUN)
    picture = viewer.watch_from_birth(RUN)
    shown = viewer.gate(RUN, "approve:1")
    killed.kill()
    viewer.expect("engine_status", status="lost", producer_id="example-engine")
    assert picture.state["producers"]["example-engine"]["attached"] is False

    decision_id = viewer.decide(RUN, shown, "approve", comment="while you were away")
    viewer.expect("receipt", decision_id=decision_id, stage="recorded")
    viewer.expect("gate_resolved", gate_id="approve:1")
    viewer.expect_stages(decision_id, "recorded")

    back = bench.example(relay, RUN)
    viewer.expect("execution_complete", execution_id=RUN, status="completed")
    code, said = back.ends()
    assert code == 0 and "approve: approve by local: while you were away" in said, said
    viewer.expect_stages(decision_id, "recorded", "delivered", "applied")
    told = [it["status"] for it in picture.records if it["type"] == "engine_status"]
    assert told[:3] == ["attached", "lost", "attached"]
    asked = [it for it in picture.records if it["type"] == "human_gate_waiting"]
    assert [it["gate"]["resolution"] for it in asked].count("open") == 1, "people are asked once"
    assert sum(it["type"] == "gate_resolved" for it in picture.records) == 1
    assert_numbered_once(picture.records)
    assert_shows_what_is(relay, viewer, RUN)


def test_an_older_process_of_an_engine_is_fenced(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    viewer = bench.viewer(relay)
    older = bench.example(relay, RUN)
    viewer.watch_from_birth(RUN)
    viewer.gate(RUN, "approve:1")
    newer = bench.example(relay, "run-2")
    code, said = older.ends()
    assert code == 1 and "Fenced" in said, said
    viewer.watch_from_birth("run-2")

    # One that comes too late is turned away, and takes nothing with it.
    late = bench.wire(relay, "example-engine", epoch=1)
    assert late.end() is grpc.StatusCode.FAILED_PRECONDITION
    assert late.first("goodbye").reason == pb.GOODBYE_REASON_FENCED
    viewer.decide("run-2", viewer.gate("run-2", "approve:1"), "approve")
    viewer.expect("execution_complete", execution_id="run-2", status="completed")
    assert newer.ends()[0] == 0


def test_somebody_else_cannot_publish_to_an_execution_and_goes_on_with_his_own(bench: Bench) -> None:
    relay = bench.relay(unix=True, engines=("127.0.0.1:0",))
    over_unix, over_tcp = relay.engines
    assert over_unix.startswith("unix:")
    owner = bench.wire(relay, "owner", target=over_tcp)
    owner.publish(RUN, 1, started(name="Mine"), line("mine"))
    owner.wait_acked(RUN, 2)

    # The kernel says who that is; with the same token it would be the owner.
    other = bench.wire(relay, "other", target=over_unix, shows=False)
    other.first("welcome")
    other.publish(RUN, 1, line("not mine"))
    refused = other.wait(lambda: [it for it in other.results(RUN) if it.HasField("error")], "no error of the lane")
    assert refused[0].error.code == pb.LANE_ERROR_CODE_WRONG_OWNER
    other.send(claims=pb.Claims(claims=[pb.Claim(execution_id=RUN)]))
    grant = other.first("grants").grants[0]
    assert (grant.execution_id, grant.error.code) == (RUN, pb.LANE_ERROR_CODE_WRONG_OWNER)
    other.publish("run-2", 1, started(name="His own"), gate("g", title="Go on?"))
    other.wait_acked("run-2", 2)

    viewer = bench.viewer(relay)
    picture = viewer.watch_from_birth(RUN)
    assert [it["message"] for it in logged(relay, RUN)] == ["mine"]
    viewer.watch_from_birth("run-2")
    decision_id = viewer.decide("run-2", viewer.gate("run-2", "g"), "approve")
    assert other.first("decision").decision_id == decision_id
    assert not owner.of("decision") and owner.ended is None and other.ended is None
    assert picture.state["producers"].keys() == {"owner"}


def logged(relay: Relay, execution_id: str) -> list[Message]:
    """The lines of an execution's log."""
    status, body = relay.http("GET", f"/v1/executions/{execution_id}/records")
    assert status == 200
    assert snapshot(relay, execution_id)[0]["epoch"] == body["epoch"]
    return [it for it in body["records"] if it["type"] == "log"]
