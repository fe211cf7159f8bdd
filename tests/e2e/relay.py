"""The relay as a process: started without a moment's sleep, and held to a clean end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Named by scripts/e2e.sh, so that nobody tests another program than the one that ships.
BINARY = os.environ["FOOTPLATE_BINARY"]
# How long anything may take before it counts as never.
PATIENCE = 20.0

Message = dict[str, Any]


@dataclass(frozen=True)
class Certificate:
    """Files that a door shows itself with, and the authority that vouches for them."""

    cert: Path
    key: Path
    ca: Path

    def trusted(self) -> ssl.SSLContext:
        """What a client needs that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca))


def environment() -> dict[str, str]:
    """This process's environment, without what would change the relay's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FOOTPLATE_")}


def command(*args: str, timeout: float = PATIENCE, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end, with further variables."""
    env = environment() | variables
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=timeout, env=env)


class Process:
    """A running program of ours whose lines are read as they come."""

    def __init__(self, *args: str) -> None:
        self.lines: list[str] = []
        self.said: list[str] = []
        self._news = threading.Condition()
        self._ended: set[str] = set()
        self.process = subprocess.Popen(
            [BINARY, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        self._threads = [
            threading.Thread(target=self._read, args=("stderr", self.process.stderr, self.lines), daemon=True),
            threading.Thread(target=self._read, args=("stdout", self.process.stdout, self.said), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, name: str, stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended.add(name)
            self._news.notify_all()

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for a line that makes the condition true. A program that has ended says no more."""
        with self._news:
            self._news.wait_for(lambda: condition() or len(self._ended) == 2, PATIENCE)
            found = condition()
            assert found, f"{what}; it said\n" + "\n".join(self.said + self.lines[-50:])
            return found

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self._finish(PATIENCE)

    def terminate(self, within: float = PATIENCE) -> int:
        """Asks it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._finish(within)

    def _finish(self, within: float) -> int:
        try:
            code = self.process.wait(within)
        finally:
            self.process.kill()
            for thread in self._threads:
                thread.join(PATIENCE)
        return code


class Relay(Process):
    """`footplate serve` on free ports, and on a Unix socket if that is wanted."""

    def __init__(
        self,
        *args: str,
        viewers: str = "127.0.0.1:0",
        engines: tuple[str, ...] = ("127.0.0.1:0",),
        admin: str = "127.0.0.1:0",
        certificate: Certificate | None = None,
    ) -> None:
        self.certificate = certificate
        listen = [text for at in engines for text in ("--engine-listen", at)]
        tls: list[str] = []
        if certificate is not None:
            for door in ("viewer", "engine"):
                tls += [f"--{door}-tls-cert", str(certificate.cert), f"--{door}-tls-key", str(certificate.key)]
        log = ("--log-format", "json", "--log", "info,footplate=debug")
        super().__init__("serve", *log, "--viewer-listen", viewers, "--admin-listen", admin, *listen, *tls, *args)
        try:
            self.engines = self._listening("engine", engines)
            (self.viewers,) = self._listening("viewer", (viewers,))
            (self.admin,) = self._listening("admin", (admin,))
        except BaseException:
            self.kill()
            raise

    def _listening(self, door: str, wanted: tuple[str, ...]) -> list[str]:
        """Where a door is open, in the order in which that was wanted."""

        def found() -> list[str] | None:
            records = (json.loads(line) for line in self.lines if line.startswith("{"))
            there = [it["address"] for it in records if it["message"] == "listening" and it["door"] == door]
            if len(there) < len(wanted):
                return None
            given = {at: at if at in there else next(it for it in there if it not in wanted) for at in wanted}
            return [given[at] for at in wanted]

        all_of_them: list[str] = self.wait(found, f"the {door} door does not open")
        return all_of_them

    @property
    def port(self) -> int:
        """Where dashboards connect."""
        return int(self.viewers.rpartition(":")[2])

    @property
    def url(self) -> str:
        """What dashboards connect to, without a path."""
        return f"ws://localhost:{self.port}" if self.certificate is None else f"wss://localhost:{self.port}"

    @property
    def target(self) -> str:
        """What engines attach to: the first of their doors."""
        return self.engines[0].replace("127.0.0.1:", "localhost:")

    @property
    def roots(self) -> Path | None:
        """The authority that engines have to trust; none at a door that is plain, as Unix sockets are."""
        return None if self.certificate is None or self.target.startswith("unix:") else self.certificate.ca

    def http(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """One request: the status, and the body, read if it is JSON."""
        if self.certificate is None:
            connection = http.client.HTTPConnection("localhost", self.port, timeout=PATIENCE)
        else:
            context = self.certificate.trusted()
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=context)
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        known = {} if body is None else {"content-type": "application/json"}
        try:
            connection.request(method, path, text, known | (headers or {}))
            response = connection.getresponse()
            read = response.read().decode()
        finally:
            connection.close()
        is_json = (response.getheader("content-type") or "").startswith("application/json")
        return response.status, json.loads(read) if is_json else read

    def operators(self, path: str) -> tuple[int, str]:
        """One request at the door for operators: the status, and the body."""
        connection = http.client.HTTPConnection(self.admin, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def memory(self) -> int:
        """Bytes that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) << 10

    def stop(self, within: float = PATIENCE) -> None:
        """SIGTERM ends it well and in time, and it has nothing to regret."""
        code = None if self.process.poll() is not None else self.terminate(within)
        # To be seen with a test that fails.
        print("the relay's last words:", *self.lines[-50:], sep="\n")
        assert code in (None, 0), f"exit code {code}"
        self.check_log()

    def check_log(self) -> None:
        """Every line is a record of its log, which a panic's is not, and none tells of an error."""
        for line in self.lines:
            assert line.startswith("{"), f"no log line: {line}"
            assert json.loads(line)["level"] not in ("ERROR", "error"), line


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A directory whose path is short enough for a Unix socket."""
    return tempfile.TemporaryDirectory(prefix="footplate-")
