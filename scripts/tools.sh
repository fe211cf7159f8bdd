#!/usr/bin/env bash
# Are the toolchains here that `make test` needs? Names each that is missing, with the remedy.
set -u
missing=0
need() { # program, what for, remedy
    command -v "$1" >/dev/null 2>&1 && return
    echo "missing: $1 ($2). $3" >&2
    missing=1
}
need cargo "to build the relay" "Install Rust by rustup (https://rustup.rs); rust-toolchain.toml names the version."
need cc "for rustls' cryptography" "Install a C compiler (Debian: apt-get install build-essential)."
need node "for the proto's linter and the TypeScript client" "Install Node.js 20 or newer (Debian: apt-get install nodejs npm)."
need npm "for the proto's linter and the TypeScript client" "Install npm (Debian: apt-get install npm)."
need python3 "for the Python client" "Install Python 3.10 or newer (Debian: apt-get install python3 python3-venv)."
need go "for the Go client, and to render the manifests" "Install Go 1.25 or newer (https://go.dev/dl)."
need git "to compare generated files" "Install git (Debian: apt-get install git)."
if command -v python3 >/dev/null 2>&1 && ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "missing: python3's venv module. Install it (Debian: apt-get install python3-venv)." >&2
    missing=1
fi
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "missing: root on Linux (containers and their networks, in scripts/deploy.sh). Run: sudo make test; or the other parts by themselves." >&2
    missing=1
fi
exit "$missing"
