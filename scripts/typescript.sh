#!/usr/bin/env bash
# The TypeScript client: strict types, the relay's golden frames against types and schema, and the example against the
# relay itself. Needs node with npm, the binary that `cargo build` makes, and on the first run the npm registry.
#
#   scripts/typescript.sh                              all of it
#   scripts/typescript.sh --test-name-pattern=golden   arguments go to node --test
#
# FOOTPLATE_BINARY names another binary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

# What went wrong, and what to do about it.
die() { printf 'typescript: FAILED: %s\n       remedy: %s\n' "$1" "$2" >&2; exit 1; }

command -v npm >/dev/null || die "npm is missing" "install Node.js 20 or newer, which brings npm (https://nodejs.org)"
node -e 'process.exit(Number.parseInt(process.versions.node) < 20 ? 1 : 0)' || die "node is $(node -v)" "install Node.js 20 or newer"

export FOOTPLATE_BINARY=${FOOTPLATE_BINARY:-${CARGO_TARGET_DIR:-$root/target}/debug/footplate}
[ -x "$FOOTPLATE_BINARY" ] ||
  die "there is no program $FOOTPLATE_BINARY" "run: cargo build; or name another binary with FOOTPLATE_BINARY"
FOOTPLATE_BINARY=$(realpath "$FOOTPLATE_BINARY")

cd clients/typescript
if grep '"resolved"' package-lock.json | grep -v '"https://registry.npmjs.org/' >&2; then
  die "package-lock.json names another registry than npm's" "install from https://registry.npmjs.org and commit the lock file"
fi
# Anew only where the lock file has changed since.
wanted="$(cksum <package-lock.json) $(node -v)"
if [ "$(cat node_modules/.installed 2>/dev/null)" != "$wanted" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
    die "npm could not install what package-lock.json names" "see npm's message above; the npm registry must be reachable on the first run"
  printf '%s' "$wanted" >node_modules/.installed
fi
node_modules/.bin/tsc --noEmit || die "tsc" "see above"
rm -rf dist
node_modules/.bin/tsc -p tsconfig.build.json || die "tsc could not build the package" "see above"
node --test --test-reporter=spec "$@" tests/*.test.mjs || die "tests failed" "see above; one runs with: scripts/typescript.sh --test-name-pattern=NAME"
