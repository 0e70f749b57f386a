#!/bin/sh
# Makes small changes to the code, one at a time, and says which of them no test of the library notices.
#
#   scripts/mutants.sh [--shard N/M] [--diff FILE] [--list] [MODULE...]
#
# MODULE is a folder or file below src, such as `measure` or `report/verdict`; without any, all those
# whose mistakes would make a wrong figure or verdict:
#
#   measure compare plan coordinator report/verdict report/assemble client/session
#
# --shard N/M  only every M-th change, from the N-th (0 to M-1) on: a sample, or a part of the work
# --diff FILE  only changes to lines that a `git diff` in FILE touches
# --list       only says what would be changed
#
# Needs cargo-mutants (cargo install cargo-mutants --locked). It works in a copy of the tree; what it
# found is in target/mutants/mutants.out, where missed.txt is the list to look at. A change that
# survives either needs a test, or can't matter.
#
# A change takes a quarter of a minute on two quiet cores, half of it compiling this crate's tests, so
# all 2,500 take half a day: see --shard. Only tests of the library run: those with real sockets would take
# three minutes each. Nothing is optimised and there are no line tables here, which halves it; the six tests
# that then take longer than all others together are left out, and may catch what is said to survive in
# `measure/totals`, `measure/hist` and `compare/judge`.
set -eu

cd "$(dirname "$0")/.."
modules="measure compare plan coordinator report/verdict report/assemble client/session"
chosen="" shard="" diff="" list=""
while [ $# -gt 0 ]; do
    case "$1" in
        --shard) shard="--shard=$2 --sharding=round-robin"; shift 2 ;;
        --diff) diff="--in-diff=$(realpath "$2")"; shift 2 ;;
        --list) list="--list"; shift ;;
        -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
        *) chosen="$chosen $1"; shift ;;
    esac
done
command -v cargo-mutants >/dev/null || {
    echo "mutants.sh: cargo-mutants is missing: cargo install cargo-mutants --locked" >&2
    exit 1
}

files=""
for module in ${chosen:-$modules}; do
    if [ ! -d "src/$module" ] && [ ! -f "src/$module.rs" ]; then
        echo "mutants.sh: there is no src/$module" >&2
        exit 2
    fi
    files="$files --file=src/$module.rs --file=src/$module/**"
done

out=target/mutants
mkdir -p "$out"
# cargo-mutants makes its own copy of the tree, under a new path each time: what was compiled of this
# crate is of no use any more, what it depends on is.
rm -rf "$out"/debug/incremental
export CARGO_TARGET_DIR="$PWD/$out" CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0
export INSTA_UPDATE=no RUST_BACKTRACE=0 PROPTEST_MAX_SHRINK_ITERS=0
# Tests of what is not mutated would only take time.
skipped=""
for tests in codec:: protocol:: stamp:: server:: units:: client::login \
    shards_equal_one_recorder a_whole_run_told_by_several_equals what_only_grows_never_falls \
    equal_pools_rarely_fail a_publish_costs_the_frame a_turn_is_as_long_as_the_thread_ran; do
    skipped="$skipped --skip $tests"
done
# shellcheck disable=SC2086 # options are words
exec cargo mutants --no-config --jobs 1 --cargo-arg=--lib --cargo-arg=--locked \
    --timeout 60 --colors never --output "$out" $list $shard $diff $files -- -- $skipped
