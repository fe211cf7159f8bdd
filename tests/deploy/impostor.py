"""Runs a Python program as another user: impostor.py UID GID [GROUP, ...] PROGRAM ARGS...

The interpreter may stand where that user can't read (a home directory), so everything is imported before the user changes.
"""

import json
import os
import sys

import footplate  # noqa: F401

uid, gid, groups, program = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
with open(program) as file:
    code = compile(file.read(), program, "exec")
os.chdir("/")
os.setgroups(groups)
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
sys.argv = sys.argv[4:]
exec(code, {"__name__": "__main__"})
