# `make run` builds everything and serves on http://127.0.0.1:6180; `make test` runs every test.
TARGET := $(or $(CARGO_TARGET_DIR),target)
SERVER := $(TARGET)/release/neuraltrust

.PHONY: run build web sdk-python test test-clients bench fuzz screenshots fmt lint
.DEFAULT_GOAL := build

# The program takes the place of make, so that Ctrl-C and signals reach it alone.
run: build
	@exec $(SERVER) serve

build: web
	cargo build --release -p neuraltrust-server

# The page, which the binary embeds.
web:
	@scripts/need.sh build
	@scripts/web.sh
	cd web && npm run build

# A venv in .venv with the Python SDK of this checkout.
sdk-python:
	@scripts/need.sh python
	test -x .venv/bin/python || python3 -m venv .venv
	.venv/bin/pip install --disable-pip-version-check ./python python-dotenv

test:
	@scripts/test.sh

# The published clients of other products, and the libraries that our SDK wraps, installed at pinned versions, against the real server.
# Needs their registries and minutes.
test-clients:
	cargo build -p neuraltrust-server
	NT_BIN=$(TARGET)/debug/neuraltrust python3 clients/run.py
	NT_BIN=$(TARGET)/debug/neuraltrust python3 clients/wrappers.py

# The short form, a few minutes; bench/README.md says what it measures and how to measure all of it.
bench: build
	cargo build --release -p neuraltrust-bench
	$(TARGET)/release/bench run --short

# Every decoder under the fuzzer, FUZZ_SECONDS for each (300); `make test` has a short run of the same targets.
fuzz:
	@scripts/fuzz.sh

# The pictures of the README, of the demo's conversations in a headless browser; the end-to-end run leaves those of every screen.
screenshots: build
	cd web && NT_E2E=screens NT_BIN=$(abspath $(SERVER)) npm run e2e
	cp target/screenshots/demo-conversation-light.png docs/screenshots/conversation.png
	cp target/screenshots/analytics-light.png docs/screenshots/analytics.png

fmt:
	cargo fmt --all
	@scripts/web.sh
	cd web && npm run format

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/web.sh
	cd web && npm run lint
