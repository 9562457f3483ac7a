//! The AWS IoT credentials provider through the C API: a service that behaves in every way, also behind proxies.

mod support;

use std::time::{Duration, SystemTime};
use support::broker::{Broker, Connection};
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::proxies::Proxy;

fn run(case: &str) {
    let certificates = Certificates::new();
    support::iam::run(Checked::Plainly, &certificates, &[case], &[])
        .unwrap_or_else(|why| panic!("{why}"));
}

const REQUEST: &str = "GET /role-aliases/My-Role/credentials HTTP/1.1\r\nHost: 127.0.0.1:";

/// Who sees first that the time is up, the attempt or the thread that fetches, says it in its own words. Both name these.
const TIMED_OUT: &str = "credentials";

/// A service that gets one request for each script, and the program that asks.
fn iot(scripts: Vec<fn(Connection)>, codes: &str, culprit: &str, logged: &str) {
    let certificates = Certificates::new();
    let service = service(&certificates, scripts);
    ask(&certificates, service, (codes, culprit, logged), &[]);
}

fn service(certificates: &Certificates, scripts: Vec<fn(Connection)>) -> Broker {
    Broker::tls(certificates.server("server"), move |listener| {
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
    })
}

/// The program asks the service; what is expected is as in `tests/c/iam.c`.
fn ask(
    certificates: &Certificates,
    service: Broker,
    (codes, culprit, logged): (&str, &str, &str),
    environment: &[(&str, &str)],
) {
    let port = service.port().to_string();
    let case = ["iot", &port, codes, culprit, logged];
    if let Err(why) = support::iam::run(Checked::Plainly, certificates, &case, environment) {
        service.wake();
        panic!("{why}\nthe service: {:?}", service.outcome());
    }
    service.finish();
}

fn answer(mut connection: Connection, status: &str, date: SystemTime, body: &str) {
    let date = httpdate::fmt_http_date(date);
    let length = body.len();
    // A client that finds it too large closes in the middle.
    let _ = connection.try_send(
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
        answer(
            connection,
            "200 OK",
            SystemTime::now(),
            &" ".repeat(4_000_000),
        );
    };
    iot(vec![script], "401", "more than 65536 bytes", "");
}

#[test]
fn p6_a_service_that_says_nothing_is_a_timeout() {
    iot(
        vec![|mut connection| connection.silence()],
        "600",
        TIMED_OUT,
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
    run("iot_without_certificate");
}

#[test]
fn the_iot_credentials_provider_is_reached_by_the_socket_factory() {
    run("iot_by_socket_factory");
}

/// What the service gives is used; the attempt itself goes through the proxy as well, and ends there.
fn iot_through(certificates: &Certificates, service: Broker, url: &str) {
    let expected = (
        "0",
        "",
        "from the AWS IoT credentials provider, key ...MPLE",
    );
    ask(certificates, service, expected, &[("TEST_PROXY", url)]);
}

fn gives(connection: Connection) {
    let now = SystemTime::now();
    answer(connection, "200 OK", now, &good(now));
}

#[test]
fn the_iot_credentials_provider_is_asked_through_an_http_proxy() {
    let certificates = Certificates::new();
    let service = service(&certificates, vec![gives]);
    let port = service.port();
    let proxy = Proxy::tinyproxy(port, Some(("user", "hush-proxy")));
    let url = format!("http://user:hush-proxy@127.0.0.1:{}", proxy.port);
    iot_through(&certificates, service, &url);
    proxy.wait_for_log(&format!("CONNECT 127.0.0.1:{port}"));
}

#[test]
fn the_iot_credentials_provider_is_asked_through_a_socks_proxy() {
    let certificates = Certificates::new();
    let service = service(&certificates, vec![gives]);
    let port = service.port();
    let proxy = Proxy::microsocks(Some(("user", "hush-proxy")));
    let url = format!("socks5h://user:hush-proxy@127.0.0.1:{}", proxy.port);
    iot_through(&certificates, service, &url);
    proxy.wait_for_log(&format!("127.0.0.1:{port}"));
}

#[test]
fn a_proxy_that_refuses_the_iot_credentials_provider_is_named() {
    let certificates = Certificates::new();
    let service = service(&certificates, Vec::new());
    let proxy = Proxy::tinyproxy(service.port(), Some(("user", "hush-proxy")));
    let url = format!("http://user:hush-wrong@127.0.0.1:{}", proxy.port);
    let port = service.port();
    let culprit = format!(
        "the AWS IoT credentials provider 127.0.0.1 port {port}: the proxy 127.0.0.1 port {} asks for authentication and does not accept",
        proxy.port
    );
    let expected = ("204", culprit.as_str(), "connecting to");
    ask(&certificates, service, expected, &[("TEST_PROXY", &url)]);
}

#[test]
fn p6_a_proxy_that_hangs_before_the_iot_credentials_provider_is_a_timeout() {
    let certificates = Certificates::new();
    let service = service(&certificates, Vec::new());
    let proxy = Broker::plain(|listener| listener.accept().silence());
    let url = format!("http://127.0.0.1:{}", proxy.port());
    let expected = ("600", TIMED_OUT, "through the proxy");
    ask(&certificates, service, expected, &[("TEST_PROXY", &url)]);
    proxy.finish();
}

#[test]
fn a_key_of_the_application_that_was_replaced_is_given_back_although_credentials_are_kept() {
    let certificates = Certificates::new();
    let service = service(&certificates, vec![gives]);
    let (endpoint, port) = (support::iam::dead_port(), service.port().to_string());
    let directory = certificates.directory();
    let case = [
        "127.0.0.1",
        &endpoint,
        &directory,
        "replaced",
        "client",
        &port,
    ];
    let program = Program::compile_with("signing", Checked::Plainly, &["-lcrypto"], "libssl-dev");
    if let Err(why) = program.start(&case).outcome() {
        service.wake();
        panic!("{why}\nthe service: {:?}", service.outcome());
    }
    service.finish();
}

#[test]
fn a_proxy_whose_name_is_unknown_is_blamed_once() {
    let certificates = Certificates::new();
    let service = service(&certificates, Vec::new());
    let culprit = format!(
        "the AWS IoT credentials provider 127.0.0.1 port {}: on the way to the proxy: cannot resolve",
        service.port()
    );
    let expected = ("201", culprit.as_str(), "through the proxy");
    let proxy = [("TEST_PROXY", "http://proxy.invalid:3128")];
    ask(&certificates, service, expected, &proxy);
}
