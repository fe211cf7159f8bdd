"""One question, one answer, whoever else answers at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from conftest import Bench
from relay import PATIENCE, Message, Relay
from viewer import Viewer, assert_shows_what_is

RUN = "run-1"
ROUNDS = 20
# Dashboards may decide so often at once.
BURST = 5


def test_of_two_dashboards_that_decide_at_once_one_wins_and_the_other_is_told_who(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    execution = bench.engine(relay).start(RUN)
    pair: list[Viewer] = []
    for round_ in range(ROUNDS):
        if round_ % BURST == 0:
            for viewer in pair:
                viewer.close()
            pair = [watching(bench, relay) for _ in range(2)]
        gate_id = f"deploy:{round_}"
        gate = execution.gate(gate_id, title="Deploy?", options=["approve", "reject"])
        start = threading.Barrier(2)

        def decide(viewer: Viewer, option_id: str, gate_id: str = gate_id, start: threading.Barrier = start) -> Message:
            shown = viewer.gate(RUN, gate_id)
            start.wait(PATIENCE)
            decision_id = viewer.decide(RUN, shown, option_id)
            return viewer.expect("receipt", decision_id=decision_id)

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(decide, pair, ("approve", "reject")))
        assert sorted(it["stage"] for it in told) == ["already_decided", "recorded"], told
        won = [it["stage"] for it in told].index("recorded")
        option_id = ("approve", "reject")[won]
        lost = told[1 - won]
        assert (lost["by"]["subject"], lost["option_id"], lost["kind"]) == ("local", option_id, option_id)

        resolved = [viewer.expect("gate_resolved", gate_id=gate_id) for viewer in pair]
        assert resolved[0] == resolved[1]
        assert resolved[0]["gate"]["decision"]["decision_id"] == told[won]["decision_id"]
        decision = gate.wait(PATIENCE)
        assert decision is not None and decision.option_id == option_id
        decision.applied()
        applied = [viewer.expect("gate_delivery", gate_id=gate_id, delivery="applied") for viewer in pair]
        assert applied[0] == applied[1]
    for viewer in pair:
        resolved = [it["gate_id"] for it in viewer.pictures[RUN].records if it["type"] == "gate_resolved"]
        assert len(resolved) == len(set(resolved)), "a gate is resolved once"
        assert_shows_what_is(relay, viewer, RUN)


def test_the_same_decision_sent_again_is_one_decision_with_one_answer(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    gate = bench.engine(relay).start(RUN).gate("g", options=["approve", "reject"])
    first = watching(bench, relay)
    shown = first.gate(RUN, "g")
    decision_id = first.decide(RUN, shown, "approve")
    first.expect("receipt", decision_id=decision_id, stage="recorded")
    first.cut()
    # The answer may have been lost with the connection: so the same is said once more.
    again = watching(bench, relay)
    assert again.decide(RUN, shown, "approve", decision_id=decision_id) == decision_id
    answer = again.expect("receipt", decision_id=decision_id)
    assert answer["stage"] in ("recorded", "delivered"), answer
    # The same name for something else is refused.
    assert again.decide(RUN, shown, "reject", decision_id=decision_id) == decision_id
    again.expect("receipt", decision_id=decision_id, stage="id_reused")
    decision = gate.wait(PATIENCE)
    assert decision is not None and decision.decision_id == decision_id
    decision.applied()
    again.expect("receipt", decision_id=decision_id, stage="applied")
    assert sum(it["type"] == "gate_resolved" for it in again.pictures[RUN].records) <= 1


def watching(bench: Bench, relay: Relay) -> Viewer:
    """A dashboard that watches the run."""
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    return viewer
