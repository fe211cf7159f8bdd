"""The image: the last stage of deploy/Dockerfile around the program that ships, run as compose and Kubernetes would run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import BINARY, DEPLOY, NOBODY, PATIENCE, ROOT, as_user, ask, load, run_and_approve, until


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
        """The process that is the relay: the last of those that buildah has started."""
        pid = self.process.pid
        while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            pid = int(children[0])
        assert Path(f"/proc/{pid}/comm").read_text().strip() == "footplate", self.said()
        return pid

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


def runs_as_nobody_with_nothing(container: Container) -> bool:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{container.relay()}/status").read_text().splitlines())
    assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    return True


def test_as_compose_runs_it(start: Start, config: dict[str, Any], tmp_path: Path) -> None:
    file = load("compose.yaml")
    relay, engine, volume = file["services"]["relay"], file["services"]["engine"], file["volumes"]["engines"]
    options = volume["driver_opts"]
    mount = ["mount", "-t", options["type"], "-o", options["o"], options["device"], str(tmp_path)]
    subprocess.run(mount, check=True)
    (where,) = {it["target"] for service in (relay, engine) for it in service["volumes"]}
    container = start(relay["command"], {tmp_path: where})
    assert relay["healthcheck"]["test"] == config["Healthcheck"]["Test"]
    until(lambda: container.inside(*relay["healthcheck"]["test"][1:]), "it is never healthy")
    assert runs_as_nobody_with_nothing(container)
    status, page = ask(8000, "GET", "/")
    assert status == 200 and b"<html" in page
    # A container of its own would see the socket there; this process's user sees it here.
    target = f"unix:{tmp_path}/engine.sock"
    for folder in tmp_path.parents[:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    user = int(engine["user"].split(":")[0])
    run_and_approve(as_user(user, user, [], "--target", target, "--execution", "c-1", "--fast"), "c-1")
    # Anybody else is turned away by the directory.
    other = as_user(user + 1, user + 1, [], "--target", target, "--execution", "c-2", "--fast")
    try:
        until(lambda: "no relay at" in (other.stdout.readline() if other.stdout else ""), "it has attached")
        assert ask(8000, "GET", "/v1/executions/c-2")[0] == 404
    finally:
        other.kill()
        other.communicate()
    assert container.stop() == 0, container.said()
    assert list(tmp_path.iterdir()) == []
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_as_kubernetes_runs_it(start: Start, tmp_path: Path) -> None:
    spec = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    (relay,), (engine,) = spec["initContainers"], spec["containers"]
    folders = {"config": DEPLOY / "kubernetes", "socket": tmp_path}
    # As the kubelet makes an emptyDir of a pod with an fsGroup.
    shutil.chown(tmp_path, 0, spec["securityContext"]["fsGroup"])
    tmp_path.chmod(0o2777)
    container = start(relay["args"], {folders[it["name"]]: it["mountPath"] for it in relay["volumeMounts"]})
    port = relay["ports"][0]["containerPort"]
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        # The kubelet calls a pod by its address.
        path = relay[name]["httpGet"]["path"]
        until(lambda path=path: ask(port, "GET", path, host=f"10.1.2.3:{port}")[0] == 200, f"{name} never succeeds")
        assert container.process.poll() is None, container.said()
    assert runs_as_nobody_with_nothing(container)
    for folder in tmp_path.parents[:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    target = engine["args"][1].replace(relay["volumeMounts"][1]["mountPath"], str(tmp_path))
    user, group = spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]
    run_and_approve(as_user(user, group, [], "--target", target, "--execution", "k-1", "--fast"), "k-1")
    assert container.stop() == 0, container.said()


def test_the_demo_runs_in_it(start: Start) -> None:
    container = start(["demo"], {})
    until(lambda: ask(8000, "GET", "/v1/executions/demo")[0] == 200, "there is no demo")
    assert container.stop() == 0, container.said()
