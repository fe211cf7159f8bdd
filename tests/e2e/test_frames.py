"""WebSocket frames by the byte, over the viewers' door: each fault ends the connection with its code, and nothing else does."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from conftest import Bench
from relay import PATIENCE, Relay
from tokens import API_KEY, AUTHORIZATION, WATCH

CONTINUES, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
PROTOCOL, BYTES, UTF8, LARGE = 1002, 1003, 1007, 1009
MASK = bytes.fromhex("37fa213d")
ASK = b'{"type":"ping"}'
EURO = "\N{EURO SIGN}".encode()


def frame(opcode: int, payload: bytes = b"", *, last: bool = True, rsv: int = 0, mask: bool = True, form: int | None = None) -> bytes:
    """One frame. `form`: 7, 16 or 64, the bits of its length, whichever it needs."""
    length = len(payload)
    form = form or (7 if length < 126 else 16 if length < 1 << 16 else 64)
    marker, rest = {7: (length, 0), 16: (126, 2), 64: (127, 8)}[form]
    head = bytes([last << 7 | rsv << 4 | opcode, mask << 7 | marker]) + (length.to_bytes(rest) if rest else b"")
    if not mask:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def closing(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def split(text: bytes, at: int) -> bytes:
    """A text in two frames."""
    return frame(TEXT, text[:at], last=False) + frame(CONTINUES, text[at:])


# What is sent, and with which code the connection ends.
FAULTS: dict[str, tuple[bytes, int]] = {
    "unmasked": (frame(TEXT, ASK, mask=False), PROTOCOL),
    "unmasked ping": (frame(PING, b"", mask=False), PROTOCOL),
    **{f"reserved bit {rsv}": (frame(TEXT, ASK, rsv=rsv), PROTOCOL) for rsv in (1, 2, 3, 4, 5, 6, 7)},
    "reserved bit in a ping": (frame(PING, rsv=4), PROTOCOL),
    "reserved bit in a continuation": (frame(TEXT, b"{", last=False) + frame(CONTINUES, b"}", rsv=4), PROTOCOL),
    **{f"reserved opcode {it:x}": (frame(it, b"x"), PROTOCOL) for it in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)},
    "fragmented ping": (frame(PING, b"x", last=False) + frame(CONTINUES, b"y"), PROTOCOL),
    "fragmented pong": (frame(PONG, b"x", last=False), PROTOCOL),
    "fragmented close": (frame(CLOSE, b"\x03\xe8", last=False), PROTOCOL),
    "long ping": (frame(PING, b"x" * 126), PROTOCOL),
    "long close": (closing(1000, b"x" * 124), PROTOCOL),
    "long form of a ping": (frame(PING, b"x" * 126, form=64), PROTOCOL),
    "continuation of nothing": (frame(CONTINUES, b"x"), PROTOCOL),
    "continuation of what has ended": (split(ASK, 3) + frame(CONTINUES, b"x"), PROTOCOL),
    "text within a text": (frame(TEXT, b"{", last=False) + frame(TEXT, b"}"), PROTOCOL),
    "bytes within a text": (frame(TEXT, b"{", last=False) + frame(BINARY, b"}"), PROTOCOL),
    "bytes": (frame(BINARY, ASK), BYTES),
    "no bytes": (frame(BINARY), BYTES),
    "not UTF-8": (frame(TEXT, b'{"type":"\xff"}'), UTF8),
    "overlong": (frame(TEXT, b"\xc0\xaf"), UTF8),
    "surrogate": (frame(TEXT, b"\xed\xa0\x80"), UTF8),
    "beyond all characters": (frame(TEXT, b"\xf4\x90\x80\x80"), UTF8),
    "half a character at the end": (frame(TEXT, EURO[:2]), UTF8),
    "half a character, then another frame": (frame(TEXT, EURO[:2], last=False) + frame(CONTINUES, b"x"), UTF8),
    "not UTF-8 in a later frame": (frame(TEXT, b"{", last=False) + frame(CONTINUES, b"\xff"), UTF8),
    "16 MiB": (frame(TEXT, b"")[:1] + bytes([0x80 | 127]) + struct.pack("!Q", 16 << 20) + MASK, LARGE),
    "a byte more than a mebibyte": (frame(TEXT, b"")[:1] + bytes([0x80 | 127]) + struct.pack("!Q", (1 << 20) + 1) + MASK, LARGE),
    "more than a mebibyte in parts": (
        frame(TEXT, b"x" * (1 << 19), last=False) + frame(CONTINUES, b"x" * (1 << 19), last=False) + frame(CONTINUES, b"x"),
        LARGE,
    ),
    "a length with its first bit set": (frame(TEXT, b"")[:1] + bytes([0x80 | 127]) + struct.pack("!Q", 1 << 63) + MASK, LARGE),
    "the largest length": (frame(TEXT, b"")[:1] + bytes([0x80 | 127]) + b"\xff" * 8 + MASK, LARGE),
    "a close of one byte": (frame(CLOSE, b"\x03"), PROTOCOL),
    **{f"a close with {it}": (closing(it), PROTOCOL) for it in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)},
}
# What is no fault: it is answered, and the connection goes on.
FINE: dict[str, bytes] = {
    "whole": frame(TEXT, ASK),
    "in two": split(ASK, 5),
    "byte by byte": frame(TEXT, ASK[:1], last=False)
    + b"".join(frame(CONTINUES, ASK[it : it + 1], last=False) for it in range(1, len(ASK)))
    + frame(CONTINUES),
    "a ping within": frame(TEXT, ASK[:5], last=False) + frame(PING, b"mid") + frame(PONG) + frame(CONTINUES, ASK[5:]),
    "a pong that nobody has asked for": frame(PONG, b"x" * 125) + frame(TEXT, ASK),
    "a length in 16 bits that fits in 7": frame(TEXT, ASK, form=16),
    "a length in 64 bits that fits in 7": frame(TEXT, ASK, form=64),
    "a character in two frames": split(b'{"type":"ping","x":"' + EURO + b'"}', 22) + frame(TEXT, ASK),
}


def shown(relay: Relay) -> bytes:
    """The token's line of a request."""
    card = relay.card("/v1/stream", (AUTHORIZATION, API_KEY))
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in card.headers) if card else b""


class Bytes:
    """A WebSocket after its handshake, by the byte."""

    def __init__(self, relay: Relay) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", relay.port), PATIENCE)
        if relay.certificate is not None:
            self.socket = relay.certificate.trusted().wrap_socket(self.socket, server_hostname="localhost")
        self.socket.sendall(
            b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + shown(relay) + b"\r\n"
        )
        self._got = b""
        head = self._until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert b'"welcome"' in next(self.frames())[1]

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._got:
            self._more()
        head, _, self._got = self._got.partition(mark)
        return head

    def _more(self) -> None:
        got = self.socket.recv(1 << 16)
        WATCH.see("websocket frames", got)
        assert got, "it ended"
        self._got += got

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What the relay sends: whole frames, never masked."""
        while True:
            while len(self._got) < 2 or len(self._got) < (size := self._size()):
                self._more()
            assert self._got[0] & 0xF0 == 0x80 and not self._got[1] & 0x80, self._got[:16]
            head = {126: 4, 127: 10}.get(self._got[1], 2)
            opcode, payload = self._got[0] & 0xF, self._got[head:size]
            self._got = self._got[size:]
            yield opcode, payload

    def _size(self) -> int:
        short = self._got[1]
        if short < 126:
            return 2 + short
        if short == 126:
            return 4 + int.from_bytes(self._got[2:4]) if len(self._got) >= 4 else 1 << 62
        return 10 + int.from_bytes(self._got[2:10]) if len(self._got) >= 10 else 1 << 62

    def code(self) -> int | None:
        """Listens to the end, after which nothing comes: the code of the goodbye."""
        for opcode, payload in self.frames():
            if opcode == CLOSE:
                self.socket.settimeout(PATIENCE)
                assert self.socket.recv(1) == b"", "nothing comes after a goodbye"
                return int.from_bytes(payload[:2]) if payload else None
        return None

    def answers(self, pings: int = 0) -> None:
        """It hears that somebody is there, after so many answers to pings."""
        for opcode, payload in self.frames():
            if opcode == PONG:
                pings -= 1
                assert payload == b"mid"
            elif b'"pong"' in payload:
                assert opcode == TEXT and pings == 0
                return


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tls"])
def relay(request: pytest.FixtureRequest, certificate: object) -> Iterator[Relay]:
    """One for all of them: no frame harms more than its own connection."""
    relay = Relay(certificate=certificate if request.param else None)  # type: ignore[arg-type]
    yield relay
    relay.stop()


@pytest.fixture
def talk(relay: Relay) -> Iterator[Bytes]:
    """A connection to it."""
    talk = Bytes(relay)
    yield talk
    talk.socket.close()


@pytest.mark.parametrize("name", FAULTS)
def test_a_frame_that_is_none_ends_its_connection_with_the_right_code(talk: Bytes, name: str) -> None:
    sent, code = FAULTS[name]
    # Whatever else it has to say.
    talk.socket.sendall(sent + frame(TEXT, ASK))
    assert talk.code() == code


@pytest.mark.parametrize("slices", [False, True], ids=["at once", "sliced"])
@pytest.mark.parametrize("name", FINE)
def test_a_frame_that_is_one_is_answered_however_it_comes(talk: Bytes, name: str, slices: bool) -> None:
    sent = FINE[name]
    for piece in [sent[it : it + 1] for it in range(len(sent))] if slices else [sent]:
        talk.socket.sendall(piece)
    talk.answers(pings=name == "a ping within")
    talk.socket.sendall(closing(1000))
    assert talk.code() == 1000


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 3000, 3999, 4000, 4999])
def test_a_goodbye_is_given_back(talk: Bytes, code: int) -> None:
    talk.socket.sendall(closing(code, "auf Wiedersehen, \N{EURO SIGN}".encode()))
    assert talk.code() == code


def test_a_goodbye_may_say_nothing(talk: Bytes) -> None:
    talk.socket.sendall(frame(CLOSE))
    assert talk.code() in (None, 1000)


def test_a_goodbye_whose_words_are_no_text_is_a_fault(talk: Bytes) -> None:
    talk.socket.sendall(closing(1000, b"\xff"))
    assert talk.code() in (PROTOCOL, UTF8)
