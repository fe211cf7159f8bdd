# Sourced by the scripts that run Python: `die`, and `install`, after `part` has been set to the script's name.

# What went wrong, and what to do about it.
die() { printf '%s: FAILED: %s\n       remedy: %s\n' "$part" "$1" "$2" >&2; exit 1; }

need_python() {
  command -v python3 >/dev/null || die "python3 is missing" "install Python 3.10 or newer with its venv module"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "python3 is $(python3 -V 2>&1)" "install Python 3.10 or newer"
}

# need_binary: names in FOOTPLATE_BINARY the program to be tested, unless somebody has named another one there.
need_binary() {
  local host
  host=$(rustc --print host-tuple) || die "rustc does not say what this machine is" "install Rust by rustup (https://rustup.rs)"
  FOOTPLATE_BINARY=${FOOTPLATE_BINARY:-${CARGO_TARGET_DIR:-$root/target}/$host/release/footplate}
  [ -x "$FOOTPLATE_BINARY" ] ||
    die "there is no program $FOOTPLATE_BINARY" "run: make release; or name another program with FOOTPLATE_BINARY"
  FOOTPLATE_BINARY=$(realpath "$FOOTPLATE_BINARY")
  export FOOTPLATE_BINARY
}

# install NAME PACKAGE...: a virtual environment under .cache/python with these packages and the client, made anew when
# they change.
install() {
  local venv=$root/.cache/python/$1 wanted
  shift
  wanted="$* $(cksum <clients/python/pyproject.toml)"
  if [ "$(cat "$venv/installed" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  rm -rf "$venv"
  python3 -m venv "$venv" ||
    die "python3 could not make a virtual environment" "install its venv module (Debian: apt install python3-venv)"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" -e clients/python >&2 ||
    die "pip could not install $*" "see pip's message above; PyPI must be reachable on the first run"
  printf '%s' "$wanted" >"$venv/installed"
}
