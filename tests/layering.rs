//! The layers of the source: a file uses only what is below it, and the pure rooms know no socket, thread or clock.

use std::path::Path;

/// Each room and the rooms that it may use. A new room needs a line here.
const ROOMS: &[(&str, &[&str])] = &[
    ("config", LEAVES),
    ("error", LEAVES),
    ("log", LEAVES),
    ("time", LEAVES),
    ("codec", LEAVES),
    ("session", &["config", "error", "log", "time", "codec"]),
    ("transport", LEAVES),
    ("aws", LEAVES),
    (
        "engine",
        &[
            "config",
            "error",
            "log",
            "time",
            "codec",
            "session",
            "transport",
            "aws",
        ],
    ),
    (
        "ffi",
        &[
            "config",
            "error",
            "log",
            "time",
            "codec",
            "session",
            "transport",
            "aws",
            "engine",
        ],
    ),
    // The fuzzers' functions, in no build of the library.
    (
        "fuzzing",
        &[
            "config",
            "error",
            "log",
            "time",
            "codec",
            "session",
            "transport",
            "aws",
            "engine",
            "ffi",
        ],
    ),
];
const LEAVES: &[&str] = &["config", "error", "log", "time"];

/// Pure rooms: the same input gives the same output, so time and bytes come in as arguments.
const PURE: &[&str] = &["codec", "session"];
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "std::net",
    "std::thread",
    "std::io",
    "Mutex",
    "unsafe",
];

/// Outside `ffi`, the files in which a line may be unsafe, each directly below a comment that says why it is sound.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("engine/threads.rs", "blocking a thread's signals"),
    (
        "engine/dial.rs",
        "taking the descriptor that the socket factory gave",
    ),
    ("fuzzing/c_api.rs", "calling the C API"),
    (
        "fuzzing/c_api/witness.rs",
        "reading what the C API lends to callbacks",
    ),
];

/// What is wrong with the file `name` (relative to `src`).
fn violations(name: &str, text: &str) -> Vec<String> {
    let room = name
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs");
    if name == "lib.rs" {
        let code: Vec<&str> = text.lines().map(without_comment).collect();
        return if words(&code.join("\n"), "unsafe") {
            vec!["src/lib.rs says unsafe".into()]
        } else {
            Vec::new()
        };
    }
    let Some((_, may_use)) = ROOMS.iter().find(|(known, _)| *known == room) else {
        return vec![format!(
            "src/{name} is in no room that tests/layering.rs knows"
        )];
    };
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let joined = code.join("\n");
    let mut found = Vec::new();
    for used in rooms_used(&joined) {
        if used != room
            && !may_use.contains(&used.as_str())
            && ROOMS.iter().any(|(known, _)| *known == used)
        {
            found.push(format!(
                "src/{name} uses crate::{used}, which is above or beside {room}"
            ));
        }
    }
    // The simulation spreads its runs over threads; what it runs is as pure as the rest.
    if PURE.contains(&room) && name != "session/tests/simulation.rs" {
        for banned in IMPURE.iter().filter(|banned| words(&joined, banned)) {
            found.push(format!("src/{name} says {banned}, and {room} is pure"));
        }
        // The same through a group: `use std::{io, thread}`.
        for banned in ["net", "thread", "io"] {
            if groups_after(&joined, "std::")
                .iter()
                .any(|entry| first_name(entry) == banned)
            {
                found.push(format!("src/{name} says std::{banned}, and {room} is pure"));
            }
        }
    }
    if room != "ffi" {
        let all: Vec<&str> = text.lines().collect();
        for (number, _) in code
            .iter()
            .enumerate()
            .filter(|(_, line)| words(line, "unsafe"))
        {
            if !UNSAFE_FILES.iter().any(|(file, _)| *file == name) {
                found.push(format!(
                    "src/{name}:{} is unsafe, and this file may not be",
                    number + 1
                ));
            } else if !has_reason(&all[..number]) {
                found.push(format!(
                    "src/{name}:{} is unsafe without a comment with SAFETY: directly above",
                    number + 1
                ));
            }
        }
    }
    found
}

/// Whether the comment that ends these lines (attributes between it and the code are no matter) says SAFETY.
fn has_reason(before: &[&str]) -> bool {
    let mut lines = before
        .iter()
        .rev()
        .map(|line| line.trim())
        .skip_while(|line| line.starts_with("#["));
    lines
        .by_ref()
        .take_while(|line| line.starts_with("//"))
        .any(|line| line.contains("SAFETY:"))
}

fn without_comment(line: &str) -> &str {
    let end = line
        .match_indices("//")
        .find(|(at, _)| !line[..*at].ends_with(':'))
        .map_or(line.len(), |(at, _)| at);
    &line[..end]
}

/// Whether `text` has `wanted` as whole words.
fn words(text: &str, wanted: &str) -> bool {
    let part_of_name = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    text.match_indices(wanted).any(|(at, _)| {
        !part_of_name(text[..at].chars().next_back())
            && !part_of_name(text[at + wanted.len()..].chars().next())
    })
}

fn first_name(path: &str) -> &str {
    let path = path.trim();
    path.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .next()
        .unwrap_or_default()
}

/// The entries of each `prefix{a, b::{c, d}}`, on its first level.
fn groups_after(text: &str, prefix: &str) -> Vec<String> {
    let opening = format!("{prefix}{{");
    let mut entries = Vec::new();
    for (at, _) in text.match_indices(&opening) {
        let (mut depth, mut entry) = (0, String::new());
        for character in text[at + opening.len()..].chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => entries.push(std::mem::take(&mut entry)),
                _ => entry.push(character),
            }
        }
        entries.push(entry);
    }
    entries
}

/// The first names behind `crate::`, behind `crate::{...}` and behind a climb to the root with `super::super::`.
fn rooms_used(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for prefix in ["crate::", "super::super::"] {
        for (at, _) in code.match_indices(prefix) {
            // `$crate::` is this crate as well; `other_crate::` is not.
            if code[..at]
                .ends_with(|character: char| character.is_alphanumeric() || character == '_')
            {
                continue;
            }
            used.push(first_name(&code[at + prefix.len()..]).to_owned());
        }
        used.extend(
            groups_after(code, prefix)
                .iter()
                .map(|entry| first_name(entry).to_owned()),
        );
    }
    used.retain(|name| !name.is_empty());
    used.sort();
    used.dedup();
    used
}

fn visit(directory: &Path, root: &Path, each: &mut impl FnMut(String, String)) {
    for entry in std::fs::read_dir(directory).expect("the sources") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            visit(&path, root, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(root)
                .expect("a path below src")
                .to_string_lossy()
                .into_owned();
            each(name, std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The compiler at hand knows more than the oldest one that Cargo.toml promises, and clippy compares only the standard library's
/// functions with that. `if let ... && ...` came with Rust 1.88.
fn let_chains(name: &str, text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let joined = code.join("\n");
    let mut found = Vec::new();
    for (at, _) in joined.match_indices(" let ") {
        let before = joined[..at].trim_end();
        let condition = ["if", "while"].iter().any(|word| before.ends_with(word));
        let head = joined[at..].split(" {\n").next().unwrap_or_default();
        let continued = head
            .lines()
            .skip(1)
            .any(|line| line.trim_start().starts_with("&&"));
        if before.ends_with("&&") || (condition && continued) {
            let line = before.lines().count();
            found.push(format!("src/{name}:{line} has a let chain (Rust 1.88)"));
        }
    }
    found
}

#[test]
fn no_file_needs_a_newer_rust_than_promised() {
    let manifest = include_str!("../Cargo.toml");
    assert!(
        manifest.contains("rust-version = \"1.85\""),
        "another Rust is promised: look at what this test forbids"
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    visit(&root, &root, &mut |name, text| {
        found.extend(let_chains(&name, &text));
    });
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    for chain in [
        "if let Some(a) = b\n    && a > 1\n{\n",
        "if a > 1\n    && let Some(b) = a\n{\n",
        "while let Some(a) = b && let Some(c) = a {\n",
    ] {
        assert!(!let_chains("x.rs", chain).is_empty(), "{chain}");
    }
    assert!(let_chains("x.rs", "if let Some(a) = b {\n    c(d\n        && e);\n}").is_empty());
}

#[test]
fn a_file_uses_only_what_is_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut found) = (0, Vec::new());
    visit(&root, &root, &mut |name, text| {
        files += 1;
        found.extend(violations(&name, &text));
    });
    assert!(files > 8, "only {files} source files were seen");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_rule_notices_violations() {
    for (name, text, expected) in [
        (
            "session/queue.rs",
            "use crate::transport::Link;",
            "uses crate::transport",
        ),
        (
            "session/queue.rs",
            "use crate::{codec::Packet, engine::Client};",
            "uses crate::engine",
        ),
        (
            "session/queue.rs",
            "use crate::{\n    codec::{self, Packet},\n    engine,\n};",
            "uses crate::engine",
        ),
        (
            "session/queue.rs",
            "fn f(_: super::super::aws::Endpoint) {}",
            "uses crate::aws",
        ),
        ("transport/tcp.rs", "use crate::codec;", "uses crate::codec"),
        (
            "aws/sigv4.rs",
            "use crate::transport;",
            "uses crate::transport",
        ),
        ("engine/mod.rs", "use crate::ffi::guard;", "uses crate::ffi"),
        ("config.rs", "use crate::codec::topic;", "uses crate::codec"),
        ("cellar/mod.rs", "", "in no room"),
        (
            "session/mod.rs",
            "let now = Instant::now();",
            "says Instant::now",
        ),
        ("session/mod.rs", "use std::{fmt, io};", "says std::io"),
        ("codec/mod.rs", "use std::io::Read;", "says std::io"),
        ("codec/wire.rs", "let x = unsafe { y };", "says unsafe"),
        (
            "transport/tcp.rs",
            "// SAFETY: good\nlet x = unsafe { y };",
            "this file may not be",
        ),
        (
            "engine/threads.rs",
            "let x = unsafe { y };",
            "without a comment",
        ),
        (
            "engine/threads.rs",
            "// SAFETY: far away\nlet z = 1;\nlet x = unsafe { y };",
            "without a comment",
        ),
        ("lib.rs", "unsafe fn f() {}", "says unsafe"),
    ] {
        let found = violations(name, text);
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{name} {text:?} should give {expected:?}: {found:?}"
        );
    }
}

#[test]
fn the_rule_allows_what_is_right() {
    for (name, text) in [
        (
            "session/queue.rs",
            "use crate::{codec::Packet, config, error::Error, time::Instant};",
        ),
        (
            "session/queue.rs",
            "// std::net is not for us, nor crate::engine: see https://example.invalid/unsafe\nuse std::net_of_names;",
        ),
        (
            "session/queue.rs",
            "mod tests { use super::super::Session; }",
        ),
        (
            "engine/mod.rs",
            "use crate::{aws, codec, session, transport};\nuse std::thread;",
        ),
        (
            "engine/dial.rs",
            "// SAFETY: the descriptor is open,\n// because we hold it.\n#[allow(unsafe_code)]\nlet x = unsafe { y };",
        ),
        (
            "ffi/borrow.rs",
            "pub unsafe extern \"C\" fn f() {}\nuse crate::engine;",
        ),
        ("lib.rs", "#![deny(unsafe_code)]\npub mod ffi;"),
        ("engine/dial.rs", "#[allow(unsafe_code)]"),
    ] {
        assert_eq!(
            violations(name, text),
            Vec::<String>::new(),
            "{name} {text:?}"
        );
    }
}
