//! Wrong arguments: the number, the culprit's name, and nothing taken.

mod support;

use support::c_program::Program;
use support::certificates::Certificates;

/// No broker: port 1 is never used.
fn run(case: &str) {
    Program::compile("arguments").run(&["127.0.0.1", "1", "-", case]);
}

#[test]
fn null_clients_are_refused() {
    run("null_clients");
}

/// A function that is added to the header is added to that case.
#[test]
fn no_function_is_forgotten_where_null_clients_are_refused() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = std::fs::read_to_string(root.join("include/aws_iot_mqtt.h")).expect("the header");
    let program = std::fs::read_to_string(root.join("tests/c/arguments.c")).expect("the program");
    let declared: Vec<&str> = header
        .match_indices("aws_iot_mqtt_error aws_iot_mqtt_client_")
        .filter_map(|(at, _)| header[at..].split(['(', ' ']).nth(1))
        .filter(|name| !name.starts_with("aws_iot_mqtt_client_new"))
        .collect();
    assert!(
        declared.len() > 30,
        "only {} functions were found",
        declared.len()
    );
    let missing: Vec<&&str> = declared
        .iter()
        .filter(|name| !program.contains(&format!("{name}(client")))
        .collect();
    assert!(
        missing.is_empty(),
        "not in tests/c/arguments.c: {missing:?}"
    );
}

#[test]
fn null_strings_and_outputs_are_refused_by_name() {
    run("null_strings");
}

#[test]
fn null_payloads_are_refused_unless_empty() {
    run("null_payloads");
}

#[test]
fn mqtt_1_5_3_1_ill_formed_utf8_is_refused_by_name() {
    run("utf8");
}

#[test]
fn strings_longer_than_mqtt_can_tell_are_refused() {
    run("lengths");
}

#[test]
fn malformed_topic_names_and_filters_are_refused() {
    run("topics");
}

#[test]
fn qos_2_and_others_are_refused() {
    run("qos");
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    run("ranges");
}

#[test]
fn connecting_before_configuring_names_the_function_to_call() {
    run("not_configured");
}

#[test]
fn credentials_files_are_refused_by_path() {
    let certificates = Certificates::new();
    std::fs::create_dir(certificates.file("folder")).unwrap();
    certificates.encrypt("client", "encrypted", "secret");
    certificates.write("legacy.key", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n");
    certificates.write("empty", "no certificate in here\n");
    certificates.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    Program::compile("arguments").run(&["127.0.0.1", "1", "-", "files", &certificates.directory()]);
}
