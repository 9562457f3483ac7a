//! Bytes that are accepted and not finished are bounded, whatever the peer does.

mod support;

use support::scenario::{play, play_with};

fn peer_does_not_read(qos: &'static str) {
    play_with("memory_limit", &["in_flight", qos], |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        watched.wait_for("full");
        let came = connection.serve();
        assert_eq!(came.last().expect("packets").name(), "DISCONNECT");
    });
}

#[test]
fn p8_qos_1_publishes_to_a_peer_that_does_not_read_end_in_queue_full_and_go_on_when_it_reads() {
    peer_does_not_read("1");
}

#[test]
fn p8_qos_0_publishes_to_a_peer_that_does_not_read_end_in_queue_full_and_go_on_when_it_reads() {
    peer_does_not_read("0");
}

#[test]
fn p8_an_application_that_is_faster_than_its_network_takes_little_more_memory_than_the_limit() {
    play_with("memory_limit", &["overload"], |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        watched.wait_for("full");
        connection.serve();
    });
}

#[test]
fn p8_the_offline_queue_is_bounded_by_bytes() {
    play("memory_limit", "offline_queue", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve();
    });
}
