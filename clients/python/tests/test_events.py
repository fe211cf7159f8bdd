"""Numbers, the outbox, and what happens to them when the link or the relay goes away."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from google.protobuf.duration_pb2 import Duration
from relay import PATIENCE, Relay

import footplate
from footplate import Engine, Execution
from footplate import proto as pb


def messages(relay: Relay, execution_id: str = "run-1") -> list[str]:
    return [line.message for line in relay.events(execution_id, "log_written")]


def test_hello_comes_first_and_nothing_before_the_welcome(relay: Relay, attach: Callable[..., Engine]) -> None:
    relay.welcoming = False
    engine = attach(capabilities=("pause",), labels={"zone": "a"})
    engine.start("run-1").log("early")
    relay.wait(lambda: relay.streams == 1)
    assert not engine.wait_ready(0.05)
    assert [r.WhichOneof("message") for r in relay.requests] == ["hello"]
    hello = relay.requests[0].hello
    assert hello.producer.producer_id == "test" and hello.producer.producer_epoch > 1_600_000_000_000_000
    assert hello.capabilities.pause and not hello.capabilities.cancel
    assert hello.labels[0].key == "zone"
    relay.welcoming = True
    relay.end()
    assert engine.flush(PATIENCE)
    assert messages(relay) == ["early"]


def test_epochs_rise(attach: Callable[..., Engine]) -> None:
    epochs = [attach()._producer.producer_epoch for _ in range(3)]
    assert epochs == sorted(set(epochs))


def test_numbers_are_contiguous_per_execution_and_batches_bounded(relay: Relay, engine: Engine) -> None:
    runs = [engine.start(f"run-{n}") for n in range(3)]
    for n in range(1000):
        for run in runs:
            run.log(f"line {n}")
    assert engine.flush(PATIENCE)
    for run in runs:
        assert messages(relay, run.execution_id) == [f"line {n}" for n in range(1000)]
    assert relay.duplicates == 0
    batches = [batch for events in relay.requests_of("events") for batch in events.batches]
    assert all(len(batch.events) <= 256 for batch in batches)
    assert all(batch.ByteSize() <= 300 << 10 for batch in batches)
    assert len(relay.requests_of("events")) < 200


def test_events_carry_their_time_floored_to_microseconds(relay: Relay, execution: Execution, engine: Engine) -> None:
    execution.log("x")
    assert engine.flush(PATIENCE)
    event = relay.events("run-1")[-1]
    assert event.event_time.seconds > 1_600_000_000 and event.event_time.nanos % 1000 == 0


def test_what_was_not_acknowledged_is_sent_again_from_where_the_relay_is(relay: Relay, engine: Engine) -> None:
    relay.acking = False
    execution = engine.start("run-1")
    for n in range(5):
        execution.log(f"stored {n}")
    relay.wait_events("run-1", "log_written", 5)
    relay.accepting = False
    execution.log("lost on the way")
    relay.wait(lambda: relay.requests_of("events")[-1].batches[-1].events[-1].log_written.message == "lost on the way")
    relay.accepting = relay.acking = True
    relay.end()
    assert engine.flush(PATIENCE)
    claim = relay.requests_of("hello")[-1].claims[0]
    assert (claim.execution_id, claim.first_unacked_pseq) == ("run-1", 1)
    assert messages(relay) == [f"stored {n}" for n in range(5)] + ["lost on the way"]
    assert relay.duplicates == 0, "the grant said what was stored"


def test_a_gap_is_filled(relay: Relay, engine: Engine) -> None:
    execution = engine.start("run-1")
    assert engine.flush(PATIENCE)
    relay.accepting = False
    execution.log("one")
    relay.wait(lambda: relay.requests_of("events")[-1].batches[0].events[0].log_written.message == "one")
    relay.accepting = True
    execution.log("two")
    assert engine.flush(PATIENCE)
    assert messages(relay) == ["one", "two"]


def test_a_new_process_goes_on_with_the_numbers(relay: Relay, attach: Callable[..., Engine]) -> None:
    relay.first["run-1"] = 51
    engine = attach()
    engine.start("run-1").log("next")
    assert engine.flush(PATIENCE)
    assert relay.requests_of("events")[0].batches[0].first_pseq == 51
    assert len(relay.events("run-1")) == 2


def test_a_full_window_blocks_until_something_is_acknowledged(relay: Relay, attach: Callable[..., Engine]) -> None:
    relay.window = pb.Window(max_unacked_events=4)
    relay.acking = False
    engine = attach()
    assert engine.wait_ready(PATIENCE)
    execution = engine.start("run-1")
    for _ in range(3):
        execution.node("n", "running")
    with pytest.raises(footplate.OutboxFull):
        execution.emit(pb.Event(node_changed=pb.NodeChanged(node_id="n")), timeout=0.05)
    went = threading.Event()

    def emit() -> None:
        execution.node("n", "completed")
        went.set()

    threading.Thread(target=emit, daemon=True).start()
    relay.wait(lambda: len(relay.events("run-1")) == 4)
    assert not went.is_set()
    relay.acking = True
    relay.ack("run-1")
    assert went.wait(PATIENCE) and engine.flush(PATIENCE)
    assert [n.status for n in relay.events("run-1", "node_changed")][-1] == pb.NODE_STATUS_COMPLETED


def test_logs_are_dropped_before_they_get_a_number_and_counted(relay: Relay, attach: Callable[..., Engine]) -> None:
    relay.window = pb.Window(max_unacked_events=8)
    relay.acking = False
    engine = attach()
    assert engine.wait_ready(PATIENCE)
    execution = engine.start("run-1")
    for n in range(20):
        execution.log(f"line {n}")
        execution.progress(n / 20, node_id="n")
    relay.wait(lambda: len(relay.events("run-1")) == 6)
    relay.acking = True
    relay.ack("run-1")
    assert engine.flush(PATIENCE)
    execution.log("after")
    assert engine.flush(PATIENCE)
    lines = messages(relay)
    dropped = relay.events("run-1", "events_dropped")
    assert lines[-1] == "after" and [d.reason for d in dropped] == [pb.DROP_REASON_OUTBOX_FULL]
    assert dropped[0].count + len(lines) == 21
    assert relay.events("run-1", "node_progressed")[-1].fraction == 19 / 20, "the latest progress is not lost"


def test_an_event_that_is_too_large_is_refused_here(execution: Execution) -> None:
    with pytest.raises(footplate.EventTooLarge):
        execution.node("n", output="x" * (257 << 10))
    execution.log("x" * (257 << 10))


def test_a_relay_that_lost_everything_gets_the_state_and_then_the_rest(relay: Relay, engine: Engine) -> None:
    execution = engine.start("run-1", name="Nightly", aliases=["task_1"], budget_usd=2)
    execution.graph(["a", {"node_id": "b", "label": "B"}], [("a", "b")])
    execution.node("a", "running", input={"n": 1})
    execution.node("a", "completed", output=[1, 2])
    execution.node("b", "running")
    execution.cost("0.25", node_id="a", model="m", input_tokens=10)
    execution.cost("0.50", node_id="a", model="m", input_tokens=5)
    execution.log("history")
    used, still_open = execution.gate("g1", node_id="b", title="One?"), execution.gate("g2", node_id="b", title="Two?")
    relay.wait_events("run-1", "gate_opened", 2)
    relay.decide(used)
    decision = used.wait(PATIENCE)
    assert decision is not None
    decision.applied()
    assert engine.flush(PATIENCE)
    acknowledged = relay.next_pseq("run-1") - 1
    relay.accepting = False
    execution.log("on its way")
    relay.wait(lambda: relay.requests_of("events")[-1].batches[0].events[0].log_written.message == "on its way")
    relay.forget()
    relay.accepting = True
    relay.end()
    assert engine.flush(PATIENCE)
    reports = relay.requests_of("state_report")
    assert len(reports) == 1 and reports[0].last and reports[0].as_of_pseq == acknowledged
    events = reports[0].events
    assert [e.WhichOneof("kind") for e in events] == [
        "execution_started",
        "graph_declared",
        "node_changed",
        "node_changed",
        "cost_incurred",
        "cost_incurred",
        "gate_opened",
        "decision_outcome",
    ]
    assert events[0].execution_started.name == "Nightly"
    assert [n.node_id for n in events[1].graph_declared.nodes] == ["a", "b"]
    a = events[2].node_changed
    assert (a.status, a.input.text, a.output.text) == (pb.NODE_STATUS_COMPLETED, b'{"n":1}', b"[1,2]")
    assert (events[4].cost_incurred.increment_usd_nanos, events[4].cost_incurred.input_tokens) == (750_000_000, 15)
    assert events[5].cost_incurred.total_usd_nanos == 750_000_000
    assert events[6].gate_opened.gate_id == "g2" and still_open.is_open
    assert messages(relay) == ["on its way"], "numbered after the report"
    kinds = [request.WhichOneof("message") for request in relay.requests]
    greeted = len(kinds) - 1 - kinds[::-1].index("hello")
    assert kinds[greeted + 1] == "state_report", "no event before the report"
    assert relay.first["run-1"] == acknowledged + 1


def test_a_relay_may_ask_for_the_state_at_any_time(relay: Relay, engine: Engine, execution: Execution) -> None:
    execution.node("n", "running")
    assert engine.flush(PATIENCE)
    relay.send(state_request=pb.StateRequest(execution_ids=["run-1", "unknown"]))
    relay.wait(lambda: relay.requests_of("state_report"))
    assert relay.requests_of("state_report")[0].as_of_pseq == 2
    execution.log("goes on")
    assert engine.flush(PATIENCE)
    assert messages(relay) == ["goes on"]
    # In a batch that was on its way when the relay had lost the state.
    relay.forget()
    execution.log("asked for again")
    assert engine.flush(PATIENCE)
    assert messages(relay) == ["asked for again"] and len(relay.requests_of("state_report")) == 2


def test_a_relay_that_is_behind_what_it_acknowledged_needs_the_state() -> None:
    from footplate._lane import Lane

    lane = Lane("run-1")
    for n in range(3):
        lane.append(pb.Event(log_written=pb.LogWritten(message=str(n))), 10)
    lane.grant(1, need_state=False)
    lane.ack(2)
    lane.disconnect()
    assert (lane.first_unacked, len(lane.entries), lane.bytes) == (3, 1, 10)
    lane.grant(2, need_state=False)
    assert lane.need_state and lane.first_unacked == 3, "the second is not to be had any more"
    (report,) = lane.report(set(), 1 << 20)
    assert report.as_of_pseq == 2 and not lane.need_state
    lane.state_needed(asked=False)
    assert not lane.need_state, "for a batch from before the report"
    lane.grant(3, need_state=False)
    lane.nack(1)
    assert lane.need_state


def test_a_retried_node_starts_clean_in_the_state() -> None:
    from footplate._lane import State

    state = State()
    failed = pb.NodeChanged(node_id="n", status=pb.NODE_STATUS_FAILED, node_attempt=1, label="N")
    failed.failure.message = "no"
    state.apply(pb.Event(node_changed=failed))
    state.apply(pb.Event(node_changed=pb.NodeChanged(node_id="n", status=pb.NODE_STATUS_RUNNING, node_attempt=2)))
    (event,) = state.events(set())
    assert event.node_changed.label == "N" and not event.node_changed.HasField("failure")


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (pb.GOODBYE_REASON_FENCED, footplate.Fenced),
        (pb.GOODBYE_REASON_REPLACED, footplate.Replaced),
        (pb.GOODBYE_REASON_FORBIDDEN, footplate.Refused),
        (pb.GOODBYE_REASON_UNAUTHENTICATED, footplate.Refused),
    ],
)
def test_a_goodbye_for_good_stops_the_engine(
    relay: Relay, engine: Engine, execution: Execution, reason: pb.GoodbyeReason, error: type[Exception]
) -> None:
    gate = execution.gate("g")
    relay.end(pb.Goodbye(reason=reason, message="why"))
    with pytest.raises(error, match="why"):
        gate.wait(PATIENCE)
    with pytest.raises(error):
        execution.log("no more")
    assert relay.streams == 1


def test_a_draining_relay_is_dialled_again(relay: Relay, engine: Engine, execution: Execution) -> None:
    assert engine.flush(PATIENCE)
    relay.end(pb.Goodbye(reason=pb.GOODBYE_REASON_DRAINING, retry_delay=Duration(nanos=1_000_000)))
    execution.log("after")
    assert engine.flush(PATIENCE) and relay.streams == 2
    assert messages(relay) == ["after"]


def test_a_refused_lane_leaves_the_others_alone(relay: Relay, engine: Engine) -> None:
    relay.refuse["run-x"] = pb.LANE_ERROR_CODE_WRONG_OWNER
    other = engine.start("run-x")
    execution = engine.start("run-1")
    gate = other.gate("g")
    with pytest.raises(footplate.LaneRefused):
        gate.wait(PATIENCE)
    with pytest.raises(footplate.LaneRefused):
        other.log("no")
    execution.log("yes")
    assert engine.flush(PATIENCE) and messages(relay) == ["yes"]


def test_closing_flushes_and_half_closes(relay: Relay, attach: Callable[..., Engine]) -> None:
    with attach() as engine, engine.start("run-1") as execution:
        execution.log("last words")
    assert messages(relay) == ["last words"]
    assert relay.events("run-1", "execution_finished")[0].status == pb.EXECUTION_STATUS_COMPLETED
    assert not engine._thread.is_alive()
    with pytest.raises(footplate.EngineStopped):
        execution.log("too late")


def test_an_execution_that_raises_has_failed(relay: Relay, engine: Engine) -> None:
    with pytest.raises(KeyError), engine.start("run-1"):
        raise KeyError("x")
    (finished,) = relay.wait_events("run-1", "execution_finished")
    assert (finished.status, finished.failure.error_type) == (pb.EXECUTION_STATUS_FAILED, "KeyError")


def test_unix_sockets_and_tls(tmp_path, attach: Callable[..., Engine]) -> None:  # type: ignore[no-untyped-def]
    import grpc
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), b"".join(pem.bytes() for pem in issued.cert_chain_pems))]
    )
    secure, local = Relay(credentials=credentials), Relay(f"unix:{tmp_path}/relay.sock")
    try:
        assert attach(secure.target, tls_ca=tmp_path / "ca.pem").wait_ready(PATIENCE)
        assert attach(f"unix:{tmp_path}/relay.sock").wait_ready(PATIENCE)
        assert not attach(secure.target).wait_ready(0.2)
    finally:
        secure.stop()
        local.stop()
