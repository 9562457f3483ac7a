//! What the library is made of: where each dependency comes from, its licence and why it is here. Nothing of this asks a network.
//!
//! `Cargo.lock` is what is built, `deny.toml` says what is allowed, and `docs/dependencies.md` is made from both by `make supply`.

#[path = "supply/deny.rs"]
mod deny;
#[path = "supply/graph.rs"]
mod graph;
#[path = "supply/licence.rs"]
mod licence;
#[path = "supply/page.rs"]
mod page;

use deny::Deny;
use graph::Graph;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One `[[package]]` of Cargo.lock. Ours has no source.
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: bool,
}

fn locked() -> Vec<Locked> {
    let packages: Vec<Locked> = read("Cargo.lock")
        .split("[[package]]")
        .skip(1)
        .map(|block| {
            let value = |key: &str| {
                block.lines().find_map(|line| {
                    let rest = line.strip_prefix(key)?.strip_prefix(" = \"")?;
                    rest.strip_suffix('"').map(str::to_owned)
                })
            };
            Locked {
                name: value("name").expect("a name"),
                version: value("version").expect("a version"),
                source: value("source"),
                checksum: value("checksum").is_some(),
            }
        })
        .collect();
    assert!(packages.len() > 50, "Cargo.lock was not understood");
    packages
}

/// (name, version) -> licence, as the committed page has it.
fn on_the_page() -> BTreeMap<(String, String), String> {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let path = root().join("docs/dependencies.md");
        if std::env::var_os("BLESS").is_some() {
            let text = page::write(&Graph::of_all_systems());
            std::fs::write(&path, text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        read("docs/dependencies.md")
    });
    page::rows(page)
}

#[test]
fn all_dependencies_come_from_one_registry_with_a_checksum() {
    let others: Vec<_> = locked()
        .into_iter()
        .filter(|package| package.name != env!("CARGO_PKG_NAME"))
        .collect();
    let sources: BTreeSet<_> = others.iter().map(|package| &package.source).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    for package in &others {
        let source = package.source.as_deref().unwrap_or("no source");
        assert!(
            source.starts_with("registry+"),
            "{} comes from {source}",
            package.name
        );
        assert!(package.checksum, "{} has no checksum", package.name);
    }
}

#[test]
fn the_licence_of_each_dependency_is_allowed() {
    let deny = Deny::read(&read("deny.toml"));
    for ((name, version), expression) in on_the_page() {
        assert!(
            licence::allowed(&expression, |id| deny.allows(&name, id)),
            "{name} {version} is under {expression}, which deny.toml does not allow"
        );
    }
}

#[test]
fn the_page_of_dependencies_lists_what_is_locked() {
    let page: BTreeSet<_> = on_the_page().into_keys().collect();
    let lock: BTreeSet<_> = locked()
        .into_iter()
        .filter(|package| package.name != env!("CARGO_PKG_NAME"))
        .map(|package| (package.name, package.version))
        .collect();
    let missing: Vec<_> = lock.difference(&page).collect();
    let gone: Vec<_> = page.difference(&lock).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/dependencies.md is stale, run `make supply`: not in it {missing:?}, no longer locked {gone:?}"
    );
}

/// The page is committed text; the crates that were downloaded for this test must say the same.
#[test]
fn the_page_of_dependencies_says_what_the_crates_themselves_say() {
    let page = on_the_page();
    let present = Graph::downloaded();
    assert!(present.packages.len() > 50, "{}", present.packages.len());
    for package in &present.packages {
        if package.name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let key = (package.name.clone(), package.version.clone());
        assert_eq!(
            page.get(&key),
            Some(&package.licence),
            "{} {}: docs/dependencies.md is stale, run `make supply`",
            package.name,
            package.version
        );
    }
}

#[test]
fn each_direct_dependency_has_its_reason() {
    let present = Graph::downloaded();
    let direct: BTreeSet<_> = present.direct().collect();
    for (name, _) in page::REASONS {
        assert!(
            direct.contains(name),
            "{name} is not a dependency any more: tests/supply/page.rs"
        );
    }
    for name in direct {
        assert!(
            page::reason(name).is_some(),
            "{name}: say in tests/supply/page.rs why it is a dependency"
        );
    }
}

#[test]
fn two_versions_of_one_crate_are_named_in_deny_toml() {
    let deny = Deny::read(&read("deny.toml"));
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in locked() {
        versions
            .entry(package.name)
            .or_default()
            .insert(package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        let open = versions
            .iter()
            .filter(|version| !deny.skip.contains(&format!("{name}@{version}")));
        assert!(
            open.count() <= 1,
            "{name} is there as {versions:?}: one of them, or a line with its reason in deny.toml"
        );
    }
    for skipped in &deny.skip {
        let (name, version) = skipped.split_once('@').expect("name@version");
        assert!(
            versions
                .get(name)
                .is_some_and(|versions| versions.contains(version)),
            "{skipped} is the only one now: take it out of deny.toml"
        );
    }
}

#[test]
fn no_crate_is_locked_that_deny_toml_bans() {
    let deny = Deny::read(&read("deny.toml"));
    assert!(!deny.banned.is_empty());
    for package in locked() {
        assert!(
            !deny.banned.contains(&package.name),
            "deny.toml bans {}",
            package.name
        );
    }
}

/// An exception outlives its reason unless somebody looks.
#[test]
fn the_excepted_advisory_is_still_needed() {
    let deny = read("deny.toml");
    let excepted = deny.contains("RUSTSEC-2025-0134");
    let used = locked()
        .iter()
        .any(|package| package.name == "rustls-pemfile");
    assert_eq!(
        excepted, used,
        "the exception for rustls-pemfile in deny.toml, and rustls-pemfile in Cargo.lock"
    );
}
