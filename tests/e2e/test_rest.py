"""What is to be had by plain HTTP, and who is turned away before anything else."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from conftest import Bench
from relay import PATIENCE, Relay
from viewer import SUBPROTOCOL, Socket, new_id

RUN = "run-1"


@pytest.mark.parametrize("tls", [True, False])
def test_rest_lists_shows_decides_and_commands(bench: Bench, tls: bool) -> None:
    relay = bench.relay(tls=tls)
    assert relay.http("GET", "/livez")[0] == relay.http("GET", "/readyz")[0] == 200
    engine = bench.engine(relay)
    execution = engine.start(RUN, name="Nightly")
    gate = execution.gate("deploy:1", title="Deploy?", payload={"n": 1}, options=["approve", "modify", "reject"])
    assert engine.flush(PATIENCE)

    status, listed = relay.http("GET", "/v1/executions")
    assert status == 200 and [it["execution_id"] for it in listed["items"]] == [RUN]
    assert (listed["items"][0]["name"], listed["items"][0]["attached"]) == ("Nightly", True)
    status, shown = relay.http("GET", f"/v1/executions/{RUN}")
    assert status == 200 and shown["type"] == "snapshot"
    assert [it["gate_id"] for it in shown["state"]["gates"]] == ["deploy:1"]
    epoch = shown["epoch"]
    status, records = relay.http("GET", f"/v1/executions/{RUN}/records")
    assert status == 200 and [it["seq"] for it in records["records"]] == list(range(1, shown["seq"] + 1))
    status, records = relay.http("GET", f"/v1/executions/{RUN}/records?since={epoch}:1")
    assert status == 200 and [it["seq"] for it in records["records"]] == list(range(2, shown["seq"] + 1))

    path = f"/v1/executions/{RUN}/gates/deploy:1/decisions"
    decision = {"decision_id": new_id(), "gate_version": 1, "option_id": "modify", "modification": {"n": 2}}
    status, receipt = relay.http("POST", path, decision)
    assert (status, receipt["stage"]) == (202, "recorded"), receipt
    decided = gate.wait(PATIENCE)
    assert decided is not None and decided.modification == {"n": 2}
    with decided.consume() as payload:
        assert payload == {"n": 2}
    assert engine.flush(PATIENCE)
    status, again = relay.http("POST", path, decision)
    assert (status, again["stage"]) == (200, "applied"), again
    status, late = relay.http("POST", path, decision | {"decision_id": new_id(), "option_id": "reject"})
    assert (status, late["stage"], late["option_id"]) == (409, "already_decided", "modify"), late

    command_id = new_id()
    status, receipt = relay.http(
        "POST", f"/v1/executions/{RUN}/commands", {"type": "pause_execution", "command_id": command_id}
    )
    assert (status, receipt["stage"], receipt["command_id"]) == (202, "recorded", command_id), receipt
    command = viewer_of(bench, relay).expect("command_status", command_id=command_id, stage="in_progress")
    assert command["command"]["kind"] == "pause"


def viewer_of(bench: Bench, relay: Relay) -> Socket:
    viewer = bench.viewer(relay)
    viewer.watch_from_birth(RUN)
    return viewer


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/executions/nobody-knows", None, 404, "not_found"),
        ("GET", f"/v1/executions/{RUN}/records?since=yesterday", None, 400, "bad_since"),
        ("GET", "/v2/executions", None, 404, "not_found"),
        ("DELETE", f"/v1/executions/{RUN}", None, 405, "method_not_allowed"),
        ("POST", f"/v1/executions/{RUN}/commands", "{", 400, "bad_json"),
        ("POST", f"/v1/executions/{RUN}/commands", {"type": "pause_execution"}, 400, "missing_field"),
        ("POST", f"/v1/executions/{RUN}/commands", {"type": "ping"}, 400, None),
        ("POST", f"/v1/executions/{RUN}/commands", "[" * (1 << 20 | 1), 413, "too_large"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    bench: Bench, method: str, path: str, body: object, status: int, code: str | None
) -> None:
    relay = bench.relay()
    engine = bench.engine(relay)
    engine.start(RUN)
    assert engine.flush(PATIENCE)
    answered, told = relay.http(method, path, body)
    assert answered == status, told
    assert told["message"] and (code is None or told["code"] == code), told


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize(
    "headers",
    [{"host": "relay.example"}, {"host": "localhost.example:8000"}, {"origin": "https://pages.example"}, {"origin": "null"}],
)
def test_a_foreign_host_or_origin_is_turned_away_before_anything_else(
    bench: Bench, tls: bool, headers: dict[str, str]
) -> None:
    relay = bench.relay(tls=tls)
    for path in ("/v1/executions", "/", "/v1/stream", "/metrics"):
        status, told = relay.http("GET", path, headers=headers)
        assert status == 403, (path, told)
    options: dict[str, Any] = {"origin": headers.get("origin")}
    if "host" in headers:
        options["url"] = f"{'wss' if tls else 'ws'}://{headers['host']}"
    for path in ("/v1/stream", "/api/dags/x/stream"):
        with pytest.raises(InvalidStatus) as refused:
            Socket(relay, path, **options)
        assert refused.value.response.status_code == 403


def test_hosts_and_origins_that_the_operator_allows_are_let_in(bench: Bench) -> None:
    relay = bench.relay("--allow-host", "relay.example", "--allow-origin", "https://pages.example", tls=True)
    options: dict[str, Any] = {"subprotocols": [SUBPROTOCOL], "origin": "https://pages.example"}
    allowed = Socket(relay, "/v1/stream", url="wss://relay.example", **options)
    assert allowed.hear()["type"] == "welcome"
    allowed.close()
    # The relay's own page is one of them.
    own = Socket(relay, "/v1/stream", subprotocols=[SUBPROTOCOL], origin=relay.url.replace("wss", "https"))
    assert own.hear()["type"] == "welcome"
    own.close()
