"""A relay that keeps what happens: killed, ended, started again, and what its viewers and engines notice of it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Bench
from disk import limit_files, small, wrapped
from engines import Wire, line, started
from relay import BINARY, PATIENCE, Relay, command, environment
from test_restart import assert_numbered_once
from viewer import Picture, assert_shows_what_is

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


def blocked(relay: Relay, wire: Wire, said: int) -> int:
    """Says more until the relay takes no more in, which it says itself: the number of the last line said."""
    for _ in range(500):
        for _ in range(4):
            wire.publish(RUN, said + 1, *(line(f"{n} " + "x" * 1_000) for n in range(said + 1, said + 17)))
            said += 16
        with wire.news:
            wire.news.wait_for(lambda: wire.acked(RUN) == said or relay.operators("/readyz")[0] != 200, 1)
        if relay.operators("/readyz") == (503, "not ready\n"):
            assert relay.operators("/livez") == (200, "live\n"), "it waits, and is not to be killed for that"
            relay.wait(lambda: any("the store takes nothing in" in it for it in relay.lines), "it says nothing of that")
            return said
    raise AssertionError(f"it goes on after {said} lines, {wire.acked(RUN)} acknowledged")


def until_ready(relay: Relay) -> None:
    relay.wait(lambda: any("takes in again" in it for it in relay.lines), "it does not go on")
    for _ in range(1_000):
        if relay.operators("/readyz")[0] == 200:
            return
    raise AssertionError("it goes on, and does not say that it is ready")


def holds_up_and_goes_on(bench: Bench, store: Path, fill: Callable[[Relay], None], free: Callable[[Relay], None]) -> None:
    """What a relay does whose store can't grow: nothing, until it can. No acknowledgement is taken back, by a kill either."""
    first = Relay("--store", str(store))
    try:
        wire = bench.wire(first)
        wire.publish(RUN, 1, started())
        wire.wait_acked(RUN, 1)
        fill(first)
        said = blocked(first, wire, 1)
        assert wire.acked(RUN) < said, "what it can't keep it does not acknowledge"
        free(first)
        # Nobody has to say anything again.
        wire.wait_acked(RUN, said)
        until_ready(first)
        fill(first)
        said = blocked(first, wire, said)
        acked = wire.acked(RUN)
        assert acked < said
    finally:
        first.kill()
    free(first)
    second = Relay("--store", str(store))
    try:
        status, shown = second.http("GET", f"/v1/executions/{RUN}")
        assert status == 200, shown
        (producer,) = shown["state"]["producers"]
        assert acked <= producer["last_pseq"] <= said, "what was acknowledged is there"
        wire = bench.wire(second)
        rest = range(producer["last_pseq"] + 1, said + 2)
        for n in rest:
            wire.publish(RUN, n, line(f"{n} again"))
        wire.wait_acked(RUN, said + 1)
        assert not [it for it in wire.results(RUN) if it.HasField("nack") or it.issues]
    finally:
        code = second.terminate()
    second.check_log()
    assert code == 0


def test_a_full_disk_holds_everything_up_and_loses_nothing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small(tmp_path / "disk", 8 << 20) as disk:
        wrapped(tmp_path, monkeypatch, disk.enter)
        # So near the end that some of it is taken in yet.
        holds_up_and_goes_on(bench, disk.mount / "store", lambda _: disk.fill(leave=600_000), lambda _: disk.free())


def test_a_file_that_may_not_grow_holds_everything_up_and_loses_nothing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who does not ignore that signal is ended by it, as by a kill.
    wrapped(tmp_path, monkeypatch, "trap '' XFSZ; exec")
    file = tmp_path / "store/footplate.redb"

    def free(relay: Relay) -> None:
        if relay.process.poll() is None:
            limit_files(relay, None)

    holds_up_and_goes_on(bench, tmp_path / "store", lambda relay: limit_files(relay, file.stat().st_size), free)


def test_a_store_on_a_read_only_file_system_is_refused_and_says_what_to_do(bench: Bench, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = Relay("--store", str(store))
    wire = bench.wire(first)
    wire.publish(RUN, 1, started())
    wire.wait_acked(RUN, 1)
    assert first.terminate() == 0
    before = (store / "footplate.redb").read_bytes()
    at, serve = shlex.quote(str(store)), [BINARY, "serve", "--viewer-listen", "127.0.0.1:0", "--admin-listen", "none"]
    mounts = f"mount --bind {at} {at} && mount -o remount,bind,ro {at} && echo mounted && exec "
    script = mounts + shlex.join([*serve, "--engine-listen", "127.0.0.1:0", "--store", str(store)])
    alone = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", script]
    ended = subprocess.run(alone, capture_output=True, text=True, timeout=PATIENCE, env=environment())
    if not ended.stdout.startswith("mounted\n"):
        # Not skipped: nobody shall think that this was tried.
        pytest.fail(f"this test has to mount a file system, as root or in a user namespace: {ended.stderr}")
    assert ended.returncode not in (0, 101), ended
    assert str(store) in ended.stderr and "see that the relay may write there" in ended.stderr, ended.stderr
    assert (store / "footplate.redb").read_bytes() == before, "it is left as it was"


def test_a_second_signal_in_the_middle_of_a_replay_ends_it_and_takes_nothing(bench: Bench, tmp_path: Path) -> None:
    first = Relay("--store", str(tmp_path), "--drain-grace", "1h")
    try:
        wire = bench.wire(first)
        wire.publish(RUN, 1, started())
        lines = 8_000
        for n in range(2, lines + 2, 100):
            wire.publish(RUN, n, *(line(f"{it} " + "x" * 1_000) for it in range(n, n + 100)))
        wire.wait_acked(RUN, lines + 1)
        _, shown = first.http("GET", f"/v1/executions/{RUN}")
        epoch, head = shown["epoch"], shown["seq"]
        # So slow that it is in the middle of it whenever it reads no more.
        viewer = bench.viewer(first, receive_buffer=4_096)
        picture = Picture(RUN, epoch)
        assert viewer.subscribe(RUN, picture)["recovered"]
        viewer.wait(lambda: picture.seq >= 500)
        first.process.send_signal(signal.SIGTERM)
        first.wait(lambda: any('"draining"' in it for it in first.lines), "it does not drain")
        assert first.process.poll() is None and picture.seq < head, "it waits for who has not seen everything"
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(PATIENCE) == 1
    finally:
        first.kill()
    first.check_log()
    second = bench.relay("--store", str(tmp_path))
    _, shown = second.http("GET", f"/v1/executions/{RUN}")
    assert shown["epoch"] == epoch and shown["seq"] >= head
    later = bench.viewer(second)
    assert later.subscribe(RUN, picture)["recovered"], "it goes on where it was"
    later.wait(lambda: picture.seq >= head)
    assert picture.snapshots == 0


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
