//! A host name with several addresses: all are tried, inside the one deadline, and a dead one costs little (RFC 8305).

mod support;

use socket2::{Domain, SockAddr, Socket, Type};
use std::net::{SocketAddr, TcpListener};
use support::broker::{Broker, Listener};
use support::c_program::Program;

const DEAD: [&str; 10] = [
    "127.0.0.11",
    "127.0.0.12",
    "127.0.0.13",
    "127.0.0.14",
    "127.0.0.15",
    "127.0.0.16",
    "127.0.0.17",
    "127.0.0.18",
    "127.0.0.19",
    "127.0.0.20",
];

fn welcome(listener: &mut Listener) {
    let mut connection = listener.accept();
    connection.welcome();
    connection.expect_disconnect();
}

/// Connects to a name with these addresses; the broker is on the first that is `address`.
fn reaches(address: &str, addresses: &[&str]) {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    let broker = Broker::on(listener, welcome);
    connects(broker.port(), "0", addresses);
    broker.finish();
}

fn connects(port: u16, outcome: &str, addresses: &[&str]) {
    let port = port.to_string();
    let arguments = [&["many.test", &port, "-", outcome], addresses].concat();
    Program::compile("addresses").run(&arguments);
}

fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("the port").port()
}

#[test]
fn ten_dead_addresses_are_passed_over() {
    let addresses = [&DEAD[..], &["127.0.0.1"]].concat();
    reaches("127.0.0.1", &addresses);
}

#[test]
fn ten_dead_addresses_alone_are_connection_refused() {
    connects(closed_port(), "202", &DEAD);
}

#[test]
fn clients_in_a_row_share_a_question_and_one_that_connects_anew_asks_anew() {
    let broker = Broker::plain(|listener| {
        listener.serve_each(22, |connection| {
            connection.welcome();
            connection.serve();
        });
    });
    connects(broker.port(), "row", &["127.0.0.1"]);
    broker.finish();
}

#[test]
fn ipv4_is_found_behind_ipv6() {
    reaches("127.0.0.1", &["::1", "127.0.0.1"]);
}

#[test]
fn ipv6_is_found_behind_ipv4() {
    let addresses = ["127.0.0.1", "::1"];
    // A container may have no IPv6 at all; then both addresses are dead, and that is said.
    match TcpListener::bind("[::1]:0") {
        Ok(_) => reaches("::1", &addresses),
        Err(_) => connects(closed_port(), "202", &["::1", "127.0.0.1"]),
    }
}

/// An address at which a connection is neither made nor refused: the queue of its listener is full.
struct Silent {
    _listener: Socket,
    _queue: Vec<Socket>,
}

impl Silent {
    fn at(address: SocketAddr) -> Silent {
        let stream =
            || Socket::new(Domain::for_address(address), Type::STREAM, None).expect("socket");
        let listener = stream();
        listener.bind(&SockAddr::from(address)).expect("bind");
        listener.listen(0).expect("listen");
        let mut queue = Vec::new();
        for _ in 0..64 {
            let socket = stream();
            let quick = std::time::Duration::from_millis(200);
            let full = socket
                .connect_timeout(&SockAddr::from(address), quick)
                .is_err();
            queue.push(socket);
            if full {
                return Silent {
                    _listener: listener,
                    _queue: queue,
                };
            }
        }
        panic!("a listener without room for connections has taken 64");
    }
}

#[test]
fn addresses_that_say_nothing_are_passed_over() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("the port").port();
    let _silent = ["127.0.0.31", "127.0.0.32"]
        .map(|address| Silent::at(SocketAddr::new(address.parse().expect("an address"), port)));
    let broker = Broker::on(listener, welcome);
    connects(port, "0", &["127.0.0.31", "127.0.0.32", "127.0.0.1"]);
    broker.finish();
}

#[test]
fn p6_addresses_that_say_nothing_are_a_timeout() {
    let port = closed_port();
    let address = SocketAddr::new("127.0.0.33".parse().expect("an address"), port);
    let _silent = Silent::at(address);
    connects(port, "600", &["127.0.0.33", "127.0.0.11"]);
}
