#!/usr/bin/env bash
# Measures a release binary on this machine and prints markdown: start-up time, idle memory, binary size, and how it answers
# under load. Builds nothing; works on a data directory of its own and ends only what it started.
#
#   bench/measure.sh [PATH_OF_neuraltrust] [PATH_OF_load]
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}/release
server=${1:-$target/neuraltrust}
load=${2:-$target/load}
seconds=${SECONDS_PER_RUN:-10}
for binary in "$server" "$load"; do
  [ -x "$binary" ] || { echo "missing: $binary (cargo build --release -p neuraltrust-server -p neuraltrust-bench)" >&2; exit 1; }
done

work=$(mktemp -d)
pid=
cleanup() {
  if [ -n "$pid" ]; then kill -TERM "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
# The settings of a server of the developer's own must not reach this one.
for name in $(compgen -e NT_ || true); do unset "$name"; done

started=$(milliseconds)
"$server" serve --listen 127.0.0.1:0 --grpc-listen off --otlp-listen off --data-dir "$work/data" </dev/null >"$work/out" 2>"$work/log" &
pid=$!
url=
until [ -n "$url" ] && curl -fsS -o /dev/null "$url/readyz" 2>/dev/null; do
  kill -0 "$pid" 2>/dev/null || { echo "the server ended:" >&2; cat "$work/log" >&2; exit 1; }
  url=$(sed -n 's/^Listening on //p' "$work/out")
  [ -n "$url" ] || sleep 0.005
done
ready=$(milliseconds)
key=$(sed -n 's/^Admin key: //p' "$work/out")
sleep 5
memory() { awk '/^VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$pid/status"; }
idle=$(memory)

echo "| what | figure |"
echo "|---|---:|"
echo "| machine | $(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo) |"
echo "| first start until \`/readyz\` answers | $((ready - started)) ms |"
echo "| memory, idle for 5 s | $idle |"
echo "| binary | $(stat -Lc %s "$server" | awk '{ printf "%.1f MB", $1 / 1048576 }') |"
echo
echo "\`POST /v1/trace\`, one step each, ${seconds} s per run:"
echo
# The key travels in the environment: command lines are visible to everyone on the machine.
NEURALTRUST_API_KEY=$key "$load" --url "$url" --connections 5,50 --seconds "$seconds"
echo
echo "\`POST /v1/traces\`, OTLP, 100 spans each, ${seconds} s:"
echo
NEURALTRUST_API_KEY=$key "$load" --url "$url" --connections 5 --seconds "$seconds" --mode otlp --batch 100
echo
echo "Memory after the load: $(memory)."
