"""Dashboards of other makers' protocols, written from the descriptions of these protocols alone.

They run on an event loop of their own, as programs of their own would. What they take for a second is shorter than one, so
that nobody has to wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

import tokens
from relay import PATIENCE, Message, Relay
from tokens import WATCH, Card

SECOND = 0.05


class Stage:
    """The event loop, on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Has something done there."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(PATIENCE)

    def close(self) -> None:
        """Ends it, and whatever goes on there."""
        self.do(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # What was aborted is closed in the loop's next rounds.
        await asyncio.sleep(0.01)


class Way:
    """A way to a relay, which may be cut."""

    def __init__(self, stage: Stage, relay: Relay) -> None:
        self.stage = stage
        self.relay = relay
        self.trusted = None if relay.certificate is None else relay.certificate.trusted()
        self._target = relay.port
        self._broken = False
        self._cards: dict[type, Card | None] = {}
        self._ends: set[asyncio.StreamWriter] = set()
        self._server = stage.do(asyncio.start_server(self._pass, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def card(self, program: type, path: str, among: tuple[str, ...]) -> Card | None:
        """What is shown by all that run this program: by that too a relay knows who has come again."""
        if program not in self._cards:
            self._cards[program] = self.relay.card(path, among)
        return self._cards[program]

    def close(self) -> None:
        """Nobody gets through any more."""
        self.cut()
        self.stage.loop.call_soon_threadsafe(self._server.close)

    async def _pass(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self._ends.add(near)
        try:
            if self._broken:
                return
            answer, far = await asyncio.open_connection("127.0.0.1", self._target)
            self._ends.add(far)
            await asyncio.wait(
                [asyncio.create_task(self._copy(*pair)) for pair in ((reader, far), (answer, near))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            far.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # There is no relay at the moment; or the play is over.
        finally:
            near.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()

    def cut(self) -> None:
        """Every connection breaks, and nobody gets through until it is mended."""

        async def cut() -> None:
            self._broken = True
            while self._ends:
                self._ends.pop().transport.abort()

        self.stage.do(cut())

    def mend(self) -> None:
        """New connections get through again."""
        self._broken = False


class Dashboard:
    """What they have in common: an address, a life on the stage, and everything that was heard."""

    def __init__(self, way: Way, path: str, shows: tuple[str, ...] = tokens.LASTING, more: str = "") -> None:
        self._stage = way.stage
        self._ssl = way.trusted
        card = way.card(type(self), path, shows)
        self._options: dict[str, Any] = {}
        if card is not None:
            path = card.at(path)
            self._options = {"additional_headers": card.headers, "subprotocols": card.subprotocols or None}
        self._uri = f"{'ws' if way.trusted is None else 'wss'}://localhost:{way.port}{path}{more}"
        self._news = threading.Condition()
        self.heard: list[Message] = []
        self.opened = 0
        self.socket: ClientConnection | None = None
        self.life = asyncio.run_coroutine_threadsafe(self.live(), way.stage.loop)

    async def live(self) -> None:
        """Connects, listens, and does what this dashboard does after a lost connection."""
        raise NotImplementedError

    def connect(self, **options: Any) -> connect:
        """A connection is tried."""
        return connect(self._uri, ssl=self._ssl, proxy=None, **self._options, **options)

    async def listen(self, socket: ClientConnection) -> None:
        """Takes what comes until the end of the connection, which is raised."""
        with self._news:
            self.socket = socket
            self.opened += 1
            self._news.notify_all()
        while True:
            text = await socket.recv()
            WATCH.see(f"websocket {type(self).__name__}", text)
            self.take(json.loads(text))

    def take(self, message: Message) -> None:
        """Remembers what was told."""
        with self._news:
            self.heard.append(message)
            self._news.notify_all()

    def say(self, message: Message | str) -> None:
        """Says something on the connection that it has."""
        assert self.socket is not None
        self._stage.do(self.socket.send(message if isinstance(message, str) else json.dumps(message)))

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Listens until the condition holds."""
        with self._news:
            self._news.wait_for(condition, PATIENCE)
            found = condition()
            assert found, f"{what}; last heard:\n" + "\n".join(json.dumps(it)[:400] for it in self.heard[-12:])
            return found

    def of(self, kind: str) -> list[Message]:
        """What was heard of one type."""
        return [it for it in self.heard if it.get("type", it.get("event_type")) == kind]

    def expect(self, kind: str, look: Callable[[Message], Any] = lambda _: True) -> Message:
        """The first message of this type that looks so, among what was heard and what comes."""
        found: Message = self.wait(lambda: next((it for it in self.of(kind) if look(it)), None), f"no such {kind}")
        return found


class Executions(Dashboard):
    """The sample of the guide to the executions API: it listens until the connection ends, and does not come back."""

    def __init__(self, way: Way, execution_id: str) -> None:
        super().__init__(way, f"/api/ws/executions/{execution_id}")

    async def live(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async with self.connect() as socket:
                await self.listen(socket)


class Nebula(Dashboard):
    """The class of the nebula protocol: control pings; ten tries after 2, 4, 8 … 30 s, counted anew once it is open; 1000 and
    1001 are the end. It does not subscribe again."""

    def __init__(self, way: Way, more: str = "") -> None:
        self.statuses: dict[str, list[str]] = {}
        self.lines: list[str] = []
        super().__init__(way, "/api/v1/ws", (tokens.QUERY,), more)

    async def live(self) -> None:
        attempts = 0
        while attempts < 10:
            try:
                async with self.connect(ping_interval=30, ping_timeout=10) as socket:
                    attempts = 0
                    await self.listen(socket)
            except ConnectionClosed as end:
                if end.rcvd is not None and end.rcvd.code in (1000, 1001):
                    return
            except (OSError, InvalidHandshake):
                pass
            attempts += 1
            await asyncio.sleep(min(2**attempts, 30) * SECOND)

    def take(self, message: Message) -> None:
        if message["type"] == "execution_update":
            execution = message["execution"]
            # What the class reads, it must find.
            assert isinstance(execution["progress"]["percentage"], int) and isinstance(execution["actions_executed"], list)
            told = self.statuses.setdefault(execution["id"], [])
            if told[-1:] != [execution["status"]]:
                told.append(execution["status"])
        elif message["type"] == "log":
            self.lines.append(f"[{message['log']['level'].upper()}] {message['log']['message']}")
        super().take(message)


class Stage5(Dashboard):
    """A dashboard of stage 5: it comes back after a second for ever, and then asks for what it has missed."""

    def __init__(self, way: Way, run_id: str, first: Message | None = None) -> None:
        self._first = first
        self._seen = 0
        super().__init__(way, f"/ws/{run_id}")

    async def live(self) -> None:
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, ConnectionClosed):
                async with self.connect() as socket:
                    if self._first is not None:
                        await socket.send(json.dumps(self._first))
                    if self._seen:
                        await socket.send(json.dumps({"type": "request_state", "since": self._seen}))
                    await self.listen(socket)
            await asyncio.sleep(SECOND)

    def take(self, message: Message) -> None:
        assert message.keys() >= {"event_type", "timestamp", "run_id", "session_id", "data"}, message
        self._seen = milliseconds(message["timestamp"])
        super().take(message)


def milliseconds(time: str) -> int:
    """As JavaScript counts them."""
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000)
