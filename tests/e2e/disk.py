"""Disks that don't play along: a file system of a few megabytes, one that is mounted read-only, and a limit on files."""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import relay as program
from relay import PATIENCE, Relay


def wrapped(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """From now on relays are started by a shell that does this first; it is replaced by the program, so that signals and
    process ids are the program's."""
    wrapper = folder / "wrapper.sh"
    wrapper.write_text(f'#!/bin/sh\n{before} {shlex.quote(program.BINARY)} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(program, "BINARY", str(wrapper))


class Small:
    """A file system in memory with room for `size` bytes, seen by nobody but who is started in it."""

    def __init__(self, mount: Path, size: int) -> None:
        self.mount = mount
        root = os.geteuid() == 0
        script = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(mount))} && echo mounted && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["unshare", "-m" if root else "-rm", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None and self._holder.stderr is not None
        if self._holder.stdout.readline() != "mounted\n":
            # Not skipped: nobody shall think that this was tried.
            pytest.fail(f"this test has to mount a file system, as root or in a user namespace: {self._holder.stderr.read()}")
        user = "" if root else "-U --preserve-credentials"
        self.enter = f"exec nsenter -t {self._holder.pid} -m {user} --"

    @property
    def inside(self) -> Path:
        """The same file system, from here."""
        return Path(f"/proc/{self._holder.pid}/root{self.mount}")

    def fill(self, leave: int) -> None:
        """Something else takes all of it but for so many bytes."""
        room = os.statvfs(self.inside)
        with (self.inside / "ballast").open("ab") as ballast:
            ballast.write(bytes(max(0, room.f_bavail * room.f_frsize - leave)))

    def free(self) -> None:
        """It is there again."""
        (self.inside / "ballast").unlink()

    def close(self) -> None:
        """With the last process in it, it is gone."""
        self._holder.kill()
        self._holder.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def small(mount: Path, size: int) -> Iterator[Small]:
    """One of these."""
    mount.mkdir()
    disk = Small(mount, size)
    try:
        yield disk
    finally:
        disk.close()


def limit_files(relay: Relay, size: int | None) -> None:
    """No file of this relay grows beyond `size` bytes."""
    limit = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
