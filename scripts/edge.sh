#!/usr/bin/env bash
# slowhttptest and sslyze against the program that ships: tests/e2e/suites.py.
# Needs what scripts/e2e.sh needs, and slowhttptest, which it installs where it may (as root, by apt).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
part=edge
source scripts/venv.sh

packages=(pytest==9.2.0 trustme==1.2.1 websockets==17.4 grpcio==1.85.1 protobuf==7.36.2 sslyze==6.3.1)

need_binary
need_python
if ! command -v slowhttptest >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends slowhttptest >&2 || true
fi
command -v slowhttptest >/dev/null || die "slowhttptest is missing" "install it (Debian: apt install slowhttptest)"
install edge "${packages[@]}"
cd tests/e2e
"$root/.cache/python/edge/bin/python" -m pytest -q "$@" suites.py || die "tests failed" "see above"
