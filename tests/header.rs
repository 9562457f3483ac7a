//! `include/aws_iot_mqtt.h` is made from `src/ffi`, is committed, and compiles wherever a C or C++ program may include it.
//! The committed header is the ABI: a change of it is seen in review, and this test sees a change that was not made there.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The header's order, and the headings of its functions. cbindgen puts constants and types before all functions.
const SOURCES: &[(&str, &str)] = &[
    ("types.rs", ""),
    ("callback.rs", ""),
    ("version.rs", "Version"),
    ("error.rs", "Errors"),
    ("client.rs", "Life cycle"),
    ("configure.rs", "Configure: where to connect, and as whom"),
    ("credentials.rs", "Configure: certificates and keys"),
    ("authorizer.rs", "Configure: custom authorizers"),
    ("network.rs", "Configure: proxies and ALPN"),
    ("iam.rs", "Configure: IAM credentials and signatures"),
    (
        "keys.rs",
        "Configure: keys with a passphrase, and keys that never leave their hardware",
    ),
    (
        "timing.rs",
        "Configure: how long to wait, and how often to try",
    ),
    ("limits.rs", "Configure: how much is kept and sent at once"),
    ("connection.rs", "Connect and disconnect"),
    ("operations.rs", "Publish"),
    ("subscriptions.rs", "Subscribe"),
    ("events.rs", "Events"),
    ("stats.rs", "State and statistics"),
    (
        "event_loop.rs",
        "A loop of the application instead of threads",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header_path() -> PathBuf {
    root().join("include/aws_iot_mqtt.h")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn source(name: &str) -> String {
    read(&root().join("src/ffi").join(name))
}

/// The rules that `src/ffi/mod.rs` opens with.
fn first_comment() -> String {
    let mut comment = String::from("/* SPDX-License-Identifier: Apache-2.0 */\n\n/**\n * @file\n");
    for line in source("mod.rs")
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
    {
        comment.push_str(format!(" *{line}").trim_end());
        comment.push('\n');
    }
    comment + " */\n\n/* Made from src/ffi by `make header`. Do not edit. */"
}

/// Cargo.toml is the only place where the version is written by hand.
fn version_macros() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let major = number(env!("CARGO_PKG_VERSION_MAJOR"));
    let minor = number(env!("CARGO_PKG_VERSION_MINOR"));
    let patch = number(env!("CARGO_PKG_VERSION_PATCH"));
    let all = major * 1_000_000 + minor * 1_000 + patch;
    format!(
        r#"
/** The version of this header. aws_iot_mqtt_version() is the one of the library. */
#define AWS_IOT_MQTT_VERSION "{version}"
/** The first number of the version. */
#define AWS_IOT_MQTT_VERSION_MAJOR {major}
/** The second. */
#define AWS_IOT_MQTT_VERSION_MINOR {minor}
/** The third. */
#define AWS_IOT_MQTT_VERSION_PATCH {patch}
/** For comparing: major * 1000000 + minor * 1000 + patch. */
#define AWS_IOT_MQTT_VERSION_NUMBER {all}"#
    )
}

fn generate() -> String {
    let mut config = cbindgen::Config::from_file(root().join("include/cbindgen.toml"))
        .expect("include/cbindgen.toml");
    config.header = Some(first_comment());
    config.after_includes = Some(version_macros());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for (source, _) in SOURCES {
        builder = builder.with_src(root().join("src/ffi").join(source));
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("cbindgen reads src/ffi")
        .write(&mut header);
    let header = String::from_utf8(header).expect("UTF-8");
    with_headings(&fold_short_comments(&header))
}

/// A comment of one sentence takes one line.
fn fold_short_comments(header: &str) -> String {
    let lines: Vec<&str> = header.lines().collect();
    let mut folded = String::new();
    let mut at = 0;
    while at < lines.len() {
        let short = match lines[at..] {
            [open, text, close, ..] if open.trim() == "/**" && close.trim() == "*/" => {
                let text = text.trim_start().strip_prefix("* ");
                text.map(|text| format!("{open} {text} */"))
                    .filter(|line| line.len() <= 120)
            }
            _ => None,
        };
        if let Some(line) = short {
            folded.push_str(&line);
            folded.push('\n');
            at += 3;
        } else {
            folded.push_str(lines[at]);
            folded.push('\n');
            at += 1;
        }
    }
    folded
}

/// Puts a heading above the first function of each source file, above its comment.
fn with_headings(header: &str) -> String {
    let mut blocks: Vec<String> = header.split("\n\n").map(str::to_owned).collect();
    for (name, heading) in SOURCES.iter().filter(|(_, heading)| !heading.is_empty()) {
        let source = source(name);
        let first = source
            .lines()
            .find_map(|line| line.strip_prefix("pub ")?.split_once("extern \"C\" fn "))
            .and_then(|(_, signature)| signature.split('(').next())
            .unwrap_or_else(|| panic!("src/ffi/{name} has no C function"));
        let block = blocks
            .iter_mut()
            .find(|block| declared(block).any(|function| function == first))
            .unwrap_or_else(|| panic!("{first} is not in the header"));
        *block = format!("/* ======== {heading} ======== */\n\n{block}");
    }
    blocks.join("\n\n")
}

/// The functions that a piece of the header declares: what stands before the first parenthesis of a declaration.
fn declared(header: &str) -> impl Iterator<Item = &str> {
    header
        .lines()
        .filter(|line| {
            line.starts_with(|first: char| first.is_ascii_lowercase())
                && !line.starts_with("typedef")
        })
        .filter_map(|line| line.split_once('(')?.0.split([' ', '*']).next_back())
}

/// The constants, the version's included.
fn macros(header: &str) -> Vec<&str> {
    header
        .lines()
        .filter_map(|line| line.strip_prefix("#define AWS_IOT_MQTT_")?.split_once(' '))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn the_committed_header_is_what_the_sources_make() {
    let generated = generate();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(header_path(), &generated).expect("write include/aws_iot_mqtt.h");
        return;
    }
    let committed = std::fs::read_to_string(header_path()).unwrap_or_default();
    let differing = generated
        .lines()
        .zip(committed.lines())
        .position(|(new, old)| new != old);
    let line = differing.unwrap_or(generated.lines().count().min(committed.lines().count()));
    assert!(
        generated == committed,
        "include/aws_iot_mqtt.h is not what src/ffi makes, from line {} on:\n  committed: {:?}\n  sources:   {:?}\n\
         If the change of the ABI is meant, write it: BLESS=1 cargo test --test header",
        line + 1,
        committed.lines().nth(line).unwrap_or("(end)"),
        generated.lines().nth(line).unwrap_or("(end)"),
    );
}

#[test]
fn every_source_with_a_c_function_is_in_the_header() {
    for entry in std::fs::read_dir(root().join("src/ffi")).expect("src/ffi") {
        let path = entry.expect("src/ffi").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8")
            .to_owned();
        if read(&path).contains("#[unsafe(no_mangle)]") {
            assert!(
                SOURCES.iter().any(|(source, _)| *source == name),
                "src/ffi/{name} has a C function; add it to SOURCES in tests/header.rs"
            );
        }
    }
}

/// Where the compilers of this test work; one directory for each test, because tests run at the same time.
fn scratch(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("header-{test}"));
    std::fs::create_dir_all(&directory).expect("a scratch directory");
    directory
}

fn compile(compiler: &str, package: &str, directory: &Path, arguments: &[&str]) {
    let output = Command::new(compiler)
        .current_dir(directory)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(root().join("include"))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("{compiler}: {error}. Install it: apt-get install {package}")
        });
    assert!(
        output.status.success(),
        "{compiler} {} failed:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program that uses every constant and knows every function, as C and as C++ may both be written.
fn user(header: &str, function: &str) -> String {
    let mut program = format!(
        "#include \"aws_iot_mqtt.h\"\n#include \"aws_iot_mqtt.h\"\nint {function}(void);\n"
    );
    program.push_str(&format!("int {function}(void)\n{{\n"));
    for name in macros(header) {
        program.push_str(&format!("    (void)(AWS_IOT_MQTT_{name});\n"));
    }
    for name in declared(header) {
        program.push_str(&format!("    (void)sizeof(&{name});\n"));
    }
    program + "    return AWS_IOT_MQTT_OK;\n}\n"
}

#[test]
fn the_header_compiles_as_c_and_cpp_in_two_translation_units() {
    let directory = scratch("languages");
    let header = read(&header_path());
    let main = format!(
        "{}int other(void);\nint main(void) {{ return one() + other(); }}\n",
        user(&header, "one")
    );
    std::fs::write(directory.join("main.c"), main).expect("write");
    std::fs::write(directory.join("other.c"), user(&header, "other")).expect("write");
    // A function that is only declared needs no library as long as it is not called.
    for standard in ["-std=c99", "-std=c11"] {
        let arguments = [
            standard,
            "-Wstrict-prototypes",
            "-o",
            "program",
            "main.c",
            "other.c",
        ];
        compile("cc", "gcc", &directory, &arguments);
    }
    for standard in ["-std=c++11", "-std=c++17"] {
        compile(
            "c++",
            "g++",
            &directory,
            &[standard, "-o", "program", "-x", "c++", "main.c", "other.c"],
        );
    }
}

#[test]
fn the_program_above_uses_what_the_header_has() {
    let header = read(&header_path());
    let macros = macros(&header);
    for name in [
        "VERSION",
        "VERSION_NUMBER",
        "QOS_1",
        "DROP_NEWEST",
        "DRAINING_AS_FAST_AS_POSSIBLE",
        "LOG_DEBUG",
    ] {
        assert!(macros.contains(&name), "{name} in {macros:?}");
    }
    let functions: Vec<_> = declared(&header).collect();
    assert!(functions.len() > 40, "{functions:?}");
    assert!(functions.contains(&"aws_iot_mqtt_version"), "{functions:?}");
    assert!(
        functions.contains(&"aws_iot_mqtt_client_free"),
        "{functions:?}"
    );
}

#[test]
fn the_header_tells_the_version_of_the_package() {
    let directory = scratch("version");
    let program = format!(
        "#include \"aws_iot_mqtt.h\"\n#include <string.h>\nint main(void)\n{{\n    \
         if (AWS_IOT_MQTT_VERSION_NUMBER != AWS_IOT_MQTT_VERSION_MAJOR * 1000000 + AWS_IOT_MQTT_VERSION_MINOR * 1000 + \
         AWS_IOT_MQTT_VERSION_PATCH) return 1;\n    return strcmp(AWS_IOT_MQTT_VERSION, \"{}\") ? 2 : 0;\n}}\n",
        env!("CARGO_PKG_VERSION")
    );
    std::fs::write(directory.join("version.c"), program).expect("write");
    compile(
        "cc",
        "gcc",
        &directory,
        &["-std=c99", "-o", "version", "version.c"],
    );
    let status = Command::new(directory.join("version"))
        .status()
        .expect("run");
    assert!(status.success(), "{status}");
}
