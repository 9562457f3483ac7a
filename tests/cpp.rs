//! The C++ wrapper: complete, compiled strictly, and used by small programs under the sanitizers, against the scripted broker and mosquitto.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use support::broker::Broker;
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::packets::{publish, suback};
use support::process::spawn;
use support::temporary::TemporaryDirectory;

/// C++ for devices: nothing of the wrapper may need these.
const SMALL: [&str; 2] = ["-fno-exceptions", "-fno-rtti"];

/// Every case of one compiled program, because the compiler takes longer than all of them.
fn on_mosquitto(extra: &[&str]) {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let port = broker.port.to_string();
    let program = Program::compile_with("cpp/real", Checked::ByAddressSanitizer, extra, "g++");
    for case in [
        "synchronous",
        "futures",
        "completions",
        "manual_acknowledge",
        "signer",
        "loop",
    ] {
        let arguments = ["127.0.0.1", &port, &certificates.directory(), case];
        if let Err(why) = program.start(&arguments).outcome() {
            panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
        }
    }
}

#[test]
fn calls_completions_and_futures_on_mosquitto() {
    on_mosquitto(&[]);
}

#[test]
fn the_same_without_exceptions_and_type_information() {
    on_mosquitto(&SMALL);
}

#[test]
fn the_example_runs_under_the_sanitizers() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let (port, file) = (broker.port.to_string(), |name: &str| {
        certificates.file(name).to_string_lossy().into_owned()
    });
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let program =
        Program::compile_checked("c-examples/basic_pubsub.cpp", Checked::ByAddressSanitizer);
    let running = program.start(&[
        "--endpoint",
        "127.0.0.1",
        "--port",
        &port,
        "--ca",
        &ca,
        "--cert",
        &cert,
        "--key",
        &key,
    ]);
    running.wait_for("published 10, acknowledged 10, received 10");
    running.finish();
}

/// Answers no PUBLISH, refuses the filter "refused", does not answer "silent", and sends one message on "in".
fn unhelpful() -> Broker {
    Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve_but(|connection, packet| match packet.name() {
            "PUBLISH" => true,
            "SUBSCRIBE" => match packet.filters()[0].0.as_str() {
                "silent" => true,
                "refused" => {
                    connection.send(&suback(packet.id(), &[0x80]));
                    true
                }
                "in" => {
                    connection.answer(packet);
                    connection.send(&publish("in", "hello", 1, 5, false, false));
                    true
                }
                _ => false,
            },
            _ => false,
        });
    })
}

#[test]
fn handlers_and_futures_live_as_long_as_the_manual_says() {
    let program = Program::compile_checked("cpp/lifetimes", Checked::ByAddressSanitizer);
    for case in [
        "destroyed_in_its_handler",
        "destroyed_outside",
        "replaced_in_its_handler",
        "subscription_changed_in_its_handler",
        "loop_and_client_end_in_a_handler",
        "refused_subscriptions",
        "providers",
    ] {
        program.run_with(unhelpful(), "-", &[case]);
    }
    for case in ["futures_end_with_the_client", "arguments"] {
        program.run(&["127.0.0.1", "1", "-", case]);
    }
    let throwing = program.start(&["-", "0", "-", "exception_in_a_handler"]);
    throwing.wait_for("terminated by: a handler");
    throwing.finish();
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const PARTS: [&str; 7] = [
    "aws_iot_mqtt.hpp",
    "aws_iot_mqtt/client.hpp",
    "aws_iot_mqtt/configuration.hpp",
    "aws_iot_mqtt/handlers.hpp",
    "aws_iot_mqtt/loop.hpp",
    "aws_iot_mqtt/status.hpp",
    "aws_iot_mqtt/types.hpp",
];

/// The names that begin with `prefix` in the code; comments do not count.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !matches!(line.trim_start().get(..2), Some("//" | "/*" | "* ")))
        .map(|line| line.split(" //").next().unwrap_or(line).to_owned() + "\n")
        .collect();
    code.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

fn wrapper() -> String {
    PARTS.map(|part| read(&format!("include/{part}"))).concat()
}

#[test]
fn every_function_and_constant_of_the_c_header_is_in_the_wrapper() {
    let (header, wrapper) = (read("include/aws_iot_mqtt.h"), wrapper());
    let functions: BTreeSet<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '}']) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("aws_iot_mqtt_"))
        .map(str::to_owned)
        .collect();
    assert!(functions.len() > 60, "{functions:?}");
    let used = names(&wrapper, "aws_iot_mqtt_");
    let missing: Vec<_> = functions.difference(&used).collect();
    assert!(missing.is_empty(), "not in the C++ wrapper: {missing:?}");
    let constants: BTreeSet<String> = names(&header, "AWS_IOT_MQTT_")
        .into_iter()
        .filter(|name| name != "AWS_IOT_MQTT_H" && !name.starts_with("AWS_IOT_MQTT_VERSION"))
        .collect();
    assert!(constants.len() > 70, "{constants:?}");
    let used = names(&wrapper, "AWS_IOT_MQTT_");
    let missing: Vec<_> = constants.difference(&used).collect();
    assert!(missing.is_empty(), "not in the C++ wrapper: {missing:?}");
}

/// With more warnings than a user will have; a header that lacks an include would show too. Inline functions are compiled though nobody
/// calls them, and instantiate the templates.
fn compiles(compiler: &str, package: &str, part: &str, extra: &[&str]) {
    let child = spawn(
        Command::new(compiler)
            .args([
                "-std=c++17",
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Wconversion",
            ])
            .args(["-Wshadow", "-Wold-style-cast", "-Werror", "-fsyntax-only"])
            .args(["-x", "c++", "-include", part, "/dev/null", "-I"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
            .args(extra)
            .stdin(Stdio::null())
            .stderr(Stdio::piped()),
        package,
    );
    let output = child.wait_with_output().expect("the compiler's output");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{compiler} {extra:?} {part}:\n{said}"
    );
}

#[test]
fn each_part_compiles_alone_without_a_warning() {
    for part in PARTS {
        compiles("g++", "g++", part, &[]);
    }
}

#[test]
fn both_compilers_take_the_wrapper_with_and_without_exceptions_and_as_cpp_20() {
    compiles("g++", "g++", PARTS[0], &SMALL);
    compiles("clang++", "clang", PARTS[0], &[]);
    compiles("clang++", "clang", PARTS[0], &SMALL);
    for compiler in [("g++", "g++"), ("clang++", "clang")] {
        compiles(compiler.0, compiler.1, PARTS[0], &["-std=c++20"]);
    }
}

#[test]
fn the_program_in_the_readme_compiles() {
    let readme = read("README.md");
    let program = readme.split("```cpp\n").nth(1).expect("a program in C++");
    let directory = TemporaryDirectory::new("readme");
    let file = directory.write("readme.cpp", program.split("```").next().expect("its end"));
    compiles("g++", "g++", file.to_str().expect("UTF-8"), &[]);
}

#[test]
fn the_wrapper_is_of_the_version_of_the_package() {
    let version: Vec<u32> = env!("CARGO_PKG_VERSION")
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect();
    let number = version[0] * 1_000_000 + version[1] * 1_000 + version[2];
    let wanted = format!("#define AWS_IOT_MQTT_HPP_VERSION_NUMBER {number}\n");
    assert!(
        read("include/aws_iot_mqtt.hpp").contains(&wanted),
        "{wanted}"
    );
}
