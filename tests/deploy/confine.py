"""Runs a command line of a unit under the unit's own restrictions, for machines without systemd: confine.py ROOT UNIT DIRECTIVE

Applied, each read from the unit: DynamicUser and Group (as numbers), an own root that can't be written except for the runtime
directory and a private /tmp (ProtectSystem=strict, ProtectHome, PrivateTmp, PrivateDevices), ProtectProc and ProcSubset,
UMask, LimitNOFILE, CapabilityBoundingSet, NoNewPrivileges, SystemCallFilter with its errno, RestrictAddressFamilies and
MemoryDenyWriteExecute. The tests' network has loopback only, which stands in for IPAddressDeny. Not applied: what only
systemd can do (credentials, control groups, the manager's view).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pyseccomp as seccomp
from unit import Unit

# As systemd would choose one for a DynamicUser; the group is the one that sysusers would have made.
USER, GROUP = 61_234, 61_235
# Where systemd listens for what units say of themselves.
NOTIFY = "/run/systemd/notify"

libc = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, NEW_IPC = 0x0002_0000, 0x0800_0000
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16_384, 1 << 18
DROP_FROM_BOUNDING_SET, NO_NEW_PRIVILEGES = 24, 38


def must(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    done = libc.mount(source.encode(), str(target).encode(), kind.encode(), flags, options.encode())
    must(done, f"mount {source} at {target}")


def expand(name: str) -> set[str]:
    """The system calls of a set, as this machine's systemd knows them."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(expand, members))


def system_calls(unit: Unit) -> set[str]:
    """What SystemCallFilter leaves, line by line."""
    allowed: set[str] = set()
    for line in unit.all("SystemCallFilter"):
        named = set().union(*map(expand, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed | expand("@default")


def filter_of(unit: Unit) -> list[seccomp.SyscallFilter]:
    refusal = seccomp.ERRNO(getattr(errno, unit.one("SystemCallErrorNumber")))
    calls = seccomp.SyscallFilter(refusal)
    for name in system_calls(unit):
        try:
            calls.add_rule(seccomp.ALLOW, name)
        except (OSError, ValueError, RuntimeError):
            # This machine or its libseccomp has no such call; systemd passes over it as well.
            continue
    more = seccomp.SyscallFilter(seccomp.ALLOW)
    families = [getattr(socket, name) for name in unit.one("RestrictAddressFamilies").split()]
    for family in set(range(socket.AF_UNIX, 64)) - set(families):
        more.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
    if unit.one("MemoryDenyWriteExecute") == "yes":
        both = mmap.PROT_WRITE | mmap.PROT_EXEC
        more.add_rule(seccomp.ERRNO(errno.EPERM), "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        execute = seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, mmap.PROT_EXEC)
        more.add_rule(seccomp.ERRNO(errno.EPERM), "mprotect", execute)
    return [more, calls]


def main() -> None:
    root, unit, directive = Path(sys.argv[1]), Unit(Path(sys.argv[2])), sys.argv[3]
    command = unit.command(directive)
    filters, last_capability = filter_of(unit), int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    must(libc.unshare(NEW_MOUNTS | NEW_IPC), "unshare")
    mount("none", Path("/"), "", RECURSIVE | PRIVATE)
    mount(str(root), root, "", BIND)
    runtime = root / "run" / unit.one("RuntimeDirectory")
    mount(str(runtime), runtime, "", BIND)
    mount("tmpfs", root / "tmp", "tmpfs", NO_SUID | NO_DEV, "mode=1777")
    mount("proc", root / "proc", "proc", NO_SUID, f"hidepid={unit.one('ProtectProc')},subset={unit.one('ProcSubset')}")
    mount("none", root, "", REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEV)
    os.chroot(root)
    os.chdir("/")
    limit = int(unit.one("LimitNOFILE"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(int(unit.one("UMask"), 8))
    if unit.one("CapabilityBoundingSet") != "":
        raise SystemExit("confine.py knows only an empty CapabilityBoundingSet")
    for capability in range(last_capability + 1):
        must(libc.prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0), "drop a capability")
    os.setgroups([])
    os.setresgid(GROUP, GROUP, GROUP)
    os.setresuid(USER, USER, USER)
    if unit.one("NoNewPrivileges") == "yes":
        must(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    for it in filters:
        it.load()
    os.execve(command[0], command, {"NOTIFY_SOCKET": NOTIFY} if directive == "ExecStart" else {})


if __name__ == "__main__":
    main()
