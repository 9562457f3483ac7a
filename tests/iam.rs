//! IAM credentials through the C API: each source, and each way in which it can fail.

mod support;

use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::temporary::TemporaryDirectory;

fn run_checked(checked: Checked, case: &[&str], environment: &[(&str, &str)]) {
    let certificates = Certificates::new();
    support::iam::run(checked, &certificates, case, environment)
        .unwrap_or_else(|why| panic!("{why}"));
}

fn run(case: &[&str]) {
    run_checked(Checked::Plainly, case, &[]);
}

#[test]
fn wrong_arguments_and_a_missing_region_are_named() {
    run(&["arguments"]);
}

#[test]
fn a_provider_that_fails_is_quoted_with_its_number() {
    run(&["provider_fails", "fails", "returned 7"]);
}

#[test]
fn a_provider_that_gives_nothing_is_an_error() {
    run(&["provider_fails", "gives nothing", "set no credentials"]);
}

#[test]
fn a_provider_that_gives_garbage_is_an_error() {
    run(&["provider_fails", "gives garbage", "line break"]);
}

#[test]
fn expired_credentials_are_an_error_before_anything_is_sent_and_then_the_servers_to_judge() {
    run(&["provider_expired"]);
}

#[test]
fn a_provider_is_asked_before_each_attempt_and_freed_once() {
    run(&["provider_gives"]);
}

#[test]
fn a_provider_leaves_no_memory_behind() {
    run_checked(Checked::ByAddressSanitizer, &["provider_gives"], &[]);
}

#[test]
fn p6_a_provider_that_blocks_ends_its_attempt_only() {
    run(&["provider_blocks"]);
}

#[test]
fn p5_free_waits_for_the_provider() {
    run(&["free_waits"]);
}

#[test]
fn p5_free_waits_for_the_provider_and_not_for_the_resolver_behind_it() {
    Program::compile("resolver_hangs").run(&[]);
}

#[test]
fn p5_a_blocking_call_inside_the_provider_would_deadlock() {
    run(&["waits_for_itself"]);
}

fn from_environment(variables: &[(&str, &str)], fails: &str, source: &str) {
    run_checked(Checked::Plainly, &["environment", fails, source], variables);
}

#[test]
fn credentials_of_the_environment() {
    let key = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ];
    from_environment(&key, "", "from the environment, key ...MPLE");
    let token = [&key[..], &[("AWS_SESSION_TOKEN", "hush")]].concat();
    from_environment(&token, "", "key ...MPLE, temporary");
}

#[test]
fn half_a_key_or_a_token_alone_are_none() {
    from_environment(&key_id(), "AWS_SECRET_ACCESS_KEY is not", "");
    from_environment(&[("AWS_SESSION_TOKEN", "hush")], "no IAM credentials", "");
    from_environment(&[], "there is no file /nonexistent/.aws/credentials", "");
}

fn key_id() -> [(&'static str, &'static str); 1] {
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")]
}

#[test]
fn credentials_of_the_shared_file() {
    let home = TemporaryDirectory::new("home");
    let text = "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = hush\n[work]\r\naws_access_key_id=WORKEXAMPLE\r\naws_secret_access_key=hush\r\n";
    let file = home.write("my-file", text);
    std::fs::create_dir(home.file(".aws")).unwrap();
    std::fs::write(home.file(".aws/credentials"), text).unwrap();
    let path = file.to_str().unwrap();
    let home = home.path().to_str().unwrap();
    from_environment(&[("HOME", home)], "", "profile default of");
    from_environment(
        &[
            ("AWS_SHARED_CREDENTIALS_FILE", path),
            ("AWS_PROFILE", "work"),
        ],
        "",
        "my-file, key ...MPLE",
    );
    from_environment(
        &[
            ("AWS_SHARED_CREDENTIALS_FILE", path),
            ("AWS_PROFILE", "play"),
        ],
        "no profile [play]",
        "",
    );
    from_environment(
        &[("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/file")],
        "/nonexistent/file: No such file",
        "",
    );
}
