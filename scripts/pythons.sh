#!/usr/bin/env bash
# One wheel under every Python from 3.9 on that this machine has: it is installed into a venv of each, and the package's tests run there.
# Interpreters are `python3.N` on the PATH, and what pyenv has installed; a version that is not there is said to be left out.
#
#   scripts/pythons.sh WHEEL [VERSION...]     e.g. 3.9 3.14; all of them, if none
set -uo pipefail
cd "$(dirname "$0")/.."

wheel=${1:?scripts/pythons.sh WHEEL [VERSION...]}
shift
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(3.9 3.10 3.11 3.12 3.13 3.14)
venvs=${CARGO_TARGET_DIR:-target}/pythons
export PIP_DISABLE_PIP_VERSION_CHECK=1

# fits INTERPRETER VERSION: it runs (a shim of pyenv may not), is of that version, can make venvs, and has what the wheel is built on: the
# stable ABI, which free-threaded editions do not have.
fits() {
  "$1" - "$2" 2>/dev/null <<'PYTHON'
import ensurepip, sys, sysconfig, venv
sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1] or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))
PYTHON
}

# find_python VERSION: the first interpreter that fits.
find_python() {
  local found roots=("${PYENV_ROOT:-}" "$(pyenv root 2>/dev/null || true)" "$HOME/.pyenv")
  while read -r found; do
    if [ -x "$found" ] && fits "$found" "$1"; then
      printf '%s\n' "$found"
      return
    fi
  done < <(
    type -aP "python$1" || true
    for root in "${roots[@]}"; do
      [ -z "$root" ] || printf '%s\n' "$root/versions/$1"*/bin/python | sort -rV
    done
  )
  return 1
}

# What an application does first, without the tests' own helpers.
smoke='
import asyncio, sys
import neuraltrust
from neuraltrust import NeuralTrust, current
from neuraltrust.testing import Recorder

recorder = Recorder()
client = recorder.client


@client.tool
async def look_up(city):
    assert current().kind == "tool"
    return city.upper()


with client.trace(conversation_id="c").message("Hello") as message:
    message.generation("Hello", model="m").end("Hi!", usage={"input_tokens": 1})
    assert asyncio.run(look_up("Rome")) == "ROME"
    message.end("Hi!").score("kind", True)
recorder.assert_tree("message", "  generation", "  tool \"look_up\"", "  evaluation \"kind\"")
print("python %d.%d.%d, neuraltrust %s: " % (*sys.version_info[:3], neuraltrust.__version__), end="", flush=True)
'

failed=()
tested=0
for version in "${versions[@]}"; do
  if ! python=$(find_python "$version"); then
    printf 'python %s: not on this machine, left out\n' "$version"
    continue
  fi
  venv=$venvs/$version
  # The interpreter may have been replaced by another patch release, in the place of the old one or beside it.
  if [ "$("$venv/bin/python" -V 2>/dev/null)" != "$("$python" -V)" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv" || exit 1
  fi
  log=$venv/log
  # Of the same version as the one before, the wheel would not be installed without force.
  if "$venv/bin/pip" install -q --force-reinstall --no-deps "$wheel" >"$log" 2>&1 &&
    "$venv/bin/pip" install -q "$wheel[test]" >>"$log" 2>&1 &&
    "$venv/bin/python" -c "$smoke" 2>>"$log" &&
    "$venv/bin/python" -m pytest -q -p no:cacheprovider python/tests >>"$log" 2>&1; then
    tail -n 1 "$log"
    tested=$((tested + 1))
  else
    printf 'python %s failed:\n' "$version" >&2
    cat "$log" >&2
    failed+=("$version")
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'pythons.sh: failed under %s\n' "${failed[*]}" >&2
  exit 1
fi
if [ "$tested" = 0 ]; then
  printf 'pythons.sh: none of %s is on this machine\n' "${versions[*]}" >&2
  exit 1
fi
