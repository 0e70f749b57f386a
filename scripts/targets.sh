#!/usr/bin/env bash
# Installs the real servers that the integration tests drive (tests/it/targets), and the browser that
# opens their reports (tests/it/report/browser.rs).
#
#   scripts/targets.sh [DIR]          DIR is target/targets if left out; tests look there
#
# For a bare Debian 12, its containers and CI: servers that Debian has come from its packages, those
# under Node.js and Python go into DIR. Debian's are kept from starting now, but a machine with an
# init system would start them at its next boot: don't run this on one that you care for.
#
# What is there already is left alone. Says what it could not install, and then exits with 1. Each
# step has its time limit; all together end within 25 minutes, and usually within two.
set -euo pipefail

dir=${1:-$(dirname "$0")/../target/targets}
case $dir in
  -*) echo "targets: unknown option $dir" >&2; exit 2 ;;
esac
mkdir -p "$dir"
dir=$(realpath "$dir")
cd "$(dirname "$0")/../tests/targets"

packages=(
  chromium
  mosquitto
  nats-server
  nginx-light libnginx-mod-nchan
  puma ruby-actioncable
  rabbitmq-server
)
failed=()
sudo=()
policy=/usr/sbin/policy-rc.d

could_not() {
  printf 'targets: could not install %s\n' "$*" >&2
  failed+=("$1")
}

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# No service may start: its port may be somebody's, and tests start their own.
keep_services_down() {
  if [ -e "$policy" ]; then
    "${sudo[@]}" cp -p "$policy" "$policy.before-targets"
  fi
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod 755 "$policy"
}

let_services_up() {
  if [ -e "$policy.before-targets" ]; then
    "${sudo[@]}" mv "$policy.before-targets" "$policy"
  else
    "${sudo[@]}" rm -f "$policy"
  fi
}

# All at once first, because each call costs seconds; then one by one, to learn which it was.
apt_install() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    could_not "${missing[*]}" "(there is no apt-get)"
    return 0
  fi
  if [ "$(id -u)" != 0 ]; then
    sudo=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
      could_not "${missing[*]}" "(neither root nor sudo)"
      return 0
    fi
  fi
  local install=(
    "${sudo[@]}" timeout 600 env DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends
    -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=60
  )
  trap let_services_up EXIT
  keep_services_down
  "${sudo[@]}" timeout 180 apt-get update -qq ||
    echo "targets: the lists of packages could not be renewed" >&2
  if ! "${install[@]}" "${missing[@]}" </dev/null >"$dir/apt.log" 2>&1; then
    tail -n 20 "$dir/apt.log" >&2
    for package in "${missing[@]}"; do
      is_installed "$package" ||
        timeout 60 "${install[@]}" "$package" </dev/null >>"$dir/apt.log" 2>&1 ||
        could_not "$package" "(see $dir/apt.log)"
    done
  fi
  let_services_up
  trap - EXIT
}

has_venv() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! command -v node >/dev/null; then
  packages+=(nodejs)
fi
if ! command -v npm >/dev/null; then
  packages+=(npm)
fi
python=python3
if ! has_venv "$python"; then
  # Debian's own, whatever other one is first in the PATH.
  python=/usr/bin/python3
  has_venv "$python" || packages+=(python3 python3-venv)
fi
apt_install "${packages[@]}"

# A folder made from the same list by the same interpreter is whole if its mark says so: the mark
# is written last.
is_current() {
  [ "$(cat "$1/made-from" 2>/dev/null)" = "$2" ]
}

list=$(cat package.json package-lock.json .npmrc; node --version 2>/dev/null || true)
mark=$(sha256sum <<<"$list")
if ! is_current "$dir/node" "$mark"; then
  rm -rf "$dir/node"
  mkdir -p "$dir/node"
  cp package.json package-lock.json .npmrc "$dir/node"
  if (cd "$dir/node" && timeout 300 npm ci --omit=dev --omit=optional --ignore-scripts </dev/null) \
    >"$dir/npm.log" 2>&1; then
    echo "$mark" >"$dir/node/made-from"
  else
    tail -n 20 "$dir/npm.log" >&2
    could_not "the servers under Node.js" "(see $dir/npm.log)"
  fi
fi

# A virtual environment names its own folder, so a moved one is made anew.
list=$(cat requirements.txt; "$python" --version 2>/dev/null || true; echo "$dir")
mark=$(sha256sum <<<"$list")
if ! is_current "$dir/python" "$mark" || ! "$dir/python/bin/python" --version >/dev/null 2>&1; then
  rm -rf "$dir/python"
  if {
    timeout 120 "$python" -m venv "$dir/python" &&
      timeout 300 "$dir/python/bin/python" -m pip install \
        --quiet --disable-pip-version-check --no-input --no-deps -r requirements.txt </dev/null &&
      "$dir/python/bin/python" -m pip check
  } >"$dir/pip.log" 2>&1; then
    echo "$mark" >"$dir/python/made-from"
  else
    tail -n 20 "$dir/pip.log" >&2
    could_not "the servers under Python" "(see $dir/pip.log)"
  fi
fi

if [ ${#failed[@]} -gt 0 ]; then
  printf 'targets: missing: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "targets: all servers are installed; those that Debian has not are in $dir"
