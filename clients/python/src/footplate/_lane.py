"""One execution's events on their way to the relay: numbers, the outbox, and the state behind it.

Nothing here knows of threads or of gRPC; the engine calls it under its lock.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from . import proto as pb

KEPT_OUTCOMES = 256
INCREMENTS = ("increment_usd_nanos", "input_tokens", "output_tokens", "total_tokens")


class Entry:
    """An event that is not acknowledged yet."""

    __slots__ = ("event", "ordinal", "rejected", "size")

    def __init__(self, event: pb.Event, size: int, ordinal: int) -> None:
        self.event = event
        self.size = size
        self.ordinal = ordinal
        self.rejected = False


class Lane:
    """Numbers events, keeps them until they are acknowledged, and folds them into the state when they are.

    The state is therefore as of the last acknowledged event. A relay that has lost everything gets the state and then
    the outbox, so that it misses nothing but the history that it had acknowledged.
    """

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.state = State()
        self.entries: deque[Entry] = deque()
        self.bytes = 0
        self.sent = 0
        """How many entries, from the oldest, are on their way on this stream."""
        self.sent_bytes = 0
        self.claimed = False
        self.granted = False
        self.need_state = False
        self.reporting = False
        """A state report is on its way, and nothing has come back since."""
        self.retry_at = 0.0
        self._count = 0
        self._base = 1
        self._settled = False

    @property
    def first_unacked(self) -> int:
        """The number of the oldest entry, or of the next event if there is none."""
        return self._base + self._count - len(self.entries)

    def pseq(self, entry: Entry) -> int:
        """The entry's number. Final once the lane was granted: a restarted engine goes on where the relay is."""
        return self._base + entry.ordinal

    def append(self, event: pb.Event, size: int) -> Entry:
        """Takes an event in, and numbers it."""
        entry = Entry(event, size, self._count)
        self._count += 1
        self.entries.append(entry)
        self.bytes += size
        return entry

    def ack(self, pseq: int) -> None:
        """Drops what the relay has stored."""
        while self.entries and self.first_unacked <= pseq:
            entry = self.entries.popleft()
            self.reporting = False
            self.bytes -= entry.size
            if self.sent:
                self.sent -= 1
                self.sent_bytes -= entry.size
            if not entry.rejected:
                self.state.apply(entry.event)

    def disconnect(self) -> None:
        """The stream is gone, and with it every grant and whatever was on its way."""
        self.claimed = self.granted = self.need_state = self.reporting = False
        self.rewind(0)

    def rewind(self, sent: int) -> None:
        """Only the oldest `sent` entries are on their way."""
        self.sent = min(max(sent, 0), len(self.entries))
        self.sent_bytes = sum(entry.size for entry in itertools.islice(self.entries, self.sent))

    def grant(self, next_pseq: int, need_state: bool) -> None:
        """The relay says where it is."""
        next_pseq = max(next_pseq, 1)
        if not self._settled:
            # Nothing of this lane was ever sent by this process: its numbers continue the ones of an earlier process.
            self._settled = True
            self._base = next_pseq
        lost = next_pseq < self.first_unacked
        self.ack(next_pseq - 1)
        self.reporting = False
        if not self.granted:
            self.granted = True
            self.rewind(0)
        self.need_state = need_state or lost

    def nack(self, expected: int) -> None:
        """There was a gap: go back."""
        lost = expected < self.first_unacked
        self.ack(expected - 1)
        self.rewind(0)
        self.need_state = self.need_state or lost

    def state_needed(self, asked: bool) -> None:
        """The relay has no state: as an error it may still mean batches from before the report that is on its way."""
        if asked or not self.reporting:
            self.need_state = True

    def report(self, open_gates: set[str], max_bytes: int) -> Iterator[pb.StateReport]:
        """The state in parts, after which the whole outbox is sent again."""
        as_of = self.first_unacked - 1
        self.need_state, self.reporting = False, True
        self.rewind(0)
        part = pb.StateReport(execution_id=self.execution_id, as_of_pseq=as_of)
        size = 0
        for event in self.state.events(open_gates):
            more = event.ByteSize() + 8
            if size and size + more > max_bytes:
                yield part
                part = pb.StateReport(execution_id=self.execution_id, as_of_pseq=as_of)
                size = 0
            part.events.append(event)
            size += more
        part.last = True
        yield part


class State:
    """An execution's compact state, folded from its events, and stated again in events that rebuild it."""

    def __init__(self) -> None:
        self.started: pb.Event | None = None
        self.status: pb.Event | None = None
        self.finished: pb.Event | None = None
        self.graph_nodes: dict[str, pb.GraphNode] = {}
        self.graph_edges: dict[tuple[str, str], pb.GraphEdge] = {}
        self.nodes: dict[str, pb.Event] = {}
        self.gates: dict[str, pb.Event] = {}
        self.costs: dict[tuple[str, str], pb.Event] = {}
        self.total: int | None = None
        self.budget: int | None = None
        self.outcomes: OrderedDict[str, pb.Event] = OrderedDict()
        self._gate_nodes: dict[str, str] = {}

    def apply(self, event: pb.Event) -> None:
        """Takes one event in. Kinds that leave no state, such as logs, are passed over."""
        kind = event.WhichOneof("kind")
        body: Any = getattr(event, kind) if kind else None
        if kind == "execution_started":
            self.started = _merged(self.started, event)
        elif kind == "execution_status_changed":
            self.status = event
        elif kind == "execution_finished":
            self.finished = event
        elif kind == "graph_declared":
            self._graph(body)
        elif kind == "graph_mutated" and body.HasField("change"):
            self._graph(body.change)
        elif kind == "node_changed":
            self._node(event)
        elif kind == "cost_incurred":
            self._cost(event)
        elif kind == "gate_opened":
            self.gates[body.gate_id] = event
            if body.node_id:
                self._gate_nodes[body.gate_id] = body.node_id
                self._implied(event, body.node_id, pb.NODE_STATUS_WAITING_GATE)
        elif kind == "gate_closed":
            self.gates.pop(body.gate_id, None)
        elif kind == "decision_outcome":
            self.gates.pop(body.gate_id, None)
            self._outcome(body.decision_id, event)
            node_id = self._gate_nodes.pop(body.gate_id, "")
            if node_id and body.outcome == pb.OUTCOME_STATUS_APPLIED:
                self._implied(event, node_id, body.node_status_after or pb.NODE_STATUS_RUNNING)
        elif kind == "command_outcome" and body.outcome != pb.OUTCOME_STATUS_IN_PROGRESS:
            self._outcome(body.command_id, event)

    def events(self, open_gates: set[str]) -> Iterator[pb.Event]:
        """The events that rebuild the state, with those gates that still wait for an answer."""
        if self.started is not None:
            yield self.started
        if self.status is not None:
            yield self.status
        nodes, edges = list(self.graph_nodes.values()), list(self.graph_edges.values())
        for at in range(0, max(len(nodes), len(edges)), 256):
            graph = pb.GraphDeclared(nodes=nodes[at : at + 256], edges=edges[at : at + 256], replace=at == 0)
            yield pb.Event(graph_declared=graph)
        yield from self.nodes.values()
        yield from self.costs.values()
        if self.total is not None or self.budget is not None:
            yield pb.Event(cost_incurred=pb.CostIncurred(total_usd_nanos=self.total, budget_usd_nanos=self.budget))
        for gate_id, event in self.gates.items():
            if gate_id in open_gates:
                yield event
        yield from self.outcomes.values()
        if self.finished is not None:
            yield self.finished

    def _graph(self, graph: pb.GraphDeclared) -> None:
        if graph.replace:
            self.graph_nodes.clear()
            self.graph_edges.clear()
            named = {node.node_id for node in graph.nodes}
            self.nodes = {node_id: event for node_id, event in self.nodes.items() if node_id in named}
        for node_id in graph.removed_node_ids:
            self.graph_nodes.pop(node_id, None)
            self.nodes.pop(node_id, None)
            for ends in [ends for ends in self.graph_edges if node_id in ends]:
                del self.graph_edges[ends]
        for edge in graph.removed_edges:
            self.graph_edges.pop((edge.source_node_id, edge.target_node_id), None)
        for node in graph.nodes:
            _overlay(self.graph_nodes.setdefault(node.node_id, pb.GraphNode()), node)
        for edge in graph.edges:
            ends = (edge.source_node_id, edge.target_node_id)
            _overlay(self.graph_edges.setdefault(ends, pb.GraphEdge()), edge)

    def _node(self, event: pb.Event) -> None:
        node = event.node_changed
        known = self.nodes.get(node.node_id)
        if known is not None and node.node_attempt > max(known.node_changed.node_attempt, 1):
            for field in ("output", "failure", "metrics", "start_time", "finish_time"):
                known.node_changed.ClearField(field)
        self.nodes[node.node_id] = _merged(known, event)

    def _implied(self, event: pb.Event, node_id: str, status: Any) -> None:
        change = pb.NodeChanged(node_id=node_id, status=status)
        self._node(pb.Event(event_time=event.event_time, node_changed=change))

    def _cost(self, event: pb.Event) -> None:
        cost = event.cost_incurred
        if cost.HasField("budget_usd_nanos"):
            self.budget = cost.budget_usd_nanos
        if cost.HasField("total_usd_nanos"):
            self.total = cost.total_usd_nanos
        elif cost.HasField("increment_usd_nanos"):
            self.total = (self.total or 0) + cost.increment_usd_nanos
        added = [field for field in INCREMENTS if cost.HasField(field)]
        if added:
            sums = self.costs.setdefault((cost.node_id, cost.model), pb.Event()).cost_incurred
            sums.node_id, sums.model, sums.agent, sums.step_id = cost.node_id, cost.model, cost.agent, cost.step_id
            for field in added:
                setattr(sums, field, getattr(sums, field) + getattr(cost, field))

    def _outcome(self, key: str, event: pb.Event) -> None:
        self.outcomes.setdefault(key, event)
        while len(self.outcomes) > KEPT_OUTCOMES:
            self.outcomes.popitem(last=False)


def _merged(known: pb.Event | None, event: pb.Event) -> pb.Event:
    """A copy of what is known with what the event states; the native forms are for live viewers only."""
    merged = pb.Event()
    if known is not None:
        merged.CopyFrom(known)
    kind = event.WhichOneof("kind")
    getattr(merged, kind).SetInParent()
    _overlay(getattr(merged, kind), getattr(event, kind))
    if event.HasField("event_time"):
        merged.event_time.CopyFrom(event.event_time)
    return merged


def _overlay(known: Any, stated: Any) -> None:
    """Copies the stated fields; what is not stated stays."""
    for field, value in stated.ListFields():
        if isinstance(value, pb.NodeMetrics):
            _overlay(getattr(known, field.name), value)
        else:
            known.ClearField(field.name)
            if hasattr(value, "CopyFrom"):
                getattr(known, field.name).CopyFrom(value)
            elif hasattr(value, "extend"):
                getattr(known, field.name).extend(value)
            else:
                setattr(known, field.name, value)
