#!/usr/bin/env bash
# footplate-torture: the relay as a process, engines in Python and Go, dashboards, bad networks between them; the relay and the
# engines are killed and stopped all the while, and in the end a checker compares what everybody did and saw with what the relay
# promises. Needs cargo, go, python3, and on the first run the Go module proxy and PyPI.
#
#   scripts/torture.sh                        150 s of everything at once, with a store; at least 30 kills
#   KILLS=200 EVENTS=1000000 DECISIONS=10000 scripts/torture.sh    the long form: until there were as many of each
#   scripts/torture.sh --list                 what can go wrong, by name
#   scripts/torture.sh --scenario zombie      that alone; what --store needs is given to it
#   scripts/torture.sh --seed 7               the same faults again
#
# FOOTPLATE_BINARY names another relay than the debug build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
part=torture
source scripts/venv.sh

need_python
command -v go >/dev/null || die "go is missing" "install Go 1.25 or newer (https://go.dev/dl)"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
mkdir -p "$CARGO_TARGET_DIR"
target=$(realpath "$CARGO_TARGET_DIR")
relay=${FOOTPLATE_BINARY:-$target/debug/footplate}
if [ -z "${FOOTPLATE_BINARY-}" ]; then
  cargo build --quiet --locked --bin footplate || die "the relay can't be built" "see cargo's message above"
fi
cargo test --quiet --locked --test torture --no-run || die "the torture can't be built" "see cargo's message above"
install torture grpcio==1.85.1 protobuf==7.36.2

# The engine in Go goes on with an outbox that it has kept, which takes one file inside the client that does not ship.
engine=tests/torture/engines/go
overlay=$target/torture-overlay.json
printf '{"Replace": {"%s": "%s"}}' "$root/clients/go/inside_torture.go" "$root/$engine/inside/inside.go" >"$overlay"
unformatted=$(gofmt -l "$engine")
[ -z "$unformatted" ] || die "not formatted: $unformatted" "run: gofmt -w $engine"
(cd "$engine" && go vet -overlay "$overlay" -tags torture . &&
  go build -overlay "$overlay" -tags torture -o "$target/torture-engine-go" .) ||
  die "the engine in Go can't be built" "see go's message above; the Go module proxy must be reachable on the first run"

args=(--relay "$relay" --python "$root/.cache/python/torture/bin/python" --go "$target/torture-engine-go")
case " $* " in
  *" --list "* | *" --help "* | *" --store "* | *" --scenario relay-killed-memory "*) ;;
  *)
    store=$(mktemp -d -t torture-store-XXXXXX)
    trap 'rm -rf "$store"' EXIT
    args+=(--store "$store")
    ;;
esac
if [ -n "${KILLS-}${EVENTS-}${DECISIONS-}" ]; then
  args+=(--kills "${KILLS:-0}" --events "${EVENTS:-0}" --decisions "${DECISIONS:-0}" --rate "${RATE:-1500}" --lanes 8 --dashboards 8)
fi
cargo test --quiet --locked --test torture -- "${args[@]}" "$@"
