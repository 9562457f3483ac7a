//! The guide in `docs/guide/`: every code block of it is compiled, its programs run against mosquitto, its names are in the header, and its
//! index is complete. The blocks of `install.md` are carried out by `tests/package/guide.sh`. And the API reference is made without a
//! warning of Doxygen.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::STEP;
use support::c_program::link_library;
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::process::spawn;
use support::running::Running;
use support::temporary::TemporaryDirectory;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Block {
    page: String,
    line: String,
    language: String,
    name: String,
    words: Vec<String>,
    path: PathBuf,
}

impl Block {
    fn place(&self) -> String {
        format!("docs/guide/{}.md:{}", self.page, self.line)
    }

    fn is_file(&self) -> bool {
        self.words.iter().any(|word| word.starts_with("file="))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).expect("what tests/guide/blocks wrote")
    }
}

/// What `tests/guide/blocks` takes out of the pages.
fn blocks(directory: &TemporaryDirectory) -> Vec<Block> {
    let mut command = Command::new("python3");
    command
        .arg(root().join("tests/guide/blocks"))
        .arg(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let output = spawn(&mut command, "python3").wait_with_output();
    let output = output.expect("the list of blocks");
    assert!(output.status.success(), "tests/guide/blocks failed");
    let list = String::from_utf8(output.stdout).expect("UTF-8");
    list.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [page, line, language, name, words, path] = fields[..] else {
                panic!("not six fields: {line}")
            };
            Block {
                page: page.to_owned(),
                line: line.to_owned(),
                language: language.to_owned(),
                name: name.to_owned(),
                words: words.split_whitespace().map(str::to_owned).collect(),
                path: path.into(),
            }
        })
        .collect()
}

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"];

fn compiler(block: &Block) -> Command {
    let (command, standard) = match block.language.as_str() {
        "c" => ("cc", "-std=c11"),
        "cpp" => ("c++", "-std=c++17"),
        other => panic!("{}: no compiler for {other:?}", block.place()),
    };
    let mut compiler = Command::new(command);
    compiler.arg(standard).args(STRICT).arg("-I");
    compiler.arg(root().join("include"));
    compiler.stdin(Stdio::null()).stderr(Stdio::piped());
    compiler
}

fn compile(compiler: &mut Command, block: &Block) {
    let package = if block.language == "c" { "gcc" } else { "g++" };
    let output = spawn(compiler, package).wait_with_output();
    let output = output.expect("the compiler's output");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{said}", block.place());
}

/// The rule of `docs/guide/README.md`: with `static` in front it stands at the level of a file, otherwise in a function that has a
/// configured client.
fn wrapped(block: &Block) -> String {
    let text = block.text();
    let top = text
        .lines()
        .any(|line| line.starts_with("static ") || line.starts_with("struct "));
    let includes = match block.language.as_str() {
        "c" => {
            "#include <aws_iot_mqtt.h>\n#include <inttypes.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
        }
        _ => {
            "#include <aws_iot_mqtt.hpp>\n#include <iostream>\n#include <string>\nusing namespace aws_iot_mqtt;\n"
        }
    };
    let line = format!("#line {} \"{}.md\"\n", block.line, block.page);
    match (top, block.language.as_str()) {
        // Its functions are used by the reader's program, not by this one.
        (true, _) => format!(
            "{includes}#pragma GCC diagnostic ignored \"-Wunused-function\"\n#pragma GCC diagnostic ignored \"-Wunused-variable\"\n{line}\n{text}"
        ),
        (false, "c") => format!(
            "{includes}void fragment(aws_iot_mqtt_client *client);\nvoid fragment(aws_iot_mqtt_client *client)\n{{\naws_iot_mqtt_error error = \
             AWS_IOT_MQTT_OK;\n{line}\n{text}\n(void)client;\n(void)error;\n}}\n"
        ),
        (false, _) => format!(
            "{includes}void fragment(Client &client);\nvoid fragment(Client &client)\n{{\nStatus status;\n{line}\n{text}\n(void)client;\n(void)status;\n}}\n"
        ),
    }
}

#[test]
fn every_block_is_of_a_kind_that_is_checked() {
    let directory = TemporaryDirectory::new("guide-kinds");
    let blocks = blocks(&directory);
    assert!(blocks.len() > 30, "{} blocks", blocks.len());
    for block in &blocks {
        let checked = match block.language.as_str() {
            "c" | "cpp" => true,
            // What a program prints: the running programs are asked for it.
            "text" => block
                .words
                .iter()
                .any(|word| word.starts_with("printed-by=")),
            // tests/package/guide.sh carries these out.
            "sh" | "cmake" => block.page == "install" && !block.words.is_empty(),
            _ => false,
        };
        assert!(checked, "{}: nothing checks this block", block.place());
    }
}

#[test]
fn fragments_compile() {
    let directory = TemporaryDirectory::new("guide-fragments");
    let blocks = blocks(&directory);
    let fragments = blocks
        .iter()
        .filter(|block| matches!(block.language.as_str(), "c" | "cpp") && !block.is_file());
    let mut count = 0;
    for block in fragments {
        std::fs::write(&block.path, wrapped(block)).expect("the wrapped fragment");
        compile(compiler(block).arg("-fsyntax-only").arg(&block.path), block);
        count += 1;
    }
    assert!(count > 15, "{count} fragments");
}

/// A directory as a reader has it: the certificates under the names that the programs use.
fn device(block: &Block, certificates: &Certificates) -> TemporaryDirectory {
    let directory = TemporaryDirectory::new(&format!("guide-{}", block.name));
    for (file, name) in [
        ("ca.pem", "AmazonRootCA1.pem"),
        ("client.pem", "device.pem.crt"),
        ("client.key", "private.pem.key"),
    ] {
        std::fs::copy(certificates.file(file), directory.file(name)).expect("a certificate");
    }
    link_library(&directory);
    directory
}

#[test]
fn programs_run_over_mutual_tls() {
    let directory = TemporaryDirectory::new("guide-programs");
    let blocks = blocks(&directory);
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let port = broker.port.to_string();
    let mut count = 0;
    for block in blocks
        .iter()
        .filter(|block| matches!(block.language.as_str(), "c" | "cpp") && block.is_file())
    {
        let device = device(block, &certificates);
        let executable = device.file("program");
        compile(
            compiler(block)
                .arg(&block.path)
                .arg("-o")
                .arg(&executable)
                .arg("-L")
                .arg(device.path())
                .arg("-laws_iot_mqtt"),
            block,
        );
        assert!(
            block.words.iter().any(|word| word == "run"),
            "{}: a whole program must be run",
            block.place()
        );
        let mut command = Command::new(&executable);
        command
            .args(["127.0.0.1", &port])
            .current_dir(device.path())
            .env("LD_LIBRARY_PATH", device.path());
        let running = Running::start(&mut command, block.place(), &block.name, STEP);
        let printed = format!("printed-by={}", block.name);
        for output in blocks
            .iter()
            .filter(|output| output.page == block.page && output.words.contains(&printed))
        {
            for line in output.text().lines() {
                running.wait_for(line);
            }
        }
        if let Err(why) = running.outcome() {
            panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
        }
        count += 1;
    }
    assert!(count >= 6, "{count} programs");
}

fn pages() -> Vec<(String, String)> {
    let directory = root().join("docs/guide");
    let mut pages: Vec<(String, String)> = std::fs::read_dir(&directory)
        .expect("docs/guide")
        .map(|entry| {
            let name = entry.expect("a page").file_name();
            let name = name.to_str().expect("UTF-8").to_owned();
            let text = read(&format!("docs/guide/{name}"));
            (name, text)
        })
        .collect();
    pages.sort();
    pages
}

/// The names with the prefix that a text has; one that ends with "_" stands for many.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_name_is_in_the_header() {
    let header = read("include/aws_iot_mqtt.h");
    let known: BTreeSet<String> = names(&header, "aws_iot_mqtt")
        .union(&names(&header, "AWS_IOT_MQTT"))
        .cloned()
        .collect();
    // The package, its files and the options of its build.
    let others = [
        "aws_iot_mqtt",
        "AWS_IOT_MQTT_CRYPTO",
        "AWS_IOT_MQTT_RUST_TARGET",
    ];
    for (page, text) in pages() {
        for name in names(&text, "aws_iot_mqtt").union(&names(&text, "AWS_IOT_MQTT")) {
            let family = name.ends_with('_') && known.iter().any(|known| known.starts_with(name));
            assert!(
                known.contains(name) || others.contains(&name.as_str()) || family,
                "docs/guide/{page}: {name} is not in the header"
            );
        }
    }
}

/// In the second column of the tables of calls ("| theirs | ours |") functions stand without "aws_iot_mqtt_client_" or "aws_iot_mqtt_".
#[test]
fn the_tables_of_calls_name_functions_that_exist() {
    let header = names(&read("include/aws_iot_mqtt.h"), "aws_iot_mqtt_");
    for (page, text) in pages()
        .into_iter()
        .filter(|(page, _)| page.starts_with("migrate-"))
    {
        let mut count = 0;
        for row in text.lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.split('|').collect();
            let calls = cells[2].split('`').skip(1).step_by(2).filter_map(|code| {
                let name = code.split('(').next().unwrap_or(code);
                let is_name = name
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '_');
                (is_name && name.contains('_') || code.contains('(')).then_some(name)
            });
            for call in calls {
                let exists = ["aws_iot_mqtt_client_", "aws_iot_mqtt_", ""]
                    .iter()
                    .any(|prefix| header.contains(&format!("{prefix}{call}")));
                assert!(exists, "docs/guide/{page}: no function {call}, in:\n{row}");
                count += 1;
            }
        }
        assert!(count > 20, "docs/guide/{page}: {count} calls");
    }
}

#[test]
fn every_page_is_in_the_index() {
    let index = read("docs/guide/README.md");
    for (page, _) in pages() {
        assert!(
            page == "README.md" || index.contains(&format!("]({page})")),
            "docs/guide/README.md does not lead to {page}"
        );
    }
    assert!(read("README.md").contains("](docs/guide/README.md)"));
}

/// Its figures are those of the page that the test of Device Advisor makes.
#[test]
fn the_settings_for_device_advisor_are_those_that_passed() {
    let results = read("docs/device_advisor.md");
    let page = read("docs/guide/qualification.md");
    let settings = results
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("| `aws_iot_mqtt_client_"));
    let mut count = 0;
    for line in settings {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let call = cells[2].trim_matches('`');
        // The values in the order of the arguments.
        let values: Vec<String> = cells[3]
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| *word == "true" || word.parse::<u32>().is_ok())
            .map(str::to_owned)
            .collect();
        let written = format!("{call}(client, {}", values.join(", "));
        assert!(
            page.contains(&written),
            "docs/guide/qualification.md: {written}"
        );
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn the_api_reference_is_made_without_a_warning() {
    let directory = TemporaryDirectory::new("doxygen");
    let settings = format!(
        "{}\nOUTPUT_DIRECTORY = {}\n",
        read("docs/Doxyfile"),
        directory.path().display()
    );
    let file = directory.write("Doxyfile", settings);
    let mut command = Command::new("doxygen");
    command
        .arg(file)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = spawn(&mut command, "doxygen").wait_with_output();
    let output = output.expect("what doxygen said");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "doxygen:\n{said}"
    );
    let page = std::fs::read_to_string(directory.file("html/aws__iot__mqtt_8h.html"));
    let page = page.expect("the page of the header");
    let header = read("include/aws_iot_mqtt.h");
    for heading in header.lines().filter_map(|line| {
        line.strip_prefix("/* ======== ")?
            .strip_suffix(" ======== */")
    }) {
        assert!(page.contains(heading), "the reference has no {heading:?}");
    }
    for function in names(&header, "aws_iot_mqtt_client_") {
        assert!(page.contains(&function), "the reference has no {function}");
    }
}
