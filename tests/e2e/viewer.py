"""A dashboard: another maker's WebSocket client, which believes nothing but what it is told.

`Picture` follows docs/protocol/native.md to the letter: it takes what comes, puts the parts that frames state in the place
of the ones it has, and fails if a number is missing or comes twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import tokens
from relay import PATIENCE, Message, Relay
from tokens import WATCH, Card

SUBPROTOCOL = "footplate.v1"
RECORDS = frozenset(
    "execution_status execution_complete node_state node_progress node_retry graph dag_mutated edge_active cost_update log "
    "agent_message agent_thinking tool_call code_execution metric file error events_dropped human_gate_waiting gate_vote "
    "gate_resolved gate_delivery gate_closed command_status engine_status rejected opaque".split()
)
KEYS: dict[str, Callable[[Message], Any]] = {
    "nodes": lambda it: it["node_id"],
    "edges": lambda it: (it["source"], it["target"]),
    "gates": lambda it: it["gate_id"],
    "commands": lambda it: it["command_id"],
    "producers": lambda it: it["producer_id"],
    "producer_costs": lambda it: it["producer_id"],
}


def new_id() -> str:
    """A UUIDv7: its time, then chance."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Picture:
    """One execution, as far as it was told."""

    def __init__(self, execution_id: str, epoch: str | None = None) -> None:
        self.execution_id = execution_id
        self.epoch = epoch
        self.seq = 0
        self.records: list[Message] = []
        self.snapshots = 0
        # Before the first record there is nothing.
        nothing = ("spent_usd_nanos", "spent", "input_tokens", "output_tokens", "total_tokens")
        self.state: Message = {name: {} for name in KEYS} | {"errors": [], "dropped": 0, "rejected": 0}
        self.state["cost"] = dict.fromkeys(nothing, 0)
        self._parts: list[Message] = []

    @property
    def position(self) -> Message:
        """Where to go on."""
        return {"epoch": self.epoch, "seq": self.seq}

    def take(self, message: Message) -> None:
        """A record or a part of a snapshot."""
        if message["type"] == "snapshot":
            self._snapshot(message)
            return
        assert not self._parts, f"a record between the parts of a snapshot: {message}"
        assert message["epoch"] == self.epoch, f"a record of another log than {self.position}: {message}"
        assert message["seq"] == self.seq + 1, f"behind {self.position} came {message}"
        assert message["event_id"] == f"{message['epoch']}:{message['seq']}"
        self.seq = message["seq"]
        self.records.append(message)
        fold(self.state, message)

    def _snapshot(self, message: Message) -> None:
        self._parts.append(message)
        first = self._parts[0]
        same = [(part["epoch"], part["seq"], part["parts"]) for part in (first, message)]
        assert same[0] == same[1] and message["part"] == len(self._parts), "parts come in order"
        if message["part"] < message["parts"]:
            return
        assert message["epoch"] != self.epoch or message["seq"] >= self.seq, f"back from {self.position} to {same[0]}"
        self.state = restored(self._parts)
        self.epoch, self.seq, self._parts = message["epoch"], message["seq"], []
        self.snapshots += 1


def restored(parts: list[Message]) -> Message:
    """The state that a snapshot's parts hold, with lists that are looked things up in by their names."""
    state: Message = dict(parts[0]["state"])
    for name, key in KEYS.items():
        state[name] = {key(item): item for part in parts for item in part["state"].get(name, ())}
    state["errors"] = [item for part in parts for item in part["state"].get("errors", ())]
    return state


def fold(state: Message, record: Message) -> None:
    """What a record changes: docs/protocol/native.md, "Keeping the state"."""
    state.setdefault("first_time", record["ts"])
    state["last_time"] = record["ts"]
    if "producer" in record:
        state["producers"][record["producer"]["producer_id"]] = dict(record["producer"])
    if "pseq" in record:
        state["producers"][record["producer_id"]]["last_pseq"] = record["pseq"]
    if "contradiction" in record:
        return
    for field in ("execution", "progress", "cost"):
        if field in record:
            state[field] = record[field]
    for field in ("node", "gate", "command", "producer_cost"):
        if field in record:
            state[f"{field}s"][KEYS[f"{field}s"](record[field])] = record[field]
    for edge in record.get("edges", ()):
        state["edges"][KEYS["edges"](edge)] = edge
    for node in record.get("nodes", ()):
        state["nodes"][node["node_id"]] = state["nodes"].get(node["node_id"], {}) | node
    for node_id in record.get("removed_node_ids", ()):
        state["nodes"].pop(node_id, None)
    for edge in record.get("removed_edges", ()):
        state["edges"].pop(KEYS["edges"](edge), None)
    match record["type"]:
        case "error":
            state["errors"] = [*state["errors"], record["failure"] | {"time": record["ts"]}][-100:]
        case "events_dropped":
            state["dropped"] += record["count"]
        case "rejected":
            state["rejected"] += 1


def matches(message: Message, fields: Message) -> bool:
    """Whether a message states all of this."""
    return all(message.get(name) == value for name, value in fields.items())


class Socket:
    """One WebSocket, and everything that was heard on it. To be used by one thread at a time."""

    def __init__(
        self,
        relay: Relay,
        path: str,
        *,
        receive_buffer: int | None = None,
        url: str | None = None,
        card: Card | None = None,
        **options: Any,
    ) -> None:
        self._where = f"websocket {path.partition('?')[0]}"
        # Who comes from elsewhere shows the least: what else there is belongs to a page.
        foreign = url is not None or options.get("origin") is not None
        card = card or relay.card(path, (tokens.AUTHORIZATION,) if foreign else None)
        if card is not None:
            path, options = card.at(path), options | self._showing(relay, card, options)
        raw = socket.socket()
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.settimeout(PATIENCE)
        raw.connect(("127.0.0.1", relay.port))
        if relay.certificate is not None:
            trusted = relay.certificate.trusted()
            # This client reads and writes in two threads. The tickets that come late in TLS 1.3 make its reader wait inside
            # OpenSSL, and what the other thread then writes may never be sent. TLS 1.3 is for the viewers in test_end.py.
            trusted.maximum_version = ssl.TLSVersion.TLSv1_2
            options |= {"ssl": trusted, "server_hostname": "localhost"}
        self._open = contextlib.ExitStack()
        try:
            self.connection: ClientConnection = self._open.enter_context(
                connect((url or relay.url) + path, sock=raw, compression=None, proxy=None, **options)
            )
        except InvalidStatus as refused:
            WATCH.see(self._where, f"{refused.response.headers} {(refused.response.body or b'').decode()}")
            raise
        assert self.connection.response is not None
        WATCH.see(self._where, str(self.connection.response.headers))
        self.heard: list[Message] = []
        if card is not None and card.first is not None:
            self.say(card.first)

    def _showing(self, relay: Relay, card: Card, options: dict[str, Any]) -> dict[str, Any]:
        """What a connection is opened with, so that it shows the card."""
        page = {"origin": relay.url.replace("ws", "http", 1)} if card.way == tokens.COOKIE else {}
        both = {"subprotocols": [*options.get("subprotocols", ()), *card.subprotocols]} if card.subprotocols else {}
        return {"additional_headers": card.headers} | page | both

    def say(self, message: Message | str | bytes) -> None:
        """Says something, whether or not it makes sense."""
        self.connection.send(json.dumps(message) if isinstance(message, dict) else message)

    def hear(self, timeout: float = PATIENCE) -> Message:
        """The next message."""
        try:
            text = self.connection.recv(timeout)
        except ConnectionClosed as end:
            WATCH.see(self._where, end.rcvd.reason if end.rcvd else "")
            raise
        WATCH.see(self._where, text)
        message: Message = json.loads(text)
        self.heard.append(message)
        return message

    def wait(self, condition: Callable[[], Any], what: str = "it never came") -> Any:
        """Listens until the condition holds."""
        until = time.monotonic() + PATIENCE
        while not (found := condition()):
            try:
                self.hear(max(0.0, until - time.monotonic()))
            except (TimeoutError, ConnectionClosed) as error:
                last = "\n".join(json.dumps(message)[:400] for message in self.heard[-12:])
                raise AssertionError(f"{what}: {error!r}; last heard:\n{last}") from error
        return found

    def expect(self, kind: str, **fields: Any) -> Message:
        """The first message of this kind with these fields, among what was heard and what comes."""
        at = 0

        def found() -> Message | None:
            nonlocal at
            while at < len(self.heard):
                message = self.heard[at]
                at += 1
                if message["type"] == kind and matches(message, fields):
                    return message
            return None

        result: Message = self.wait(found, f"no {kind} with {fields}")
        return result

    def closed(self) -> tuple[int, str]:
        """Listens until the relay closes: the code, and the reason."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.hear(max(0.0, until - time.monotonic()))
            except ConnectionClosed as end:
                assert end.rcvd is not None, "it closes with a frame"
                return end.rcvd.code, end.rcvd.reason

    def cut(self) -> None:
        """Ends the connection without a word: the other side sees a reset, or nothing."""
        raw = self.connection.socket
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.shutdown(socket.SHUT_RDWR)
        # The goodbye that is tried here goes nowhere. It is for the thread that reads, whose socket must not be closed
        # under its hands.
        self.close()

    def close(self) -> None:
        """Says goodbye."""
        with contextlib.suppress(OSError, ConnectionClosed):
            self._open.close()


class Viewer(Socket):
    """A dashboard that speaks the native protocol."""

    def __init__(self, relay: Relay, **options: Any) -> None:
        super().__init__(relay, "/v1/stream", subprotocols=[SUBPROTOCOL], **options)
        assert self.connection.subprotocol == SUBPROTOCOL
        self.pictures: dict[str, Picture] = {}
        welcome = self.hear()
        assert welcome["type"] == "welcome", welcome
        self.boot_id = welcome["boot_id"]
        self.durability = welcome["durability"]

    def hear(self, timeout: float = PATIENCE) -> Message:
        message = super().hear(timeout)
        if message["type"] in RECORDS or message["type"] == "snapshot":
            if "seq" in message:
                self.pictures[message["execution_id"]].take(message)
        elif message["type"] == "subscribed" and message["recovered"]:
            picture = self.pictures[message["execution_id"]]
            assert (picture.epoch, picture.seq) == (message["epoch"], message["from"]), message
        return message

    def subscribe(self, execution_id: str, picture: Picture | None = None) -> Message:
        """Watches an execution, from where the picture ends, or from a snapshot; what the relay says to that."""
        begun = len(self.heard)
        known = {} if picture is None else {"since": picture.position}
        self.pictures[execution_id] = picture or Picture(execution_id)
        self.say({"type": "subscribe", "execution_id": execution_id} | known)
        answer: Message = self.wait(
            lambda: next((it for it in self.heard[begun:] if it["type"] in ("subscribed", "error")), None), execution_id
        )
        assert answer["type"] == "subscribed", answer
        if not answer["recovered"]:
            before = self.pictures[execution_id].snapshots
            self.wait(lambda: self.pictures[execution_id].snapshots > before, "no snapshot")
        return answer

    def watch_from_birth(self, execution_id: str) -> Picture:
        """Waits until somebody speaks of the execution, and then watches it from its first record on."""
        self.say({"type": "subscribe_executions"})

        def listed() -> Message | None:
            lines = (it["items"] if it["type"] == "executions" else [it["item"]] for it in self.heard if is_listing(it))
            return next((item for items in lines for item in items if item["execution_id"] == execution_id), None)

        line = self.wait(listed, f"{execution_id} is never listed")
        self.say({"type": "unsubscribe_executions"})
        picture = Picture(execution_id, line["epoch"])
        answer = self.subscribe(execution_id, picture)
        assert answer["recovered"], answer
        return picture

    def decide(self, execution_id: str, gate: Message, option_id: str, **fields: Any) -> str:
        """Answers the gate that was shown; the decision's id."""
        decision_id: str = fields.pop("decision_id", None) or new_id()
        shown = {"gate_id": gate["gate_id"], "gate_version": gate["gate_version"]}
        self.say(
            {"type": "human_decision", "decision_id": decision_id, "execution_id": execution_id, "option_id": option_id}
            | shown
            | fields
        )
        return decision_id

    def steer(self, what: str, execution_id: str, **fields: Any) -> str:
        """Gives a command: `what` is pause, resume or cancel."""
        command_id = new_id()
        self.say({"type": f"{what}_execution", "command_id": command_id, "execution_id": execution_id} | fields)
        return command_id

    def stages(self, about: str) -> list[str]:
        """What was told of a decision or a command so far."""
        receipts = (it for it in self.heard if it["type"] == "receipt")
        return [it["stage"] for it in receipts if about in (it.get("decision_id"), it.get("command_id"))]

    def expect_stages(self, about: str, *stages: str) -> None:
        """Waits until a decision or a command has come so far, by these stages. Receipts and records do not wait for one
        another: what a record has told may be confirmed a moment later, or earlier."""
        self.wait(lambda: len(self.stages(about)) >= len(stages), f"not {stages} but {self.stages(about)}")
        assert self.stages(about) == list(stages)

    def gate(self, execution_id: str, gate_id: str) -> Message:
        """The question, once it is open."""

        def shown() -> Message | None:
            gate: Message | None = self.pictures[execution_id].state["gates"].get(gate_id)
            return gate if gate is not None and gate["resolution"] == "open" else None

        gate: Message = self.wait(shown, f"{gate_id} is never asked")
        return gate


def assert_shows_what_is(relay: Relay, viewer: Viewer, execution_id: str) -> None:
    """Whoever followed all along has what a fresh visitor is shown. To be called when nothing happens any more."""
    at, state = snapshot(relay, execution_id)
    picture = viewer.pictures[execution_id]
    viewer.wait(lambda: picture.seq >= at["seq"], "the end is never told")
    assert picture.position == at
    assert picture.state == state


def is_listing(message: Message) -> bool:
    """Whether it tells of the directory."""
    return message["type"] in ("executions", "execution_summary")


def snapshot(relay: Relay, execution_id: str) -> tuple[Message, Message]:
    """The position and the state, as a fresh visitor gets them."""
    status, body = relay.http("GET", f"/v1/executions/{execution_id}")
    assert status == 200, body
    return {"epoch": body["epoch"], "seq": body["seq"]}, restored([body])
