#!/usr/bin/env bash
# Checks the Go client: format, vet, and its tests with the race detector, against the relay's debug build, which is made
# first. Needs cargo, go, a C compiler for the race detector, and on the first run the Go module proxy.
#
#   scripts/go.sh                all of it
#   scripts/go.sh -run Gate      arguments go to `go test`
#
# FOOTPLATE_BINARY names another relay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

# What went wrong, and what to do about it.
die() { printf 'go: FAILED: %s\n       remedy: %s\n' "$1" "$2" >&2; exit 1; }

command -v go >/dev/null || die "go is missing" "install Go 1.25 or newer (https://go.dev/dl)"
command -v "${CC:-cc}" >/dev/null ||
  die "there is no C compiler, which the race detector needs" "install one (Debian: apt install build-essential)"

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
wanted=(--example stalled)
[ -n "${FOOTPLATE_BINARY-}" ] || wanted+=(--bin footplate)
cargo build --quiet --locked "${wanted[@]}" || die "the relay can't be built" "see cargo's message above"
# The tests run in another directory.
CARGO_TARGET_DIR=$(realpath "$CARGO_TARGET_DIR")
[ -z "${FOOTPLATE_BINARY-}" ] || FOOTPLATE_BINARY=$(realpath "$FOOTPLATE_BINARY")

cd clients/go
go mod download ||
  die "go could not get the modules that clients/go/go.mod names" \
    "see its message above; the Go module proxy must be reachable on the first run, and Go 1.25 or newer be installed"
go mod verify >/dev/null || die "a downloaded module is not what clients/go/go.sum says" "run: go clean -modcache"
go mod tidy -diff || die "clients/go/go.mod names other modules than are used" "run: (cd clients/go && go mod tidy)"
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || die "not formatted: $unformatted" "run: (cd clients/go && gofmt -w .)"
go vet ./... || die "go vet" "see above"
# Never from the cache: the relay is not among what that goes by.
CGO_ENABLED=1 go test -race -count=1 -timeout 5m "$@" ./... ||
  die "tests failed" "see above; a single one runs with: scripts/go.sh -run NAME"
