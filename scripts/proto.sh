#!/usr/bin/env bash
# Checks the proto: lint, format, breaking changes against the baseline, and whether the committed stubs for Python and Go
# are what the generators make of it. Needs node with npm, python3, go, and on the first run the npm and PyPI registries and
# the Go module proxy.
#
#   scripts/proto.sh            check everything
#   scripts/proto.sh generate   write the stubs anew
#   scripts/proto.sh baseline   make the proto as it is now the baseline (at a release, or for an intended break)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

buf_package=@bufbuild/buf@1.75.0
buf_dir=$root/.cache/buf
buf=$buf_dir/node_modules/.bin/buf
# Not the newest: generated code refuses runtimes that are older than its generator.
grpc_tools=grpcio-tools==1.72.1
stub_venv=$root/.cache/stubs
stubs=$root/clients/python/src/footplate/_gen
# Their versions stand in what they write. The runtimes in clients/go/go.mod may be newer, never older.
go_plugins=(google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12 google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2)
go_bin=$root/.cache/go/bin
go_stubs=$root/clients/go/gen
failed=0

say() { printf 'proto: %s\n' "$*"; }
# What went wrong, and what to do about it.
fault() { printf 'proto: FAILED: %s\n       remedy: %s\n' "$1" "$2" >&2; failed=1; }
die() { fault "$1" "$2"; exit 1; }

need_buf() {
  command -v node >/dev/null || die "node is missing" "install Node.js 20 or newer (https://nodejs.org)"
  command -v npm >/dev/null || die "npm is missing" "install npm, which comes with Node.js"
  if [ "$(cat "$buf_dir/installed" 2>/dev/null)" != "$buf_package" ] || ! [ -x "$buf" ]; then
    rm -rf "$buf_dir"
    mkdir -p "$buf_dir"
    # The programs come as dependencies that this version pins; no install script is needed.
    npm install --prefix "$buf_dir" --save-exact --ignore-scripts --no-audit --no-fund --loglevel=error "$buf_package" >&2 ||
      die "npm could not install $buf_package" "see npm's message above; the npm registry must be reachable on the first run"
    printf '%s' "$buf_package" >"$buf_dir/installed"
  fi
}

need_generator() {
  command -v python3 >/dev/null || die "python3 is missing" "install Python 3.10 or newer with its venv module"
  if [ "$(cat "$stub_venv/installed" 2>/dev/null)" != "$grpc_tools" ] || ! "$stub_venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$stub_venv"
    python3 -m venv "$stub_venv" ||
      die "python3 could not make a virtual environment" "install its venv module (Debian: apt install python3-venv)"
    "$stub_venv/bin/pip" install --quiet --disable-pip-version-check "$grpc_tools" 'protobuf==6.30.2' 'grpcio==1.72.1' 'setuptools<81' >&2 ||
      die "pip could not install $grpc_tools" "see pip's message above; it has wheels for Python 3.10 to 3.13"
    printf '%s' "$grpc_tools" >"$stub_venv/installed"
  fi
}

need_go_plugins() {
  command -v go >/dev/null || die "go is missing" "install Go 1.25 or newer (https://go.dev/dl)"
  if [ "$(cat "$go_bin/installed" 2>/dev/null)" != "${go_plugins[*]}" ]; then
    rm -rf "$go_bin"
    mkdir -p "$go_bin"
    local plugin
    for plugin in "${go_plugins[@]}"; do
      GOBIN=$go_bin GOFLAGS= go install "$plugin" >&2 ||
        die "go could not install $plugin" "see its message above; the Go module proxy must be reachable on the first run"
    done
    printf '%s' "${go_plugins[*]}" >"$go_bin/installed"
  fi
}

# generate_go DIR: the stubs of the package that the files' go_package names, from the root of its module.
generate_go() {
  local out=$1 opt=module=github.com/footplate/footplate/clients/go/gen
  local template='{"version":"v2","plugins":[
    {"local":["%s/protoc-gen-go"],"out":"%s","opt":["%s"]},
    {"local":["%s/protoc-gen-go-grpc"],"out":"%s","opt":["%s"]}]}'
  rm -rf "$out"
  mkdir -p "$out"
  # shellcheck disable=SC2059 # the template is ours
  template=$(printf "$template" "$go_bin" "$out" "$opt" "$go_bin" "$out" "$opt")
  (cd proto && "$buf" generate --template "$template") || die "buf generate" "see its message above"
}

# stale NAME COMMITTED FRESH: says so if the committed stubs are other than the fresh ones.
stale() {
  diff -ruN --exclude=__pycache__ "$2" "$3" | head -n 40 >"$fresh/diff" || true
  if [ -s "$fresh/diff" ]; then
    cat "$fresh/diff" >&2
    fault "the $1 stubs are not what the proto says" "run: scripts/proto.sh generate, and commit"
  fi
}

# put FRESH COMMITTED
put() {
  rm -rf "$2"
  mkdir -p "$(dirname "$2")"
  cp -R "$1" "$2"
  say "wrote ${2#"$root"/}"
}

# generate DIR: the Python stubs, with imports relative to their package, so that no top-level name but `footplate` is taken.
generate() {
  local out=$1 file
  rm -rf "$out"
  mkdir -p "$out"
  "$stub_venv/bin/python" -W ignore -m grpc_tools.protoc -Iproto \
    --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" proto/footplate/v1/*.proto
  mv "$out"/footplate/v1/* "$out/"
  rm -r "$out/footplate"
  # Only the service has a gRPC part; the generator writes an empty one for every other file.
  for file in "$out"/*_pb2_grpc.py; do
    grep -q 'class .*Servicer' "$file" || rm "$file"
  done
  sed -i.orig -E 's/^from footplate\.v1 import /from . import /' "$out"/*.py "$out"/*.pyi
  rm -f "$out"/*.orig
  printf '%s\n' '"""Made by `scripts/proto.sh generate` from the proto. Not to be edited."""' >"$out/__init__.py"
  if grep -nE '^(from|import) footplate' "$out"/*.py "$out"/*.pyi >&2; then
    die "generated stubs import the proto's package by its absolute name" "adapt generate() in scripts/proto.sh"
  fi
}

case ${1-check} in
check)
  need_buf
  (cd proto && "$buf" lint) || fault "buf lint" "give what is named above a comment or a name by the rules"
  (cd proto && "$buf" format -d --exit-code) || fault "buf format" "run: (cd proto && $buf format -w)"
  if [ -f proto/baseline.binpb ]; then
    (cd proto && "$buf" breaking --against baseline.binpb) ||
      fault "buf breaking" "undo it; if the break is intended, and agreed on: scripts/proto.sh baseline"
  else
    fault "proto/baseline.binpb is missing" "run: scripts/proto.sh baseline"
  fi
  need_generator
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  generate "$fresh/stubs"
  stale Python "$stubs" "$fresh/stubs"
  need_go_plugins
  generate_go "$fresh/go"
  stale Go "$go_stubs" "$fresh/go"
  [ "$failed" = 0 ] || exit 1
  say "lint, format, breaking changes and stubs are clean ($("$buf" --version 2>&1), $grpc_tools, $(basename "${go_plugins[0]}"))"
  ;;
generate)
  need_buf
  need_generator
  need_go_plugins
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  generate "$fresh/stubs"
  generate_go "$fresh/go"
  put "$fresh/stubs" "$stubs"
  put "$fresh/go" "$go_stubs"
  ;;
baseline)
  need_buf
  (cd proto && "$buf" build --exclude-source-info -o baseline.binpb) || die "buf build" "see its message above"
  say "wrote proto/baseline.binpb"
  ;;
*)
  die "unknown command '$1'" "one of: check (the default), generate, baseline"
  ;;
esac
