#!/usr/bin/env python3
"""Does a test notice? Puts one known bug after the other into a copy of the source and runs the tests that should.

Each bug stands in tests/mutants/mutants.toml, beside the invariant that it breaks. A bug that no test notices fails the
run. It takes about a minute for each, so it is no part of `make test`.

  scripts/mutants.py            all of them
  scripts/mutants.py e2 d1      those whose names begin so
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests/mutants/mutants.toml"
# What the copy consists of: everything that is compiled or read by a test.
PARTS = ("Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain.toml", "src", "proto", "tests", "docs", "clients", "benches")
PARTS += ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile", "clippy.toml", "rustfmt.toml", "deploy", "scripts")
# How long a bug may keep the tests from ending, in seconds: that is noticed as well.
PATIENCE = 600


def copied(target: Path) -> Path:
    """A copy of the source at a place of its own, so that nothing is lost when this is interrupted."""
    copy = target / "mutants"
    copy.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        here, there = ROOT / part, copy / part
        if not here.exists():
            continue
        if here.is_dir():
            skip = shutil.ignore_patterns("node_modules", "__pycache__", ".venv", "target")
            shutil.rmtree(there, ignore_errors=True)
            shutil.copytree(here, there, ignore=skip, symlinks=True)
        else:
            shutil.copy2(here, there)
    return copy


def build(copy: Path, target: Path) -> Path:
    """The test program of the copy as it is now."""
    env = os.environ | {"CARGO_TARGET_DIR": str(target)}
    command = ["cargo", "test", "--locked", "--no-run", "--test", "it"]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
    found = re.search(r"Executable tests/it/main\.rs \((.+)\)", done.stderr)
    if done.returncode != 0 or found is None:
        sys.exit(f"mutants: it does not compile:\n{done.stderr[-3000:]}")
    return copy / found[1]


def noticed(program: Path, copy: Path, tests: list[str]) -> str | None:
    """The first test that fails, if one does."""
    env = os.environ | {"PROPTEST_FAILURE_PERSISTENCE": "off"}
    try:
        done = subprocess.run([program, *tests], cwd=copy, env=env, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return "(they do not end)"
    failed = re.findall(r"^test (\S+) \.\.\. FAILED$", done.stdout, re.MULTILINE)
    ran = re.search(r"(\d+) passed; (\d+) failed", done.stdout)
    if ran is None:
        return "(they do not end well)" if done.returncode else None
    if ran[1] == ran[2] == "0":
        sys.exit(f"mutants: no such tests: {tests}")
    return failed[0] if failed else None


def main() -> int:
    wanted = tuple(sys.argv[1:])
    if wanted and wanted[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    mutants = [it for it in tomllib.loads(LIST.read_text())["mutant"] if it["id"].startswith(wanted or "")]
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    copy = copied(target)
    every = sorted({test for it in mutants for test in it["tests"]})
    print("mutants: first, all is well without any", flush=True)
    program = build(copy, target)
    if (failed := noticed(program, copy, every)) is not None:
        sys.exit(f"mutants: {failed} fails without any bug")
    survivors = []
    for it in mutants:
        path = copy / it["file"]
        text = path.read_text()
        if text.count(it["find"]) != 1:
            sys.exit(f"mutants: {it['id']}: {it['file']} has this {text.count(it['find'])} times, not once:\n{it['find']}")
        path.write_text(text.replace(it["find"], it["replace"]))
        try:
            found = noticed(build(copy, target), copy, it["tests"])
        finally:
            path.write_text(text)
        print(f"{it['id']:<28} {it['bug']:<64} {found or 'NOT NOTICED'}", flush=True)
        if found is None:
            survivors.append(it["id"])
    print(f"mutants: {len(mutants) - len(survivors)} of {len(mutants)} noticed", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
