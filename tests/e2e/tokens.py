"""Tokens for the whole suite, and the search for them in all that comes out of a relay.

Whoever is put on the bench shows a token by itself, in one way of docs/auth.md after the other (`Purse`), so that the suite
goes each of them many times. Whatever a relay says, serves or writes passes `WATCH`, and may hold no token: not whole and not
in part, not in base64, in hexadecimal digits or percent-encoded.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import hashlib
import itertools
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

# It comes with trustme.
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# More than any test has.
MANY = "1000000"
# In what a token is shown.
AUTHORIZATION, API_KEY, SUBPROTOCOL = "authorization", "x-api-key", "subprotocol"
MESSAGE, TICKET, QUERY, COOKIE = "first message", "ticket", "query", "cookie"
METADATA = "metadata"
# These can be shown again after a lost connection.
LASTING = (AUTHORIZATION, API_KEY, SUBPROTOCOL, QUERY)
ISSUER, AUDIENCE = "https://id.example", "footplate"
# Everybody is called what a relay calls them that wants no tokens, so that tests need not care.
NAME, ENGINE = "local", "engine"
ROLES = ("decider", "operator", "admin")
# How much of a token is too much, in characters; and how much of what is to be searched waits at most.
TELLING, AT_ONCE = 24, 4 << 20


def ways(path: str) -> tuple[str, ...]:
    """In what this path may be shown a token."""
    if path.startswith("/v1/stream"):
        return (AUTHORIZATION, API_KEY, SUBPROTOCOL, MESSAGE, TICKET)
    if path.startswith("/api/v1/ws"):
        return (QUERY, AUTHORIZATION, API_KEY, SUBPROTOCOL, MESSAGE, TICKET)
    if path.startswith("/api/dags/"):
        return (COOKIE, QUERY, AUTHORIZATION, API_KEY, SUBPROTOCOL, TICKET)
    if path.startswith(("/ws/", "/api/ws/")):
        return (QUERY, AUTHORIZATION, API_KEY, SUBPROTOCOL, TICKET)
    return (AUTHORIZATION, API_KEY)


def forms(part: bytes) -> Iterator[bytes]:
    """As what these bytes may stand in others. Percent-encoded ones are looked for by decoding."""
    yield part
    yield part.hex().encode()
    yield part.hex().upper().encode()
    for before, skip in ((0, 0), (1, 2), (2, 3)):
        # What follows and what comes before changes the digits at the ends.
        whole = (before + len(part)) // 3 * 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + part)[skip:whole]


class Watch:
    """Looks through whatever passes for what it knows to be secret."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._secret: dict[bytes, str] = {}
        self._waiting: deque[tuple[str, str | bytes]] = deque()
        self._size = 0
        self._found: dict[tuple[str, str], str] = {}
        # Of the whole run: tokens by what they were shown in, bytes by where they came out.
        self.shown: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def know(self, text: str, what: str) -> str:
        """From now on this text is secret, and each part of it by itself."""
        with self._lock:
            # The header of a token says nothing; its claims and its signature do, from either end.
            for part in (text.split(".")[1:] or [text]):
                for end in (part[:TELLING], part[-TELLING:]):
                    for form in forms(end.encode()):
                        self._secret[form] = what
        return text

    def forget(self, what: str) -> None:
        """What was called so counts no longer."""
        with self._lock:
            self._secret = {form: it for form, it in self._secret.items() if it != what}

    def see(self, where: str, data: str | bytes) -> None:
        """This has come out there. `where` begins with one word for its kind. It costs who says it as good as nothing."""
        self._waiting.append((where, data))
        # Nothing rests on this being exact.
        self._size += len(data)
        if self._size > AT_ONCE:
            with self._lock:
                self._search()

    def take(self) -> list[str]:
        """What was found since this was asked last: where, what, and what stands around it."""
        with self._lock:
            self._search()
            found, self._found = self._found, {}
            return [f"{where}: the token in the {what}: …{around}…" for (where, what), around in found.items()]

    def look(self) -> None:
        """Fails if something was found."""
        found = self.take()
        assert not found, "a token has come out:\n" + "\n".join(found[:20])

    def _search(self) -> None:
        self._size, pieces = 0, defaultdict[str, list[bytes]](list)
        with contextlib.suppress(IndexError):
            while True:
                where, data = self._waiting.popleft()
                raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
                self.seen[where.split()[0]] += len(raw)
                pieces[where].append(raw)
        for where, of_it in pieces.items():
            text = b"\n".join(of_it)
            read = [text, unquote_to_bytes(text)] if b"%" in text else [text]
            for text, (form, what) in itertools.product(read, self._secret.items()):
                if (where, what) not in self._found and (at := text.find(form)) >= 0:
                    self._found[where, what] = self._around(text, at, len(form))

    def _around(self, text: bytes, at: int, length: int) -> str:
        """What stands before and behind, without anything that could be secret: whatever is long and has no gaps."""
        around = text[max(0, at - 2000) : at] + b"\0" + text[at + length : at + length + 2000]
        around = re.sub(rb"[\w%=+/.~-]*\0[\w%=+/.~-]*", b"\0", around)
        before, _, behind = re.sub(rb"[\w%=+/.~-]{16,}", b"<...>", around).partition(b"\0")
        return (before[-120:] + b"<TOKEN>" + behind[:40]).decode(errors="replace")


WATCH = Watch()


def b64(data: bytes) -> str:
    """As tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Mint:
    """An issuer, its key, and files for relays that believe it."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.folder = Path(tempfile.mkdtemp(prefix="footplate-mint-"))
        atexit.register(shutil.rmtree, self.folder)
        pem, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        (self.folder / "issuer.pem").write_bytes(self._key.public_key().public_bytes(pem, form))
        # One for people and their scripts, one for engines.
        self.keys = {name: f"fp_{secrets.token_hex(24)}" for name in (NAME, ENGINE)}
        lines = [
            f"{name} {','.join(ROLES if name == NAME else (ENGINE,))} * * {hashlib.sha256(key.encode()).hexdigest()}\n"
            for name, key in self.keys.items()
        ]
        (self.folder / "api-keys").write_text("".join(lines))
        for name, key in self.keys.items():
            WATCH.know(key, f"API key of {name}")

    @property
    def flags(self) -> list[str]:
        """With these a relay wants tokens, and takes them in every way that there is."""
        return [
            *("--auth-keys", str(self.folder / "issuer.pem"), "--auth-issuer", ISSUER, "--auth-audience", AUDIENCE),
            *("--api-keys", str(self.folder / "api-keys"), "--auth-cookie", "true"),
            # A crowd of this suite is one person, and all its engines are one.
            *("--max-connections-per-principal", MANY, "--max-strangers", MANY, "--max-rate-per-principal", MANY),
            *("--max-executions-per-engine", MANY, "--max-executions-begun", MANY, "--max-failed-attempts", MANY),
        ]

    @functools.cache  # noqa: B019
    def token(self, way: str, subject: str = NAME) -> str:
        """A good one. Each way has one of its own, so that what is found says how it came in."""
        return self.issue(f"{way} of {subject}", subject, *((ENGINE,) if subject == ENGINE else ROLES))

    def issue(self, what: str, subject: str, *roles: str, key: Ed25519PrivateKey | None = None) -> str:
        """One for this person, signed by whoever it is."""
        # Chance comes first: no two begin alike.
        claims = {"jti": secrets.token_hex(18), "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": roles}
        claims |= {"iat": int(time.time()), "exp": int(time.time()) + 8 * 3600}
        signed = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "EdDSA"}, claims))
        return WATCH.know(f"{signed}.{b64((key or self._key).sign(signed.encode()))}", what)


@functools.cache
def mint() -> Mint:
    """The one of this run."""
    return Mint()


@dataclass
class Card:
    """A token, and what it takes to show it in one way when a WebSocket is opened."""

    way: str
    token: str
    query: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    subprotocols: list[str] = field(default_factory=list)
    first: dict[str, Any] | None = None

    @classmethod
    def of(cls, way: str, token: str) -> Card:
        """This token, shown in this way."""
        WATCH.shown[way] += 1
        shown: dict[str, dict[str, Any]] = {
            AUTHORIZATION: {"headers": [("Authorization", f"Bearer {token}")]},
            API_KEY: {"headers": [("X-API-Key", token)]},
            COOKIE: {"headers": [("Cookie", f"__Host-footplate={token}")]},
            SUBPROTOCOL: {"subprotocols": [f"bearer.{token}"]},
            MESSAGE: {"first": {"type": "authenticate", "token": token}},
            TICKET: {"query": f"ticket={token}"},
            QUERY: {"query": f"token={token}"},
        }
        return cls(way, token, **shown[way])

    def at(self, path: str) -> str:
        """The path, with what is shown in it."""
        return f"{path}{'&' if '?' in path else '?'}{self.query}" if self.query else path


class Purse:
    """What those who come to one relay show: in one test always the same, in the next something else."""

    def __init__(self) -> None:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        turn = zlib.crc32(test.encode())
        self._turns = itertools.count(turn)
        # A person is somebody else by key than by token, and engines own what they begin: one of them for all of a test.
        self.by_key = turn % 3 == 0

    def way(self, among: Sequence[str]) -> str:
        """The next of these."""
        return among[next(self._turns) % len(among)]

    def token(self, way: str) -> str:
        """What is shown in this way."""
        return mint().keys[NAME] if self.by_key else mint().token(way)

    @property
    def engine(self) -> str:
        """What engines show."""
        return mint().keys[ENGINE] if self.by_key else mint().token(METADATA, ENGINE)

    @property
    def engine_identity(self) -> str:
        """Who engines are to the relay."""
        return f"{'key' if self.by_key else 'jwt'}:{ENGINE}"

    def metadata(self) -> list[tuple[str, str]]:
        """What an engine's call shows."""
        way = self.way((AUTHORIZATION, API_KEY))
        WATCH.shown[METADATA] += 1
        return [(way, f"Bearer {self.engine}" if way == AUTHORIZATION else self.engine)]


def percent(text: str) -> str:
    """Each of its bytes percent-encoded."""
    return "".join(f"%{byte:02x}" for byte in text.encode())
