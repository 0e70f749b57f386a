#!/usr/bin/env bash
# Runs the Autobahn RFC 6455 conformance suite against `uproar serve --mode echo`.
#
#   scripts/autobahn.sh [--all-limits] [PATH-OF-UPROAR]
#
# Without a path the binary is built. --all-limits adds group 9: messages up to 16 MiB, minutes.
# Groups 12 and 13 are compression, which the server doesn't negotiate.
#
# Exits 0 when no case failed, 1 when one did, 2 on a wrong command line. The suite runs on CPython
# 2.7 only; without one it is skipped and 77 is the exit code, unless UPROAR_REQUIRE_TARGETS=1
# makes that an error.
set -euo pipefail

suite_version=0.8.2
# Generous: the groups take 12 s and 4 minutes on two cores.
suite_timeout=120s
all_limits_timeout=1200s

all_limits=0
binary=
for arg in "$@"; do
  case $arg in
    --all-limits) all_limits=1 ;;
    -*) echo "autobahn: unknown option $arg" >&2; exit 2 ;;
    *) binary=$arg ;;
  esac
done
if [ -n "$binary" ]; then
  binary=$(realpath "$binary")
fi
cd "$(dirname "$0")/.."

missing() {
  if [ "${UPROAR_REQUIRE_TARGETS:-0}" = 1 ]; then
    echo "autobahn: $1, and UPROAR_REQUIRE_TARGETS=1 asks for it" >&2
    exit 1
  fi
  echo "autobahn: SKIPPED: $1 (pyenv install 2.7 provides it)"
  exit 77
}

# A pyenv shim stands in the PATH also where its version isn't selected, and then fails.
find_python2() {
  local candidate
  for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  return 1
}

cache=target/autobahn
suite=$PWD/$cache/venv-$suite_version
mkdir -p "$cache"
# Run, and not only looked for: its first line names a folder that a moved checkout doesn't have.
if ! "$suite/bin/wstest" --help >/dev/null 2>&1; then
  python2=$(find_python2) || missing "no CPython 2.7"
  python3 -m venv --help >/dev/null 2>&1 || missing "no Python 3 with venv, which makes the other one"
  echo "autobahn: installing autobahntestsuite $suite_version for $("$python2" --version 2>&1)"
  rm -rf "$suite" "$cache/maker"
  python3 -m venv "$cache/maker"
  # Later ones can't make an environment of 2.7.
  "$cache/maker/bin/pip" install --quiet 'virtualenv<20.22'
  "$cache/maker/bin/virtualenv" --quiet --python "$python2" "$suite"
  "$suite/bin/pip" install --quiet "autobahntestsuite==$suite_version"
fi

if [ -z "$binary" ]; then
  cargo build --quiet
  binary=$PWD/target/debug/uproar
fi

work=$(mktemp -d "$cache/run.XXXXXX")
server=
cleanup() {
  # Closing the pipe ends the server; the wait is for its port.
  exec 3>&- || true
  if [ -n "$server" ]; then
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Opened for reading and writing, so that neither end waits for the other.
mkfifo "$work/stdin"
exec 3<>"$work/stdin"
"$binary" serve --mode echo --max-message 16MiB --listen 127.0.0.1:0 --exit-with-stdin \
  <"$work/stdin" 3>&- >"$work/address" &
server=$!
for _ in $(seq 100); do
  [ -s "$work/address" ] && break
  kill -0 "$server" 2>/dev/null || { echo "autobahn: the server ended" >&2; exit 1; }
  sleep 0.1
done
url=$(sed -n 's/^listening on //p' "$work/address")
[ -n "$url" ] || { echo "autobahn: the server gave no address" >&2; exit 1; }

excluded='"9.*", "12.*", "13.*"'
if [ "$all_limits" = 1 ]; then
  excluded='"12.*", "13.*"'
  suite_timeout=$all_limits_timeout
fi
cat >"$work/spec.json" <<SPEC
{
  "outdir": "$PWD/$work/reports",
  "servers": [{"agent": "uproar", "url": "$url"}],
  "cases": ["*"],
  "exclude-cases": [$excluded],
  "exclude-agent-cases": {}
}
SPEC

echo "autobahn: testing $url"
if ! timeout "$suite_timeout" "$suite/bin/wstest" -m fuzzingclient -s "$work/spec.json" \
  >"$work/log" 2>&1 3>&-; then
  tail -n 20 "$work/log" >&2
  echo "autobahn: the suite failed, or took longer than $suite_timeout" >&2
  exit 1
fi

# A case fails by its behaviour or by how the connection was closed.
python3 - "$work/reports/index.json" <<'REPORT'
import collections
import json
import sys

with open(sys.argv[1]) as index:
    cases = json.load(index)["uproar"]
if not cases:
    sys.exit("autobahn: no case ran")
for verdict in ("behavior", "behaviorClose"):
    counts = collections.Counter(case[verdict] for case in cases.values())
    print(f"{verdict}: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
failed = [
    (name, case)
    for name, case in sorted(
        cases.items(), key=lambda item: [int(part) for part in item[0].split(".")]
    )
    if "FAILED" in (case["behavior"], case["behaviorClose"])
]
for name, case in failed:
    print(f"FAILED {name}: {case['behavior']}, close {case['behaviorClose']}")
print(f"autobahn: {len(cases)} cases, {len(failed)} failed")
sys.exit(1 if failed else 0)
REPORT
