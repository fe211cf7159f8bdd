"""Checks of deploy/. scripts/deploy.sh runs them in a network of their own with mounts of their own, so that every default
port is free, and paths can be what they are in a container."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import RUNTIME


@pytest.fixture(scope="session", autouse=True)
def network() -> None:
    """Loopback and nothing else: what would need the world fails here."""
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    assert os.geteuid() == 0 and not others, "run scripts/deploy.sh: it makes a network of its own first"
    set_flags, up, running = 0x8914, 0x1, 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up | running))


@pytest.fixture(scope="session", autouse=True)
def run(network: None) -> None:
    """An empty /run, which nobody else sees."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    RUNTIME.mkdir()


@pytest.fixture
def volume() -> Iterator[Path]:
    """Where the socket will be. Whatever is mounted there goes with the test."""
    yield RUNTIME
    while RUNTIME.is_mount():
        subprocess.run(["umount", str(RUNTIME)], check=True)
