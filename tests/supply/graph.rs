//! The dependencies as `cargo metadata` tells them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

pub struct Package {
    pub name: String,
    pub version: String,
    pub licence: String,
    id: String,
}

/// One edge: from whom, to whom, and whether for tests only.
struct Edge {
    from: String,
    to: String,
    tests: bool,
}

pub struct Graph {
    pub packages: Vec<Package>,
    edges: Vec<Edge>,
    root: String,
}

/// The names of the crates that a crate is used by.
pub type Users<'a> = BTreeSet<&'a str>;

impl Graph {
    /// Everything that is locked, on every system. Cargo may have to download what this system does not need.
    pub fn of_all_systems() -> Graph {
        Graph::ask(&["--all-features"])
    }

    /// What this very test was built with: it is here, so no network is asked.
    pub fn downloaded() -> Graph {
        let features = if cfg!(feature = "ring") {
            "ring"
        } else {
            "aws-lc-rs"
        };
        let system = host();
        Graph::ask(&[
            "--offline",
            "--no-default-features",
            "--features",
            features,
            "--filter-platform",
            &system,
        ])
    }

    fn ask(arguments: &[&str]) -> Graph {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo");
        assert!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Graph::parse(&serde_json::from_slice(&output.stdout).expect("cargo's JSON"))
    }

    fn parse(metadata: &Value) -> Graph {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let packages = list(&metadata["packages"])
            .iter()
            .map(|package| Package {
                name: text(&package["name"]),
                version: text(&package["version"]),
                licence: text(&package["license"]),
                id: text(&package["id"]),
            })
            .collect();
        let mut edges = Vec::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            for dependency in list(&node["deps"]) {
                for kind in list(&dependency["dep_kinds"]) {
                    edges.push(Edge {
                        from: text(&node["id"]),
                        to: text(&dependency["pkg"]),
                        tests: kind["kind"] == "dev",
                    });
                }
            }
        }
        Graph {
            packages,
            edges,
            root: text(&metadata["resolve"]["root"]),
        }
    }

    /// Name and version of all but what only our tests need.
    pub fn without_tests(&self) -> BTreeSet<(&str, &str)> {
        let mut reached = BTreeSet::from([self.root.as_str()]);
        let mut open = vec![self.root.as_str()];
        while let Some(from) = open.pop() {
            for edge in self.edges.iter().filter(|edge| edge.from == from) {
                if !edge.tests && reached.insert(edge.to.as_str()) {
                    open.push(&edge.to);
                }
            }
        }
        self.packages
            .iter()
            .filter(|package| reached.contains(package.id.as_str()))
            .map(|package| (package.name.as_str(), package.version.as_str()))
            .collect()
    }

    /// What our own Cargo.toml names.
    pub fn direct(&self) -> impl Iterator<Item = &str> {
        self.edges
            .iter()
            .filter(|edge| edge.from == self.root)
            .filter_map(|edge| self.packages.iter().find(|package| package.id == edge.to))
            .map(|package| package.name.as_str())
    }

    /// Who uses each package, by its name and version.
    pub fn users(&self) -> BTreeMap<(&str, &str), Users<'_>> {
        let names: BTreeMap<&str, &Package> = self
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package))
            .collect();
        let mut users: BTreeMap<(&str, &str), Users<'_>> = BTreeMap::new();
        for edge in &self.edges {
            let (Some(from), Some(to)) =
                (names.get(edge.from.as_str()), names.get(edge.to.as_str()))
            else {
                continue;
            };
            users
                .entry((&to.name, &to.version))
                .or_default()
                .insert(&from.name);
        }
        users
    }
}

/// Name and version of what is built on this system without our tests, along `edges` of `cargo tree`. (`cargo metadata` mixes in
/// the features that the tests turn on.)
pub fn built_with(features: &str, edges: &str) -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--no-default-features", "--prefix=none"])
        .args(["--format={p}", "--features", features, "--edges", edges])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| {
            let version = rest.split(' ').next().unwrap_or(rest);
            (name.to_owned(), version.to_owned())
        })
        .collect()
}

/// The system that this compiler builds for.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc says its host")
        .to_owned()
}
