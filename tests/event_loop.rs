//! Clients that the application drives in a loop of its own: one thread, the same promises.

mod support;

use support::broker::{Broker, Connection};
use support::c_program::{Checked, Program};
use support::certificates::Certificates;
use support::gateway::Gateway;
use support::iam::NO_ENVIRONMENT;
use support::mosquitto::Mosquitto;
use support::packets::{connack, puback, publish, suback, subscribe, unsuback, unsubscribe};
use support::proxies::Proxy;
use support::scenario::play_compiled;

const PINGREQ: [u8; 2] = [0xc0, 0];
const PINGRESP: [u8; 2] = [0xd0, 0];

const CHECKS: [Checked; 3] = [
    Checked::Plainly,
    Checked::ByAddressSanitizer,
    Checked::ByValgrind,
];

fn grant(connection: &mut Connection, filter: &str) {
    let id = connection.expect_with_id(|id| subscribe(id, &[(filter, 1)]));
    connection.send(&suback(id, &[1]));
}

fn take(connection: &mut Connection, payload: &str) {
    let id = connection.expect_with_id(|id| publish("t", payload, 1, id, false, false));
    connection.send(&puback(id));
}

/// What the case "operations" meets.
fn operations(connection: &mut Connection) {
    connection.welcome();
    grant(connection, "in");
    connection.send(&publish("in", "hello", 1, 5, false, false));
    connection.expect(&puback(5));
    take(connection, "one");
    take(connection, "two");
    let id = connection.expect_with_id(|id| unsubscribe(id, "in"));
    connection.send(&unsuback(id));
    connection.expect_disconnect();
}

#[test]
fn all_operations_on_one_thread() {
    for checked in CHECKS {
        let broker = Broker::plain(|listener| operations(&mut listener.accept()));
        Program::compile_checked("loop", checked).run_with(broker, "-", &["operations"]);
    }
}

#[test]
fn all_operations_on_one_thread_over_mutual_tls() {
    let certificates = Certificates::new();
    let server = certificates.server("server");
    let broker = Broker::tls(server, |listener| operations(&mut listener.accept()));
    let directory = certificates.directory();
    Program::compile("loop").run_with(broker, &directory, &["operations"]);
}

#[test]
fn p6_pings_come_in_time_and_the_loop_sleeps_meanwhile() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        for _ in 0..2 {
            connection.expect(&PINGREQ);
            connection.send(&PINGRESP);
        }
        connection.send(&publish("in", "enough", 0, 0, false, false));
        connection.expect_disconnect();
    });
    Program::compile("loop").run_with(broker, "-", &["keep_alive"]);
}

#[test]
fn p3_what_is_accepted_survives_a_broker_that_dies() {
    for checked in CHECKS {
        let broker = Broker::plain(|listener| {
            let mut connection = listener.accept();
            connection.welcome();
            connection.expect_with_id(|id| publish("t", "one", 1, id, false, false));
            connection.close();
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.reset();
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(&connack(false, 0));
            for payload in ["one", "two", "three", "four"] {
                take(&mut connection, payload);
            }
            connection.expect_disconnect();
        });
        Program::compile_checked("loop", checked).run_with(broker, "-", &["reconnects"]);
    }
}

#[test]
fn p8_a_broker_that_does_not_read_fills_the_bound_and_nothing_accepted_is_lost() {
    play_compiled(
        &Program::compile("loop"),
        &["backpressure"],
        |listener, watched| {
            let mut connection = listener.accept();
            connection.welcome();
            watched.wait_for("full");
            let packets = connection.serve();
            let publishes = packets.iter().filter(|packet| packet.name() == "PUBLISH");
            watched.wait_for(&format!("full after {}", publishes.count()));
        },
    );
}

#[test]
fn p5_synchronous_calls_drive_the_loop_and_no_callback_runs_inside_another() {
    for checked in CHECKS {
        let broker = Broker::plain(|listener| {
            let mut other = listener.accept();
            other.welcome();
            let mut own = listener.accept();
            own.welcome();
            grant(&mut own, "in");
            take(&mut own, "send three");
            own.send(&publish("in", "1", 0, 0, false, false));
            // Acknowledged, and more sent, before the call inside gets its answer: neither may be told inside.
            take(&mut other, "other");
            own.send(&publish("in", "2", 0, 0, false, false));
            take(&mut own, "inside");
            own.send(&publish("in", "3", 0, 0, false, false));
            let id = own.expect_with_id(|id| unsubscribe(id, "in"));
            own.send(&unsuback(id));
            own.expect_disconnect();
            other.expect_disconnect();
        });
        Program::compile_checked("loop", checked).run_with(broker, "-", &["synchronous"]);
    }
}

#[test]
fn p5_a_flood_does_not_hide_the_answer_of_a_synchronous_call_in_a_callback() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        grant(&mut connection, "in");
        connection.send(&publish("in", "go", 0, 0, false, false));
        let id = connection.expect_with_id(|id| publish("t", "flood", 1, id, false, false));
        let payload = "x".repeat(1 << 16);
        for _ in 0..32 {
            connection.send(&publish("in", &payload, 0, 0, false, false));
        }
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("loop").run_with(broker, "-", &["flood"]);
}

/// No broker: port 1 is never used.
#[test]
fn p5_clients_and_loop_end_in_callbacks_in_calls_and_on_other_threads() {
    for checked in CHECKS {
        let program = Program::compile_checked("loop_ends", checked);
        for case in [
            "inside_process",
            "inside_a_call",
            "inside_the_factory",
            "loop_first",
            "elsewhere",
        ] {
            program.run(&["127.0.0.1", "1", "-", case]);
        }
    }
}

#[test]
fn p5_what_free_has_to_tell_is_one_callback_at_a_time_too() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| publish("question", "x", 1, id, false, false));
        connection.send(&publish("answer", "", 0, 0, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
    Program::compile("loop_ends").run_with(broker, "-", &["one_at_a_time"]);
}

fn serve(connections: usize) -> Broker {
    Broker::plain(move |listener| {
        for _ in 0..connections {
            let mut connection = listener.accept();
            connection.welcome();
            connection.serve();
        }
    })
}

#[test]
fn other_threads_wake_the_loop_and_wait_for_it() {
    for checked in CHECKS {
        let program = Program::compile_checked("loop_ends", checked);
        program.run_with(serve(1), "-", &["other_threads"]);
    }
}

#[test]
fn another_thread_ends_a_synchronous_call_of_the_loops_thread() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        // Perhaps it has ended before it could say CONNECT.
        let _ = connection.try_read_packet();
        connection.expect_end();
    });
    Program::compile("loop_ends").run_with(broker, "-", &["ended_by_another"]);
}

#[test]
fn a_name_is_resolved_by_a_thread_that_ends() {
    Program::compile("loop_ends").run_with(serve(1), "-", &["name"]);
}

#[test]
fn p10_a_loop_is_dead_in_a_forked_child() {
    Program::compile("loop_ends").run_with(serve(1), "-", &["forks"]);
}

/// Programs that know nothing of loops, whose clients are in one that a thread drives.
#[test]
fn programs_for_clients_with_threads_run_in_a_loop_too() {
    const IN_LOOP: [(&str, &str); 1] = [("TEST_LOOP", "1")];
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let (port, directory) = (broker.port.to_string(), certificates.directory());
    for name in ["real_sync", "real_async"] {
        let program = Program::compile(name);
        let running = program.start_with(&["127.0.0.1", &port, &directory], &IN_LOOP);
        if let Err(why) = running.outcome() {
            panic!("{why}\nmosquitto's log:\n{}", broker.log.text());
        }
    }
}

/// A case of `tests/c/loop_ways.c` with `localhost` as its endpoint.
fn way(case: &str, certificates: &Certificates, port: u16, environment: &[(&str, &str)]) {
    let (port, directory) = (port.to_string(), certificates.directory());
    Program::compile_checked("loop_ways", Checked::ByAddressSanitizer)
        .start_with(&["localhost", &port, &directory, case], environment)
        .outcome()
        .unwrap_or_else(|why| panic!("{case}: {why}"));
}

#[test]
fn the_endpoint_may_be_a_name_over_tls_and_the_loop_in_epoll() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    for case in ["tls_by_name", "in_epoll"] {
        way(case, &certificates, broker.port, &[]);
    }
}

#[test]
fn p5_socket_factory_and_signing_callbacks_may_block_and_the_loop_goes_on() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    for case in ["socket_factory", "signing"] {
        way(case, &certificates, broker.port, &[]);
    }
}

#[test]
fn a_proxy_needs_no_thread() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let http = Proxy::tinyproxy(broker.port, Some(("user", "password")));
    let socks = Proxy::microsocks(Some(("user", "password")));
    for url in [
        format!("http://user:password@127.0.0.1:{}", http.port),
        format!("socks5h://user:password@127.0.0.1:{}", socks.port),
    ] {
        way("proxy", &certificates, broker.port, &[("TEST_PROXY", &url)]);
    }
}

#[test]
fn p5_signed_websockets_work_and_a_credentials_provider_that_blocks_stops_nobody_else() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let gateway = Gateway::start(&certificates, broker.port, 0);
    gateway.accept_key("AKIDEXAMPLE", "hush", Some("hush+/="));
    let given = [
        ("TEST_WEBSOCKET", "1"),
        ("TEST_REGION", "eu-central-1"),
        ("TEST_KEY_ID", "AKIDEXAMPLE"),
        ("TEST_SECRET", "hush"),
        ("TEST_TOKEN", "hush+/="),
    ];
    let environment = [&NO_ENVIRONMENT[..], &given].concat();
    way(
        "signed_websocket",
        &certificates,
        gateway.port,
        &environment,
    );
    let seen = gateway.wait_for(2);
    assert!(seen.iter().all(|seen| seen.verdict.is_ok()), "{seen:?}");
}

/// Lines of standard input become messages, also those of a time without broker; the program has one thread all the while.
#[test]
fn the_example_with_poll_survives_a_broker_that_dies() {
    let certificates = Certificates::new();
    let mut broker = Mosquitto::start(&certificates);
    let port = broker.port.to_string();
    let file = |name: &str| certificates.file(name).to_string_lossy().into_owned();
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let program = Program::compile_checked("c-examples/poll_loop", Checked::ByAddressSanitizer);
    let mut running = program.start(&[
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
    running.wait_for("subscribed");
    running.tell("hello");
    running.wait_for("received: hello");
    let tasks = format!("/proc/{}/task", running.child().id());
    let threads = || std::fs::read_dir(&tasks).expect("its threads").count();
    assert_eq!(threads(), 1);
    broker.kill();
    running.wait_for("offline");
    running.tell("nobody hears this");
    running.wait_for("queued: nobody hears this");
    broker.restart();
    running.wait_for("received: nobody hears this");
    assert_eq!(threads(), 1);
    drop(running.take_stdin());
    running.wait_for("2 published, 2 acknowledged");
    running.finish();
}
