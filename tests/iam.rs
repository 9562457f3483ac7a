//! IAM credentials through the C API: each source, and each way in which it can fail.

mod support;

use std::net::TcpListener;
use std::time::{Duration, SystemTime};
use support::broker::{Broker, Connection};
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::temporary::TemporaryDirectory;

/// Nothing of the machine's own, and no file.
const NO_ENVIRONMENT: [(&str, &str); 6] = [
    ("AWS_ACCESS_KEY_ID", ""),
    ("AWS_SECRET_ACCESS_KEY", ""),
    ("AWS_SESSION_TOKEN", ""),
    ("AWS_PROFILE", ""),
    ("AWS_SHARED_CREDENTIALS_FILE", ""),
    ("HOME", "/nonexistent"),
];

/// A port on which nobody listens.
fn dead_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

fn run_checked(checked: Checked, case: &[&str], environment: &[(&str, &str)]) {
    let certificates = Certificates::new();
    run_with(checked, &certificates, case, environment).unwrap_or_else(|why| panic!("{why}"));
}

fn run_with(
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
fn expired_credentials_are_an_error_before_anything_is_sent() {
    run(&[
        "provider_fails",
        "gives expired ones",
        "expired at 1970-01-01 00:16:40",
    ]);
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

// The AWS IoT credentials provider.

const REQUEST: &str = "GET /role-aliases/My-Role/credentials HTTP/1.1\r\nHost: 127.0.0.1:";

/// A service that gets one request for each script, and the program that asks.
fn iot(scripts: Vec<fn(Connection)>, codes: &str, culprit: &str, logged: &str) {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), move |listener| {
        for script in scripts {
            let mut connection = listener.accept();
            connection.expect(REQUEST.as_bytes());
            let head = connection.read_until(b"\r\n\r\n");
            let head = String::from_utf8(head).expect("UTF-8");
            assert!(
                head.contains("\r\nx-amzn-iot-thingname: lamp\r\n"),
                "{head}"
            );
            script(connection);
        }
        assert!(!listener.somebody_waits(), "one request too many");
    });
    let port = broker.port().to_string();
    let case = ["iot", &port, codes, culprit, logged];
    if let Err(why) = run_with(Checked::Plainly, &certificates, &case, &[]) {
        broker.wake();
        panic!("{why}\nthe service: {:?}", broker.outcome());
    }
    broker.finish();
}

fn answer(mut connection: Connection, status: &str, date: SystemTime, body: &str) {
    let date = httpdate::fmt_http_date(date);
    let length = body.len();
    connection.send(
        format!("HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: {length}\r\n\r\n{body}")
            .as_bytes(),
    );
    connection.silence();
}

/// Good for an hour from `now` on.
fn good(now: SystemTime) -> String {
    let expires = now + Duration::from_secs(3_600);
    let expires = expires
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    credentials(&aws_iot_mqtt::aws::date::readable(expires).replace(" UTC", "Z"))
}

fn credentials(expiration: &str) -> String {
    format!(
        r#"{{"credentials":{{"accessKeyId":"AKIDEXAMPLE","secretAccessKey":"hush","sessionToken":"hush==","expiration":"{expiration}"}}}}"#
    )
}

#[test]
fn credentials_of_a_device_certificate_are_fetched_once_and_kept() {
    let script = |connection| {
        let now = SystemTime::now();
        answer(connection, "200 OK", now, &good(now));
    };
    iot(
        vec![script],
        "0,0,0",
        "",
        "from the AWS IoT credentials provider, key ...MPLE, temporary",
    );
}

#[test]
fn a_failure_is_not_kept() {
    let fails = |connection| answer(connection, "500 Oops", SystemTime::now(), "");
    let gives = |connection| {
        let now = SystemTime::now();
        answer(connection, "200 OK", now, &good(now));
    };
    iot(
        vec![fails, gives],
        "401,0",
        "HTTP status 500",
        "key ...MPLE",
    );
}

#[test]
fn an_answer_in_chunks_is_as_good() {
    let script = |mut connection: Connection| {
        let body = good(SystemTime::now());
        let (first, second) = body.split_at(20);
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in [first, second] {
            connection.send(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
        }
        connection.send(b"0\r\n\r\n");
        connection.silence();
    };
    iot(vec![script], "0", "", "key ...MPLE");
}

#[test]
fn a_refusal_tells_what_to_look_at() {
    let script = |connection| {
        let body = r#"{"message":"Access Denied"}"#;
        answer(connection, "403 Forbidden", SystemTime::now(), body);
    };
    iot(vec![script], "402", "iot:AssumeRoleWithCertificate", "");
}

#[test]
fn garbage_instead_of_credentials_is_an_error() {
    let script = |connection| answer(connection, "200 OK", SystemTime::now(), "{\"hush");
    iot(vec![script], "401", "not JSON", "");
}

#[test]
fn credentials_that_have_expired_on_arrival_are_an_error() {
    let script = |connection| {
        let body = credentials("2018-01-18T09:18:06Z");
        answer(connection, "200 OK", SystemTime::now(), &body);
    };
    iot(vec![script], "401", "expired at 2018-01-18 09:18:06", "");
}

#[test]
fn too_large_an_answer_is_an_error() {
    let script = |connection| {
        answer(connection, "200 OK", SystemTime::now(), &" ".repeat(70_000));
    };
    iot(vec![script], "401", "more than 65536 bytes", "");
}

#[test]
fn p6_a_service_that_says_nothing_is_a_timeout() {
    iot(
        vec![|mut connection| connection.silence()],
        "600",
        "IAM credentials",
        "",
    );
}

/// The device believes that it is an hour earlier than the service does. By its own clock nothing has expired; by the service's the
/// time to sign for is known before anything is signed.
#[test]
fn a_clock_that_is_wrong_is_corrected_by_the_date_of_the_answer() {
    let late = |connection| {
        let now = SystemTime::now() + Duration::from_secs(3_600);
        answer(connection, "200 OK", now, &good(now));
    };
    iot(
        vec![late],
        "0",
        "",
        " s late: signing for the server's time",
    );
    // To a device whose clock is early, everything looks expired.
    let early = |connection| {
        let now = SystemTime::now() - Duration::from_secs(7_200);
        answer(connection, "200 OK", now, &good(now));
    };
    iot(
        vec![early],
        "0",
        "",
        " s early: signing for the server's time",
    );
}

#[test]
fn the_iot_credentials_provider_needs_a_device_certificate() {
    run(&["iot_without_certificate"]);
}

#[test]
fn the_iot_credentials_provider_is_reached_by_the_socket_factory() {
    run(&["iot_by_socket_factory"]);
}
