# What the scripts beside this one share. They source it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
fuzz=tests/fuzz
built=${CARGO_TARGET_DIR:-$PWD/target}
# Of no commit: what the fuzzers have collected here, and what they have found.
work=$built/fuzz
export CARGO_TARGET_DIR=$built
export PATH=$PATH:$HOME/.cargo/bin

targets() {
    sed -nE 's/^    \("([a-z_]+)", .*\),$/\1/p' src/fuzzing/mod.rs
}

build_fuzzers() {
    rustup run nightly rustc --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal || {
        echo "the fuzzers need nightly Rust: rustup toolchain install nightly --profile minimal" >&2
        exit 1
    }
    cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
    cargo +nightly fuzz build --fuzz-dir "$fuzz"
    # Where cargo-fuzz puts them: below the name of the machine's kind.
    fuzzers=$built/$(rustup run nightly rustc -vV | sed -n 's/^host: //p')/release
}

# `fuzzer TARGET ARGUMENT...`
fuzzer() {
    local target=$1
    shift
    "$fuzzers/$target" -timeout=20 -rss_limit_mb=4096 -max_len=4096 "$@"
}
