//! What the fuzzers run: one function for each target, which takes any bytes and panics on a broken promise. Only in tests and under
//! `cfg(fuzzing)`, which cargo-fuzz sets; no build of the library has it. `tests/fuzz/` holds the targets' main functions and the corpus;
//! `docs/fuzzing.md` says how to run them and what they reach.

mod c_api;
mod codec;
mod input;
mod links;
mod packets;
mod round_trip;
mod session;
mod topics;
mod topics_of_session;
mod websocket;

#[cfg(test)]
mod replay;

use crate::session::tests::simulation;

/// Panics on a broken promise.
pub type Target = fn(&[u8]);

/// Each target by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("codec_decode", codec::decode),
    ("codec_round_trip", round_trip::run),
    ("session_bytes", session::run),
    ("session_model", simulation::run_with),
    ("websocket", websocket::run),
    ("proxy", links::proxy),
    ("https_answer", links::https_answer),
    ("topics", topics::run),
    ("topics_of_session", topics_of_session::run),
    ("c_api", c_api::run),
];

/// Runs the target `name`. Each fuzzer's main function.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target of this name");
    target(data);
}
