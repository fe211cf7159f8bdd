"""The unit: verified and judged by systemd's own tools, and its command lines run under its restrictions."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confine import GROUP, NOTIFY, USER
from kit import BINARY, DEPLOY, PATIENCE, ask, example, may_connect, run_and_approve
from unit import Unit

FILE = DEPLOY / "systemd/footplate.service"
# systemd's scale goes from 0 to 10; up to 2 is the best of its words.
EXPOSURE = 1.5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README installs, and this machine's own units."""
    root = tmp_path_factory.mktemp("root")
    units = root / "etc/systemd/system"
    for folder in ("usr/local/bin", "bin", "etc/footplate", "run/footplate", "tmp", "proc", "lib"):
        (root / folder).mkdir(parents=True)
    for folder in [root, *root.parents[:-2]]:
        folder.chmod(0o711)
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
    units.mkdir(parents=True)
    shutil.copy2(FILE, units)
    shutil.copy2(BINARY, root / "usr/local/bin/footplate")
    shutil.copy2(Unit(FILE).command("ExecReload")[0], root / "bin/kill")
    shutil.copy(DEPLOY / "systemd/footplate.toml", root / "etc/footplate")
    (root / "etc/footplate/footplate.toml").chmod(0o644)
    return root


def verify(root: Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "verify", f"--root={root}", "footplate.service"]
    return subprocess.run(command, capture_output=True, text=True)


def test_systemd_has_nothing_to_say_about_it(root: Path) -> None:
    said = verify(root)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    dropin = root / "etc/systemd/system/footplate.service.d/tls.conf"
    dropin.parent.mkdir()
    shutil.copy(DEPLOY / "systemd/tls.conf", dropin)
    said = verify(root)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    dropin.write_text(dropin.read_text().replace("LoadCredential=", "LoadCredentials="))
    assert "LoadCredentials" in verify(root).stderr
    shutil.rmtree(dropin.parent)


def test_systemd_finds_it_well_confined(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(FILE)]
    said = subprocess.run(command, capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+) ", said.stdout)
    assert level, said.stdout + said.stderr
    with capsys.disabled():
        print(f"\nsystemd-analyze security: {level[1]} (at most {EXPOSURE})")
    assert float(level[1]) <= EXPOSURE, said.stdout


def test_sysusers_makes_the_group(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = str(DEPLOY / "systemd/footplate.sysusers.conf")
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", file], check=True, capture_output=True)
    assert Unit(FILE).one("Group") in [line.split(":")[0] for line in (tmp_path / "etc/group").read_text().splitlines()]


def confined(root: Path, directive: str) -> list[str]:
    return [sys.executable, str(Path(__file__).parent / "confine.py"), str(root), str(FILE), directive]


@pytest.fixture
def manager(root: Path) -> Iterator[socket.socket]:
    """What listens in systemd for what a unit says of itself."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = root / NOTIFY.removeprefix("/")
        path.parent.mkdir()
        manager.bind(str(path))
        path.chmod(0o777)
        manager.settimeout(PATIENCE)
        yield manager


def test_its_command_lines_run_under_its_restrictions(root: Path, manager: socket.socket, tmp_path: Path) -> None:
    unit, runtime = Unit(FILE), root / "run/footplate"
    os.chown(runtime, USER, GROUP)
    runtime.chmod(int(unit.one("RuntimeDirectoryMode"), 8))
    checked = subprocess.run(confined(root, "ExecStartPre"), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    log = (tmp_path / "log").open("w+")
    relay = subprocess.Popen(confined(root, "ExecStart"), stdout=log, stderr=log)
    try:
        assert manager.recv(64) == b"READY=1\n"
        assert ask(9464, "GET", "/readyz")[0] == 200
        status = dict(line.split(":", 1) for line in Path(f"/proc/{relay.pid}/status").read_text().splitlines())
        assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip(), int(status["CapBnd"], 16)) == ("2", "1", 0)
        # Reloaded, it goes on.
        program, *args = unit.command("ExecReload")
        subprocess.run([program, *(str(relay.pid) if arg == "$MAINPID" else arg for arg in args)], check=True)
        assert ask(9464, "GET", "/readyz")[0] == 200

        file = runtime / "engine.sock"
        assert (file.stat().st_mode & 0o777, file.stat().st_uid, file.stat().st_gid) == (0o660, USER, GROUP)
        # Whoever is in the group attaches, nobody else.
        assert may_connect(file, 4_242, 4_242, GROUP)
        assert not may_connect(file, 4_242, 4_242)
        run_and_approve(example(4_242, GROUP, "--target", f"unix:{file}", "--fast", "--execution", "s-1"), "s-1")

        relay.send_signal(signal.SIGTERM)
        assert manager.recv(64) == b"STOPPING=1\n"
        assert relay.wait(PATIENCE) == 0
        assert not file.exists()
    finally:
        relay.kill()
        relay.wait()
        log.seek(0)
        print(log.read())
        log.close()
