#!/usr/bin/env bash
# footplate-torture: the relay as a process, engines in Python and Go, dashboards, bad networks between them; the relay and the
# engines are killed and stopped all the while, and in the end a checker compares what everybody did and saw with what the relay
# promises. Needs cargo, go, python3, and on the first run the Go module proxy and PyPI.
#
#   scripts/torture.sh                        150 s of everything at once, with a store
#   scripts/torture.sh --short                everything at once until so much has come about, at most 70 s: what `make test` runs
#   KILLS=200 EVENTS=1000000 DECISIONS=10000 scripts/torture.sh    the long form: until there were as many of each, 15 minutes or so
#   scripts/torture.sh --list                 what can go wrong, by name
#   scripts/torture.sh --scenario zombie      that alone; what --store needs is given to it
#   scripts/torture.sh --seed 7               the same faults again
#
# The short and the long form torture the relay that `make release` makes, everything else the debug build, which checks more.
# FOOTPLATE_BINARY names another one.
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
form=some
if [ "${1-}" = --short ]; then form=short && shift; fi
if [ -n "${KILLS-}${EVENTS-}${DECISIONS-}" ]; then form=long; fi

profile=()
case $form in
  some)
    FOOTPLATE_BINARY=${FOOTPLATE_BINARY:-$target/debug/footplate}
    [ "$FOOTPLATE_BINARY" != "$target/debug/footplate" ] || cargo build --quiet --locked --bin footplate ||
      die "the relay can't be built" "see cargo's message above"
    ;;
  short) need_binary ;;
  # Without optimization those who watch would be what everything waits for.
  long) need_binary && profile=(--release) ;;
esac
torture() { cargo test --quiet --locked "${profile[@]}" --test torture "$@"; }
torture --no-run || die "the torture can't be built" "see cargo's message above"
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

args=(--relay "$FOOTPLATE_BINARY" --python "$root/.cache/python/torture/bin/python" --go "$target/torture-engine-go")
case " $* " in
  *" --list "* | *" --help "* | *" --store "* | *" --scenario relay-killed-memory "*) ;;
  *)
    store=$(mktemp -d -t torture-store-XXXXXX)
    trap 'rm -rf "$store"' EXIT
    args+=(--store "$store")
    ;;
esac
case $form in
  some) ;;
  short)
    args+=(--for 70s --kills 5 --events 1000 --decisions 15 --engines go:outbox:200,py:outbox:60,py:client:60)
    args+=(--steps 600 --dashboards 4)
    ;;
  long)
    args+=(--kills "${KILLS:-0}" --events "${EVENTS:-0}" --decisions "${DECISIONS:-0}")
    args+=(--engines go:outbox:1200,go:client:1000,py:outbox:150,py:client:100 --lanes 24 --steps 2000 --dashboards 12 --eyes 3)
    case " $* " in *" --scenario "*) ;; *) args+=(--scenario marathon) ;; esac
    ;;
esac
torture -- "${args[@]}" "$@"
