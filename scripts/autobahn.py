#!/usr/bin/env python3
"""Runs Autobahn|Testsuite as scripts/autobahn.sh has prepared it, and judges what it says.

autobahn.py PYTHON2 SUITE REPORTS PROGRAM [CASE...]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# 12 and 13 are compression, which the relay does not have.
CASES = [f"{nth}.*" for nth in (*range(1, 8), 9, 10, 11)]
# They send bytes, to which the viewers' door says 1003.
BYTES = ["1.2.*", "9.2.*", "9.4.*", "9.6.*", "9.8.*"]
WAYS = {"viewer": ("/v1/stream", BYTES), "bare": ("/api/dags/echo/stream", [])}
# Where bad UTF-8 is told only at the end of its frame, as RFC 6455 allows.
LATE = {"6.4.3", "6.4.4"}
# So many there are at least, or something was not asked.
LEAST = {"viewer": 200, "bare": 240}
START = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"


def main() -> int:
    python2, suite, reports, program, *cases = sys.argv[1:]
    echo = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert echo.stdin is not None and echo.stdout is not None
    failed = False
    try:
        at = json.loads(echo.stdout.readline())
        for name, (path, without) in WAYS.items():
            for how, scheme in (("plain", "ws"), ("tls", "wss")):
                agent = f"{name}-{how}"
                url = f"{scheme}://localhost:{at[how].rpartition(':')[2]}{path}"
                found = ask(python2, Path(suite), Path(reports) / agent, agent, url, cases or CASES, without)
                failed |= not judge(agent, found, 1 if cases else LEAST[name])
    finally:
        echo.stdin.close()
        ended = echo.wait(20)
    if ended != 0:
        print(f"autobahn: FAILED: the program under test ended with {ended}")
    return failed or ended != 0


def ask(python2: str, suite: Path, out: Path, agent: str, url: str, cases: list[str], without: list[str]) -> dict[str, Any]:
    """Runs the suite; each case's verdict."""
    out.mkdir(parents=True, exist_ok=True)
    server = {"agent": agent, "url": url}
    spec = {"outdir": str(out), "options": {"failByDrop": False}, "servers": [server], "cases": cases}
    spec |= {"exclude-cases": without, "exclude-agent-cases": {}}
    (out / "spec.json").write_text(json.dumps(spec))
    run = [python2, "-c", START, str(suite), "-m", "fuzzingclient", "-s", str(out / "spec.json")]
    with (out / "wstest.log").open("w") as log:
        subprocess.run(run, check=True, stdout=log, stderr=log, timeout=900)
    found: dict[str, Any] = json.loads((out / "index.json").read_text())[agent]
    return found


def judge(agent: str, found: dict[str, Any], least: int) -> bool:
    """Says what came of it; whether that is good."""
    counts: dict[str, int] = {}
    bad = []
    for case, verdict in found.items():
        behaviour = verdict["behavior"]
        counts[behaviour] = counts.get(behaviour, 0) + 1
        allowed = {"OK", "INFORMATIONAL"} | ({"NON-STRICT"} if case in LATE else set())
        if behaviour not in allowed or verdict["behaviorClose"] not in ("OK", "INFORMATIONAL"):
            bad.append(f"{case}: {behaviour}, close {verdict['behaviorClose']}")
    print(f"autobahn: {agent}: {len(found)} cases, {', '.join(f'{n} {it}' for it, n in sorted(counts.items()))}", flush=True)
    for line in bad:
        print(f"autobahn: FAILED: {agent} {line}")
    if len(found) < least:
        print(f"autobahn: FAILED: {agent}: only {len(found)} cases were asked, of {least} at least")
    return not bad and len(found) >= least


if __name__ == "__main__":
    sys.exit(main())
