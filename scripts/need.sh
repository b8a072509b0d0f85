#!/usr/bin/env bash
# Checks that this machine has what the build and the tests need, and says for each missing thing how to get it. As root on
# Debian or Ubuntu it installs what the distribution has in a good version.
#
#   scripts/need.sh build     what `make run` and `make build` need
#   scripts/need.sh python    what `make sdk-python` needs
#   scripts/need.sh test      everything
set -euo pipefail

for_what=${1:-test}
packages=()
missing=()

# want COMMAND PACKAGE WHAT_FOR: a command that the distribution has in a good version.
want() {
  command -v "$1" >/dev/null 2>&1 || { packages+=("$2"); missing+=("$1 ($3): apt-get install $2"); }
}

# at_least VERSION WANTED
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

rust() {
  local found
  found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 || true)
  if ! command -v cargo >/dev/null 2>&1 || [ -z "$found" ] || ! at_least "$found" 1.91; then
    missing+=("cargo and rustc 1.91 or newer (found: ${found:-none}): install from https://rustup.rs, or run \`rustup update\`")
  fi
  want cc build-essential "C compiler for SQLite and zstd"
}

node() {
  local found
  found=$(command node --version 2>/dev/null | tr -d v || true)
  if [ -z "$found" ] || ! at_least "$found" 20; then
    missing+=("node 20 or newer (found: ${found:-none}): install from https://nodejs.org")
  fi
  command -v npm >/dev/null 2>&1 || missing+=("npm: it comes with node from https://nodejs.org; on Debian apt-get install npm")
}

python() {
  local found
  found=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
  if [ -z "$found" ]; then
    packages+=(python3 python3-venv)
    missing+=("python3 3.9 or newer: apt-get install python3 python3-venv")
  elif ! at_least "$found" 3.9; then
    missing+=("python3 3.9 or newer (found: $found)")
  elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    packages+=(python3-venv)
    missing+=("python3's venv module: apt-get install python3-venv")
  fi
}

browser() {
  command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || want chromium chromium "browser tests"
}

check() {
  packages=()
  missing=()
  case $for_what in
    build) rust && node ;;
    python) rust && python ;;
    test) rust && node && python && browser && want git git "the tidy test" ;;
    *) echo "need.sh: '$for_what' is not one of build, python, test" >&2; exit 2 ;;
  esac
}

check
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing ${packages[*]}"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } </dev/null >&2 || true
  check
fi
if [ ${#missing[@]} -gt 0 ]; then
  printf 'This machine lacks something that is needed here (need.sh %s):\n' "$for_what" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 1
fi
