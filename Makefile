# The commands of this project. Each says what it does; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/sbin:/usr/sbin:/sbin
# For `make demo` against a real endpoint.
export ENDPOINT PORT CA CERT KEY CLIENT_ID TOPIC COUNT

# Which tests depend on the crypto provider: all but those that read files or build what they test themselves.
PROVIDER_TESTS := $(filter-out bench header instructions layering package,$(basename $(notdir $(wildcard tests/*.rs))))

# The benchmarks: REPS runs of each case, QUICK=1 a small part, CLIENTS="1000,10000" idle clients, AWSC_PREFIX where aws-c-mqtt is.
REPS ?= 5
CLIENTS ?= 1000,10000
BENCH = bench/run.py --reps $(REPS) --clients $(CLIENTS) --awsc-prefix "$(AWSC_PREFIX)" $(if $(QUICK),--quick)

.PHONY: help demo test requirements lint header simulate mutants bench bench-growth bench-record bench-requirements clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo:  ## build, install, and publish over mutual TLS to a mosquitto of its own; ENDPOINT= CA= CERT= KEY= for AWS IoT
	@tests/demo/demo.sh

test: requirements lint  ## everything that must pass: format, lints, all tests with both crypto providers, docs, the package
	cargo test --locked
	cargo test --locked --no-default-features --features aws-lc-rs --lib $(addprefix --test ,$(PROVIDER_TESTS))
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps
	@echo "make test: passed"

requirements:
	@tests/demo/requirements.sh cmake mosquitto mosquitto-clients rabbitmq-server tinyproxy-bin microsocks openssl pkg-config g++ valgrind \
		strace python3 binutils softhsm2 opensc libp11-kit-dev libssl-dev
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

lint: requirements
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo clippy --all-targets --locked --no-default-features --features aws-lc-rs -- -D warnings

simulate:  ## random runs of the session against a model broker; SEEDS=n (default 1,000,000)
	tests/simulate

mutants:  ## break the session on purpose in each committed way and see the simulation or a scenario notice
	tests/mutants/run

header:  ## make include/aws_iot_mqtt.h anew from src/ffi
	BLESS=1 cargo test --locked --test header

bench: bench-requirements  ## measure this library beside others and write docs/benchmarks.md; QUICK=1 for a few minutes, REPS= CLIENTS= AWSC_PREFIX=
	$(BENCH)

bench-growth: bench-requirements  ## only how the cost grows with payload, subscriptions, clients and queue; the page keeps its other figures
	$(BENCH) --parts growth

bench-record: requirements  ## write bench/instructions.toml anew, which make test compares with
	BLESS=1 cargo test --locked --test instructions -- --nocapture a_message_costs

bench-requirements:
	@tests/demo/requirements.sh cmake gcc openssl python3 valgrind strace binutils libmosquitto-dev libpaho-mqtt-dev gnuplot-nox

clean:  ## remove everything that was built
	cargo clean
	rm -rf build .demo
