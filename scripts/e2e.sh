#!/usr/bin/env bash
# Engines in Python against the program that ships, seen by another maker's WebSocket client, over TLS and a Unix socket.
# Needs python3, what `make release` makes, and on the first run the PyPI registry.
#
#   scripts/e2e.sh            all of it
#   scripts/e2e.sh -k gate    arguments go to pytest
#
# FOOTPLATE_BINARY names another binary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
part=e2e
source scripts/venv.sh

packages=(pytest==9.2.0 trustme==1.2.1 websockets==17.4 grpcio==1.85.1 protobuf==7.36.2 hyperframe==6.1.0 hpack==4.2.0)

need_binary
need_python
install e2e "${packages[@]}"
cd tests/e2e
"$root/.cache/python/e2e/bin/python" -m pytest -q "$@" ||
  die "tests failed" "see above; a single one runs with: scripts/e2e.sh -k NAME"
