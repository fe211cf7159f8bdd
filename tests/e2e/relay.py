"""The relay as a process: started without a moment's sleep, and held to a clean end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tokens
from tokens import WATCH, Card, Purse, mint

# Named by scripts/e2e.sh, so that nobody tests another program than the one that ships.
BINARY = os.environ["FOOTPLATE_BINARY"]
# How long anything may take before it counts as never.
PATIENCE = 20.0
# How long a relay may take that is only looked at once more before it ends.
GLANCE = 2.0

Message = dict[str, Any]
# A line of the log that is written for a person.
LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z +(TRACE|DEBUG|INFO|WARN|ERROR) \S")


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
    ended = subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=timeout, env=env)
    WATCH.see(f"command {args[0]}", ended.stdout + ended.stderr)
    return ended


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
                WATCH.see(f"{name} of {self.process.pid}", line)
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
    """`footplate serve` on free ports, and on a Unix socket if that is wanted.

    It wants tokens, and whoever the harness brings shows one; `tokens=False`: it is one without.
    """

    # Of a relay that wants no tokens, and of one that somebody else has started.
    purse: Purse | None = None
    kept: tuple[Path, ...] = ()
    # Not known before it is open.
    admin = ""

    def __init__(
        self,
        *args: str,
        viewers: str = "127.0.0.1:0",
        engines: tuple[str, ...] = ("127.0.0.1:0",),
        admin: str = "127.0.0.1:0",
        certificate: Certificate | None = None,
        tokens: bool = True,
        log: str = "info,footplate=debug",
        text: bool = False,
    ) -> None:
        self.certificate = certificate
        self.text = text
        flags = ["serve", "--log-format", "text" if text else "json", "--log", log]
        flags += ["--viewer-listen", viewers, "--admin-listen", admin]
        flags += [word for at in engines for word in ("--engine-listen", at)]
        if certificate is not None:
            for door in ("viewer", "engine"):
                flags += [f"--{door}-tls-cert", str(certificate.cert), f"--{door}-tls-key", str(certificate.key)]
        if tokens:
            self.purse = Purse()
            flags += mint().flags
        flags += args
        # What it keeps is looked at when it has ended.
        pairs = zip(args, args[1:], strict=False)
        self.kept = tuple(Path(value) for flag, value in pairs if flag in ("--store", "--audit"))
        if tokens:
            assert command(*flags, "--print-config").returncode == 0
        super().__init__(*flags)
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
            there = [at for opened, at in map(self._opened, self.lines) if opened == door]
            if len(there) < len(wanted):
                return None
            given = {at: at if at in there else next(it for it in there if it not in wanted) for at in wanted}
            return [given[at] for at in wanted]

        all_of_them: list[str] = self.wait(found, f"the {door} door does not open")
        return all_of_them

    def _opened(self, line: str) -> tuple[str, str]:
        """The door that this line says is open, and where."""
        if self.text:
            match = re.search(r'listening door="(\w+)" address=(\S+)', line)
            return (match[1], match[2]) if match else ("", "")
        record = json.loads(line) if line.startswith("{") else {}
        return (record["door"], record["address"]) if record.get("message") == "listening" else ("", "")

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

    def card(self, path: str, among: Sequence[str] | None = None) -> Card | None:
        """What the next one who comes to this path shows, in one of these ways; None: there is no need."""
        if self.purse is None:
            return None
        way = self.purse.way(among or tokens.ways(path))
        return Card.of(way, self._ticket(path) if way == tokens.TICKET else self.purse.token(way))

    def _ticket(self, path: str) -> str:
        status, given = self.http("POST", "/v1/tickets")
        assert status == 201, given
        return str(given["ticket"])

    def http(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = PATIENCE
    ) -> tuple[int, Any]:
        """One request: the status, and the body, read if it is JSON."""
        if self.certificate is None:
            connection = http.client.HTTPConnection("localhost", self.port, timeout=timeout)
        else:
            context = self.certificate.trusted()
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=context)
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        sent = ({} if body is None else {"content-type": "application/json"}) | (headers or {})
        if not {"authorization", "x-api-key"} & {name.lower() for name in sent}:
            card = self.card(path, (tokens.AUTHORIZATION, tokens.API_KEY))
            sent |= dict(card.headers) if card else {}
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # What is refused is answered before all of it was sent.
                connection.request(method, path, text, sent)
            response = connection.getresponse()
            read = response.read().decode()
        finally:
            connection.close()
        is_json = (response.getheader("content-type") or "").startswith("application/json")
        found = json.loads(read) if is_json else read
        WATCH.see(f"http {method} {path.partition('?')[0]}", str(response.getheaders()))
        if path == "/v1/tickets" and response.status == 201:
            # The one answer that gives one.
            WATCH.know(found["ticket"], tokens.TICKET)
        else:
            WATCH.see(f"http {method} {path.partition('?')[0]}", read)
        return response.status, found

    def operators(self, path: str, timeout: float = PATIENCE) -> tuple[int, str]:
        """One request at the door for operators: the status, and the body."""
        connection = http.client.HTTPConnection(self.admin, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            said = response.read().decode()
        finally:
            connection.close()
        WATCH.see(f"operators {path}", f"{response.getheaders()} {said}")
        return response.status, said

    def memory(self) -> int:
        """Bytes that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) << 10

    def kill(self) -> None:
        # Nobody asks anything of it before: that would be no power cut.
        super().kill()
        self._leave()

    def terminate(self, within: float = PATIENCE) -> int:
        self._show()
        code = super().terminate(within)
        self._leave()
        return code

    def stop(self, within: float = PATIENCE) -> None:
        """SIGTERM ends it well and in time, and it has nothing to regret."""
        code = None if self.process.poll() is not None else self.terminate(within)
        self._leave()
        # To be seen with a test that fails.
        print("the relay's last words:", *self.lines[-50:], sep="\n")
        assert code in (None, 0), f"exit code {code}"
        self.check_log()

    def _show(self) -> None:
        """Before it ends it shows everybody everything, if it still can."""
        if self.purse is None or not self.admin or self.process.poll() is not None:
            return
        with contextlib.suppress(OSError, http.client.HTTPException):
            for path in ("/metrics", "/readyz"):
                self.operators(path, timeout=GLANCE)
            status, listed = self.http("GET", "/v1/executions", timeout=GLANCE)
            assert status in (200, 503), listed
            for it in listed.get("items", ()):
                path = f"/v1/executions/{quote(it['execution_id'], safe='')}"
                self.http("GET", path, timeout=GLANCE)
                self.http("GET", f"{path}/records", timeout=GLANCE)

    def _leave(self) -> None:
        """What is on the disk when it has ended."""
        kept, self.kept = self.kept, ()
        for path in kept:
            # The audit log leaves others beside itself.
            for file in path.iterdir() if path.is_dir() else path.parent.glob(f"{path.name}*"):
                if file.is_file():
                    WATCH.see(f"kept {file.name}", file.read_bytes())

    def check_log(self) -> None:
        """Every line is a record of its log, which a panic's is not, and none tells of an error."""
        for line in self.lines:
            if self.text:
                match = LINE.match(line)
                assert match and match[1] != "ERROR", line
            else:
                assert line.startswith("{"), f"no log line: {line}"
                assert json.loads(line)["level"] not in ("ERROR", "error"), line


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A directory whose path is short enough for a Unix socket."""
    return tempfile.TemporaryDirectory(prefix="footplate-")
