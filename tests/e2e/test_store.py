"""A relay that keeps what happens: killed, ended, started again, and what its viewers and engines notice of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Bench
from relay import PATIENCE, Relay, command
from test_restart import assert_numbered_once
from viewer import assert_shows_what_is

RUN = "run-1"


def again(bench: Bench, first: Relay, store: Path) -> Relay:
    """The same relay, started once more where it was."""
    return bench.relay("--store", str(store), viewers=first.viewers, engines=tuple(first.engines))


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_relay_with_a_store_goes_on_where_it_was(bench: Bench, tmp_path: Path, end: str) -> None:
    first = bench.relay("--store", str(tmp_path / "store"))
    engine = bench.engine(first)
    execution = engine.start(RUN, name="Nightly", budget_usd="1")
    execution.graph(["build", "deploy"], [("build", "deploy")])
    execution.node("build", "completed", output={"rows": 9007199254740993})
    execution.cost("0.25", node_id="build")
    asked = execution.gate("deploy:1", node_id="deploy", title="Deploy?", payload={"n": 1}, options=["approve", "reject"])
    viewer = bench.viewer(first)
    assert viewer.durability == "local"
    picture = viewer.watch_from_birth(RUN)
    shown, epoch = viewer.gate(RUN, "deploy:1"), picture.epoch
    assert engine.flush(PATIENCE)
    getattr(first, end)()

    second = again(bench, first, tmp_path / "store")
    later = bench.viewer(second)
    assert later.boot_id != viewer.boot_id
    answer = later.subscribe(RUN, picture)
    # It is the same log, and nothing of it has to be shown anew.
    assert (answer["recovered"], answer["epoch"]) == (True, epoch), answer
    decision_id = later.decide(RUN, shown, "approve")
    decision = asked.wait(PATIENCE)
    assert decision is not None and decision.decision_id == decision_id
    with decision.consume():
        pass
    execution.node("deploy", "completed")
    execution.finish()
    later.expect("execution_complete", status="completed")
    later.expect_stages(decision_id, "recorded", "delivered", "applied")
    assert {it["epoch"] for it in picture.records} == {epoch} and picture.snapshots == 0
    assert_numbered_once(picture.records)
    assert not execution.issues
    assert_shows_what_is(second, later, RUN)


def test_a_decision_that_nobody_could_be_told_outlives_the_relay(bench: Bench, tmp_path: Path) -> None:
    first = bench.relay("--store", str(tmp_path))
    killed = bench.example(first, RUN)
    viewer = bench.viewer(first)
    viewer.watch_from_birth(RUN)
    shown = viewer.gate(RUN, "approve:1")
    killed.kill()
    viewer.expect("engine_status", status="lost", producer_id="example-engine")
    decision_id = viewer.decide(RUN, shown, shown["options"][0]["option_id"])
    viewer.expect_stages(decision_id, "recorded")
    first.kill()

    second = again(bench, first, tmp_path)
    later = bench.viewer(second)
    later.watch_from_birth(RUN)
    resolved = later.expect("gate_resolved", gate_id="approve:1")
    assert resolved["gate"]["votes"][0]["decision_id"] == decision_id, resolved
    code, said = bench.example(second, RUN).ends()
    assert code == 0, said
    later.expect("execution_complete", status="completed")


def test_what_is_kept_is_for_its_users_eyes_alone_and_no_link_is_followed(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "store"
    relay = bench.relay("--store", str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert files and all(it.stat().st_mode & 0o777 == 0o600 for it in files), files
    relay.stop()
    (kept,) = files
    elsewhere = kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(elsewhere)
    here = ("--viewer-listen", "127.0.0.1:0", "--engine-listen", "127.0.0.1:0", "--admin-listen", "none")
    ended = command("serve", *here, "--store", str(folder))
    assert ended.returncode == 1 and "link" in ended.stderr, ended
