"""Row 24: the relay without descriptors. Who is there stays, who comes is told to come back, and nothing has to be started again."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
from pathlib import Path

import pytest

import relay as relays
from conftest import Bench
from relay import BINARY, PATIENCE, Relay

RUN = "run-1"
FEW = 64
REQUEST = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a relay may open few descriptors, as under `ulimit -n 64`."""
    wrapper = tmp_path / "footplate"
    wrapper.write_text(f"#!/bin/sh\nulimit -n {FEW}\nexec '{BINARY}' \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setattr(relays, "BINARY", str(wrapper))


def dial(relay: Relay, port: int | None = None) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port or relay.port), PATIENCE)


def ask(sock: socket.socket) -> bytes:
    """Says a request, if that is still wanted, and gives all that comes. A reset is an end, too."""
    sock.settimeout(PATIENCE)
    answer = b""
    try:
        sock.sendall(REQUEST)
    except OSError:
        pass
    try:
        while piece := sock.recv(4096):
            answer += piece
    except ConnectionError:
        pass
    sock.close()
    return answer


def number(relay: Relay, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", relay.operators("/metrics")[1], re.MULTILINE)
    assert found, name
    return float(found[1])


def open_ones(relay: Relay) -> list[int]:
    return sorted(int(it) for it in os.listdir(f"/proc/{relay.process.pid}/fd"))


def test_row_24_connections_leave_descriptors_for_the_store_and_the_operators(
    bench: Bench, small: None, tmp_path: Path
) -> None:
    audit = tmp_path / "audit.log"
    relay = bench.relay("--store", str(tmp_path / "store"), "--audit", str(audit))
    engine = bench.engine(relay)
    execution = engine.start(RUN)
    asked = execution.gate("deploy:1", title="Deploy?", options=["approve", "reject"])
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    shown = viewer.gate(RUN, "deploy:1")

    # Nobody of 200 waits for nothing: some are let in, and say nothing yet; the others are told.
    crowd = [dial(relay) for _ in range(200)]
    told = [sock for sock in crowd if readable(sock)]
    assert 150 <= len(told) < 200
    for sock in told:
        answer = ask(sock)
        assert answer == b"" or b"503" in answer.split(b"\r\n")[0] and b"retry-after: 5" in answer, answer
    assert number(relay, "process_max_fds") == FEW
    assert number(relay, "process_open_fds") < FEW - 8, "some are left"
    assert number(relay, "footplate_accept_errors_total") == 0

    # Meanwhile all goes on for those who are there, on the disk too, and files can be opened.
    os.rename(audit, tmp_path / "audit.old")
    relay.process.send_signal(signal.SIGHUP)
    decision_id = viewer.decide(RUN, shown, "approve")
    decision = asked.wait(PATIENCE)
    assert decision is not None and decision.decision_id == decision_id
    decision.applied()
    viewer.expect_stages(decision_id, "recorded", "delivered", "applied")
    assert engine.flush(PATIENCE)
    relay.wait(audit.exists, "the audit log was not opened anew")

    for sock in crowd:
        sock.close()
    until_let_in(relay)
    execution.node("deploy", "completed")
    execution.finish()
    viewer.expect("execution_complete", status="completed")
    bench.viewer(relay).subscribe(RUN)


def readable(sock: socket.socket) -> bool:
    """Whether there is an answer, or an end, without having asked."""
    sock.settimeout(0.5)
    try:
        return sock.recv(1, socket.MSG_PEEK) is not None
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def until_let_in(relay: Relay) -> None:
    for _ in range(1_000):
        if b"200" in ask(dial(relay)).split(b"\r\n")[0]:
            return
    raise AssertionError("it lets nobody in any more")


def test_row_24_without_any_descriptor_who_comes_is_told_so_and_who_is_there_stays(bench: Bench) -> None:
    relay = bench.relay()
    pid = relay.process.pid
    engine = bench.engine(relay)
    execution = engine.start(RUN)
    execution.node("build", "running")
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # From the first number on that is free there is none.
    here = open_ones(relay)
    free = next(it for it in range(len(here) + 1) if it not in here)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))

    for _ in range(30):
        answer = ask(dial(relay))
        assert answer == b"" or b"503" in answer.split(b"\r\n")[0] and b"retry-after: 5" in answer, answer
    last = ask(dial(relay))
    assert b"503" in last, "who reads it is told why"
    engines = int(relay.engines[0].rpartition(":")[2])
    # Or it has the number that the other port lends itself, and is greeted: SETTINGS is the fourth kind of frame.
    answer = ask(dial(relay, engines))
    assert answer == b"" or answer[3] == 4, "an engine is sent away or let in, and does not wait"
    # The one that each port had to spare is what it looks with whether somebody is there.
    assert set(open_ones(relay)) <= set(here) and len(here) - len(open_ones(relay)) <= 3
    assert [it for it in relay.lines if "raise the limit of open files" in it], "it says what to do"

    execution.node("build", "completed")
    assert engine.flush(PATIENCE)
    viewer.expect("node_state", node_id="build", status="completed")

    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    until_let_in(relay)
    assert number(relay, "footplate_accept_errors_total") > 0
    assert number(relay, 'footplate_connections_refused_total{reason="descriptors"}') >= 31
    later = bench.viewer(relay)
    later.subscribe(RUN)
    execution.finish()
    viewer.expect("execution_complete")
