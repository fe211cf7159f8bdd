"""An engine that does what it is told, line by line on its standard input, by the committed client.

A line is JSON: `[method, {arguments}]` of the execution (`node`, `log`, `cost`, `graph`, `gate`, `finish` …), or
`["consume", {"gate_id": …}]`, `["withdraw", {"gate_id": …, "reason": …}]`, `["emit", {…}]` with an event as JSON, 
`["flush", {}]`, which is done when the relay has everything, or `["rest", {"seconds": …}]`. On its standard output it says, in JSON too,
what it has done and what came of each gate. With the end of the input it leaves.

    python engine.py TARGET EXECUTION NAME
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import footplate
from footplate import proto as pb
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

SAYING = threading.Lock()


def say(**what: Any) -> None:
    """One line of JSON, whole: several threads say something."""
    with SAYING:
        print(json.dumps(what), flush=True)


def consume(gate: footplate.Gate) -> None:
    """Waits for a decision, and does nothing at all with it, once."""
    try:
        decision = gate.wait()
        with decision.consume() as payload:
            say(gate_id=gate.gate_id, decision_id=decision.decision_id, consumed=payload)
    except footplate.FootplateError as error:
        say(gate_id=gate.gate_id, refused=type(error).__name__)


def main() -> None:
    target, execution_id, name = sys.argv[1:]
    gates: dict[str, footplate.Gate] = {}
    with footplate.Engine(target, producer_id="puppet", capabilities=("pause", "resume", "cancel"), backoff=(0.05, 0.5)) as engine:
        now = Timestamp()
        now.GetCurrentTime()
        execution = engine.start(execution_id, name=name, start_time=now)
        for line in sys.stdin:
            method, arguments = json.loads(line)
            if method == "gate":
                for kind in ("options", "advice"):
                    made = {"options": pb.GateOption, "advice": pb.Advice}[kind]
                    arguments[kind] = [made(**it) for it in arguments.get(kind, ())]
                gates[arguments["gate_id"]] = execution.gate(**arguments)
            elif method == "graph":
                execution.graph(arguments["nodes"], [tuple(it) for it in arguments["edges"]])
            elif method == "consume":
                threading.Thread(target=consume, args=(gates[arguments["gate_id"]],), daemon=True).start()
            elif method == "emit":
                execution.emit(ParseDict(arguments, pb.Event()))
            elif method == "flush":
                engine.flush(30)
            elif method == "rest":
                time.sleep(arguments["seconds"])
            elif method == "withdraw":
                execution.withdraw(gates[arguments["gate_id"]], arguments["reason"])
            else:
                getattr(execution, method)(**arguments)
            say(did=method)
        engine.flush(10)


if __name__ == "__main__":
    main()
