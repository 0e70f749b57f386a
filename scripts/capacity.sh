#!/bin/sh
# Whether `uproar capacity` finds what a server carries: searches of the built-in server, bound to a number
# of deliveries a second, whose capacity is arithmetic. Prints, for each bound and room size, the true
# capacity and every answer, whether its interval holds the truth, and how far the answer is off.
#
# What is asked for and the plain arithmetic (bound / room size) differ in two ways, and "exact" has both: the
# last room is partly filled and makes less load, and a trial of 4 s whose limit is 100 ms is passed with 2.5 %
# more than the bound.
#
#   scripts/capacity.sh [SEARCHES [FLAGS OF CAPACITY...]]     10 of each of six; some two minutes a search
#
# Messages are evenly spaced: with random gaps a queue grows before all that is bound is asked for, the more
# the longer a message of a room takes (10 ms for rooms of 50 at 5,000/s), and less is carried than that.
#
# On a machine that does nothing else meanwhile, or that does something on purpose.
set -eu
cd "$(dirname "$0")/.."

searches=${1:-10}
[ $# -eq 0 ] || shift
cargo build --release --quiet
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

for bound in 5000 7500 10000; do
    for size in 10 50; do
        cat >"$folder/scenario.toml" <<TOML
format = 1
name = "known"
seed = $bound
[target]
builtin = "rooms"
serves = "$bound/s"
[rooms.lobby]
size = $size
[[cohort]]
name = "people"
clients = $((bound / size))
join = { rooms = "lobby" }
publish = { rate = "1/s", arrivals = "constant" }
[[phase]]
name = "ramp"
duration = "500ms"
clients = "0% -> 100%"
measure = false
[[phase]]
name = "steady"
duration = "4s"
[thresholds]
"delivery.p99" = "< 100ms"
TOML
        true=$((bound / size))
        n=0
        holds=0
        while [ "$n" -lt "$searches" ]; do
            n=$((n + 1))
            # Each draws other people.
            target/release/uproar capacity "$folder/scenario.toml" --set seed="$n" --quiet \
                --out "$folder/$bound-$size-$n" --format json "$@" >"$folder/found.json" || :
            line=$(python3 - "$folder/found.json" "$true" "$bound" "$size" <<'PYTHON'
import json, sys
found, true = json.load(open(sys.argv[1])), float(sys.argv[2])
bound, size = int(sys.argv[3]), int(sys.argv[4])
demand = lambda people: people // size * size**2 + (people % size) ** 2
exact = max(people for people in range(1, 3 * int(true)) if demand(people) <= bound * 1.025)
answer = found["answer"]
holds = answer["low"] <= exact <= answer["high"]
print(f'{found["verdict"]["state"]}: {answer["load"]:.0f} ({answer["low"]:.0f} to {answer["high"]:.0f}), '
      f'{100 * (answer["load"] / true - 1):+.1f} %, exact {exact}, {len(found["trials"])} trials'
      + (", holds" if holds else ", DOES NOT HOLD"))
PYTHON
            )
            case $line in *", holds") holds=$((holds + 1)) ;; esac
            echo "$bound/s, rooms of $size, true $true: $line"
        done
        echo "== $bound/s, rooms of $size: $holds of $n intervals hold what is exact"
    done
done
