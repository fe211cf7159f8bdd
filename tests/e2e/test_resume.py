"""Dashboards that are cut off, and dashboards that are slow."""

from __future__ import annotations

import os
import random
import threading
import time

from conftest import Bench
from engines import line
from relay import PATIENCE
from viewer import assert_shows_what_is

RUN = "run-1"


def test_a_viewer_that_is_cut_off_at_random_points_sees_every_record_once_and_in_order(bench: Bench) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    dice = random.Random(seed)
    relay = bench.relay(tls=True)
    execution = bench.engine(relay).start(RUN)
    lines, ahead = 20_000, 600
    # The relay keeps the last 1,000 records, so the engine waits for a viewer that is further behind than this.
    room = threading.Semaphore(ahead)

    def push() -> None:
        for n in range(lines):
            room.acquire()
            execution.emit(line(f"line {n}"), timeout=PATIENCE)

    engine = threading.Thread(target=push, daemon=True)
    engine.start()
    viewer = bench.viewer(relay)
    picture = viewer.watch_from_birth(RUN)
    lives, seen = 1, 0
    # Before the first line it is told that there is an engine, and that the execution began.
    while picture.seq < lines + 2:
        until = min(picture.seq + dice.randrange(1, 1_000), lines + 2)
        while picture.seq < until:
            viewer.hear()
            # A heartbeat is no record.
            for _ in range(picture.seq - seen):
                room.release()
            seen = max(picture.seq, seen)
        viewer.cut()
        viewer = bench.viewer(relay)
        answer = viewer.subscribe(RUN, picture)
        assert answer["recovered"], answer
        lives += 1
    engine.join(PATIENCE)
    # Numbers without a gap are what a picture insists on; that nothing came twice under two numbers is seen here.
    assert [it["message"] for it in picture.records if it["type"] == "log"] == [f"line {n}" for n in range(lines)]
    assert picture.snapshots == 0 and lives > 15
    assert_shows_what_is(relay, viewer, RUN)


def test_viewers_that_read_a_message_a_second_cost_no_memory_and_end_in_the_right_state(bench: Bench) -> None:
    relay = bench.relay(tls=True)
    engine = bench.engine(relay)
    execution = engine.start(RUN, budget_usd="10")
    text = "x" * 4_000

    def push(count: int) -> None:
        for n in range(count):
            if n % 10 == 0:
                execution.node(f"node-{n % 50}", ("running", "completed")[n // 50 % 2])
            elif n % 10 == 1:
                execution.cost("0.000001", node_id=f"node-{n % 50}")
            else:
                execution.emit(line(text), timeout=PATIENCE)
        assert engine.flush(PATIENCE)

    def crawl(viewer_: int, stop: threading.Event) -> None:
        while not stop.wait(1.0):
            slow[viewer_].hear()

    slow = [bench.viewer(relay, receive_buffer=4_096, max_queue=1) for _ in range(8)]
    for viewer in slow:
        viewer.watch_from_birth(RUN)
    # What a room keeps, 1,000 records of 4 KB in each of two forms, is full after these.
    stop = threading.Event()
    crawling = [threading.Thread(target=crawl, args=(n, stop), daemon=True) for n in range(len(slow))]
    for thread in crawling:
        thread.start()
    push(2_000)
    before = relay.memory()
    began = time.monotonic()
    push(10_000)
    grown = relay.memory() - before
    took = time.monotonic() - began
    stop.set()
    for thread in crawling:
        thread.join(PATIENCE)
    print(f"10,000 events in {took:.1f} s; {grown >> 10} KiB more")
    # They hold up nobody; and 8 viewers are not kept 40 MB each, nor even once.
    assert grown < 8 << 20, f"{grown} bytes more"
    behind = [viewer.pictures[RUN].seq for viewer in slow]
    assert max(behind) < 6_000, behind
    for viewer in slow:
        assert_shows_what_is(relay, viewer, RUN)
        assert viewer.pictures[RUN].snapshots > 0, "it was shown the state in place of what it had missed"
        # With room for one message, it would not hear the goodbye behind a heartbeat.
        viewer.cut()
