#!/usr/bin/env bash
# Bytes that nobody thought of, against every reader of bytes: fuzz/src has a module for each target, and in it what may never
# happen. Ordinary tests replay what was found (tests/it/fuzz.rs). Needs cargo-fuzz, and a C++ compiler for libFuzzer.
#
#   scripts/fuzz.sh                              every target, 1,000,000 executions of each
#   RUNS=50000 scripts/fuzz.sh jwt_verify        so many of this one
#   FAST=1 scripts/fuzz.sh ws_session            twice as many in the same time: what is compared with what is not watched
#   scripts/fuzz.sh --keep jwt_verify            and what was found goes into the committed corpus, minimized
#   scripts/fuzz.sh --keep-only jwt_verify       that alone, of what was found before
#
# A finding stands in fuzz/target/findings/<target>; `scripts/fuzz.sh <target> <file>` runs it again, and
# `RUSTC_BOOTSTRAP=1 cargo fuzz tmin -s none <target> <file>` makes it smaller.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${RUNS:-1000000}
# What ordinary tests can replay in a moment.
most_files=150
most_bytes=300000

die() {
    printf 'fuzz: %s\n  %s\n' "$1" "$2" >&2
    exit 1
}
cargo fuzz --version >/dev/null 2>&1 ||
    die "cargo-fuzz is missing" "install it: cargo install cargo-fuzz --version 0.13.2 --locked"
command -v c++ >/dev/null || die "a C++ compiler is missing" "install one (Debian: apt-get install build-essential)"

# Coverage needs flags that the compiler offers to nightly alone, or to who asks like this; the toolchain stays the one that
# ships. No sanitizer: the code is safe Rust (`unsafe_code` is forbidden) and has no memory to misuse, so that overflow checks
# and debug assertions, which are on, are what there is to notice; a sanitizer would only cost time.
# A target folder of its own: other flags would have everything built anew elsewhere.
how=(-s none --target-dir fuzz/target)
[ -z "${FAST-}" ] || how=(-s none --no-trace-compares --target-dir fuzz/target/fast)
fuzz() { RUSTC_BOOTSTRAP=1 cargo fuzz "$1" "${how[@]}" "${@:2}"; }

# The longest input that is worth while.
longest() {
    case $1 in
    jwt_verify) echo 9216 ;;
    http_edge | config) echo 2048 ;;
    subscribe_filter | store_replay | ws_session) echo 1024 ;;
    *) echo 4096 ;;
    esac
}

run() { # target
    local found=fuzz/target/found/$1 findings=fuzz/target/findings/$1 dict=fuzz/dict/$1.dict
    mkdir -p "$found" "$findings"
    local flags=(-runs="$runs" -max_len="$(longest "$1")" -timeout=10 -rss_limit_mb=4096 -artifact_prefix="$findings/")
    flags+=(-print_final_stats=1)
    [ ! -e "$dict" ] || flags+=(-dict="$dict")
    fuzz run "$1" "$found" "fuzz/corpus/$1" -- "${flags[@]}" ||
        die "$1 has a finding" "see above; it is in $findings. Mend it, and put the file into fuzz/corpus/$1"
}

# What adds something, as far as there is room: of all lengths, since short ones are mostly refused early.
keep() { # target
    local corpus=fuzz/corpus/$1 found=fuzz/target/found/$1 all
    all=$(mktemp -d)
    cp "$corpus"/* "$all"
    [ ! -d "$found" ] || find "$found" -type f -exec cp -t "$all" {} +
    fuzz cmin "$1" "$all"
    rm -f "$corpus"/*
    local files bytes=0 size path
    files=$(find "$all" -type f | wc -l)
    while read -r size path; do
        bytes=$((bytes + size))
        [ $bytes -le $most_bytes ] || break
        cp "$path" "$corpus/$(sha1sum <"$path" | cut -d ' ' -f 1)"
    done < <(find "$all" -type f -printf '%s %p\n' | sort -n |
        awk -v all="$files" -v most=$most_files 'all <= most || int(NR * most / all) != int((NR - 1) * most / all)')
    rm -rf "$all"
    printf '%s: %s files\n' "$corpus" "$(find "$corpus" -type f | wc -l)"
}

mode=run
case "${1-}" in
--keep) mode='run keep' && shift ;;
--keep-only) mode=keep && shift ;;
esac
if [ $# = 2 ] && [ -f "$2" ]; then
    fuzz run "$1" "$2"
    exit
fi
targets=("$@")
if [ $# = 0 ]; then
    mapfile -t targets < <(sed -nE 's|^path = "fuzz_targets/(.*)\.rs"|\1|p' fuzz/Cargo.toml | sort)
fi
for target in "${targets[@]}"; do
    [ -e "fuzz/fuzz_targets/$target.rs" ] || die "there is no target $target" "see fuzz/fuzz_targets"
    for step in $mode; do "$step" "$target"; done
done
