//! The counters that a program can read.

mod support;

use support::packets::{Packet, connack, puback, publish, suback};
use support::scenario::play_with;

#[test]
fn stats_count_what_was_sent_and_received() {
    play_with("stats", &[], |listener, watched| {
        let (mut sent, mut received) = (0, 0);
        let mut connection = listener.accept();
        let connect = connection.welcome().raw.len();
        received += connect;
        sent += connack(false, 0).len();
        let mut take = |packet: Packet| -> Packet {
            received += packet.raw.len();
            packet
        };
        let mut send = |connection: &mut support::broker::Connection, bytes: &[u8]| {
            sent += bytes.len();
            connection.send(bytes);
        };
        let id = take(connection.expect_packet("SUBSCRIBE")).id();
        send(&mut connection, &suback(id, &[1]));
        assert_eq!(take(connection.expect_packet("PUBLISH")).payload(), b"zero");
        let id = take(connection.expect_packet("PUBLISH")).id();
        send(&mut connection, &puback(id));
        let messages = [
            publish("in", "x", 1, 9, false, false),
            publish("in", "y", 0, 0, false, false),
        ];
        send(&mut connection, &messages.concat());
        take(connection.expect_packet("PUBACK"));
        watched.tell(&format!("sent {sent} received {received}"));

        let mut take = |packet: Packet| -> Packet {
            received += packet.raw.len();
            packet
        };
        let two = take(connection.expect_packet("PUBLISH")).id();
        let three = take(connection.expect_packet("PUBLISH"));
        assert_eq!(three.payload(), b"three");
        watched.wait_for("close");
        connection.close();

        let mut connection = listener.accept();
        take(connection.expect_packet("CONNECT"));
        connection.send(&connack(false, 0));
        let again = take(connection.expect_packet("SUBSCRIBE")).id();
        connection.send(&suback(again, &[1]));
        assert_eq!(take(connection.expect_packet("PUBLISH")).id(), two);
        connection.send(&puback(two));
        let four = take(connection.expect_packet("PUBLISH")).id();
        connection.send(&puback(four));
        sent += connack(false, 0).len() + suback(again, &[1]).len() + 2 * puback(two).len();
        watched.tell(&format!("sent {sent} received {received}"));
        connection.expect_disconnect();
    });
}
