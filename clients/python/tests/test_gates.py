"""What an engine does with decisions and commands: each at most once, whatever is delivered how often."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest
from relay import PATIENCE, Relay

import footplate
from footplate import Decision, Engine, Execution, Gate
from footplate import proto as pb

PLAN = {"delete": ["a"], "count": 1}


@pytest.fixture
def gate(relay: Relay, execution: Execution) -> Gate:
    gate = execution.gate("g", node_id="n", title="Delete?", payload=PLAN, options=["approve", "reject"], deadline=60)
    relay.wait_events("run-1", "gate_opened")
    return gate


def outcomes(relay: Relay, count: int = 1) -> list[tuple[str, str, str]]:
    events = relay.wait_events("run-1", "decision_outcome", count)
    return [(e.decision_id, pb.OutcomeStatus.Name(e.outcome).removeprefix("OUTCOME_STATUS_"), e.reason) for e in events]


def wait_receipts(relay: Relay, count: int) -> None:
    relay.wait(lambda: sum(len(m.receipts) for m in relay.requests_of("receipts")) >= count)


def decided(gate: Gate) -> Decision:
    decision = gate.wait(PATIENCE)
    assert decision is not None
    return decision


def test_a_gate_is_announced_in_full(relay: Relay, gate: Gate) -> None:
    (opened,) = relay.events("run-1", "gate_opened")
    assert (opened.gate_version, opened.node_id) == (1, "n")
    assert [(o.option_id, o.kind) for o in opened.options] == [
        ("approve", pb.DECISION_KIND_APPROVE),
        ("reject", pb.DECISION_KIND_REJECT),
    ]
    assert opened.HasField("deadline_time") and len(opened.payload_sha256) == 32


def test_patience_is_not_the_deadline(relay: Relay, gate: Gate) -> None:
    assert gate.wait(0.01) is None
    assert gate.is_open
    relay.decide(gate)
    assert decided(gate).approved


def test_a_consumed_approval_is_received_and_applied(relay: Relay, gate: Gate) -> None:
    relay.decide(gate, comment="fine", actor=pb.Actor(subject="ada"))
    decision = decided(gate)
    assert (decision.option_id, decision.comment, decision.actor) == ("approve", "fine", "ada")
    with decision.consume({"count": 1, "delete": ["a"]}) as plan:
        assert plan == PLAN
        assert not relay.events("run-1", "decision_outcome")
    assert outcomes(relay) == [("d1", "APPLIED", "")]
    receipts = [r for m in relay.requests_of("receipts") for r in m.receipts]
    assert [(r.execution_id, r.decision_id, r.command_id) for r in receipts] == [("run-1", "d1", "")]
    with pytest.raises(footplate.AlreadyConsumed), decision.consume():
        pass
    with pytest.raises(footplate.AlreadyConsumed):
        decision.refuse("late")


def test_a_decision_before_the_wait_is_kept(relay: Relay, gate: Gate) -> None:
    relay.decide(gate)
    relay.wait(lambda: relay.requests_of("receipts"))
    assert decided(gate).decision_id == "d1"


def test_a_modified_payload_takes_the_place_of_the_shown_one(relay: Relay, gate: Gate) -> None:
    relay.decide(gate, kind="modify", modification=pb.Json(text=b'{"count":9007199254740993}'))
    with decided(gate).consume(PLAN) as plan:
        assert plan == {"count": 9007199254740993}
    assert outcomes(relay) == [("d1", "APPLIED", "")]


def test_another_payload_than_the_decided_one_is_refused(relay: Relay, gate: Gate) -> None:
    relay.decide(gate)
    with pytest.raises(footplate.PayloadChanged), decided(gate).consume({**PLAN, "count": 1000}):
        pytest.fail("the block must not run")
    assert outcomes(relay) == [("d1", "REFUSED", "payload_changed")]


def test_a_block_that_raises_has_failed(relay: Relay, gate: Gate) -> None:
    relay.decide(gate)
    with pytest.raises(OSError), decided(gate).consume():
        raise OSError("disk full")
    assert outcomes(relay) == [("d1", "FAILED", "OSError: disk full")]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("reject", footplate.Rejected), ("expired", footplate.Expired), ("no_approver", footplate.Expired)],
)
def test_what_is_no_approval_does_not_run(relay: Relay, gate: Gate, kind: str, error: type[Exception]) -> None:
    relay.decide(gate, kind=kind)
    with pytest.raises(error), decided(gate).consume():
        pytest.fail("the block must not run")
    assert outcomes(relay) == [("d1", "APPLIED", "")]


def test_a_kind_from_the_future_is_no_approval(relay: Relay, gate: Gate) -> None:
    decision = pb.Decision(execution_id="run-1", gate_id="g", gate_version=1, decision_id="d1", kind=99)
    relay.send(decision=decision)
    assert not decided(gate).approved
    with pytest.raises(footplate.Rejected), decided(gate).consume():
        pytest.fail("the block must not run")


def test_deliveries_are_answered_each_and_acted_on_once(relay: Relay, gate: Gate) -> None:
    relay.decide(gate)
    decision = decided(gate)
    relay.decide(gate, delivery_attempt=2)
    wait_receipts(relay, 2)
    assert not relay.events("run-1", "decision_outcome"), "nothing to say yet"
    decision.applied(node_status_after="skipped")
    assert outcomes(relay) == [("d1", "APPLIED", "")]
    relay.decide(gate, delivery_attempt=3)
    assert outcomes(relay, 2) == [("d1", "APPLIED", "")] * 2
    assert [e.node_status_after for e in relay.events("run-1", "decision_outcome")] == [pb.NODE_STATUS_SKIPPED] * 2
    relay.decide(gate, decision_id="d2")
    assert outcomes(relay, 3)[2] == ("d2", "REFUSED", "gate_not_open")


def test_a_second_decision_while_the_first_is_acted_on_is_refused(relay: Relay, gate: Gate) -> None:
    relay.decide(gate)
    decision = decided(gate)
    relay.decide(gate, decision_id="d2", kind="reject")
    assert outcomes(relay) == [("d2", "REFUSED", "gate_not_open")]
    with decision.consume():
        pass
    assert outcomes(relay, 2)[1] == ("d1", "APPLIED", "")


def test_a_decision_for_a_gate_that_was_not_announced_is_refused(relay: Relay, execution: Execution) -> None:
    relay.wait_events("run-1", "execution_started")
    relay.send(decision=pb.Decision(execution_id="run-1", gate_id="other", gate_version=1, decision_id="d9", kind=1))
    assert outcomes(relay) == [("d9", "REFUSED", "gate_not_open")]


def test_a_changed_question_has_a_higher_version_and_refuses_the_older_answer(
    relay: Relay, execution: Execution, gate: Gate
) -> None:
    again = execution.gate("g", node_id="n", title="Delete?", payload=PLAN, options=["approve", "reject"], deadline=90)
    assert again is gate and gate.version == 1
    changed = {**PLAN, "count": 1000}
    execution.gate("g", node_id="n", title="Delete?", payload=changed, options=["approve", "reject"])
    assert gate.version == 2
    relay.decide(gate, gate_version=1)
    assert outcomes(relay) == [("d1", "REFUSED", "gate_changed")]
    assert gate.is_open
    relay.decide(gate, decision_id="d2")
    with decided(gate).consume() as plan:
        assert plan == changed
    with pytest.raises(ValueError, match="single-use"):
        execution.gate("g")


def test_open_gates_and_outcomes_are_claimed_on_the_next_stream(
    relay: Relay, engine: Engine, execution: Execution, gate: Gate
) -> None:
    execution.gate("h")
    relay.decide(gate)
    decided(gate).refuse("not_now")
    assert engine.flush(PATIENCE)
    relay.end()
    relay.wait(lambda: relay.streams == 2)
    claim = relay.requests_of("hello")[-1].claims[0]
    assert [(g.gate_id, g.gate_version) for g in claim.open_gates] == [("h", 1)]
    assert [(o.decision_id, o.gate_id, o.outcome) for o in claim.outcomes] == [("d1", "g", pb.OUTCOME_STATUS_REFUSED)]


def test_a_rejected_gate_raises_where_it_is_waited_for(relay: Relay, gate: Gate) -> None:
    issue = pb.Issue(pseq=2, code=pb.ISSUE_CODE_REJECTED_LIMIT, field_path="gate_opened")
    relay.send(results=pb.Results(results=[pb.LaneResult(execution_id="run-1", issues=[issue])]))
    with pytest.raises(footplate.GateRejected, match="REJECTED_LIMIT"):
        gate.wait(PATIENCE)


@pytest.mark.parametrize("code", [pb.GATE_VERDICT_CODE_WITHDRAWN, pb.GATE_VERDICT_CODE_ALREADY_CLOSED])
def test_a_withdrawn_gate_is_closed(relay: Relay, execution: Execution, gate: Gate, code: pb.GateVerdictCode) -> None:
    with pytest.raises(TimeoutError):
        execution.withdraw(gate, "changed my mind", timeout=0.01)
    relay.wait(lambda: relay.requests_of("withdraw_gate"))
    relay.end()
    relay.wait(lambda: len(relay.requests_of("withdraw_gate")) == 2)
    relay.send(gate_verdict=pb.GateVerdict(execution_id="run-1", gate_id="g", gate_version=1, verdict=code))
    assert execution.withdraw(gate) is None
    with pytest.raises(footplate.GateClosed):
        gate.wait()


def test_a_gate_is_not_withdrawn_before_the_relay_has_it(relay: Relay, engine: Engine, execution: Execution) -> None:
    assert engine.flush(PATIENCE)
    relay.acking = False
    gate = execution.gate("g")
    relay.wait_events("run-1", "gate_opened")
    with pytest.raises(TimeoutError):
        execution.withdraw(gate, timeout=0.05)
    assert not relay.requests_of("withdraw_gate")
    relay.ack("run-1")
    relay.wait(lambda: relay.requests_of("withdraw_gate"))


def test_a_withdrawal_that_comes_too_late_gets_the_decision(relay: Relay, execution: Execution, gate: Gate) -> None:
    with pytest.raises(TimeoutError):
        execution.withdraw(gate, timeout=0)
    relay.wait(lambda: relay.requests_of("withdraw_gate"))
    decision = pb.Decision(execution_id="run-1", gate_id="g", gate_version=1, decision_id="d1", kind=1)
    relay.send(
        gate_verdict=pb.GateVerdict(
            execution_id="run-1", gate_id="g", verdict=pb.GATE_VERDICT_CODE_TOO_LATE, decision=decision
        )
    )
    taken = execution.withdraw(gate, timeout=PATIENCE)
    assert taken is not None and taken.approved
    relay.wait(lambda: relay.requests_of("receipts"))


def commands(relay: Relay, count: int) -> list[tuple[str, str]]:
    events = relay.wait_events("run-1", "command_outcome", count)
    return [(e.command_id, pb.OutcomeStatus.Name(e.outcome).removeprefix("OUTCOME_STATUS_")) for e in events]


def statuses(relay: Relay) -> list[str]:
    events = relay.events("run-1", "execution_status_changed")
    return [pb.ExecutionStatus.Name(e.status).removeprefix("EXECUTION_STATUS_") for e in events]


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_pause_is_applied_at_the_checkpoint_and_ended_by_a_resume(relay: Relay, execution: Execution) -> None:
    relay.wait_events("run-1", "execution_started")
    execution.checkpoint()
    relay.command("run-1", "pause", "c1")
    relay.command("run-1", "pause", "c1")
    wait_receipts(relay, 2)
    assert commands(relay, 1) == [("c1", "IN_PROGRESS")]
    worker = in_thread(execution.checkpoint)
    assert commands(relay, 2) == [("c1", "IN_PROGRESS"), ("c1", "APPLIED")]
    assert statuses(relay) == ["PAUSING", "PAUSED"]
    relay.command("run-1", "pause", "c1")
    assert commands(relay, 3)[2] == ("c1", "APPLIED")
    relay.command("run-1", "pause", "c2")
    assert commands(relay, 5)[3:] == [("c2", "IN_PROGRESS"), ("c2", "APPLIED")]
    assert worker.is_alive()
    relay.command("run-1", "resume", "c3")
    worker.join(PATIENCE)
    assert not worker.is_alive()
    assert commands(relay, 7)[5:] == [("c3", "IN_PROGRESS"), ("c3", "APPLIED")]
    assert statuses(relay) == ["PAUSING", "PAUSED", "RUNNING"]


def test_a_resume_takes_the_place_of_a_pause_that_has_not_come_about(relay: Relay, execution: Execution) -> None:
    relay.wait_events("run-1", "execution_started")
    relay.command("run-1", "pause", "c1")
    relay.command("run-1", "resume", "c2")
    assert sorted(commands(relay, 4)[1:]) == [("c1", "REFUSED"), ("c2", "APPLIED"), ("c2", "IN_PROGRESS")]
    execution.checkpoint()


def test_an_engine_that_waits_at_a_gate_is_at_rest(relay: Relay, gate: Gate) -> None:
    got: list[Decision | None] = []
    worker = in_thread(lambda: got.append(gate.wait()))
    relay.command("run-1", "pause", "c1")
    commands(relay, 2)
    relay.decide(gate)
    relay.wait(lambda: any(r.decision_id for m in relay.requests_of("receipts") for r in m.receipts))
    assert worker.is_alive(), "paused"
    relay.command("run-1", "resume", "c2")
    worker.join(PATIENCE)
    assert got[0] is not None


def test_a_cancel_is_raised_and_applied_by_the_end(relay: Relay, engine: Engine, execution: Execution) -> None:
    gate = execution.gate("g")
    relay.wait_events("run-1", "gate_opened")

    def work() -> None:
        with pytest.raises(footplate.Cancelled), execution:
            gate.wait()

    worker = in_thread(work)
    relay.command("run-1", "cancel", "c1")
    worker.join(PATIENCE)
    assert commands(relay, 2) == [("c1", "IN_PROGRESS"), ("c1", "APPLIED")]
    (finished,) = relay.wait_events("run-1", "execution_finished")
    assert finished.status == pb.EXECUTION_STATUS_CANCELLED and statuses(relay) == ["CANCELLING"]
    relay.command("run-1", "pause", "c2")
    assert commands(relay, 3)[2] == ("c2", "REFUSED")


def test_a_command_that_the_engine_does_not_know_is_refused(relay: Relay, attach: Callable[..., Engine]) -> None:
    attach().start("run-1")
    relay.wait_events("run-1", "execution_started")
    relay.command("run-1", "pause", "c1")
    assert commands(relay, 1) == [("c1", "REFUSED")]
    relay.send(command=pb.Command(execution_id="run-1", command_id="c2", kind=77))
    assert commands(relay, 2)[1] == ("c2", "REFUSED")


def test_callbacks_conclude_their_commands_themselves(relay: Relay, engine: Engine) -> None:
    asked: queue.Queue[footplate.Command] = queue.Queue()

    def broken(_: footplate.Command) -> None:
        raise RuntimeError("broken")

    execution = engine.start("run-1", on_pause=asked.put, on_resume=broken)
    relay.wait_events("run-1", "execution_started")
    relay.command("run-1", "pause", "c1")
    assert commands(relay, 1) == [("c1", "IN_PROGRESS")]
    worker = in_thread(execution.checkpoint)
    relay.wait_events("run-1", "execution_status_changed")
    assert statuses(relay) == ["PAUSING"]
    asked.get(timeout=PATIENCE).applied()
    assert commands(relay, 2)[1] == ("c1", "APPLIED") and asked.empty()
    relay.command("run-1", "resume", "c2")
    assert commands(relay, 4)[3] == ("c2", "FAILED")
    worker.join(PATIENCE)
