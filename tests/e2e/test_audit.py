"""The audit log as others see it: a program of a page's length checks it, a full disk and a dead relay leave it whole."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import relay as relays
from conftest import Bench
from relay import BINARY, PATIENCE, Relay, command

RUN = "run-1"
CANARY = "quicksilver-canary"
PAGE = Path(__file__).parents[2] / "docs/audit.md"


def foreign(path: Path) -> subprocess.CompletedProcess[str]:
    """Checks a file with what the page says, and nothing of ours."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=PATIENCE)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def kinds(path: Path) -> list[str]:
    return [line["kind"] for line in lines(path)]


def story(bench: Bench, relay: Relay) -> None:
    """Two gates: one is decided, and then by somebody else again; one decides itself."""
    engine = bench.engine(relay, "nightly-1")
    execution = engine.start(RUN)
    payload = {"n": f"{CANARY} payload"}
    gate = execution.gate("deploy:1", node_id="deploy", title=f"{CANARY} title", payload=payload)
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    shown = viewer.gate(RUN, "deploy:1")
    said = {"comment": f"{CANARY} comment", "modification": {"n": f"{CANARY} modification"}}
    first = viewer.decide(RUN, shown, "modify", **said)
    viewer.expect("receipt", decision_id=first, stage="recorded")
    decision = gate.wait(PATIENCE)
    assert decision is not None
    decision.applied()
    viewer.expect("receipt", decision_id=first, stage="applied")
    second = viewer.decide(RUN, shown, "reject", comment=f"{CANARY} comment")
    viewer.expect("receipt", decision_id=second, stage="already_decided")
    execution.gate("late:1", title="Late?", deadline=0.05)
    viewer.expect("gate_resolved", gate_id="late:1")
    viewer.close()
    engine.close(PATIENCE)


def test_a_page_is_enough_to_check_a_file_and_the_program_says_the_same(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    relay = bench.relay("--audit", str(path))
    story(bench, relay)
    relay.stop()
    text = path.read_bytes()
    assert CANARY.encode() not in text
    assert path.stat().st_mode & 0o777 == 0o600
    there = kinds(path)
    for kind in ("begun", "gate_opened", "vote", "resolved", "delivered", "applied", "losing_vote", "ended"):
        assert kind in there, there
    late = next(line for line in lines(path) if line["kind"] == "resolved" and line["gate_id"] == "late:1")
    assert (late["outcome"], late["source"]) == ("expired", "timer") and "principal" not in late, late

    said = foreign(path)
    assert said.returncode == 0, said
    count, head = said.stdout.split()
    assert int(count) == len(there)
    last = next(json.loads(line) for line in relay.lines if '"head"' in line)
    assert last["head"] == head, "it stands in the relay's log, too"
    right = command("audit", "verify", str(path), "--head", head)
    assert right.returncode == 0 and not right.stderr and head in right.stdout, right

    # Each of these is found by both; what is cut off at the end only with the head.
    whole = text.splitlines(keepends=True)
    changed = text.replace(b'"subject":"local"', b'"subject":"locaL"', 1)
    for bad, where in (
        (changed, next(n for n, line in enumerate(whole, 1) if b'"subject"' in line)),
        (b"".join(whole[:3] + whole[4:]), 4),
        (b"".join([*whole[:2], whole[3], whole[2], *whole[4:]]), 3),
        (text[:-9], len(whole)),
        (b"".join(whole[1:]), 1),
    ):
        path.write_bytes(bad)
        assert f"line {where}: " in foreign(path).stderr
        told = command("audit", "verify", str(path))
        assert told.returncode == 1 and f"{path}: line {where}: " in told.stdout, told
    path.write_bytes(b"".join(whole[:-1]))
    assert command("audit", "verify", str(path)).returncode == 0
    cut = command("audit", "verify", str(path), "--head", head)
    assert cut.returncode == 1 and "missing" in cut.stdout, cut
    # A head of yesterday is held by what has grown since.
    path.write_bytes(text)
    older = command("audit", "verify", str(path), "--head", json.loads(whole[2])["hash"])
    assert older.returncode == 0 and f"line 3; {len(whole) - 3} have come since" in older.stdout, older


def test_what_the_program_is_told_wrongly_it_says(tmp_path: Path) -> None:
    wrong = command("audit", "verify", str(tmp_path / "gone"), "--head", "abc")
    assert wrong.returncode == 64 and "64 hexadecimal digits" in wrong.stderr, wrong
    gone = command("audit", "verify", str(tmp_path / "gone"))
    assert gone.returncode == 1 and f"{tmp_path}/gone: it can't be read" in gone.stdout, gone
    assert "--head" in command("audit", "verify", "--help").stdout
    diary = tmp_path / "diary"
    diary.write_text("dear diary\n")
    for path, why in ((diary, "no audit log"), (tmp_path, "no file"), (tmp_path / "a" / "b", "no directory")):
        ended = command("serve", "--audit", str(path), "--viewer-listen", "127.0.0.1:0", "--admin-listen", "none")
        assert ended.returncode in (1, 64) and why in ended.stderr, ended
    assert diary.read_text() == "dear diary\n"


def test_a_relay_that_is_killed_owes_no_line(bench: Bench, tmp_path: Path) -> None:
    """Whenever it is killed, the next one makes up for what was recorded and not written down."""
    path, store = tmp_path / "audit.jsonl", tmp_path / "store"
    with_both = ("--store", str(store), "--audit", str(path))
    first = bench.relay(*with_both)
    execution = bench.engine(first).start(RUN)
    viewer = bench.viewer(first)
    execution.gate("deploy:0", title="Deploy?")
    viewer.watch_from_birth(RUN)
    shown = viewer.gate(RUN, "deploy:0")
    decision_id = viewer.decide(RUN, shown, "approve")
    viewer.expect("receipt", decision_id=decision_id, stage="recorded")
    first.kill()
    written = path.read_bytes().splitlines(keepends=True)
    # As if it had been killed before any of this was on disk, and in the middle of a line.
    path.write_bytes(written[0] + written[1][:50] if len(written) > 1 else written[0] + b'{"seq":2')
    second = bench.relay(*with_both)
    second.stop()
    there = lines(path)
    assert [it["kind"] for it in there[:2]] == ["begun", "resumed"] and there[1]["torn_bytes"] > 0
    assert path.with_name("audit.jsonl.torn-1").stat().st_size == there[1]["torn_bytes"]
    votes = [it for it in there if it["kind"] == "vote"]
    assert [it["decision_id"] for it in votes] == [decision_id] and votes[0]["principal"]["subject"] == "local"
    assert [it["gate_id"] for it in there if it["kind"] == "gate_opened"] == ["deploy:0"]
    assert [it["outcome"] for it in there if it["kind"] == "resolved"] == ["decided"]
    assert foreign(path).returncode == 0
    # Nothing twice, however often it starts.
    bench.relay(*with_both).stop()
    bench.relay(*with_both).kill()
    bench.relay(*with_both).stop()
    there = [it for it in lines(path) if "record" in it]
    records = [(it["record"]["epoch"], it["record"]["seq"]) for it in there]
    # Its engine may have been quicker than the kill.
    assert len(records) == len(set(records)) == 3 + sum(it["kind"] == "delivered" for it in there), there


def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    path, wrapper = tmp_path / "audit.jsonl", tmp_path / "footplate"
    # The kernel would end whoever writes beyond its limit and has not said that it wants an error instead.
    wrapper.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec '{BINARY}' \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setattr(relays, "BINARY", str(wrapper))
    relay = Relay("--audit", str(path))
    try:
        pid = relay.process.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        size = path.stat().st_size
        # Room for a piece of a line.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 100, most))
        story(bench, relay)
        relay.wait(lambda: [it for it in relay.lines if "can't be written" in it], "it says nothing")
        assert "footplate_audit_failing 1" in relay.operators("/metrics")[1]
        assert path.stat().st_size in (size, size + 100)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        relay.wait(lambda: [it for it in relay.lines if "can be written again" in it], "it has given up")
        assert "footplate_audit_failing 0" in relay.operators("/metrics")[1]
        assert relay.terminate() == 0
    finally:
        relay.kill()
    assert foreign(path).returncode == 0
    for kind in ("gate_opened", "vote", "resolved", "delivered", "applied", "losing_vote", "ended"):
        assert kind in kinds(path)
