#!/usr/bin/env bash
# Brings web/node_modules in line with the lock file, where that has changed since the last time, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../web"
stamp=node_modules/.installed-from
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --no-audit --no-fund
  cp package-lock.json "$stamp"
fi
