"""What every test has: a bench on which relays, engines and dashboards are put, and from which they go in good order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import footplate
import pytest
import trustme

pytest.register_assert_rewrite("dashboards", "engines", "relay", "tokens", "viewer")

from dashboards import Stage, Way  # noqa: E402
from engines import Example, Wire  # noqa: E402
from relay import Certificate, Relay, scratch  # noqa: E402
from tokens import METADATA, TICKET, WATCH  # noqa: E402
from viewer import Socket, Viewer  # noqa: E402


@pytest.fixture(autouse=True)
def no_token_comes_out() -> Iterator[None]:
    """A5, in every test: whatever has come out of a relay when all is over holds no token."""
    yield
    WATCH.look()
    WATCH.forget(TICKET)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What that was seen of."""
    shown = ", ".join(f"{way} {times}" for way, times in sorted(WATCH.shown.items()))
    seen = ", ".join(f"{where} {size / 1e6:.1f} MB" for where, size in sorted(WATCH.seen.items()))
    terminalreporter.write_line(f"tokens shown by {shown}; looked for in {seen}")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For localhost, by an authority that nobody else trusts."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    made = authority.issue_cert("localhost", "127.0.0.1")
    files = Certificate(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    files.cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    made.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.ca)
    return files


class Bench:
    """Starts things. At its end dashboards and engines go first; then each relay has to end well."""

    def __init__(self, certificate: Certificate, things: contextlib.ExitStack) -> None:
        self.certificate = certificate
        self._things = things

    def relay(self, *args: str, tls: bool = False, unix: bool = False, **options: Any) -> Relay:
        """A relay: with TLS on both doors, or with its engines at a Unix socket, or plain on loopback."""
        if unix:
            folder = Path(self._things.enter_context(scratch()))
            options["engines"] = (f"unix:{folder}/engine.sock", *options.pop("engines", ()))
        relay = Relay(*args, certificate=self.certificate if tls else None, **options)
        self._things.callback(relay.stop)
        return relay

    def example(self, relay: Relay, execution_id: str, *args: str) -> Example:
        """The example engine."""
        example = Example(relay, execution_id, *args)
        self._things.callback(example.kill)
        return example

    def engine(self, relay: Relay, producer_id: str = "engine-1", **options: Any) -> footplate.Engine:
        """An engine in this process, by the committed client."""
        options = {"capabilities": ("pause", "resume", "cancel"), "backoff": (0.02, 0.2)} | options
        if relay.purse is not None:
            options["token"] = relay.purse.engine
            WATCH.shown[METADATA] += 1
        engine = footplate.Engine(relay.target, producer_id=producer_id, tls_ca=relay.roots, **options)
        self._things.callback(engine.close, 0.5)
        return engine

    def wire(self, relay: Relay, producer_id: str = "wire-1", **options: Any) -> Wire:
        """An engine without the client."""
        wire = Wire(relay, producer_id, **options)
        self._things.callback(wire.close)
        return wire

    def viewer(self, relay: Relay, **options: Any) -> Viewer:
        """A dashboard."""
        viewer = Viewer(relay, **options)
        self._things.callback(viewer.close)
        return viewer

    def windags(self, relay: Relay, dag_id: str, **options: Any) -> Socket:
        """A dashboard that speaks the protocol of WinDAGs."""
        socket = Socket(relay, f"/api/dags/{dag_id}/stream", **options)
        self._things.callback(socket.close)
        return socket

    def way(self, relay: Relay) -> Way:
        """A way to a relay that can be cut, with a stage for the dashboards that go it."""
        stage = Stage()
        self._things.callback(stage.close)
        way = Way(stage, relay)
        self._things.callback(way.close)
        return way


@pytest.fixture
def bench(certificate: Certificate) -> Iterator[Bench]:
    """Nothing on it yet."""
    with contextlib.ExitStack() as things:
        yield Bench(certificate, things)
