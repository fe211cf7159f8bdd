"""What others have written to judge doors by: slowhttptest and sslyze, against the program that ships. scripts/edge.sh."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Bench

# Connections that slowhttptest opens, and how long it goes on.
SLOW, SECONDS = 200, 20
MODES = {
    "headers": ["-H"],
    "body": ["-B", "-s", "100000"],
    "reading": ["-X", "-w", "1", "-y", "16", "-n", "2", "-z", "1"],
    "ranges": ["-R"],
}
# What TLS 1.2 and 1.3 are spoken with: keys that are forgotten, and authenticated ciphers.
SUITE = re.compile(r"TLS_(ECDHE_(ECDSA|RSA)_WITH_)?(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("mode", MODES)
def test_the_service_stays_available_to_others_while_slow_clients_hold_on(
    bench: Bench, tmp_path: Path, mode: str, tls: bool
) -> None:
    relay = bench.relay(tls=tls)
    url = f"{'https' if tls else 'http'}://localhost:{relay.port}/"
    out = tmp_path / "slow"
    # -p: how long a probe of its own may take before it calls the service unavailable.
    run = ["slowhttptest", "-c", str(SLOW), *MODES[mode], "-g", "-o", str(out), "-i", "5", "-r", "100", "-l", str(SECONDS)]
    verb = "POST" if mode == "body" else "GET"
    with (tmp_path / "log").open("w") as log:
        slow = subprocess.Popen([*run, "-t", verb, "-u", url, "-x", "10", "-p", "3"], stdout=log, stderr=log)
        longest = 0.0
        while slow.poll() is None:
            began = time.monotonic()
            assert relay.http("GET", "/livez")[0] == 200
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.2)
    said = (tmp_path / "log").read_text()
    assert slow.returncode == 0, said
    rows = [line.split(",") for line in Path(f"{out}.csv").read_text().splitlines()]
    available = [row[-1].strip() for row in rows[1:]]
    print(f"{mode}, tls {tls}: longest answer {longest:.2f} s, {len(available)} looks")
    assert available and all(it != "0" for it in available), said
    assert longest < 5


def test_nothing_that_sslyze_knows_of_tls_is_wrong_at_either_door(bench: Bench, tmp_path: Path) -> None:
    relay = bench.relay(tls=True)
    doors = [f"localhost:{at.rpartition(':')[2]}" for at in (relay.viewers, relay.engines[0])]
    out = tmp_path / "tls.json"
    looks = "sslv2 sslv3 tlsv1 tlsv1_1 tlsv1_2 tlsv1_3 early_data heartbleed openssl_ccs robot compression reneg ems"
    run = [sys.executable, "-m", "sslyze", *(f"--{it}" for it in looks.split()), "--json_out", str(out), *doors]
    # Its exit code is about a profile of Mozilla's, which a local authority can't meet.
    subprocess.run(run, check=False, capture_output=True, timeout=300)
    results = json.loads(out.read_text())["server_scan_results"]
    assert len(results) == len(doors)
    for it in results:
        assert it["scan_status"] == "COMPLETED", it["connectivity_error_trace"]
        judge(it["scan_result"])


def judge(scan: dict[str, Any]) -> None:
    """One door's verdict."""

    def of(name: str) -> dict[str, Any]:
        assert scan[name]["status"] == "COMPLETED", (name, scan[name])
        result: dict[str, Any] = scan[name]["result"]
        return result

    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert not of(f"{old}_cipher_suites")["accepted_cipher_suites"], old
    for version in ("tls_1_2", "tls_1_3"):
        suites = [it["cipher_suite"]["name"] for it in of(f"{version}_cipher_suites")["accepted_cipher_suites"]]
        assert suites and all(SUITE.fullmatch(it) for it in suites), suites
    assert of("tls_1_3_early_data")["supports_early_data"] is False
    assert of("heartbleed")["is_vulnerable_to_heartbleed"] is False
    assert of("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"] is False
    assert of("robot")["robot_result"].startswith("NOT_VULNERABLE")
    assert of("tls_compression")["supports_compression"] is False
    renegotiation = of("session_renegotiation")
    assert renegotiation["is_vulnerable_to_client_renegotiation_dos"] is False
    assert of("tls_extended_master_secret")["supports_ems_extension"] is True
