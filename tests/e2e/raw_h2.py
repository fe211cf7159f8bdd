"""HTTP/2 by the frame, for whoever means no good: what is sent is whatever a test wants, and what comes is only counted."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import hpack
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from relay import PATIENCE, Relay
from tokens import WATCH

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# What is handed to the socket at once.
PIECE = 1 << 16


class Raw:
    """One connection to one door: `viewer` over TLS, `engine` plain or over TLS, as the relay speaks."""

    def __init__(self, relay: Relay, door: str, greet: bytes | None = None) -> None:
        self.door = door
        self._relay = relay
        at = relay.viewers if door == "viewer" else relay.engines[0]
        port = int(at.rpartition(":")[2])
        self.authority = f"localhost:{port}"
        self.scheme = "http" if relay.certificate is None else "https"
        self.hpack = hpack.Encoder()
        # Frames that came, by the names of their types, and what the streams and the connection ended with.
        self.came: Counter[str] = Counter()
        self.resets: Counter[int] = Counter()
        self.goaway: tuple[int, bytes] | None = None
        self.ended = False
        self._unread = b""
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if relay.certificate is not None:
            trusted = relay.certificate.trusted()
            trusted.set_alpn_protocols(["h2"])
            tls = trusted.wrap_socket(self.socket, server_hostname="localhost")
            assert tls.selected_alpn_protocol() == "h2"
            self.socket = tls
        self.socket.setblocking(False)
        self.send([PREFACE + SettingsFrame(0).serialize() if greet is None else greet])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.socket.close()

    def request(self, *more: tuple[str, str], method: str = "POST") -> bytes:
        """The headers of a call that the door takes, as they are packed."""
        engine = self.door == "engine"
        path = "/footplate.v1.EngineService/Attach" if engine else "/v1/executions"
        known = [("content-type", "application/grpc"), ("te", "trailers")] if engine else []
        fixed = [(":method", method), (":scheme", self.scheme), (":authority", self.authority), (":path", path)]
        return self.hpack.encode([*fixed, *known, *self._shown(), *more])

    def _shown(self) -> list[tuple[str, str]]:
        """The token, so that what is meant to hurt gets as far as it can."""
        purse = self._relay.purse
        if purse is None:
            return []
        if self.door == "engine":
            return purse.metadata()
        card = self._relay.card("/v1/executions")
        return [(name.lower(), value) for name, value in card.headers] if card else []

    def headers(self, stream: int, block: bytes, *flags: str) -> bytes:
        """A HEADERS frame."""
        return HeadersFrame(stream, block, flags=flags).serialize()

    def send(self, pieces: Iterable[bytes], *, reads: bool = True, seconds: float = PATIENCE) -> int:
        """Sends it all, unless the other side ends the connection or takes nothing for so long; how many bytes went."""
        sent, until = 0, time.monotonic() + seconds
        for piece in batches(pieces):
            while piece and not self.ended and time.monotonic() < until:
                wants = [self.socket]
                try:
                    went = self.socket.send(piece)
                    sent, piece, wants = sent + went, piece[went:], []
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
                except OSError:
                    # What it has said before is still to be read.
                    self._read()
                    self.ended = True
                if reads:
                    self._read()
                if wants:
                    select.select(wants if reads else [], wants, [], 0.2)
            if self.ended or time.monotonic() >= until:
                break
        if reads:
            self._read()
        return sent

    def drain(self, seconds: float) -> bool:
        """Reads until the other side ends the connection, for so long at most; whether it did."""
        until = time.monotonic() + seconds
        while not self.ended and time.monotonic() < until:
            select.select([self.socket], [], [], 0.2)
            self._read()
        return self.ended

    def _read(self) -> None:
        while not self.ended:
            try:
                got = self.socket.recv(1 << 16)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                got = b""
            WATCH.see("frames of HTTP/2", got)
            self.ended = not got
            self._take(self._unread + got)

    def _take(self, got: bytes) -> None:
        while len(got) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(got[:9]))
            if len(got) < 9 + length:
                break
            frame.parse_body(memoryview(got[9 : 9 + length]))
            got = got[9 + length :]
            self.came[type(frame).__name__.removesuffix("Frame")] += 1
            if isinstance(frame, GoAwayFrame):
                self.goaway = (frame.error_code, frame.additional_data)
            if isinstance(frame, RstStreamFrame):
                self.resets[frame.error_code] += 1
        self._unread = got


def batches(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes in larger pieces."""
    batch = bytearray()
    for piece in pieces:
        batch += piece
        if len(batch) >= PIECE:
            yield bytes(batch)
            batch.clear()
    yield bytes(batch)
