//! Each normative statement of MQTT 3.1.1 that binds a client has a test that shows it: `tests/conformance/statements.tsv` names
//! them, and `docs/mqtt_conformance.md` is made from it (`make conformance`).

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use support::broker::Connection;
use support::packets::{connack, puback, publish};
use support::scenario::play;

/// The numbering of appendix B: each section that has statements, and how many. Kept apart from the table, so that a row that is
/// missing there is noticed.
const NUMBERING: &[(&str, u32)] = &[
    ("1.5.3", 3),
    ("2.2.2", 2),
    ("2.3.1", 7),
    ("3.1.0", 2),
    ("3.1.2", 24),
    ("3.1.3", 11),
    ("3.1.4", 5),
    ("3.2.0", 1),
    ("3.2.2", 6),
    ("3.3.1", 12),
    ("3.3.2", 3),
    ("3.3.4", 1),
    ("3.3.5", 2),
    ("3.6.1", 1),
    ("3.8.1", 1),
    ("3.8.3", 4),
    ("3.8.4", 6),
    ("3.9.3", 2),
    ("3.10.1", 1),
    ("3.10.3", 2),
    ("3.10.4", 6),
    ("3.12.4", 1),
    ("3.14.1", 1),
    ("3.14.4", 3),
    ("4.1.0", 2),
    ("4.3.1", 1),
    ("4.3.2", 2),
    ("4.3.3", 2),
    ("4.4.0", 1),
    ("4.5.0", 2),
    ("4.6.0", 6),
    ("4.7.1", 3),
    ("4.7.2", 1),
    ("4.7.3", 4),
    ("4.8.0", 2),
    ("6.0.0", 4),
    ("7.0.0", 2),
    ("7.1.1", 2),
    ("7.1.2", 2),
];

struct Statement {
    identifier: String,
    binds: String,
    words: String,
    shown: String,
    /// `file::function`.
    tests: Vec<(String, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn statements() -> Vec<Statement> {
    let table = read(&root().join("tests/conformance/statements.tsv"));
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("identifier\tbinds\tin our words\tshown by\ttests")
    );
    lines
        .map(|line| {
            let mut columns = line.split('\t').map(str::to_owned);
            let mut column = || columns.next().unwrap_or_default();
            Statement {
                identifier: column(),
                binds: column(),
                words: column(),
                shown: column(),
                tests: column()
                    .split_whitespace()
                    .map(|test| {
                        let (file, function) = test.split_once("::").expect("file::function");
                        (file.to_owned(), function.to_owned())
                    })
                    .collect(),
            }
        })
        .collect()
}

/// Why the function is not a test that runs, if it is not one.
fn why_no_test(text: &str, function: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let start = format!("fn {function}(");
    let Some(at) = lines.iter().position(|line| line.starts_with(&start)) else {
        return Some("there is no such function".into());
    };
    let attributes: Vec<&str> = lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.starts_with("#[") || line.starts_with("///"))
        .filter(|line| line.starts_with("#["))
        .copied()
        .collect();
    if !attributes.contains(&"#[test]") {
        return Some("it is no #[test]".into());
    }
    attributes
        .iter()
        .find(|attribute| **attribute != "#[test]")
        .map(|attribute| format!("it does not run always: {attribute}"))
}

/// Patches that break a statement on purpose, by the identifier at the beginning of their first line.
fn mutants() -> BTreeMap<String, String> {
    let folder = root().join("tests/conformance/mutants");
    let mut mutants = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).expect("the mutants") {
        let path = entry.expect("an entry").path();
        let text = read(&path);
        let (identifier, _) = text.split_once(':').expect("MQTT-x.x.x-n: what it breaks");
        let name = path.file_stem().and_then(|name| name.to_str());
        let before = mutants.insert(identifier.to_owned(), name.expect("a name").to_owned());
        assert_eq!(before, None, "two mutants for {identifier}");
    }
    mutants
}

#[test]
fn the_table_has_every_statement_of_appendix_b_in_its_order() {
    let expected: Vec<String> = NUMBERING
        .iter()
        .flat_map(|(section, count)| (1..=*count).map(move |n| format!("MQTT-{section}-{n}")))
        .collect();
    let got: Vec<String> = statements()
        .into_iter()
        .map(|statement| statement.identifier)
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn every_statement_that_binds_a_client_has_a_test_that_runs() {
    let mut wrong = String::new();
    for statement in statements() {
        let identifier = &statement.identifier;
        let client = match statement.binds.as_str() {
            "client" | "both" => true,
            "server" => false,
            other => panic!("{identifier} binds {other:?}"),
        };
        assert!(!statement.words.is_empty(), "{identifier}");
        if client && (statement.tests.is_empty() || statement.shown.is_empty()) {
            let _ = writeln!(wrong, "{identifier}: no test, or not said what shows it");
        }
        for (file, function) in &statement.tests {
            let path = root().join(file);
            let why = match std::fs::read_to_string(&path) {
                Ok(text) => why_no_test(&text, function),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why {
                let _ = writeln!(wrong, "{identifier}: {file}::{function}: {why}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_mutant_breaks_a_statement_that_binds_a_client() {
    let statements = statements();
    for (identifier, name) in mutants() {
        let statement = statements
            .iter()
            .find(|statement| statement.identifier == identifier);
        let binds = statement.map(|statement| statement.binds.as_str());
        assert!(matches!(binds, Some("client" | "both")), "{name}");
    }
}

#[test]
fn what_is_no_test_is_noticed() {
    // Put together, so that a search for ignored tests finds none.
    let ignore = format!("#[{}]", "ignore");
    let text = format!(
        "#[test]\n/// Why.\nfn good() {{\n#[test]\n{ignore}\nfn ignored() {{\nfn helper() {{\n"
    );
    assert_eq!(why_no_test(&text, "good"), None);
    for (function, why) in [
        ("ignored", ignore.as_str()),
        ("helper", "no #[test]"),
        ("goo", "no such function"),
    ] {
        assert!(why_no_test(&text, function).is_some_and(|said| said.contains(why)));
    }
}

fn page() -> String {
    let statements = statements();
    let mutants = mutants();
    let client = statements
        .iter()
        .filter(|statement| statement.binds != "server")
        .count();
    let mut page = format!(
        "# MQTT 3.1.1, statement by statement\n\n\
        Made by `make conformance` from `tests/conformance/statements.tsv`. Do not edit.\n\n\
        The {} normative statements of MQTT 3.1.1 (appendix B) in our own words; the numbers are those of the standard. {client} of them bind\n\
        a client, or both sides; each has a test that runs in `make test`, and the column before it names the bytes, rows or packets in\n\
        which it shows. Where only the server is bound, a test shows what this library does when the server does not keep to it, if there\n\
        is something to do. {} statements are broken on purpose, one at a time (`make conformance-mutants`, the patches are in\n\
        `tests/conformance/mutants/`): a test of the row must then fail.\n\n\
        | statement | binds | in our words | shown by | tests | mutant |\n|---|---|---|---|---|---|\n",
        statements.len(),
        mutants.len()
    );
    for statement in &statements {
        let tests: Vec<String> = statement
            .tests
            .iter()
            .map(|(file, function)| format!("[`{function}`](../{file})"))
            .collect();
        let mutant = mutants
            .get(&statement.identifier)
            .map(|name| name.split_once('-').map_or(name.as_str(), |(n, _)| n));
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            statement.identifier,
            statement.binds,
            statement.words,
            statement.shown,
            tests.join("<br>"),
            mutant.unwrap_or_default()
        );
    }
    page
}

#[test]
fn the_page_is_up_to_date() {
    let path: PathBuf = root().join("docs/mqtt_conformance.md");
    let page = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("writing the page");
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|committed| committed == page),
        "{} is not what the table says: run `make conformance`",
        path.display()
    );
}

fn connected_with_an_id(connection: &mut Connection, clean: bool) -> String {
    let connect = connection.expect_connect();
    assert_eq!(connect.clean_session(), clean);
    connection.send(&connack(false, 0));
    connection.expect_disconnect();
    connect.client_id
}

#[test]
fn mqtt_3_1_3_7_an_empty_client_id_is_never_sent() {
    play("conformance", "empty_id", |listener, _| {
        let kept = connected_with_an_id(&mut listener.accept(), false);
        let clean = connected_with_an_id(&mut listener.accept(), true);
        assert_eq!((kept.len(), clean.len()), (35, 35), "{kept} {clean}");
        assert_ne!(kept, clean);
    });
}

#[test]
fn mqtt_4_5_0_2_a_message_that_nobody_subscribed_is_acknowledged() {
    play("conformance", "unsubscribed", |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        for id in [5, 6] {
            connection.send(&publish("nobody", "", 1, id, false, false));
            connection.expect(&puback(id));
        }
        watched.tell("go on");
        connection.expect_disconnect();
    });
}
