//! `docs/dependencies.md`.

use super::graph::{Graph, built_with};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Why each crate that Cargo.toml names is there.
pub const REASONS: &[(&str, &str)] = &[
    (
        "aws-credential-types",
        "tests: AWS's own signer takes these",
    ),
    ("aws-sigv4", "tests: AWS's own signer, to compare ours with"),
    ("cbindgen", "tests: makes `include/aws_iot_mqtt.h`"),
    ("data-encoding", "Base64 in proxy authorization"),
    (
        "getrandom",
        "random numbers of the system: client ids, waits",
    ),
    ("hmac", "Signature Version 4"),
    (
        "httparse",
        "the heads of HTTP answers: proxies, WebSocket, credentials provider",
    ),
    (
        "httpdate",
        "the server's time, where the device's clock is wrong",
    ),
    ("libc", "signals, fork, sockets"),
    ("pkcs8", "private keys with a passphrase"),
    ("rcgen", "tests: certificates"),
    (
        "shuttle",
        "tests: the hand-overs between threads in many orders",
    ),
    ("rustix", "the poller, clocks and sockets without `unsafe`"),
    ("rustls", "TLS"),
    ("rustls-native-certs", "the system's trust store"),
    ("rustls-pemfile", "PEM files of certificates and keys"),
    ("serde_json", "answers of the AWS IoT credentials provider"),
    ("sha2", "Signature Version 4"),
    ("socket2", "socket options"),
    ("tungstenite", "WebSocket frames and the handshake's key"),
    ("zeroize", "wipes secrets"),
];

pub fn reason(name: &str) -> Option<&'static str> {
    REASONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, reason)| *reason)
}

const HEAD: &str = "\
# Dependencies

Made by `make supply` from `Cargo.lock` and what the crates say of themselves. Do not edit. `tests/supply.rs` fails when it is stale, and when a
licence is not one that `deny.toml` allows.

Each crate is in one of these, the first that fits:

";

/// Where a crate ends up, and a sentence about it.
const PLACES: &[(&str, &str)] = &[
    (
        "library",
        "compiled into the library on Linux, with either crypto provider",
    ),
    (
        "ring",
        "compiled into the library on Linux, with `ring` only",
    ),
    (
        "aws-lc-rs",
        "compiled into the library on Linux, with `aws-lc-rs` only",
    ),
    (
        "building",
        "runs while the library is built, and is not in it",
    ),
    (
        "other systems",
        "needed on other systems than Linux, or by features that are off",
    ),
    ("tests", "only our tests need it"),
];

pub fn write(all: &Graph) -> String {
    let providers = ["ring", "aws-lc-rs"];
    let in_library = providers.map(|name| built_with(name, "normal,no-proc-macro"));
    let in_build = providers.map(|name| built_with(name, "normal,build"));
    let anywhere = all.without_tests();
    let place = |&(name, version): &(&str, &str)| {
        let key = (name.to_owned(), version.to_owned());
        match in_library.each_ref().map(|names| names.contains(&key)) {
            [true, true] => "library",
            [true, false] => "ring",
            [false, true] => "aws-lc-rs",
            _ if in_build.iter().any(|names| names.contains(&key)) => "building",
            _ if anywhere.contains(&(name, version)) => "other systems",
            _ => "tests",
        }
    };
    let users = all.users();
    let direct: BTreeSet<&str> = all.direct().collect();

    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in &all.packages {
        if package.name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let key = (package.name.as_str(), package.version.as_str());
        let used_by = users.get(&key).cloned().unwrap_or_default();
        let why = match reason(&package.name).filter(|_| {
            direct.contains(package.name.as_str()) && used_by.contains(env!("CARGO_PKG_NAME"))
        }) {
            Some(reason) => format!("**{reason}**"),
            None => {
                let names: Vec<&str> = used_by.into_iter().collect();
                format!("by {}", names.join(", "))
            }
        };
        rows.entry(place(&key)).or_default().push(format!(
            "| {} | {} | {} | {why} |\n",
            package.name, package.version, package.licence
        ));
    }

    let mut text = HEAD.to_owned();
    for (place, meaning) in PLACES {
        let count = rows.get(place).map_or(0, Vec::len);
        let _ = writeln!(text, "- **{place}** ({count}): {meaning}.");
    }
    for (place, _) in PLACES {
        let Some(rows) = rows.get_mut(place) else {
            continue;
        };
        rows.sort();
        let _ = write!(
            text,
            "\n## {}\n\n| crate | version | licence | why, or used by whom |\n|---|---|---|---|\n{}",
            place,
            rows.concat()
        );
    }
    text
}

/// (name, version) -> licence
pub fn rows(page: &str) -> BTreeMap<(String, String), String> {
    page.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            match cells.as_slice() {
                ["", name, version, licence, _, ""]
                    if version.starts_with(|first: char| first.is_ascii_digit()) =>
                {
                    Some((
                        ((*name).to_owned(), (*version).to_owned()),
                        (*licence).to_owned(),
                    ))
                }
                _ => None,
            }
        })
        .collect()
}
