"""The image: the last stage of deploy/Dockerfile around the program that ships, run as compose and Kubernetes would run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import BINARY, DEPLOY, NOBODY, PATIENCE, ROOT, ask, example, load, may_connect, run_and_approve, until


class Images:
    """buildah with a store of its own. Containers run by `chroot`: this machine's kernel, network and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ["buildah", "--root", f"{folder}/images", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        self.policy = folder / "policy.json"
        self.policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def do(self, *args: str) -> str:
        done = subprocess.run([*self.store, *args], capture_output=True, text=True)
        assert done.returncode == 0, f"buildah {' '.join(args)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def build(self, tag: str) -> None:
        out = self.folder / "build/out"
        out.mkdir(parents=True)
        shutil.copy2(BINARY, out / "footplate")
        self.do(
            "bud", "--isolation", "chroot", "--format", "docker", "--pull-never", "--signature-policy", str(self.policy),
            "--build-context", f"build={out.parent}", "--file", str(DEPLOY / "Dockerfile"), "--tag", tag, str(ROOT),
        )  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    images = Images(tmp_path_factory.mktemp("images"))
    images.build("footplate")
    yield images
    images.do("rm", "--all")
    images.do("rmi", "--all")


@pytest.fixture(scope="module")
def config(images: Images) -> dict[str, Any]:
    inspected = json.loads(images.do("inspect", "--type", "image", "footplate"))
    return dict(inspected["Docker"]["config"])


def test_the_image_is_one_file_run_by_nobody(images: Images, config: dict[str, Any]) -> None:
    container = images.do("from", "--pull-never", "footplate")
    root = Path(images.do("mount", container))
    assert [str(it.relative_to(root)) for it in root.rglob("*")] == ["footplate"]
    assert (root / "footplate").read_bytes() == BINARY.read_bytes()
    assert (root / "footplate").stat().st_mode & 0o7777 == 0o755
    assert config["User"] == f"{NOBODY}:{NOBODY}"
    assert config["StopSignal"] == "SIGTERM"
    assert (config["Entrypoint"], config["Cmd"]) == (["/footplate"], ["serve"])
    assert config["Healthcheck"]["Test"] == ["CMD", "/footplate", "ready"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


class Container:
    """A running container."""

    def __init__(self, images: Images, config: dict[str, Any], args: list[str], mounts: dict[Path, str]) -> None:
        self.images, self.name = images, images.do("from", "--pull-never", "footplate")
        self.run = [*images.store, "run", "--isolation", "chroot", "--user", config["User"], "--cap-drop", "all"]
        volumes = [part for source, target in mounts.items() for part in ("--volume", f"{source}:{target}")]
        command = [*self.run, *volumes, self.name, "--", *config["Entrypoint"], *args]
        self.log = (images.folder / f"{self.name}.log").open("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def inside(self, *command: str) -> bool:
        """Whether a command that is run in it as well ends well."""
        assert self.process.poll() is None, self.said()
        return subprocess.run([*self.run, self.name, "--", *command], capture_output=True).returncode == 0

    def relay(self) -> int:
        """The process that is the relay, of those that buildah has started."""
        below = [self.process.pid]
        for pid in below:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                below += map(int, (thread / "children").read_text().split())
        (relay,) = [pid for pid in below if Path(f"/proc/{pid}/comm").read_text().strip() == "footplate"]
        return relay

    def stop(self) -> int:
        """What `docker stop` does; the exit code."""
        os.kill(self.relay(), signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self.log.close()


Start = Callable[[list[str], dict[Path, str]], Container]


@pytest.fixture
def start(images: Images, config: dict[str, Any]) -> Iterator[Start]:
    started: list[Container] = []

    def start(args: list[str], mounts: dict[Path, str]) -> Container:
        started.append(Container(images, config, args, mounts))
        return started[-1]

    yield start
    for container in started:
        container.close()


def runs_as_nobody_with_nothing(container: Container) -> None:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{container.relay()}/status").read_text().splitlines())
    assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}


def test_as_compose_runs_it(start: Start, config: dict[str, Any], volume: Path) -> None:
    file = load("compose.yaml")
    relay, engine, options = file["services"]["relay"], file["services"]["engine"], file["volumes"]["engines"]["driver_opts"]
    assert {it["target"] for service in (relay, engine) for it in service["volumes"]} == {str(volume)}
    subprocess.run(["mount", "-t", options["type"], "-o", options["o"], options["device"], str(volume)], check=True)
    container = start(relay["command"], {volume: str(volume)})
    assert relay["healthcheck"]["test"] == config["Healthcheck"]["Test"]
    until(lambda: container.inside(*relay["healthcheck"]["test"][1:]), "it is never healthy")
    runs_as_nobody_with_nothing(container)
    status, page = ask(8000, "GET", "/")
    assert status == 200 and b"<html" in page

    args = [*engine_args(), "--fast", "--execution"]
    user, group = map(int, engine["user"].split(":"))
    assert may_connect(volume / "engine.sock", user, group)
    assert not may_connect(volume / "engine.sock", user + 1, group)
    # The engine's own mount can't be written, and need not.
    (theirs,) = [it for it in engine["volumes"] if it["read_only"]]
    there = Path(tempfile.mkdtemp(dir="/run"))
    subprocess.run(["mount", "--bind", "-o", "ro", theirs["target"], str(there)], check=True)
    assert may_connect(there / "engine.sock", user, group)
    subprocess.run(["umount", str(there)], check=True)
    run_and_approve(example(user, group, *args, "c-1"), "c-1")
    assert container.stop() == 0, container.said()
    assert list(volume.iterdir()) == []


def engine_args() -> list[str]:
    """What the image of the example engine gives it."""
    (cmd,) = [line for line in (DEPLOY / "engine.Dockerfile").read_text().splitlines() if line.startswith("CMD ")]
    return list(json.loads(cmd.removeprefix("CMD ")))


def test_as_kubernetes_runs_it(start: Start, volume: Path) -> None:
    spec = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    (relay,), (engine,), user = spec["initContainers"], spec["containers"], spec["securityContext"]
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(volume)], check=True)
    # As the kubelet leaves an emptyDir of a pod with an fsGroup.
    shutil.chown(volume, 0, user["fsGroup"])
    volume.chmod(0o2777)
    sources = {"config": DEPLOY / "kubernetes", "socket": volume}
    container = start(relay["args"], {sources[it["name"]]: it["mountPath"] for it in relay["volumeMounts"]})
    port = relay["ports"][0]["containerPort"]

    def succeeds(path: str) -> bool:
        assert container.process.poll() is None, container.said()
        # The kubelet calls a pod by its address.
        return ask(port, "GET", path, host=f"10.1.2.3:{port}")[0] == 200

    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        until(lambda path=relay[name]["httpGet"]["path"]: succeeds(path), f"{name} never succeeds")
    runs_as_nobody_with_nothing(container)
    args = [*engine["args"], "--fast", "--execution"]
    uid, gid = user["runAsUser"], user["runAsGroup"]
    assert may_connect(volume / "engine.sock", uid, gid)
    assert not may_connect(volume / "engine.sock", uid + 1, gid + 1)
    run_and_approve(example(uid, gid, *args, "k-1"), "k-1")
    assert container.stop() == 0, container.said()


def test_the_demo_runs_in_it(start: Start) -> None:
    container = start(["demo"], {})
    until(lambda: ask(8000, "GET", "/v1/executions/demo")[0] == 200, "there is no demo")
    assert container.stop() == 0, container.said()
