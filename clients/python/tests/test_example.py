"""The example engine does what its text says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from relay import PATIENCE, Relay

from footplate import proto as pb

EXAMPLE = Path(__file__).parent.parent / "examples" / "engine.py"


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        ("approve", 0, pb.EXECUTION_STATUS_COMPLETED),
        ("modify", 0, pb.EXECUTION_STATUS_COMPLETED),
        ("reject", 3, pb.EXECUTION_STATUS_FAILED),
        ("cancel", 2, pb.EXECUTION_STATUS_CANCELLED),
    ],
)
def test_the_example_obeys(relay: Relay, answer: str, code: int, status: pb.ExecutionStatus) -> None:
    command = [sys.executable, str(EXAMPLE), "--target", relay.target, "--execution", "nightly-1", "--fast"]
    engine = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        (opened,) = relay.wait_events("nightly-1", "gate_opened")
        if answer == "cancel":
            relay.command("nightly-1", "cancel", "c1")
        else:
            gate = SimpleNamespace(
                gate_id=opened.gate_id, version=1, opened=opened, _execution=SimpleNamespace(execution_id="nightly-1")
            )
            plan = pb.Json(text=b'{"service":"ranking","version":"v12","replicas":1}') if answer == "modify" else None
            relay.decide(gate, kind=answer, modification=plan)
        said, _ = engine.communicate(timeout=PATIENCE)
    finally:
        engine.kill()
    assert engine.returncode == code, said
    assert ("'replicas': 1}" in said) == (answer == "modify"), said
    (finished,) = relay.events("nightly-1", "execution_finished")
    assert finished.status == status
    budget = relay.events("nightly-1", "execution_started")[0].budget_usd_nanos
    spent = sum(cost.increment_usd_nanos for cost in relay.events("nightly-1", "cost_incurred"))
    assert (budget, spent) == (250_000_000, 100_000_000)
