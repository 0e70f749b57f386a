#!/bin/sh
# Runs every built-in scenario several times against the built-in server and counts how many runs
# passed and were valid. A healthy run is both, on a machine that does nothing else meanwhile; any
# other is printed.
#
#   scripts/healthy.sh [TIMES] [SCENARIO...] [-- FLAGS OF uproar run...]
#
# A full round takes about ten minutes. Shorter runs (-- --duration 15s) have too few samples for
# some of the percentiles that are gated, and say so.
set -eu

uproar=${UPROAR:-target/release/uproar}
times=20
case "${1-}" in
    '' | *[!0-9]*) ;;
    *) times=$1; shift ;;
esac
scenarios=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    scenarios="$scenarios $1"
    shift
done
[ $# -gt 0 ] && shift
[ -n "$scenarios" ] || scenarios=$("$uproar" scenarios | cut -d' ' -f1)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
for scenario in $scenarios; do
    passed=0
    valid=0
    n=0
    while [ "$n" -lt "$times" ]; do
        n=$((n + 1))
        before=$((passed + valid))
        "$uproar" run "$scenario" --quiet --seed "$n" --out "$folder/out" "$@" \
            >"$folder/summary" 2>&1 && passed=$((passed + 1)) || :
        grep -q '^validity *valid' "$folder/summary" && valid=$((valid + 1)) || :
        if [ $((passed + valid)) -lt $((before + 2)) ]; then
            echo "--- $scenario, seed $n"
            cat "$folder/summary"
        fi
    done
    echo "$scenario: $passed of $n passed, $valid of $n valid"
    [ "$passed" -eq "$n" ] && [ "$valid" -eq "$n" ] || status=1
done
exit "$status"
