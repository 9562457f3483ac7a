//! What the shared library shows to the world: the functions of the header, nothing else, under its soname.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library that was built for this test run; it lies beside the test's own executable.
fn library() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of this test");
    let path = executable
        .parent()
        .expect("a directory")
        .join("libaws_iot_mqtt.so");
    assert!(
        path.exists(),
        "{} is missing; `cargo test` builds it",
        path.display()
    );
    path
}

/// What a program of binutils says about the library.
fn ask(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(library())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}. Install it: apt-get install binutils"));
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The functions that the header declares: names directly before a parenthesis at the start of a declaration.
fn functions_of_the_header() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/aws_iot_mqtt.h");
    let header = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    header
        .lines()
        .filter(|line| {
            line.starts_with(|first: char| first.is_ascii_lowercase())
                && !line.starts_with("typedef")
        })
        .filter_map(|line| {
            line.split_once('(')?
                .0
                .split([' ', '*'])
                .next_back()
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn p10_the_library_exports_the_functions_of_the_header_and_nothing_else() {
    let symbols = ask("nm", &["-D", "--defined-only", "--format=posix"]);
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    let declared = functions_of_the_header();
    assert!(declared.len() > 40, "{declared:?}");
    for symbol in &exported {
        assert!(
            symbol.starts_with("aws_iot_mqtt_"),
            "{symbol} would clash with other libraries"
        );
    }
    let missing: Vec<_> = declared.difference(&exported).collect();
    let undeclared: Vec<_> = exported.difference(&declared).collect();
    assert!(
        missing.is_empty(),
        "in the header, but not in the library: {missing:?}"
    );
    assert!(
        undeclared.is_empty(),
        "in the library, but not in the header: {undeclared:?}"
    );
}

#[test]
fn the_soname_is_the_number_of_the_abi() {
    let dynamic = ask("readelf", &["-d", "--wide"]);
    let soname = dynamic
        .lines()
        .find(|line| line.contains("(SONAME)"))
        .unwrap_or("no SONAME");
    assert!(soname.ends_with("[libaws_iot_mqtt.so.0]"), "{soname}");
}

#[test]
fn p10_the_library_stays_loaded_after_dlclose() {
    let dynamic = ask("readelf", &["-d", "--wide"]);
    let flags = dynamic
        .lines()
        .find(|line| line.contains("(FLAGS_1)"))
        .unwrap_or("no FLAGS_1");
    assert!(flags.contains("NODELETE"), "{flags}");
}
