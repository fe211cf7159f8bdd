"""What is wrong with the configuration is told at once, with the remedy; and a start can be broken off."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
import trustme

from conftest import Bench
from relay import BINARY, Certificate, Process, command, environment

USAGE = 64


def test_three_wrong_flags_are_three_messages_and_exit_64() -> None:
    ended = command("serve", "--viewer-listen", "0.0.0.0:0", "--log-format", "xml", "--drain-grace", "soon")
    assert ended.returncode == USAGE
    lines = ended.stderr.splitlines()
    flags = ("--viewer-listen 0.0.0.0:0", "--log-format xml", "--drain-grace soon")
    assert [line.split(": ")[:2] for line in lines] == [["footplate", flag] for flag in flags], lines
    assert not ended.stdout


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["serve", "--viewers", "127.0.0.1:0"], "--viewers"),
        (["serve", "--drain-grace"], "--drain-grace"),
        (["serve", "127.0.0.1:0"], "127.0.0.1:0"),
        (["relay"], "relay"),
        (["demo", "--port", "eighty"], "--port eighty"),
    ],
)
def test_a_wrong_flag_is_named_with_exit_64(args: list[str], named: str) -> None:
    ended = command(*args)
    assert ended.returncode == USAGE, ended
    assert named in ended.stderr and not ended.stdout, ended


@pytest.mark.parametrize("flag", ["--viewer-listen", "--engine-listen"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_an_address_that_others_could_reach_is_refused(flag: str, address: str, certificate: Certificate) -> None:
    door = flag.removesuffix("listen")
    tls = [f"{door}tls-cert", str(certificate.cert), f"{door}tls-key", str(certificate.key)]
    for more in ([], tls):
        ended = command("serve", flag, address, *more)
        assert ended.returncode == USAGE
        assert f"{flag} {address}: " in ended.stderr and "authenticat" in ended.stderr, ended.stderr


@pytest.mark.parametrize("door", ["viewer", "engine"])
def test_a_port_in_use_is_named_with_its_flag_and_the_remedy(door: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        other = {"viewer": "engine", "engine": "viewer"}[door]
        ended = command("serve", f"--{door}-listen", address, f"--{other}-listen", "127.0.0.1:0")
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert f"--{door}-listen {address}: " in last and "in use" in last and "another address" in last, ended.stderr


def test_a_socket_file_of_a_running_relay_is_not_taken_away(bench: Bench) -> None:
    relay = bench.relay(unix=True)
    ended = command("serve", "--viewer-listen", "127.0.0.1:0", "--engine-listen", relay.target)
    assert ended.returncode == 1
    assert f"--engine-listen {relay.target}: " in ended.stderr, ended.stderr
    engine = bench.engine(relay)
    assert engine.wait_ready(5)


@pytest.mark.parametrize("door", ["viewer", "engine"])
def test_a_key_that_does_not_match_its_certificate_is_told(door: str, certificate: Certificate, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(foreign)
    ended = command("serve", f"--{door}-tls-cert", str(certificate.cert), f"--{door}-tls-key", str(foreign))
    assert ended.returncode == USAGE
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert f"--{door}-tls-key {foreign}" in ended.stderr and "certificate" in ended.stderr, ended.stderr


def test_files_that_are_missing_or_swapped_are_told(certificate: Certificate, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    ended = command("serve", "--viewer-tls-cert", str(missing), "--viewer-tls-key", str(certificate.key))
    assert ended.returncode == USAGE and f"{missing} does not exist" in ended.stderr
    ended = command("serve", "--viewer-tls-cert", str(certificate.key), "--viewer-tls-key", str(certificate.cert))
    assert ended.returncode == USAGE and "swapped" in ended.stderr


def test_help_and_version_are_no_faults() -> None:
    version = command("--version")
    assert version.returncode == 0 and version.stdout.startswith("footplate 0."), version
    for args in (["--help"], ["serve", "--help"], ["demo", "--help"]):
        ended = command(*args)
        assert ended.returncode == 0 and not ended.stderr, ended
    listed = command("serve", "--help").stdout
    for flag in ("--viewer-listen", "--engine-listen", "--viewer-tls-cert", "--allow-host", "--drain-grace"):
        assert flag in listed and f"FOOTPLATE_{flag[2:].replace('-', '_').upper()}" in listed


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "footplate.toml"
    file.write_text('log = "warn"\nlog_format = "json"\ndrain_grace = "1s"\n')
    more = {"FOOTPLATE_CONFIG": str(file), "FOOTPLATE_LOG": "", "FOOTPLATE_LOG_FORMAT": "text"}
    more["FOOTPLATE_DRAIN_GRACE"] = "2s"
    printed = command("serve", "--print-config", "--drain-grace", "3s", **more)
    assert printed.returncode == 0 and not printed.stderr, printed
    lines = printed.stdout.splitlines()
    assert f'log = "warn" # file {file}:1:7 log' in lines, lines
    assert 'log_format = "text" # variable FOOTPLATE_LOG_FORMAT' in lines
    assert 'drain_grace = "3s" # flag --drain-grace' in lines
    assert 'drain_delay = "0s" # default' in lines
    # What is printed is a file again.
    file.write_text(printed.stdout)
    again = command("serve", "--config", str(file), "--print-config")
    values = [[line.rpartition(" # ")[0] for line in text.splitlines()] for text in (printed.stdout, again.stdout)]
    assert again.returncode == 0 and values[0] == values[1], again


def test_a_check_tells_all_that_is_wrong_with_its_place_and_opens_nothing(
    certificate: Certificate, tmp_path: Path
) -> None:
    file = tmp_path / "footplate.toml"
    secret = certificate.key.read_text().splitlines()[1]
    file.write_text(f'viewer_tls_cert = "gone.pem"\nviewer_tls_key = "{certificate.key}"\n')
    with file.open("a") as more:
        more.write(f'viewer_tls_kye = "{secret}"\n')
    for args in (["check"], ["serve"], ["serve", "--print-config"]):
        ended = command(*args, "--config", str(file), "--drain-grace", "soon", FOOTPLATE_LOG_FORMAT="xml")
        assert ended.returncode == USAGE and not ended.stdout, ended
        begins = (f"{file}:3:1 viewer_tls_kye: ", f"{file}:1:19 viewer_tls_cert ", "FOOTPLATE_LOG_FORMAT xml: ")
        begins = (*begins, "--drain-grace soon: ")
        lines = ended.stderr.splitlines()
        assert len(lines) == len(begins), lines
        for line, begin in zip(lines, begins, strict=True):
            assert line.startswith(f"footplate: {begin}"), line
        assert "viewer_tls_key" in lines[0] and secret not in ended.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        pair = ["--viewer-tls-cert", str(certificate.cert), "--viewer-tls-key", str(certificate.key)]
        right = command("check", "--viewer-listen", address, *pair)
    assert right.returncode == 0 and not right.stderr, right
    assert f"dashboards at {address} (TLS)" in right.stdout and right.stdout.count("\n") == 1, right


def test_an_answer_that_nobody_takes_is_no_success() -> None:
    with open("/dev/full", "w") as full:
        process = os.posix_spawn(
            BINARY, [BINARY, "check"], environment(), file_actions=[(os.POSIX_SPAWN_DUP2, full.fileno(), 1)]
        )
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_is_broken_off_by_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    fifo = tmp_path / "slow.toml"
    os.mkfifo(fifo)
    relay = Process("serve", "--config", str(fifo))
    # It opens once the relay reads at the other end, which then waits for more.
    with fifo.open("w"):
        relay.process.send_signal(number)
        assert relay.process.wait(20) == 0
    assert relay.lines == []
