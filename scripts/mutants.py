#!/usr/bin/env python3
"""Does a test notice? Puts one known bug after the other into a copy of the source and runs the tests that should.

Each bug stands in tests/mutants/mutants.toml, beside the invariant that it breaks. One that no test notices fails the
run; one that keeps the tests from ending is noticed. It takes about a minute for each, so it is no part of `make test`.

  scripts/mutants.py            all of them
  scripts/mutants.py e2 d1      those whose names begin so

The source itself is never touched: the copy is target/mutants, with the dependencies that are built in target.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests/mutants/mutants.toml"
# How long the tests of a bug may take, in seconds, unless it says otherwise.
PATIENCE = 300
# Nothing is written down of games that fail here, and nobody reads the smallest of them.
QUIETLY = {"PROPTEST_FAILURE_PERSISTENCE": "off", "PROPTEST_MAX_SHRINK_ITERS": "0"}

Mutant = dict[str, Any]


class Unfit(Exception):
    """The list, and not a test, has to be mended."""


@dataclass(frozen=True)
class Verdict:
    """What became of one bug."""

    mutant: Mutant
    by: str | None
    seconds: float
    fault: bool = False

    @property
    def is_caught(self) -> bool:
        return self.by is not None and not self.fault

    def row(self) -> tuple[str, str, str, str]:
        """For the table."""
        by = self.by or "NOTHING"
        return self.mutant["id"], invariant(self.mutant), by, f"{self.seconds:.0f}"


def say(text: str) -> None:
    """Where it is, and when."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def invariant(mutant: Mutant) -> str:
    """What its name begins with: `E2`, or several, or a row of the fault table."""
    row = re.match(r"row_\d+", mutant["id"])
    ids = re.match(r"(?:[ecdr]\d_)+", mutant["id"])
    if row is None and ids is None:
        raise Unfit(f"{mutant['id']}: a name begins with its invariant, as in e2_ack_before_commit")
    return row[0].replace("_", " ") if row else ids[0].strip("_").replace("_", " ").upper() if ids else ""


def copied(copy: Path) -> None:
    """Makes the copy what the source is. What has not changed is not written, so that cargo sees what has, whatever an
    earlier run has left there."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        here, there = ROOT / name, copy / name
        if not there.is_file() or there.read_bytes() != here.read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(here.read_bytes())
    for folder in ("src", "tests", "proto"):
        for there in (copy / folder).rglob("*"):
            if there.is_file() and str(there.relative_to(copy)) not in names:
                there.unlink()


def build(copy: Path, target: Path) -> Path:
    """The test program of the copy as it is now."""
    env = os.environ | {"CARGO_TARGET_DIR": str(target)}
    command = ["cargo", "test", "--locked", "--no-run", "--test", "it"]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
    found = re.search(r"Executable tests/it/main\.rs \((.+)\)", done.stderr)
    if done.returncode != 0 or found is None:
        raise Unfit(f"it does not compile:\n{done.stderr[-3000:]}")
    return copy / found[1]


def noticed(program: Path, copy: Path, tests: list[str], patience: float) -> str | None:
    """The first test that fails, if one does. The others are not waited for."""
    running = subprocess.Popen(
        [program, *tests],
        cwd=copy,
        env=os.environ | QUIETLY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    late = threading.Event()

    def give_up() -> None:
        late.set()
        running.kill()

    timer = threading.Timer(patience, give_up)
    timer.start()
    ran = None
    assert running.stdout is not None
    try:
        for line in running.stdout:
            if failed := re.match(r"test (\S+).* \.\.\. FAILED$", line):
                return failed[1]
            ran = re.match(r"test result: .* (\d+) passed; (\d+) failed", line) or ran
    finally:
        timer.cancel()
        running.kill()
        running.stdout.close()
        code = running.wait()
    if late.is_set():
        return f"(no end within {patience:.0f} s)"
    if ran is None:
        return f"(the tests break off: {code})"
    if ran[1] == ran[2] == "0":
        raise Unfit(f"there are no such tests: {tests}")
    return None


def tried(mutant: Mutant, copy: Path, target: Path) -> str | None:
    """What notices it. Afterwards the copy is as before."""
    path = copy / mutant["file"]
    text = path.read_text()
    times = text.count(mutant["find"])
    if times != 1:
        raise Unfit(f"{mutant['file']} has this {times} times, not once:\n{mutant['find']}")
    path.write_text(text.replace(mutant["find"], mutant["replace"]))
    try:
        program = build(copy, target)
        return noticed(program, copy, mutant["tests"], mutant.get("seconds", PATIENCE))
    finally:
        path.write_text(text)


def table(verdicts: list[Verdict]) -> str:
    """One line for each."""
    rows = [("mutant", "invariant", "caught by", "seconds"), *(it.row() for it in verdicts)]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(lines)


def run(mutants: list[Mutant], copy: Path, target: Path) -> list[Verdict]:
    """All of them, one after the other, once it is certain that nothing fails without them."""
    copied(copy)
    say("first, all is well without any")
    program = build(copy, target)
    every = sorted({test for it in mutants for test in it["tests"]})
    if (failed := noticed(program, copy, every, 4 * PATIENCE)) is not None:
        sys.exit(f"mutants: {failed} fails without any bug")
    verdicts = []
    for at, it in enumerate(mutants, 1):
        began = time.monotonic()
        try:
            invariant(it)
            by, fault = tried(it, copy, target), False
        except Unfit as why:
            by, fault = f"LIST AT FAULT: {str(why).splitlines()[0]}", True
            print(why, file=sys.stderr)
        verdict = Verdict(it, by, time.monotonic() - began, fault)
        verdicts.append(verdict)
        say(f"{at:>2}/{len(mutants)}  {it['id']}: {it['bug']}\n{'':>17}{by or 'NOT NOTICED'}, {verdict.seconds:.0f} s")
    return verdicts


def main() -> int:
    wanted = tuple(sys.argv[1:])
    if wanted and wanted[0].startswith("-"):
        print(__doc__)
        return 0
    known: list[Mutant] = tomllib.loads(LIST.read_text())["mutant"]
    mutants = [it for it in known if it["id"].startswith(wanted or "")]
    if not mutants:
        sys.exit(f"mutants: none begins with {' or '.join(wanted)}")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    copy = target / "mutants"
    copy.mkdir(parents=True, exist_ok=True)
    with (target / "mutants.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("mutants: they are being tried already: wait until that has ended")
        verdicts = run(mutants, copy, target)
    caught = sum(it.is_caught for it in verdicts)
    print(f"\n{table(verdicts)}\n\nmutants: {caught} of {len(verdicts)} noticed", flush=True)
    return 0 if caught == len(verdicts) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("mutants: broken off; only the copy was touched, and it is made anew next time")
