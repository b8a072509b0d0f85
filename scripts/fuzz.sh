#!/usr/bin/env bash
# Every target of the fuzzer in turn, from the recordings on. What it finds lies in fuzz/artifacts/; once mended, the input goes
# to fuzz/regressions/TARGET/, where the tests read it too.
#
#   scripts/fuzz.sh [TARGET...]     FUZZ_SECONDS is the time for each, 300 unless set
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fuzz --version >/dev/null 2>&1 || { echo "fuzz.sh: cargo-fuzz is missing: cargo install cargo-fuzz --locked" >&2; exit 1; }
command -v c++ >/dev/null || { echo "fuzz.sh: a C++ compiler is missing (libFuzzer is built with it): apt-get install build-essential" >&2; exit 1; }
cargo run --quiet -p neuraltrust-fuzzing -- fuzz/corpus
if [ $# -eq 0 ]; then set -- $(cd fuzz/fuzz_targets && ls -- *.rs | sed 's/\.rs$//'); fi
for target in "$@"; do
  # The sanitizer is not stable yet; the variable lets the stable compiler use it.
  RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" -- -max_total_time="${FUZZ_SECONDS:-300}" -timeout=10 -rss_limit_mb=2048
done
