"""What the checks of deploy/ share: its files, the program, and how a process of another user is started and waited for."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BINARY = Path(os.environ["FOOTPLATE_BINARY"])
EXAMPLE = ROOT / "clients/python/examples/engine.py"
# The socket's directory, in every container and on every host.
RUNTIME = Path("/run/footplate")
# Whom every container of deploy/ runs as.
NOBODY = 65532
# How long anything may take before it counts as never.
PATIENCE = 20.0


def load(name: str) -> Any:
    """A YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / name).read_text())


def environment() -> dict[str, str]:
    """This process's environment, without what would change the relay's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FOOTPLATE_")}


def footplate(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return subprocess.run(
        [BINARY, *args], capture_output=True, text=True, timeout=PATIENCE, env=environment() | variables
    )


def until(probe: Callable[[], Any], what: str) -> Any:
    """Asks again and again, as a health check does, until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := probe()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return answer


def ask(port: int, method: str, path: str, body: Any = None, host: str | None = None) -> tuple[int, bytes]:
    """One HTTP request to this machine. Nobody there: status 0."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers | ({"Host": host} if host else {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionRefusedError:
        return 0, b""
    finally:
        connection.close()


def may_connect(path: Path, uid: int, gid: int, *groups: int) -> bool:
    """Whether a process of that user can connect to the socket."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            socket.socket(socket.AF_UNIX).connect(str(path))
            os._exit(0)
        except PermissionError:
            os._exit(13)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 13), f"neither connected nor turned away: {code}"
    return code == 0


def example(uid: int, gid: int, *args: str) -> subprocess.Popen[str]:
    """The example engine as another user, who may read this interpreter's files wherever they are."""
    reads = "-all,+dac_read_search"
    user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", f"--inh-caps={reads}", f"--ambient-caps={reads}"]
    command = [*user, sys.executable, str(EXAMPLE), *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())


def run_and_approve(engine: subprocess.Popen[str], execution: str) -> None:
    """Sees the engine's execution on the relay's page, approves at its gate, and sees it end well."""
    with engine, contextlib.ExitStack() as end:
        end.callback(engine.kill)

        def gates() -> Any:
            assert engine.poll() is None, engine.communicate()[0]
            status, shown = ask(8000, "GET", f"/v1/executions/{execution}")
            return status == 200 and json.loads(shown)["state"]["gates"]

        gate = until(gates, "the engine has not come to its gate")[0]
        path = f"/v1/executions/{execution}/gates/{gate['gate_id']}/decisions"
        decision = {"decision_id": str(uuid.uuid4()), "gate_version": gate["gate_version"], "option_id": "approve"}
        status, receipt = ask(8000, "POST", path, decision)
        assert status == 202, receipt
        said, _ = engine.communicate(timeout=PATIENCE)
        assert engine.returncode == 0, said
