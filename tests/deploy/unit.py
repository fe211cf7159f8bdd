"""Reads a unit of systemd."""

from __future__ import annotations

import shlex
from pathlib import Path


class Unit:
    """The lines of its [Service]."""

    def __init__(self, path: Path) -> None:
        _, _, service = path.read_text().partition("[Service]\n")
        service, _, _ = service.partition("\n[")
        lines = (line.partition("=") for line in service.splitlines() if line and not line.startswith("#"))
        self.lines = [(name, value) for name, _, value in lines]

    def all(self, name: str) -> list[str]:
        """What a directive is given, in order."""
        return [value for it, value in self.lines if it == name]

    def one(self, name: str) -> str:
        """The value of a directive that is there once."""
        (value,) = self.all(name)
        return value

    def command(self, name: str) -> list[str]:
        """A command line."""
        return shlex.split(self.one(name))
