//! The corpus and the cases that once failed, through the functions of the fuzzers, on stable and in every test run: each file as it
//! is, and changed a little at random, always in the same way.

use super::TARGETS;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Changed inputs for each target. The fuzzers themselves make some thousand a second.
const CHANGED: usize = 5_000;

fn folder(kind: &str, target: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fuzz").join(kind).join(target)
}

/// In the order of their names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a file of the corpus");
        (path.display().to_string(), bytes)
    };
    paths.into_iter().map(read).collect()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.below(256) as u8),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                // The rest of another file.
                3 => {
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[self.below(other.len() + 1)..]);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = match self.below(3) {
                            0 => *byte ^ 1 << self.below(8),
                            1 => [0, 1, 0x7F, 0x80, 0xFF][self.below(5)],
                            _ => self.below(256) as u8,
                        };
                    }
                }
            }
        }
    }
}

fn must_pass(target: &str, name: &str, data: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| super::run(target, data)));
    if outcome.is_err() {
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{target} fails on {name}: {hex}");
    }
}

/// `changed`: how many inputs are made from the files.
fn replay(target: &str, changed: usize) {
    let corpus = files(&folder("corpus", target));
    assert!(!corpus.is_empty(), "{target} has no corpus");
    for (name, data) in corpus.iter().chain(&files(&folder("found", target))) {
        must_pass(target, name, data);
    }
    let mut random = Random(1);
    for _ in 0..changed {
        let (name, data) = &corpus[random.below(corpus.len())];
        let (_, other) = &corpus[random.below(corpus.len())];
        let mut data = data.clone();
        random.change(&mut data, other);
        must_pass(target, &format!("a change of {name}"), &data);
    }
}

macro_rules! replays {
    ($($target:ident $changed:expr;)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target), $changed);
            }
        )*
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
    };
}

replays! {
    codec_decode CHANGED;
    codec_round_trip CHANGED;
    session_bytes CHANGED;
    session_model CHANGED / 5;
    websocket CHANGED;
    proxy CHANGED;
    https_answer CHANGED;
    topics CHANGED;
    topics_of_session CHANGED;
    c_api CHANGED / 20;
}

#[test]
fn each_target_is_built_and_replayed() {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, REPLAYED);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("the fuzzers' manifest");
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let main = root.join(format!("fuzz_targets/{name}.rs"));
        let main = std::fs::read_to_string(main).expect("a main function");
        assert!(main.contains(&format!("run(\"{name}\", data)")), "{name}");
    }
}
