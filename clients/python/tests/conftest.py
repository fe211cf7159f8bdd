from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import footplate

sys.path.insert(0, str(Path(__file__).parent))

from relay import Relay  # noqa: E402


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.stop()


@pytest.fixture
def attach(relay: Relay) -> Iterator[Callable[..., footplate.Engine]]:
    engines: list[footplate.Engine] = []

    def attach(target: str | None = None, **options: Any) -> footplate.Engine:
        options = {"producer_id": "test", "backoff": (0.01, 0.05), **options}
        engines.append(footplate.Engine(target or relay.target, **options))
        return engines[-1]

    yield attach
    for engine in engines:
        engine.close(timeout=0.1)


@pytest.fixture
def engine(attach: Callable[..., footplate.Engine]) -> footplate.Engine:
    engine = attach(capabilities=("pause", "resume", "cancel"))
    assert engine.wait_ready(20)
    return engine


@pytest.fixture
def execution(engine: footplate.Engine) -> footplate.Execution:
    return engine.start("run-1", name="Nightly")
