#!/usr/bin/env bash
# Installs the Python client into virtual environments under .cache/python and runs its tests: with the newest libraries
# that it supports, and with the oldest. Needs python3, and on the first run the PyPI registry.
#
#   scripts/python.sh            both
#   scripts/python.sh -k gate    arguments go to pytest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

tests=(pytest==9.2.0 trustme==1.2.1)
oldest=(grpcio==1.72.1 protobuf==6.30.2)
newest=(grpcio==1.85.1 protobuf==7.36.2)

part=python
source scripts/venv.sh
need_python

failed=0
# check NAME PACKAGE...: the client imports and passes its tests with these packages.
check() {
  local name=$1 python=$root/.cache/python/$1/bin/python
  shift
  install "$name" "$@" "${tests[@]}"
  printf 'python: %s: %s\n' "$name" "$*"
  (cd clients/python && "$python" -W error -c 'import footplate; footplate.proto.Event()') ||
    die "the client does not import with $*" "see the message above; the stubs are made by scripts/proto.sh generate"
  (cd clients/python && "$python" -m pytest -q ${selected[@]+"${selected[@]}"}) || failed=1
}

selected=("$@")
check oldest "${oldest[@]}"
check newest "${newest[@]}"
[ "$failed" = 0 ] || die "tests failed" "see above; a single one runs with: scripts/python.sh -k NAME"
