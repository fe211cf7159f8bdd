"""One of the torture's engines, on the Python client: many executions at once, each a run of numbered steps with a question
now and then, whose answer has its effect once. It may be killed at any instant; what it does is written down first.

    python engine.py --name py-0 --target HOST:PORT --dir KEPT --history FILE --seed 1 --lanes 4 --steps 120 --rate 100
                     --form outbox|client [--tls-ca FILE]

It keeps, in the directory: what it was about (`kept`), its effects (`effects`, synced), and in the form `outbox` every event
that was ever sent (`outbox`), from which it goes on with the same numbers. In the form `client` it has what the client has,
which is nothing. On its standard input: `stop` (begin nothing new, come to an end, say `quiet`), then `end`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import footplate
from footplate import _engine
from footplate import proto as pb
from footplate._execution import Execution

NODES = [f"n{at}" for at in range(8)]


class Lines:
    """A file of JSON lines, each of which is in the kernel's hands before anything that follows from it is done."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # A line that was cut off by a kill stays alone.
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            os.write(self._file, b"\n")

    def add(self, **line: Any) -> None:
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def newest(kept: Path, name: str) -> Path | None:
    """The file of the last start."""
    return max(kept.glob(f"{name}.*"), key=lambda path: int(path.suffix[1:]), default=None)


def lines(path: Path | None) -> Iterator[dict[str, Any]]:
    """What was kept. A line that a kill cut off was never acted upon."""
    if path is not None and path.exists():
        for line in path.read_bytes().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


class Effects:
    """What this engine has done in the world: a line for each, synced, and never a second one for a question, whichever
    process comes to it. It stands for a database with a unique key."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._known: dict[tuple[str, str], str] = {}
        self._read = 0
        self._lock = threading.Lock()

    def have(self, **line: Any) -> str:
        """Has this effect, unless there is one: the decision that had it."""
        key = (line["exec"], line["gate"])
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                more = os.pread(self._file, 1 << 30, self._read)
                self._read += len(more)
                for known in more.splitlines():
                    with contextlib.suppress(ValueError):
                        it = json.loads(known)
                        self._known[it["exec"], it["gate"]] = it["decision"]
                if key not in self._known:
                    # Behind a line that a kill may have cut off.
                    text = b"" if not more or more.endswith(b"\n") else b"\n"
                    text += json.dumps(line, separators=(",", ":")).encode() + b"\n"
                    os.write(self._file, text)
                    os.fsync(self._file)
                    self._read += len(text)
                    self._known[key] = line["decision"]
                return self._known[key]
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)


def word(enum: Any, number: int) -> str:
    """A value of an enum as dashboards name it."""
    name = enum.Name(number)
    prefix = enum.DESCRIPTOR.name.replace("Status", "_Status").replace("Level", "_Level").upper().lstrip("_") + "_"
    return "" if number == 0 else name.removeprefix(prefix).lower()


def content(event: pb.Event) -> str:
    """What of an event everybody has to be told, in the words of the native protocol. See `content` in dashboard.rs."""
    kind = event.WhichOneof("kind")
    body = getattr(event, kind)
    match kind:
        case "execution_started":
            return "status|started|"
        case "execution_status_changed":
            return f"status|status|{word(pb.ExecutionStatus, body.status)}"
        case "execution_finished":
            return f"over|{word(pb.ExecutionStatus, body.status)}"
        case "log_written":
            return f"log|{body.node_id}|{word(pb.LogLevel, body.level)}|{body.message}"
        case "node_changed":
            return f"node|{body.node_id}|{word(pb.NodeStatus, body.status)}|{body.reason}"
        case "node_progressed":
            return f"progress|{body.node_id}|{body.message}"
        case "cost_incurred":
            return f"cost|{body.node_id}|{body.increment_usd_nanos}|{body.model}"
        case "gate_opened":
            return f"gate|{body.gate_id}|{body.gate_version}|{body.title}"
        case "decision_outcome":
            return f"outcome|{body.gate_id}|{body.decision_id}|{word(pb.OutcomeStatus, body.outcome)}"
        case "command_outcome":
            return f"command|{body.command_id}|{word(pb.OutcomeStatus, body.outcome)}"
        case "events_dropped":
            return f"dropped|{body.count}"
    return kind


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def step_of(event: pb.Event) -> int:
    """Which step of its execution an event was, by the mark that it bears; -1 for what is no step."""
    kind = event.WhichOneof("kind")
    body = getattr(event, kind)
    fields = {
        "log_written": "message", "node_changed": "reason", "node_progressed": "message",
        "cost_incurred": "model", "gate_opened": "title",
    }
    parts = getattr(body, fields[kind]).split("/") if kind in fields else []
    return int(parts[2]) if len(parts) > 3 else -1


class Work:
    """An execution that is under way, and where it goes on."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.step = 0
        # By step: the version of its question, if that was changed; whether it was being taken back; whether it was
        # settled without an answer, which is no event of ours.
        self.versions: dict[int, int] = {}
        self.withdrawn: set[int] = set()
        self.closed: set[int] = set()
        self.sent: list[pb.Event] = []
        self.acked = 0
        # Gates with the versions that were answered: an answer to an older one leaves the newer one open.
        self.answered: set[tuple[str, int]] = set()
        self.over = False
        self.run: Execution | None = None
        self.gate: footplate.Gate | None = None


class Tortured(footplate.Engine):
    """The client, with an eye on its stream, and with an outbox that is kept."""

    def __init__(self, options: argparse.Namespace, history: Lines, work: dict[str, Work]) -> None:
        self.history = history
        self.outbox: Lines | None = None
        self.sent = {x: len(it.sent) for x, it in work.items()}
        self.may_run = threading.Event()
        super().__init__(
            options.target, producer_id=options.name, tls_ca=options.tls_ca,
            capabilities=("pause", "resume", "cancel"), backoff=(0.02, 0.5),
        )
        self.epoch = self._producer.producer_epoch

    def say(self, op: str, phase: str, **more: Any) -> None:
        proc = f"{self._producer.producer_id}#{self._producer.producer_epoch}"
        self.history.add(t=time.time_ns() // 1000, proc=proc, op=op, phase=phase, **more)

    def _run(self) -> None:
        self.may_run.wait()
        super()._run()

    def _to_send(self) -> Iterator[pb.AttachRequest]:
        for message in super()._to_send():
            for batch in message.events.batches:
                first = max(self.sent.get(batch.execution_id, 0) + 1, batch.first_pseq)
                fresh = batch.events[first - batch.first_pseq :]
                if fresh:
                    hashes = [digest(content(event)) for event in fresh]
                    self.say("publish", "invoke", exec=batch.execution_id, pseq=first, hashes=hashes)
                    self.sent[batch.execution_id] = first + len(fresh) - 1
                    if self.outbox is not None:
                        raw = [base64.b64encode(event.SerializeToString()).decode() for event in fresh]
                        self.outbox.add(x=batch.execution_id, q=first, e=raw)
            yield message

    def _on_grants(self, grants: Any) -> None:
        for grant in grants:
            # What was sent above that is sent anew, perhaps as something else.
            self.say("grant", "ok", exec=grant.execution_id, epoch=grant.epoch, pseq=grant.next_pseq,
                     fault=grant.error.message if grant.HasField("error") else "", lost=grant.need_state)
            if self.outbox is None and not grant.HasField("error"):
                known = self._executions.get(grant.execution_id)
                if known is not None and not known._lane._settled:
                    self.sent[grant.execution_id] = grant.next_pseq - 1
        super()._on_grants(grants)

    def _receive(self, link: dict[str, Any], response: pb.AttachResponse) -> None:
        kind = response.WhichOneof("message")
        if kind == "welcome":
            level = pb.Durability.Name(response.welcome.durability).removeprefix("DURABILITY_").lower()
            self.say("attach", "ok", boot=response.welcome.boot_id, level=level)
        elif kind == "results":
            for result in response.results.results:
                if result.HasField("ack"):
                    level = pb.Durability.Name(result.ack.durability).removeprefix("DURABILITY_").lower()
                    self.say("publish", "ok", exec=result.execution_id, pseq=result.ack.pseq, level=level,
                             epoch=result.ack.epoch, seq=result.ack.seq)
                    if self.outbox is not None:
                        self.outbox.add(x=result.execution_id, a=result.ack.pseq)
                for issue in result.issues:
                    self.say("issue", "info", exec=result.execution_id, pseq=issue.pseq, reason=pb.IssueCode.Name(issue.code))
        elif kind == "decision":
            it = response.decision
            self.say("deliver", "info", exec=it.execution_id, gate=it.gate_id, version=it.gate_version, option=it.option_id,
                     decision=it.decision_id, comment=it.comment, by=it.actor.subject, attempt=it.delivery_attempt)
        elif kind == "command":
            self.say("command", "info", exec=response.command.execution_id, command=response.command.command_id)
        elif kind == "goodbye":
            self.say("end", "info", reason=pb.GoodbyeReason.Name(response.goodbye.reason))
        super()._receive(link, response)


class Engine:
    """Everything that this process is at."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        kept = Path(options.dir)
        kept.mkdir(parents=True, exist_ok=True)
        self.work: dict[str, Work] = {}
        self.count = 0
        persists = options.form == "outbox"
        self.recall(newest(kept, "kept"), newest(kept, "outbox"))
        self.link = Tortured(options, Lines(Path(options.history)), self.work if persists else {})
        # In files of this start's own: an older process that only seemed to be dead must not write into them.
        self.kept = self.compact(kept, "kept")
        if persists:
            self.link.outbox = self.compact(kept, "outbox")
        self.effects = Effects(kept / "effects")
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    def recall(self, kept: Path | None, outbox: Path | None) -> None:
        """What an earlier process has left."""
        for line in lines(kept):
            if "n" in line:
                self.count = max(self.count, line["n"])
                continue
            work = self.work.setdefault(line["x"], Work(line["x"]))
            work.step = line.get("i", work.step)
            if "v" in line:
                work.versions[work.step] = line["v"]
            if "w" in line:
                work.withdrawn.add(work.step)
            if "c" in line:
                work.closed.add(work.step)
                work.step += 1
            work.over |= "d" in line
            self.count = max(self.count, int(line["x"].rpartition("-")[2]) + 1)
        self.work = {x: work for x, work in self.work.items() if not work.over}
        for line in lines(outbox):
            work = self.work.get(line["x"])
            if work is None:
                continue
            if "a" in line:
                work.acked = max(work.acked, line["a"])
                continue
            for at, raw in enumerate(line["e"]):
                if line["q"] + at == len(work.sent) + 1:
                    work.sent.append(pb.Event.FromString(base64.b64decode(raw)))
        for work in self.work.values():
            for event in work.sent:
                work.step = max(work.step, step_of(event) + 1)
                if event.HasField("decision_outcome"):
                    work.answered.add((event.decision_outcome.gate_id, event.decision_outcome.gate_version))

    def compact(self, kept: Path, name: str) -> Lines:
        """A new file with what is kept, without what is over."""
        old = newest(kept, name)
        with open(kept / "new", "wb") as new:
            new.write(json.dumps({"x": "", "n": self.count}).encode() + b"\n")
            for line in lines(old):
                if line["x"] in self.work:
                    new.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        path = kept / f"{name}.{self.link.epoch}"
        os.replace(kept / "new", path)
        if old is not None:
            old.unlink(missing_ok=True)
        return Lines(path)

    def resume(self, work: Work) -> None:
        """An execution as it was when the process died: same numbers, same outbox, and its question open."""
        link = self.link
        with link._lock:
            run = Execution(link, work.execution_id, [], {})
            lane = run._lane
            lane._settled, lane._base, lane._count = True, 1, work.acked
            for at, event in enumerate(work.sent):
                if at < work.acked:
                    lane.state.apply(event)
                else:
                    link._count(1, lane.append(event, event.ByteSize()).size)
                if event.HasField("decision_outcome"):
                    run._outcomes.setdefault(event.decision_outcome.decision_id, event)
                if event.HasField("command_outcome") and event.command_outcome.outcome != pb.OUTCOME_STATUS_IN_PROGRESS:
                    run._outcomes.setdefault(event.command_outcome.command_id, event)
                if event.HasField("execution_finished"):
                    run.finished = True
            link._executions[work.execution_id] = work.run = run
        last = next((it for it in reversed(work.sent) if it.HasField("gate_opened")), None)
        if last is None or run.finished:
            return
        if (last.gate_opened.gate_id, last.gate_opened.gate_version) in work.answered:
            return
        # Its answer was never sent, and so nothing that came after it.
        step = step_of(last)
        if step not in work.closed:
            work.step = step
            work.gate = self.announce(work, step)

    # The work.

    def mark(self, work: Work, step: int) -> str:
        return f"{work.execution_id}/{self.link.epoch}/{step}/{random.getrandbits(64):x}"

    def dice(self, work: Work, step: int) -> random.Random:
        """Always the same for one step, whichever process comes to it."""
        return random.Random(f"{self.options.seed}/{work.execution_id}/{step}")

    def run(self, work: Work) -> None:
        try:
            if work.run is None:
                work.run = self.link.start(work.execution_id, name=work.execution_id)
                if work.step == 0:
                    work.run.graph(NODES, list(zip(NODES, NODES[1:], strict=False)))
            while work.step < self.options.steps and not self.stopping.is_set() and not work.run.finished:
                work.run.checkpoint()
                self.step(work, self.dice(work, work.step))
                work.step += 1
                time.sleep(random.uniform(0, 2 * self.options.lanes / self.options.rate))
            self.finish(work, "completed")
        except footplate.Cancelled:
            self.finish(work, "cancelled")

    def finish(self, work: Work, how: str) -> None:
        assert work.run is not None
        if not work.run.finished:
            work.run.finish(how)
        # Over is what the relay has; until then a restart would have to say it again.
        while work.run._lane.entries:
            self.link.flush(1.0)
        self.kept.add(x=work.execution_id, d=1)

    def step(self, work: Work, dice: random.Random) -> None:
        run, step = work.run, work.step
        assert run is not None
        self.kept.add(x=work.execution_id, i=step)
        node = dice.choice(NODES)
        roll = dice.random()
        if roll < 1 / self.options.gate_every or work.gate is not None:
            self.ask(work, dice)
        elif roll < 0.6:
            level = dice.choice(("debug", "info", "warning", "error"))
            run.log(self.mark(work, step), level=level, node_id=node, metadata={"pad": "x" * dice.randrange(120)})
        elif roll < 0.9:
            run.node(node, dice.choice(("running", "completed", "failed", "queued")), reason=self.mark(work, step))
        elif roll < 0.95:
            run.progress(dice.random(), node_id=node, message=self.mark(work, step))
        else:
            run.cost(total_usd=None, usd="0.001", node_id=node, model=self.mark(work, step))

    def announce(self, work: Work, step: int) -> footplate.Gate:
        assert work.run is not None
        dice = self.dice(work, step)
        version = work.versions.get(step, 1)
        deadline = 2.0 if dice.random() < 0.05 else None
        # The same words whoever asks, for the same version: an answer is an answer to them.
        return work.run.gate(
            f"g{step}", node_id=NODES[step % 8], title=f"{work.execution_id}/{version}/{step}/ask",
            options=["approve", "reject"], gate_version=version, deadline=deadline,
        )

    def ask(self, work: Work, dice: random.Random) -> None:
        """A question, until it is answered. Now and then it changes, or is taken back."""
        run, step = work.run, work.step
        assert run is not None
        gate, work.gate = work.gate or self.announce(work, step), None
        way = dice.random()
        withdraws = step in work.withdrawn
        try:
            decision = None if withdraws else gate.wait(0.2)
            if decision is None and (withdraws or way > 0.95):
                # Whoever comes back in the midst of this has to ask for the verdict again.
                self.kept.add(x=work.execution_id, i=step, w=True)
                decision = run.withdraw(gate, "changed its mind")
            elif decision is None:
                if way < 0.1 and step not in work.versions:
                    self.kept.add(x=work.execution_id, i=step, v=2)
                    work.versions[step] = 2
                    # A decision may be there by now, which stands.
                    with contextlib.suppress(ValueError):
                        self.announce(work, step)
                decision = gate.wait()
        except (footplate.GateClosed, footplate.GateRejected):
            decision = None
        if decision is not None:
            self.effect(work, decision)
        else:
            self.kept.add(x=work.execution_id, i=step, c=True)

    def effect(self, work: Work, decision: footplate.Decision) -> None:
        """At most one for each question, whatever dies in between."""
        message = decision.message
        known = self.effects.have(
            t=time.time_ns() // 1000, proc=f"{self.options.name}#{self.link.epoch}", op="effect", phase="ok",
            exec=work.execution_id, gate=message.gate_id, version=message.gate_version, option=message.option_id,
            decision=message.decision_id, comment=message.comment, by=message.actor.subject,
            reason=pb.DecisionKind.Name(message.kind),
        )
        if random.random() < self.options.dies_after_effect and not self.stopping.is_set():
            os.kill(os.getpid(), signal.SIGKILL)
        if known == message.decision_id:
            decision.applied()
        else:
            decision.refuse("another decision of this gate took effect before")

    # The whole.

    def lane(self) -> None:
        """One after the other."""
        while True:
            with self.lock:
                going_on = [work for work in self.work.values() if not work.over]
                if going_on:
                    work = going_on[0]
                    work.over = True
                elif self.stopping.is_set():
                    return
                else:
                    work = Work(f"{self.options.name}-{self.count}")
                    work.over = True
                    self.count += 1
                    self.kept.add(x=work.execution_id)
            self.run(work)

    def guarded(self, end: Callable[[int], None]) -> None:
        try:
            self.lane()
        except footplate.EngineStopped as error:
            self.link.say("end", "info", reason=type(error).__name__)
            end(3)
        except BaseException:
            logging.exception("a lane broke")
            end(1)

    def live(self) -> int:
        if self.options.form == "outbox":
            for work in self.work.values():
                self.resume(work)
        self.link.may_run.set()
        lanes = [threading.Thread(target=self.guarded, args=(os._exit,)) for _ in range(self.options.lanes)]
        for lane in lanes:
            lane.start()
        for line in sys.stdin:
            if line.strip() == "stop":
                self.stopping.set()
                for lane in lanes:
                    lane.join()
                while not self.link.flush(1.0):
                    pass
                print("quiet", flush=True)
            elif line.strip() == "end":
                break
        self.link.close()
        return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="An engine to be tortured.")
    for name in ("name", "target", "dir", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--tls-ca")
    parser.add_argument("--form", choices=("outbox", "client"), default="outbox")
    for name, default in (("seed", 1), ("lanes", 4), ("steps", 120), ("rate", 100), ("gate-every", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dies-after-effect", type=float, default=0.0)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    _engine.log.setLevel(logging.ERROR)
    return Engine(parser.parse_args()).live()


if __name__ == "__main__":
    raise SystemExit(main())
