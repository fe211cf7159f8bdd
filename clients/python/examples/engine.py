"""An engine to try a relay with: it runs a small graph, spends a little, and asks a person before it deploys.

    python engine.py --target 127.0.0.1:50051 [--tls-ca ca.pem] [--execution nightly-1] [--fast]

It obeys: approve, reject or modify at the gate, and pause, resume and cancel at any time. The exit code is 0 if the
execution completed, 1 if the link was refused or another engine took over, 2 if it was cancelled, 3 if the plan was
rejected, expired or changed, and 130 if it was interrupted. Run again with the same --execution, it goes on with the
numbers of the earlier run.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from decimal import Decimal

import footplate
from footplate import proto as pb

NODES = [
    {"node_id": "extract", "label": "Extract", "node_type": "task"},
    {"node_id": "clean", "label": "Clean", "node_type": "task"},
    {"node_id": "train", "label": "Train", "node_type": "agent"},
    {"node_id": "evaluate", "label": "Evaluate", "node_type": "task"},
    {"node_id": "approve", "label": "Ask before deploying", "node_type": "gate"},
    {"node_id": "deploy", "label": "Deploy", "node_type": "task"},
]
EDGES = [
    ("extract", "clean"),
    ("clean", "train"),
    ("clean", "evaluate"),
    ("train", "evaluate"),
    ("evaluate", "approve"),
    ("approve", "deploy"),
]
PLAN = {"service": "ranking", "version": "v12", "replicas": 3}
PLAN_SCHEMA = {
    "type": "object",
    "properties": {
        "service": {"type": "string"},
        "version": {"type": "string"},
        "replicas": {"type": "integer", "minimum": 1, "maximum": 10},
    },
    "required": ["service", "version", "replicas"],
}


def say(text: str) -> None:
    print(text, flush=True)


def work(execution: footplate.Execution, node_id: str, steps: int, pause: float) -> None:
    """A node's work in steps, with a checkpoint between them."""
    say(f"{node_id}: at work")
    execution.node(node_id, "running")
    for step in range(steps):
        execution.checkpoint()
        execution.log(f"step {step + 1} of {steps}", node_id=node_id, logger=node_id)
        execution.progress((step + 1) / steps, node_id=node_id)
        if node_id in ("train", "evaluate"):
            execution.cost(
                Decimal("0.0125"), node_id=node_id, agent=node_id, model="model-1", input_tokens=800, output_tokens=120
            )
        time.sleep(pause)
    execution.node(node_id, "completed", output={"rows": steps * 1000})


def ask(execution: footplate.Execution, deadline: float | None) -> dict[str, object]:
    """Asks whether to deploy, and returns the plan that was decided upon."""
    execution.node("approve", "running")
    gate = execution.gate(
        "approve:1",
        node_id="approve",
        title="Deploy ranking v12?",
        prompt="The evaluation is done. Deploy to production with this plan?",
        payload=PLAN,
        payload_schema=PLAN_SCHEMA,
        options=[
            pb.GateOption(option_id="approve", label="Deploy", kind=pb.DECISION_KIND_APPROVE, style=pb.OPTION_STYLE_PRIMARY),
            pb.GateOption(option_id="modify", label="Deploy changed", kind=pb.DECISION_KIND_MODIFY),
            pb.GateOption(option_id="reject", label="Don't", kind=pb.DECISION_KIND_REJECT, style=pb.OPTION_STYLE_DANGER),
        ],
        advice=[pb.Advice(source="evaluate", text="2 % better than v11", confidence=0.8, option_id="approve")],
        deadline=deadline,
    )
    say("approve: waiting for a person")
    while (decision := gate.wait(timeout=30)) is None:
        say("approve: still waiting")
    say(f"approve: {decision.option_id or 'no answer'} by {decision.actor or 'nobody named'}: {decision.comment or '-'}")
    try:
        with decision.consume(PLAN) as plan:
            execution.node("approve", "completed", output=plan)
            return plan
    except footplate.NotApproved as refusal:
        execution.node("approve", "failed", reason=str(refusal))
        raise


def run(execution: footplate.Execution, pause: float, deadline: float | None) -> None:
    execution.graph(NODES, EDGES)
    for node in NODES:
        execution.node(str(node["node_id"]), "pending")
    for before, node_id in ((None, "extract"), ("extract", "clean"), ("clean", "train"), ("train", "evaluate")):
        if before is not None:
            execution.emit(pb.Event(edge_activated=pb.EdgeActivated(from_node_id=before, to_node_id=node_id)))
        work(execution, node_id, 4, pause)
    plan = ask(execution, deadline)
    say(f"deploy: with {plan}")
    work(execution, "deploy", 2, pause)
    execution.finish("completed", output=plan)
    say("completed")


def main() -> int:
    parser = argparse.ArgumentParser(description="An engine to try a relay with.")
    parser.add_argument("--target", default="127.0.0.1:50051", help="host:port or unix:/path (default: %(default)s)")
    parser.add_argument("--tls-ca", help="a file with the authorities to trust; without it the link is not encrypted")
    parser.add_argument("--execution", default=None, help="the execution's id (default: a new one)")
    parser.add_argument("--producer", default="example-engine", help="the engine's name (default: %(default)s)")
    parser.add_argument("--deadline", type=float, default=None, help="seconds until the question expires (default: never)")
    parser.add_argument("--fast", action="store_true", help="don't pretend that work takes time")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")

    execution_id = options.execution or f"nightly-{int(time.time())}"
    engine = footplate.Engine(
        options.target,
        producer_id=options.producer,
        tls_ca=options.tls_ca,
        capabilities=("pause", "resume", "cancel"),
        token=os.environ.get("FOOTPLATE_TOKEN"),
    )
    with engine:
        try:
            if not engine.wait_ready(5):
                say(f"no relay at {options.target} yet; going on, and attaching when there is one")
            execution = engine.start(execution_id, name="Nightly training", budget_usd="0.25", labels={"team": "ranking"})
            say(f"started {execution_id}")
            with execution:
                run(execution, 0.0 if options.fast else 0.5, options.deadline)
            code = 0
        except KeyboardInterrupt:
            say("interrupted")
            code = 130
        except footplate.Cancelled:
            say("cancelled")
            code = 2
        except footplate.NotApproved as refusal:
            say(f"not deployed: {refusal}")
            code = 3
        except footplate.FootplateError as error:
            say(f"stopped: {type(error).__name__}: {error}")
            return 1
        if not engine.flush(10):
            say("the relay has not taken everything")
        return code


if __name__ == "__main__":
    raise SystemExit(main())
