#!/bin/sh
# Whether `uproar doctor --stalls` puts stalls to whom they belong: for each of 20 seeds it is stopped by a
# signal at random times, and then neighbours spin on one core in random bursts, of 2 to 200 ms each.
#
#   scripts/stalls.sh [SEEDS]            20 of them, some three minutes
#   UPROAR=PATH scripts/stalls.sh        with that binary, instead of a release build
#
# Prints for each how much of the time that probes were late is said to be the right layer's, and of stops how
# much was found of what was injected on every core: a probe can't see what begins before it is due, so that
# half a period of each stop is missing. What else runs here meanwhile is in it too.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${UPROAR:-}" ]; then
    cargo build --release --quiet
    UPROAR=target/release/uproar
fi
exec python3 - "$UPROAR" "${1:-20}" <<'PYTHON'
import os, random, re, signal, subprocess, sys, time

binary, seeds = sys.argv[1], int(sys.argv[2])
cores = sorted(os.sched_getaffinity(0))
LAYERS = ["uproar", "this machine", "hypervisor"]
UNITS = {"ms": 1, "s": 1000}

def lengths(seed, least_ms=2, most_ms=200):
    """Five bursts, short ones as often as long ones."""
    draw = random.Random(seed)
    return [least_ms * (most_ms / least_ms) ** draw.random() / 1000 for _ in range(5)]

def probed(inject):
    doctor = subprocess.Popen([binary, "doctor", "--stalls", "60s"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    time.sleep(0.3)
    injected = inject(doctor)
    time.sleep(0.1)
    doctor.send_signal(signal.SIGINT)
    text = doctor.communicate(timeout=30)[0]
    sums = {}
    for layer in LAYERS:
        line = next(line for line in text.splitlines() if line.startswith(layer))
        found = re.search(r"([\d.]+) (ms|s) in all", line)
        sums[layer] = float(found[1]) * UNITS[found[2]] if found else 0.0
    return injected * 1000, sums

def stops(seed):
    def inject(doctor):
        injected = 0
        for length in lengths(seed):
            began = time.monotonic()
            doctor.send_signal(signal.SIGSTOP)
            time.sleep(length)
            doctor.send_signal(signal.SIGCONT)
            injected += time.monotonic() - began
            time.sleep(random.Random(length).uniform(0.02, 0.1))
        return injected
    return inject

def neighbours(seed):
    def inject(_):
        injected = 0
        core = random.Random(seed).choice(cores)
        for length in lengths(seed):
            began = time.monotonic()
            spinning = [subprocess.Popen(["sh", "-c", "while :; do :; done"],
                                         preexec_fn=lambda: os.sched_setaffinity(0, [core]))
                        for _ in range(4)]
            time.sleep(length)
            for one in spinning:
                one.kill()
            for one in spinning:
                one.wait()
            injected += time.monotonic() - began
            time.sleep(random.Random(length).uniform(0.02, 0.1))
        return injected
    return inject

for what, right, make in [("stopped", "uproar", stops), ("neighbours", "this machine", neighbours)]:
    late, rightly, all_injected = 0.0, 0.0, 0.0
    for seed in range(seeds):
        injected, sums = probed(make(seed))
        told = ", ".join(f"{layer} {sums[layer]:.1f}" for layer in LAYERS)
        print(f"{what}, seed {seed}: injected {injected:.0f} ms; found, in ms: {told}", flush=True)
        late += sum(sums.values())
        rightly += sums[right]
        all_injected += injected
    line = f"== {what}: {100 * rightly / max(late, 0.001):.1f} % of {late:.0f} ms is {right}'s"
    if what == "stopped":
        expected = all_injected * len(cores)
        line += f"; {100 * rightly / expected:.1f} % of {expected:.0f} ms that were injected"
    print(line, flush=True)
PYTHON
