# The commands of this project. Each says what it does; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/sbin:/usr/sbin:/sbin
# For `make demo` against a real endpoint.
export ENDPOINT PORT CA CERT KEY CLIENT_ID TOPIC COUNT

# Which tests depend on the crypto provider: all but those that read files, build what they test themselves or wrap the C functions.
PROVIDER_TESTS := $(filter-out bench conformance cpp ffi guide header instructions layering package pages supply,$(basename $(notdir $(wildcard tests/*.rs))))

# The benchmarks: REPS runs of each case, QUICK=1 a small part, CLIENTS="1000,10000" idle clients, AWSC_PREFIX where aws-c-mqtt is.
REPS ?= 5
CLIENTS ?= 1000,10000
BENCH = tests/bench/run.py --reps $(REPS) --clients $(CLIENTS) --awsc-prefix "$(AWSC_PREFIX)" $(if $(QUICK),--quick)

.PHONY: help demo test requirements lint header docs supply report simulate mutants races races-mutants advisor conformance conformance-mutants fuzz \
	fuzz-report bench bench-growth bench-record bench-requirements packages clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 21

demo:  ## build, install, and publish over mutual TLS to a mosquitto of its own; ENDPOINT= CA= CERT= KEY= for AWS IoT
	@tests/demo/demo.sh

test: requirements lint  ## everything that must pass: format, lints, all tests with both crypto providers, docs, the package
	cargo test --locked
	cargo test --locked --no-default-features --features aws-lc-rs --lib $(addprefix --test ,$(PROVIDER_TESTS))
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps
	@echo "make test: passed"

requirements:
	@tests/demo/requirements.sh cmake mosquitto mosquitto-clients rabbitmq-server tinyproxy-bin microsocks openssl pkg-config g++ valgrind \
		strace binutils softhsm2 opensc libp11-kit-dev libssl-dev clang python3 nodejs npm golang-go doxygen lintian fakeroot dpkg-dev
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

docs:  ## make the API reference of the header, target/api-reference/html/index.html; the guide is docs/guide/README.md
	@tests/demo/requirements.sh doxygen
	@mkdir -p target/api-reference
	doxygen docs/Doxyfile
	@echo "target/api-reference/html/index.html"

races:  ## the hand-overs between threads in many orders (RACES=n), and everything at once for SECONDS= with SEED=, under two sanitizers
	RACES=$(or $(RACES),5000) cargo test --locked --lib engine::races::scenarios
	SECONDS=$(or $(SECONDS),60) cargo test --locked --test races -- --nocapture p1_
	SECONDS=$(or $(SECONDS),60) tests/races_under_sanitizer

races-mutants:  ## break each hand-over between threads on purpose and see a scenario notice
	tests/mutants/run --races

# They are run by commands of their own; here only what is quick, once.
PROVIDER_TESTS := $(filter-out faults soak,$(PROVIDER_TESTS))
.PHONY: installed root faults soak fleet

installed:
	@cmake -S cmake -B build/cmake >/dev/null
	@cmake --build build/cmake
	@cmake --install build/cmake --prefix $(CURDIR)/build/installed >/dev/null

root:
	@[ "$$(id -u)" -eq 0 ] || { echo "network namespaces, nftables and tbf need root: sudo make faults" >&2; exit 1; }

faults: root installed  ## break everything around a device and make docs/reliability.md of what it did; as root; FAULT="part of a name" for one
	@tests/demo/requirements.sh mosquitto mosquitto-clients nftables iproute2
	TEST_LIBRARY=$(CURDIR)/build/installed/lib/libaws_iot_mqtt.so.0 cargo test --locked --bench faults_command

fleet: installed  ## 10,000 devices in one process, and how they come back when the broker has died; makes docs/fleet.md; CLIENTS=n
	@tests/demo/requirements.sh mosquitto mosquitto-clients
	TEST_LIBRARY=$(CURDIR)/build/installed/lib/libaws_iot_mqtt.so.0 CLIENTS=$(if $(filter command\ line,$(origin CLIENTS)),$(CLIENTS),10000) \
		cargo test --locked --bench fleet_command

soak: installed  ## mixed load with faults for MINUTES=n (default 10); memory, threads and descriptors must stay flat; makes docs/soak.md
	@tests/demo/requirements.sh mosquitto mosquitto-clients
	TEST_LIBRARY=$(CURDIR)/build/installed/lib/libaws_iot_mqtt.so.0 MINUTES=$${MINUTES:-10} cargo test --locked --bench soak_command

advisor:  ## play each test of AWS IoT Device Advisor and make docs/device_advisor.md of the results
	BLESS=1 cargo test --locked --test device_advisor

conformance:  ## make docs/mqtt_conformance.md anew from tests/conformance/statements.tsv, and check that each statement has its test
	BLESS=1 cargo test --locked --test conformance

conformance-mutants:  ## break 25 statements of MQTT on purpose, one at a time, and see a test of the statement notice
	tests/mutants/run --conformance

fuzz:  ## run each fuzzer (tests/fuzz) for SECONDS=n, default 60
	tests/fuzz/run $(or $(SECONDS),60)

fuzz-report:  ## make docs/fuzzing.md of the last `make fuzz` and of what the committed corpus reaches
	tests/fuzz/report

header:  ## make include/aws_iot_mqtt.h anew from src/ffi
	BLESS=1 cargo test --locked --test header

supply:  ## make docs/dependencies.md anew, check licences, sources and duplicates; with cargo-deny also known vulnerabilities
	BLESS=1 cargo test --locked --test supply
	@tests/supply/advisories

report:  ## build with both crypto providers and write sizes, symbols, libraries and hardening into docs/library.md
	@mkdir -p docs
	tests/supply/report.sh >docs/library.md.new
	@mv docs/library.md.new docs/library.md

bench: bench-requirements  ## measure this library beside others and write docs/benchmarks.md; QUICK=1 for a few minutes, REPS= CLIENTS= AWSC_PREFIX=
	$(BENCH)

bench-growth: bench-requirements  ## only how the cost grows with payload, subscriptions, clients and queue; the page keeps its other figures
	$(BENCH) --parts growth

bench-record: requirements  ## write tests/bench/instructions.toml anew, which make test compares with
	BLESS=1 cargo test --locked --test instructions -- --nocapture a_message_costs

bench-requirements:
	@tests/demo/requirements.sh cmake gcc openssl python3 valgrind strace binutils libmosquitto-dev libpaho-mqtt-dev gnuplot-nox

packages: requirements  ## the Conan recipe and, where vcpkg is, the vcpkg port, tried out; fetches Conan by pip
	tests/package/managers.sh

clean:  ## remove everything that was built
	cargo clean
	rm -rf build .demo
