#!/usr/bin/env bash
# Autobahn|Testsuite, cases 1 to 11, against tests/conformance: the relay's own accepting, TLS, handshake and framing, with
# an echo behind it. The suite is written in Python 2.7, which has to be here (PYTHON2 names it; pyenv's are found), and on
# the first run it comes from the PyPI registry. `scripts/autobahn.sh 7.*` runs some cases.
#
# Both ways of tests/conformance are asked, each plain and over TLS:
#   viewer  the connection of dashboards as it is. It takes text alone, so cases that send bytes are not asked of it.
#   bare    tungstenite as that connection sets it up: all cases.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
part=autobahn
source scripts/venv.sh
need_python

python2=${PYTHON2:-}
if [ -z "$python2" ]; then
  for it in "$(command -v python2.7 || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python; do
    if [ -x "$it" ] && "$it" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then python2=$it; break; fi
  done
fi
[ -n "$python2" ] || die "there is no Python 2.7, in which this suite is written" \
  "install one (pyenv install 2.7.18) and name it with PYTHON2"

suite=$root/.cache/autobahn/suite reports=$root/.cache/autobahn/reports version=25.10.1
if [ "$(cat "$suite/installed" 2>/dev/null)" != "$version" ]; then
  rm -rf "$suite"
  "$python2" -m pip install --quiet --disable-pip-version-check --target "$suite" \
    "autobahntestsuite==$version" >&2 || die "pip could not install autobahntestsuite $version" "see pip's message above"
  printf '%s' "$version" >"$suite/installed"
fi

rm -rf "$reports"
mkdir -p "$reports"
program=$(cargo test --locked --test conformance --no-run --message-format=json |
  python3 -c 'import json, sys; print([it["executable"] for it in map(json.loads, sys.stdin) if it.get("executable")][-1])')
exec python3 scripts/autobahn.py "$python2" "$suite" "$reports" "$program" "$@"
