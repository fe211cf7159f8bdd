#!/usr/bin/env python3
"""Does a test notice? Builds every known bug into a copy of the source, each asleep until it is named, and runs for one
after the other the tests that should notice it.

The bugs stand in tests/mutants/mutants.toml, beside the invariants that they break. First all of these tests have to pass
with every bug asleep. One that no test notices fails the run; one that keeps the tests from ending is noticed. It takes
some minutes, so it is no part of `make test`.

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
# What a bug asks before it wakes: at the end of the copy's src/lib.rs.
SWITCH = """
/// Whether this known bug is wanted.
pub fn bug(id: &str) -> bool {
    static WANTED: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("KNOWN_BUG").unwrap_or_default());
    *WANTED == id
}
"""

Mutant = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What became of one bug."""

    mutant: Mutant
    by: str | None
    seconds: float

    def row(self) -> tuple[str, str, str, str]:
        """For the table."""
        return self.mutant["id"], invariant(self.mutant), self.by or "NOTHING", f"{self.seconds:.1f}"


def say(text: str) -> None:
    """Where it is, and when."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def invariant(mutant: Mutant) -> str:
    """What its name begins with: `E2`, or several, or a row of the fault table."""
    found = re.match(r"row_\d+(?=_)|[ecdr]\d(?:_[ecdr]\d)*(?=_)", mutant["id"])
    if found is None:
        sys.exit(f"mutants: {mutant['id']}: a name begins with its invariant, as in e2_ack_before_commit")
    return found[0].replace("_", " ") if found[0].startswith("row") else found[0].replace("_", " ").upper()


def copied(copy: Path, mutants: list[Mutant]) -> None:
    """Makes the copy what the source is, with all bugs in it. What has not changed is not written, so that cargo builds
    what has, whatever an earlier run has left there."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    wanted = {name: (ROOT / name).read_bytes() for name in names}
    for it in mutants:
        for place in (it, *it.get("also", ())):
            text = wanted[place["file"]].decode()
            # A bug before it may stand in the same file, but not in the same place.
            if (times := text.count(place["find"])) != 1:
                sys.exit(f"mutants: {it['id']}: {place['file']} has this {times} times, not once:\n{place['find']}")
            asleep = place["replace"].replace("BUG", f'crate::bug("{it["id"]}")')
            wanted[place["file"]] = text.replace(place["find"], asleep).encode()
    wanted["src/lib.rs"] += SWITCH.encode()
    for name, content in wanted.items():
        there = copy / name
        if not there.is_file() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)
    for folder in ("src", "tests", "proto"):
        for there in (copy / folder).rglob("*"):
            if there.is_file() and str(there.relative_to(copy)) not in names:
                there.unlink()


def build(copy: Path, target: Path) -> Path:
    """The copy's test program."""
    env = os.environ | {"CARGO_TARGET_DIR": str(target)}
    # Where in a file something is nobody asks here.
    command = ["cargo", "test", "--locked", "--no-run", "--test", "it", "--config", "profile.dev.debug=0"]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
    found = re.search(r"Executable tests/it/main\.rs \((.+)\)", done.stderr)
    if done.returncode != 0 or found is None:
        sys.exit(f"mutants: with the bugs in it, it does not compile:\n{done.stderr[-3000:]}")
    return copy / found[1]


def noticed(program: Path, copy: Path, bug: str, tests: list[str], patience: float) -> str | None:
    """The first test that fails, if one does. The others are not waited for."""
    running = subprocess.Popen(
        [program, *tests],
        cwd=copy,
        env=os.environ | QUIETLY | {"KNOWN_BUG": bug},
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
        return f"(the tests don't end within {patience:.0f} s)"
    if ran is None:
        return f"(the tests break off: {code})"
    if ran[1] == ran[2] == "0":
        sys.exit(f"mutants: {bug}: there are no such tests: {tests}")
    return None


def table(verdicts: list[Verdict]) -> str:
    """One line for each."""
    rows = [("mutant", "invariant", "caught by", "seconds"), *(it.row() for it in verdicts)]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(lines)


def run(known: list[Mutant], mutants: list[Mutant], copy: Path, target: Path) -> list[Verdict]:
    """All of `mutants`, one after the other, once it is certain that nothing fails without them."""
    say(f"building the source with {len(known)} bugs in it")
    copied(copy, known)
    program = build(copy, target)
    every = sorted({test for it in mutants for test in it["tests"]})
    say("all is well while they are asleep?")
    if (failed := noticed(program, copy, "", every, 4 * PATIENCE)) is not None:
        sys.exit(f"mutants: {failed} fails without any bug")
    verdicts = []
    for at, it in enumerate(mutants, 1):
        began = time.monotonic()
        by = noticed(program, copy, it["id"], it["tests"], it.get("seconds", PATIENCE))
        verdicts.append(Verdict(it, by, time.monotonic() - began))
        say(f"{at:>2}/{len(mutants)}  {it['id']}: {it['bug']}\n{'':>17}{by or 'NOT NOTICED'}")
    return verdicts


def main() -> int:
    wanted = tuple(sys.argv[1:])
    if wanted and wanted[0].startswith("-"):
        print(__doc__)
        return 0
    known: list[Mutant] = tomllib.loads(LIST.read_text())["mutant"]
    mutants = [it for it in known if it["id"].startswith(wanted or "") and invariant(it)]
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
        verdicts = run(known, mutants, copy, target)
    caught = sum(it.by is not None for it in verdicts)
    print(f"\n{table(verdicts)}\n\nmutants: {caught} of {len(verdicts)} noticed", flush=True)
    return 0 if caught == len(verdicts) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("mutants: broken off; only the copy was touched, and the next run makes it what it has to be")
