"""Do the files of deploy/ name what there is: flags, keys, variables, ports, paths, times?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kit import DEPLOY, ROOT, footplate, load
from unit import Unit

CONFIG = "/etc/footplate/footplate.toml"
SOCKET = "/run/footplate/engine.sock"


def compose() -> list[str]:
    return list(load("compose.yaml")["services"]["relay"]["command"])


def pod() -> dict:
    return dict(load("kubernetes/deployment.yaml")["spec"]["template"]["spec"])


def kubernetes() -> list[str]:
    return [arg.replace(CONFIG, str(DEPLOY / "kubernetes/footplate.toml")) for arg in pod()["initContainers"][0]["args"]]


def systemd() -> list[str]:
    unit = Unit(DEPLOY / "systemd/footplate.service")
    return [arg.replace(CONFIG, str(DEPLOY / "systemd/footplate.toml")) for arg in unit.command("ExecStart")[1:]]


WAYS = {"compose": compose, "kubernetes": kubernetes, "systemd": systemd}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settings(way: str) -> dict[str, str]:
    """What the relay makes of its command line and file, defaults and all."""
    said = footplate(*WAYS[way](), "--print-config")
    assert said.returncode == 0, said.stderr
    return dict(re.findall(r"^#? ?([a-z_]+) = (.*?)(?: #.*)?$", said.stdout, re.M))


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r'"?(\d+)(ms|s|m)"?', text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def test_the_relay_takes_every_flag_and_key(way: str) -> None:
    serve, *args = WAYS[way]()
    assert serve == "serve"
    said = footplate("check", *args)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("file", ["kubernetes/footplate.toml", "systemd/footplate.toml"])
def test_a_key_that_there_is_not_would_be_found(file: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text((DEPLOY / file).read_text() + "\nviewer_listens = []\n")
    said = footplate("check", "--config", str(wrong))
    assert said.returncode == 64 and "viewer_listens" in said.stderr


def test_the_unit_checks_what_it_starts() -> None:
    unit = Unit(DEPLOY / "systemd/footplate.service")
    program, serve, *args = unit.command("ExecStart")
    assert serve == "serve" and unit.command("ExecStartPre") == [program, "check", *args]


def test_every_variable_and_flag_in_these_files_is_in_the_help() -> None:
    texts = {path: path.read_text() for path in DEPLOY.rglob("*") if path.is_file()}
    helped = "".join(footplate(name, "--help").stdout for name in ("serve", "check", "ready", "demo"))
    variables = {(path.name, name) for path, text in texts.items() for name in re.findall(r"FOOTPLATE_[A-Z_]+", text)}
    assert variables, "the TLS drop-in names variables"
    assert {it for it in variables if not re.search(rf"\b{it[1]}\b", helped)} == set()
    # Flags of other programs stand in lines that name these.
    foreign = re.compile(r"docker|kubectl|--mount|cargo build|COPY|--interval|pip|rustc|systemctl|--target")
    lines = [line for text in texts.values() for line in text.splitlines() if not foreign.search(line)]
    flags = {flag for line in lines for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)}
    assert "--engine-listen" in flags
    assert {flag for flag in flags if not re.search(rf"{flag}\b(?!-)", helped)} == set()


def test_whoever_stops_the_relay_waits_for_its_drain(way: str) -> None:
    given = {
        "compose": lambda: load("compose.yaml")["services"]["relay"]["stop_grace_period"],
        "kubernetes": lambda: f"{pod()['terminationGracePeriodSeconds']}s",
        "systemd": lambda: Unit(DEPLOY / "systemd/footplate.service").one("TimeoutStopSec") + "s",
    }
    drain = settings(way)
    # The relay's last words take up to a second more.
    assert seconds(given[way]()) > seconds(drain["drain_delay"]) + seconds(drain["drain_grace"]) + 1


def test_engines_find_the_socket(way: str) -> None:
    assert SOCKET in settings(way)["engine_listen"]
    engines = {
        "compose": (DEPLOY / "engine.Dockerfile").read_text(),
        "kubernetes": str(pod()["containers"][0]["args"]),
        "systemd": (DEPLOY / "README.md").read_text(),
    }
    assert f"unix:{SOCKET}" in engines[way]


def test_probes_ask_where_operators_are_answered() -> None:
    relay = pod()["initContainers"][0]
    ports = {port["name"]: port["containerPort"] for port in relay["ports"]}
    probes = {name: relay[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe["port"] for probe in probes.values()} == {"admin"}
    assert [probes[name]["path"] for name in probes] == ["/readyz", "/readyz", "/livez"]
    assert settings("kubernetes")["admin_listen"] == f'["0.0.0.0:{ports["admin"]}"]'


def test_the_image_is_built_from_all_that_the_program_is_made_of() -> None:
    include = re.search(r"^include = \[(.*)\]$", (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    needed = {name for name in re.findall(r'"/([^"]+)"', include) if name not in ("README.md", "LICENSE", "CHANGELOG.md")}
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.M)
    assert {"Cargo.toml", "Cargo.lock"} | needed == {name for line in copied for name in line.split()}


def test_the_image_is_built_by_the_toolchain_that_is_tested() -> None:
    channel = re.search(r'^channel = "(\d+\.\d+)', (ROOT / "rust-toolchain.toml").read_text(), re.M).group(1)
    assert f"/rust:{channel}-" in (DEPLOY / "Dockerfile").read_text()
