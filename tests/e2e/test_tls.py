"""Certificates that the program makes itself, trusted by another maker's TLS, and replaced while it serves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
from pathlib import Path
from typing import Any

import trustme
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import ClientConnection, connect

from conftest import Bench
from relay import PATIENCE, Certificate, Message, Relay, command
from tokens import API_KEY, AUTHORIZATION


def init(folder: Path, *args: str) -> Certificate:
    """`footplate certs init`."""
    ended = command("certs", "init", "--dir", str(folder), *args)
    assert ended.returncode == 0 and not ended.stderr, ended
    for name in ("ca.pem", "server.pem", "server-key.pem"):
        assert str(folder / name) in ended.stdout, ended.stdout
    return Certificate(folder / "server.pem", folder / "server-key.pem", folder / "ca.pem")


def dashboard(relay: Relay, certificate: Certificate) -> ClientConnection:
    """A WebSocket of a client that trusts this authority and no other."""
    card = relay.card("/v1/stream", (AUTHORIZATION, API_KEY))
    assert card is not None
    options: dict[str, Any] = {"subprotocols": ["footplate.v1"], "additional_headers": card.headers}
    return connect(f"{relay.url}/v1/stream", ssl=certificate.trusted(), open_timeout=PATIENCE, **options)


def serial(socket: ClientConnection) -> str:
    """What the relay has shown itself with."""
    assert isinstance(socket.socket, ssl.SSLSocket)
    shown: Any = socket.socket.getpeercert()
    return str(shown["serialNumber"])


def said(relay: Relay, message: str, **fields: str) -> list[Message]:
    """The records of the log with this in their message, and these fields."""
    records = [json.loads(line) for line in relay.lines if line.startswith("{")]
    return [it for it in records if message in it["message"] and all(it.get(name) == value for name, value in fields.items())]


def ping(socket: ClientConnection) -> None:
    """The relay answers on this connection."""
    assert socket.ping().wait(PATIENCE)


def test_a_new_certificate_is_served_while_old_connections_live_on(tmp_path: Path) -> None:
    certificate = init(tmp_path / "certs")
    authority = certificate.ca.read_bytes()
    relay = Relay(certificate=certificate)
    try:
        with dashboard(relay, certificate) as old:
            first = serial(old)
            assert init(tmp_path / "certs").ca.read_bytes() == authority
            relay.process.send_signal(signal.SIGHUP)
            for door in ("viewer", "engine"):
                (record,) = relay.wait(lambda: said(relay, "certificate reloaded", door=door), f"the {door} door reloads")
                assert record["serial"] != first and record["level"] == "INFO"
            with dashboard(relay, certificate) as new:
                assert serial(new) == record["serial"]
                ping(new)
            assert serial(old) == first
            ping(old)

            # Half of a file: what is served is served on, and the operator reads what to do.
            whole = certificate.cert.read_bytes()
            certificate.cert.write_bytes(whole[: len(whole) // 4])
            relay.process.send_signal(signal.SIGHUP)
            relay.wait(lambda: said(relay, "can't be served", door="viewer"), "the viewers' door refuses it")
            with dashboard(relay, certificate) as again:
                assert serial(again) == record["serial"]
            status, text = relay.operators("/metrics")
            assert status == 200
            assert 'footplate_certificate_reloads_total{result="reloaded"} 2' in text
            assert 'footplate_certificate_expiry_timestamp_seconds{door="engine"}' in text
            ping(old)
    finally:
        relay.stop()


def test_a_hangup_without_certificates_changes_nothing(bench: Bench) -> None:
    # Keys for tokens are files that could be read again.
    relay = bench.relay(tokens=False)
    relay.process.send_signal(signal.SIGHUP)
    relay.wait(lambda: said(relay, "nothing is from a file that could be"), "it says so")
    assert relay.http("GET", "/livez")[0] == 200


def test_an_engine_attaches_to_it_by_its_authority(bench: Bench, tmp_path: Path) -> None:
    made = init(tmp_path / "certs")
    bench.certificate = made
    engine = bench.engine(bench.relay(tls=True))
    assert engine.wait_ready(PATIENCE)


def test_wrong_names_are_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    ended = command("certs", "init", "--dir", str(folder), "--name", "https://a", "b:1", "c.example")
    assert ended.returncode == 64 and not ended.stdout, ended
    lines = ended.stderr.splitlines()
    assert [line.split()[:3] for line in lines] == [["footplate:", "--name", "https://a:"], ["footplate:", "--name", "b:1:"]]
    assert not folder.exists()


# Connections that stay, clients that come and go all the while, and certificates.
HELD, COMING, ROTATIONS = 500, 4, 50


class Issuer:
    """An authority whose certificates replace one another in the same two files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.files = Certificate(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
        self.authority.cert_pem.write_to_path(str(self.files.ca))
        self.rotate(atomic=False)

    def rotate(self, *, atomic: bool) -> None:
        """Another pair, each file at once or as somebody's editor writes it."""
        made = self.authority.issue_cert("localhost")
        cert, key = b"".join(it.bytes() for it in made.cert_chain_pems), made.private_key_pem.bytes()
        for path, content in ((self.files.cert, cert), (self.files.key, key)):
            written = path.with_suffix(".new") if atomic else path
            written.write_bytes(content)
            os.replace(written, path)

    def spoil(self) -> None:
        """Half of a file."""
        whole = self.files.cert.read_bytes()
        self.files.cert.write_bytes(whole[: len(whole) // 2])


async def crowd(relay: Relay, issuer: Issuer) -> tuple[int, int]:
    """Rotates under load; how many connections were opened meanwhile, and how many stayed to the end."""
    trusted, over, opened = issuer.files.trusted(), asyncio.Event(), 0

    def join() -> connect_async:
        card = relay.card("/v1/stream", (AUTHORIZATION, API_KEY))
        options: dict[str, Any] = {"additional_headers": card.headers if card else []}
        return connect_async(f"{relay.url}/v1/stream", ssl=trusted, open_timeout=PATIENCE, proxy=None, compression=None, **options)

    async def come_and_go() -> None:
        nonlocal opened
        while not over.is_set():
            async with join() as socket:
                assert json.loads(await socket.recv())["type"] == "welcome"
                opened += 1

    async def rotate() -> None:
        last = await served(relay, trusted)
        for nth in range(ROTATIONS):
            if nth % 10 == 9:
                issuer.spoil()
                refused = len(said(relay, "can't be served", door="viewer"))
                relay.process.send_signal(signal.SIGHUP)
                await asyncio.to_thread(
                    relay.wait, lambda: len(said(relay, "can't be served", door="viewer")) > refused, "it is refused"  # noqa: B023
                )
                assert await served(relay, trusted) == last, "the old one is kept"
            issuer.rotate(atomic=nth % 2 == 0)
            relay.process.send_signal(signal.SIGHUP)
            until = asyncio.get_running_loop().time() + 5
            while (now := await served(relay, trusted)) == last:
                assert asyncio.get_running_loop().time() < until, f"rotation {nth} is not served"
            last = now

    held = []
    for _ in range(HELD // 50):
        held += await asyncio.gather(*(join() for _ in range(50)))
    coming = [asyncio.create_task(come_and_go()) for _ in range(COMING)]
    rotating = asyncio.create_task(rotate())
    done, _ = await asyncio.wait([rotating, *coming], return_when=asyncio.FIRST_COMPLETED)
    over.set()
    # Whatever has failed is told.
    await asyncio.gather(*done, *coming)
    stayed = 0
    for socket in held:
        await asyncio.wait_for(await socket.ping(), PATIENCE)
        stayed += 1
    await asyncio.gather(*(socket.close() for socket in held))
    return opened, stayed


async def served(relay: Relay, trusted: ssl.SSLContext) -> str:
    """The number of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=trusted, server_hostname="localhost")
    number: str = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return number


def test_fifty_certificates_under_five_hundred_connections_fail_nobody(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    relay = Relay(certificate=issuer.files)
    try:
        opened, stayed = asyncio.run(crowd(relay, issuer))
        assert stayed == HELD and opened >= ROTATIONS, (opened, stayed)
        serials = {it["serial"] for it in said(relay, "certificate reloaded", door="viewer")}
        assert len(serials) == ROTATIONS
    finally:
        relay.stop()
