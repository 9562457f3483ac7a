//! `tests/c/iam.c`, away from the credentials that the machine may have.

use super::c_program::{Checked, Program};
use super::certificates::Certificates;
use std::net::TcpListener;

/// Nothing of the machine's own, and no file.
pub const NO_ENVIRONMENT: [(&str, &str); 6] = [
    ("AWS_ACCESS_KEY_ID", ""),
    ("AWS_SECRET_ACCESS_KEY", ""),
    ("AWS_SESSION_TOKEN", ""),
    ("AWS_PROFILE", ""),
    ("AWS_SHARED_CREDENTIALS_FILE", ""),
    ("HOME", "/nonexistent"),
];

/// A port on which nobody listens.
pub fn dead_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Runs `tests/c/iam.c` with nobody at its endpoint.
pub fn run(
    checked: Checked,
    certificates: &Certificates,
    case: &[&str],
    environment: &[(&str, &str)],
) -> Result<(), String> {
    let (directory, port) = (certificates.directory(), dead_port());
    let arguments = [&["127.0.0.1", &port, &directory], case].concat();
    let environment = [&NO_ENVIRONMENT[..], environment].concat();
    Program::compile_checked("iam", checked)
        .start_with(&arguments, &environment)
        .outcome()
}
