#!/bin/sh
# How often a comparison of equals fails, and how often a server that is slower by 30 % of its median
# delivery is caught. Makes pools of runs, against the built-in server as it is and with a delay of 3 and
# of 4 ms (its timer counts in milliseconds), and draws a thousand splits of each (examples/splits.rs).
#
#   scripts/splits.sh [RUNS] [SCENARIO...]      12 runs of chat-rooms, echo and mixed-codecs at 10 s
#
# Takes RUNS x 3 x 12 s a scenario, on a machine that does nothing else meanwhile.
set -eu
cd "$(dirname "$0")/.."

runs=${1:-12}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- chat-rooms echo mixed-codecs
cargo build --release --quiet --bins --examples
uproar=target/release/uproar
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT INT TERM

# Makes a pool of runs against a server with these flags.
pool() {
    into=$1
    shift
    "$uproar" serve --listen 127.0.0.1:0 --mode "$mode" "$@" >"$folder/serve" &
    server=$!
    until url=$(sed -n 's/.*\(ws:\/\/[^ ]*\).*/\1/p' "$folder/serve" | head -n 1) && [ -n "$url" ]; do
        kill -0 "$server"
        sleep 0.1
    done
    n=0
    while [ "$n" -lt "$runs" ]; do
        n=$((n + 1))
        # Whatever it is judged as, its figures count.
        "$uproar" run "$scenario" --url "$url" --protocol "$mode" --duration 10s --quiet \
            --out "$into/$n" >/dev/null 2>&1 || :
    done
    kill "$server"
    wait "$server" || :
    server=
}

for scenario; do
    mode=rooms
    [ "$scenario" != echo ] || mode=echo
    echo "--- $scenario"
    pool "$folder/$scenario/plain"
    target/release/examples/splits "$folder/$scenario/plain"
    pool "$folder/$scenario/a" --delay 3ms
    pool "$folder/$scenario/b" --delay 4ms
    target/release/examples/splits "$folder/$scenario/a" "$folder/$scenario/b"
done
