#!/usr/bin/env bash
# The built-in page in a real Chromium against the real relay. Needs node with npm, python3, the binary that `cargo build`
# makes, and on the first run the npm and PyPI registries; on Debian, root is given a browser.
#
#   scripts/browser.sh            all of it
#   scripts/browser.sh restart    one file of tests/browser
#   scripts/browser.sh pictures   write the pictures of the README anew
#
# FOOTPLATE_BINARY names another binary, CHROMIUM another browser.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
part=browser
source scripts/venv.sh

find_browser() {
  local name
  for name in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-headless-shell; do
    if [ -n "$name" ] && [ -x "$name" ]; then printf '%s' "$name"; return; fi
  done
}
CHROMIUM=$(find_browser)
if [ -z "$CHROMIUM" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  printf 'browser: there is no Chromium; installing it\n' >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core; } >&2 ||
    die "apt-get could not install chromium" "see its message above"
  CHROMIUM=$(find_browser)
fi
[ -n "$CHROMIUM" ] ||
  die "there is no Chromium" "install it (Debian: apt-get install chromium fonts-dejavu-core), or name one with CHROMIUM"
export CHROMIUM

export FOOTPLATE_BINARY=${FOOTPLATE_BINARY:-${CARGO_TARGET_DIR:-$root/target}/debug/footplate}
[ -x "$FOOTPLATE_BINARY" ] ||
  die "there is no program $FOOTPLATE_BINARY" "run: cargo build; or name another binary with FOOTPLATE_BINARY"
FOOTPLATE_BINARY=$(realpath "$FOOTPLATE_BINARY")

need_python
install browser grpcio==1.85.1 protobuf==7.36.2
export FOOTPLATE_PYTHON=$root/.cache/python/browser/bin/python

command -v npm >/dev/null || die "npm is missing" "install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)"
node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' ||
  die "node is $(node --version)" "install Node.js 20 or newer (https://nodejs.org)"
cd tests/browser
wanted=$(cksum <package-lock.json)
if [ "$(cat node_modules/.wanted 2>/dev/null)" != "$wanted" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
    die "npm could not install what tests/browser/package-lock.json names" "see npm's message above; the npm registry must be reachable on the first run"
  printf '%s' "$wanted" >node_modules/.wanted
fi

case ${1-all} in
pictures) node pictures.mjs || die "no pictures" "see above" ;;
# The one that takes longest begins first.
all) set -- stage5.test.mjs; for it in *.test.mjs; do [ "$it" = "$1" ] || set -- "$@" "$it"; done ;;
*) set -- "$1.test.mjs"; [ -f "$1" ] || die "there is no tests/browser/$1" "one of: pictures $(printf '%s ' *.test.mjs | sed 's/\.test\.mjs//g')" ;;
esac
[ "${1-}" = pictures ] ||
  node --test --test-timeout=300000 --test-concurrency=6 "$@" ||
  die "tests failed" "see above; one file runs with: scripts/browser.sh NAME"
