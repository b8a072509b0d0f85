#!/usr/bin/env bash
# Every test, in the order in which a mistake shows soonest. Stops at the first that fails and names it; ends with a summary.
#
#   scripts/test.sh [STEP...]     the named steps only; what they build on must be there
set -uo pipefail
cd "$(dirname "$0")/.."
exec </dev/null
root=$PWD

target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$root/$target ;; esac
# One target directory for all, so that the Python extension reuses what the workspace has built.
export CARGO_TARGET_DIR=$target
export PIP_DISABLE_PIP_VERSION_CHECK=1

# The tools that the machine must have.
need() { scripts/need.sh test; }

# The page: built, since the server embeds it, then its unit tests and its lint.
web() {
  scripts/web.sh &&
    (cd web && npm run build && npm run test && npm run lint)
}

rust_format() { cargo fmt --all --check; }
rust_lint() { cargo clippy --workspace --all-targets -- -D warnings; }

# Unit and integration tests. Builds the server's binary too, which its own tests start and the later steps as well; a build
# of that crate alone would choose other features and build half of it again.
rust_test() { cargo test --workspace && test -x "$target/debug/neuraltrust"; }

# The Python package as a wheel, built once for every interpreter, into a folder that holds nothing else.
python_wheel() {
  local venv=$target/python-test
  rm -rf "$target/wheel"
  { [ -x "$venv/bin/python" ] || python3 -m venv "$venv"; } &&
    MATURIN_PEP517_ARGS="--profile dev" "$venv/bin/pip" wheel -q --no-deps -w "$target/wheel" ./python
}

# Its tests, with all that it is made for, in a venv of its own. A wheel of the same version as the one before is not installed without force.
python_test() {
  local venv=$target/python-test
  python_wheel &&
    "$venv/bin/pip" install -q --force-reinstall --no-deps "$target"/wheel/*.whl &&
    "$venv/bin/pip" install -q "$(echo "$target"/wheel/*.whl)[test,lint,recipes]" &&
    "$venv/bin/python" -m pytest -q python/tests &&
    "$venv/bin/python" -m mypy.stubtest neuraltrust._native &&
    "$venv/bin/ruff" check -q python tests &&
    "$venv/bin/ruff" format -q --check python tests
}

# The same wheel under every interpreter of this machine, without what it is made for beside it.
pythons() { scripts/pythons.sh "$(echo "$target"/wheel/*.whl)"; }

# What the tests that start the server are told. The server itself refuses variables NT_* that it does not know, so they set
# these aside when they start it, and the steps before them never see them.
told=(
  NT_BIN="$target/debug/neuraltrust"
  NT_PYTHON="$target/python-test/bin/python"
  NT_PYTHON_1_4="$target/venv-1.4.0/bin/python"
  NT_SCHEMATHESIS="$target/venv-schemathesis/bin/st"
)

# The whole chain with real clients: our SDK, the package neuraltrust 1.4.0 as it was published, and opentelemetry-sdk; and the API
# against its OpenAPI document, by schemathesis.
end_to_end() {
  local venv=$target/venv-1.4.0 schemathesis=$target/venv-schemathesis
  { [ -x "$venv/bin/python" ] || python3 -m venv "$venv"; } &&
    "$venv/bin/pip" install -q "neuraltrust==1.4.0" python-dotenv &&
    { [ -x "$schemathesis/bin/python" ] || python3 -m venv "$schemathesis"; } &&
    "$schemathesis/bin/pip" install -q "schemathesis==4.32.5" &&
    env "${told[@]}" "$target/python-test/bin/python" -m pytest -q tests/e2e &&
    env "${told[@]}" "$target/python-test/bin/python" clients/run.py opentelemetry
}

# The page in a browser, on the real server.
browser() { (cd web && env "${told[@]}" npm run e2e); }

all=(need web rust_format rust_lint rust_test python_test pythons end_to_end browser)
steps=("${@:-${all[@]}}")
summary=()
started=$SECONDS
for step in "${steps[@]}"; do
  if [ "$(type -t "$step")" != function ]; then
    printf 'test.sh: %s is not one of: %s\n' "$step" "${all[*]}" >&2
    exit 2
  fi
  printf '\n==== %s ====\n' "$step"
  begin=$SECONDS
  if ! "$step"; then
    printf '\n==== failed: %s (repeat with scripts/test.sh %s) ====\n' "$step" "$step" >&2
    exit 1
  fi
  summary+=("$(printf '%-14s %4d s' "$step" $((SECONDS - begin)))")
done
printf '\n==== all passed in %d s ====\n' $((SECONDS - started))
printf '%s\n' "${summary[@]}"
