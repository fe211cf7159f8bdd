"""Runs a Python program's `main` as another user: impostor.py UID GID [GROUP, ...] PROGRAM ARGS...

The interpreter may stand where that user can't read (a home directory), so all is imported before the user changes.
"""

import json
import os
import runpy
import sys

uid, gid, groups, program = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
names = runpy.run_path(program)
os.chdir("/")
os.setgroups(groups)
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
sys.argv = sys.argv[4:]
sys.exit(names["main"]())
