//! Through proxies: scripted ones, and tinyproxy and microsocks before a real mosquitto.

mod support;

use support::broker::{Broker, Connection};
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::proxies::{Proxy, free_port};

const LONG: &str = "15000";
const SHORT: &str = "1500";
const USER: &str = "proxy-user";
const PASSWORD: &str = "s3cr3t-pa55";

/// A connect through a scripted proxy of this scheme fails. The proxy is also the port that is asked for.
fn fails(scheme: &str, script: fn(Connection), code: &str, culprit: &str, timeout_ms: &str) {
    let broker = Broker::plain(move |listener| {
        for _ in 0..2 {
            script(listener.accept());
        }
    });
    let url = format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{}", broker.port());
    Program::compile("connect_fails").run_on(
        broker,
        "-",
        &[code, culprit, timeout_ms],
        &[("TEST_PROXY", &url)],
    );
}

#[test]
fn a_proxy_that_hangs_is_a_timeout_that_names_it() {
    fails(
        "http",
        Connection::silence_all,
        "600",
        "the HTTP proxy's answer",
        SHORT,
    );
}

#[test]
fn a_socks_proxy_that_hangs_is_a_timeout_that_names_it() {
    fails(
        "socks5h",
        Connection::silence_all,
        "600",
        "the SOCKS proxy's answer",
        SHORT,
    );
}

#[test]
fn a_proxy_that_closes_is_told() {
    fails(
        "http",
        Connection::close,
        "204",
        "the proxy 127.0.0.1 port",
        LONG,
    );
}

#[test]
fn a_socks_proxy_that_closes_is_told() {
    fails(
        "socks5h",
        Connection::close,
        "204",
        "the proxy 127.0.0.1 port",
        LONG,
    );
}

#[test]
fn a_proxy_that_answers_407_is_told() {
    let script = |mut connection: Connection| {
        connection.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        connection.silence();
    };
    fails(
        "http",
        script,
        "204",
        "does not accept this user name and password (HTTP 407",
        LONG,
    );
}

#[test]
fn a_proxy_that_answers_in_100_000_header_bytes_is_told() {
    let script = |mut connection: Connection| {
        let answer = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000));
        let _ = connection.try_send(answer.as_bytes());
        connection.silence();
    };
    fails("http", script, "204", "more than 65536 bytes", LONG);
}

#[test]
fn an_http_proxy_is_no_socks_proxy() {
    let script = |mut connection: Connection| {
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.silence();
    };
    fails("socks5h", script, "204", "http://", LONG);
}

#[test]
fn nobody_at_the_proxys_port_is_a_refused_connection_to_the_proxy() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let arguments = [
        "127.0.0.1",
        "1",
        "-",
        "202",
        "on the way to the proxy",
        LONG,
    ];
    let program = Program::compile("connect_fails");
    let outcome = program
        .start_with(&arguments, &[("TEST_PROXY", &url)])
        .outcome();
    outcome.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn without_the_proxy_again_the_broker_is_reached() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_disconnect();
    });
    Program::compile("ways").run_with(broker, "-", &["no_proxy_again"]);
}

/// The socket factory connects to the proxy; neither the proxy's name nor the broker's is resolved here.
fn scripted(url: &str, exchange: fn(&mut Connection)) {
    let broker = Broker::plain(move |listener| {
        let mut connection = listener.accept();
        exchange(&mut connection);
        connection.welcome();
        connection.expect_disconnect();
    });
    let port = broker.port().to_string();
    let arguments = ["127.0.0.1", &port, "-", "factory_through_proxy", url];
    let program = Program::compile("ways");
    let running = program.start(&arguments);
    let log = running.stdout.clone();
    running.finish();
    broker.finish();
    let log = log.text();
    assert!(
        log.contains("through the proxy proxy.invalid port 3128"),
        "{log}"
    );
    for secret in [PASSWORD, "cHJveHktdXNlcjpzM2NyM3QtcGE1NQ=="] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn an_http_proxy_gets_the_name_and_basic_authentication() {
    let url = format!("http://{USER}:{PASSWORD}@proxy.invalid:3128");
    scripted(&url, |connection| {
        connection.expect(
            b"CONNECT broker.invalid:8883 HTTP/1.1\r\nHost: broker.invalid:8883\r\nProxy-Connection: Keep-Alive\r\n\
              Proxy-Authorization: Basic cHJveHktdXNlcjpzM2NyM3QtcGE1NQ==\r\n\r\n",
        );
        connection.send_byte_by_byte(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n");
    });
}

#[test]
fn a_socks_proxy_gets_the_name_and_the_password() {
    let url = format!("socks5h://{USER}:{PASSWORD}@proxy.invalid:3128");
    scripted(&url, |connection| {
        connection.expect(b"\x05\x02\x00\x02");
        connection.send(b"\x05\x02");
        connection.expect(b"\x01\x0aproxy-user\x0bs3cr3t-pa55");
        connection.send(b"\x01\x00");
        connection.expect(b"\x05\x01\x00\x03\x0ebroker.invalid\x22\xb3");
        connection.send_byte_by_byte(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50");
    });
}

/// mosquitto over TLS through a real proxy; its certificate is for the name that goes to the proxy.
fn real(proxy: &Proxy, broker: &Mosquitto, certificates: &Certificates, url: &str) {
    let (port, directory) = (broker.port.to_string(), certificates.directory());
    for program in ["real_sync", "real_async"] {
        let program = Program::compile_checked(program, Checked::Plainly);
        let outcome = program
            .start_with(&["localhost", &port, &directory], &[("TEST_PROXY", url)])
            .outcome();
        if let Err(why) = outcome {
            let (proxy, broker) = (proxy.log.text(), broker.log.text());
            panic!("{why}\nthe proxy's log:\n{proxy}\nmosquitto's log:\n{broker}");
        }
    }
}

fn fails_really(port: u16, url: &str, culprit: &str) {
    let (port, certificates) = (port.to_string(), Certificates::new());
    let directory = certificates.directory();
    let arguments = ["localhost", &port, &directory, "204", culprit, LONG];
    let program = Program::compile("connect_fails");
    let outcome = program
        .start_with(&arguments, &[("TEST_PROXY", url)])
        .outcome();
    outcome.unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn through_tinyproxy() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let proxy = Proxy::tinyproxy(broker.port, Some((USER, PASSWORD)));
    let url = |login: &str| format!("http://{login}127.0.0.1:{}", proxy.port);
    let right = url(&format!("{USER}:{PASSWORD}@"));
    real(&proxy, &broker, &certificates, &right);
    proxy.wait_for_log(&format!("CONNECT localhost:{}", broker.port));

    fails_really(broker.port, &url(""), "asks for authentication (HTTP 407");
    let wrong = url(&format!("{USER}:wrong@"));
    fails_really(
        broker.port,
        &wrong,
        "does not accept this user name and password",
    );
    fails_really(free_port(), &right, "answers HTTP 403");
}

#[test]
fn through_microsocks() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let proxy = Proxy::microsocks(Some((USER, PASSWORD)));
    let url = |login: &str| format!("socks5h://{login}127.0.0.1:{}", proxy.port);
    let right = url(&format!("{USER}:{PASSWORD}@"));
    real(&proxy, &broker, &certificates, &right);
    proxy.wait_for_log(&format!("localhost:{}", broker.port));

    fails_really(broker.port, &url(""), "asks for authentication");
    let wrong = url(&format!("{USER}:wrong@"));
    fails_really(
        broker.port,
        &wrong,
        "does not accept this user name and password",
    );
    fails_really(free_port(), &right, "connection refused (reply 5)");

    let open = Proxy::microsocks(None);
    let url = format!("socks5://127.0.0.1:{}", open.port);
    real(&open, &broker, &certificates, &url);
}
