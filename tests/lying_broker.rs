//! A broker whose acknowledgements are wrong, late or many, and a client with more operations than packet identifiers.

mod support;

use support::broker::Listener;
use support::packets::{puback, publish, suback, subscribe, unsuback, unsubscribe};
use support::scenario::play;

#[test]
fn p1_acknowledgements_of_nothing_twice_and_in_another_order_end_each_publish_once() {
    play("lying_broker", "wrong_acknowledgements", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        let ids = ["one", "two", "three"]
            .map(|name| connection.expect_with_id(|id| publish("t", name, 1, id, false, false)));
        let unknown = ids[2].wrapping_add(1000);
        let lies = [
            puback(unknown),
            suback(unknown, &[1]),
            unsuback(unknown),
            // Of the wrong kind.
            suback(ids[1], &[1]),
            unsuback(ids[1]),
        ];
        connection.send(&lies.concat());
        for id in [ids[2], ids[0], ids[0], ids[2], ids[1], ids[1]] {
            connection.send(&puback(id));
        }
        let id = connection
            .expect_with_id(|id| publish("t", "the same connection", 1, id, false, false));
        connection.send(&puback(id));
        connection.expect_disconnect();
    });
}

#[test]
fn mqtt_3_10_4_5_unsubscribing_from_what_was_never_subscribed_is_acknowledged() {
    play("lying_broker", "never_subscribed", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        for filter in ["never/+", "never"] {
            let id = connection.expect_with_id(|id| unsubscribe(id, filter));
            connection.send(&unsuback(id));
        }
        connection.expect_disconnect();
    });
}

fn subscribed_and_answered(listener: &mut Listener, filters: &[(&str, u8)], codes: &[u8]) {
    let mut connection = listener.accept();
    connection.welcome();
    let id = connection.expect_with_id(|id| subscribe(id, filters));
    connection.send(&suback(id, codes));
    connection.expect_end();
}

#[test]
fn mqtt_3_8_4_5_a_suback_that_does_not_fit_ends_the_connection_which_is_made_anew() {
    play("lying_broker", "short_suback", |listener, watched| {
        subscribed_and_answered(listener, &[("a", 1)], &[]);
        subscribed_and_answered(listener, &[("a", 1)], &[1, 1]);
        // Then it grants two, and answers the third with QoS 2, which was not asked for.
        let mut connection = listener.accept();
        connection.welcome();
        for filter in ["a", "c"] {
            let id = connection.expect_with_id(|id| subscribe(id, &[(filter, 1)]));
            connection.send(&suback(id, &[1]));
        }
        let b = connection.expect_with_id(|id| subscribe(id, &[("b", 0)]));
        connection.send(&suback(b, &[2]));
        connection.expect_end();
        // Where the subscriptions are asked for again, one answer for two.
        let mut connection = listener.accept();
        connection.welcome();
        let both = connection.expect_with_id(|id| subscribe(id, &[("a", 1), ("c", 1)]));
        connection.expect(&subscribe(b, &[("b", 0)]));
        connection.send(&suback(both, &[1]));
        connection.expect_end();
        let mut connection = listener.accept();
        connection.welcome();
        let both = connection.expect_with_id(|id| subscribe(id, &[("a", 1), ("c", 1)]));
        connection.expect(&subscribe(b, &[("b", 0)]));
        connection.send(&[suback(both, &[1, 1]), suback(b, &[0])].concat());
        watched.tell("all is well");
        connection.expect_disconnect();
    });
}

#[test]
fn p1_with_more_operations_than_packet_identifiers_none_is_given_twice_and_the_rest_waits() {
    play("lying_broker", "too_many", |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        let mut order = Vec::new();
        let mut taken = vec![false; 65_536];
        let mut next = 0;
        while order.len() < 65_535 {
            let packet = connection.expect_packet("PUBLISH");
            assert_eq!(packet.payload(), next.to_string().as_bytes());
            assert!(
                packet.id() != 0 && !std::mem::replace(&mut taken[usize::from(packet.id())], true)
            );
            order.push(packet.id());
            next += 1;
        }
        watched.wait_for("published");
        // QoS 0 needs no identifier.
        connection.expect(&publish("t", "zero", 0, 0, false, false));
        assert!(!connection.something_came());
        // One becomes free, from the middle: the SUBSCRIBE takes it, and then the publishes one by one.
        let freed = order[30_000];
        connection.send(&puback(freed));
        connection.expect(&subscribe(freed, &[("waits", 1)]));
        connection.send(&suback(freed, &[1]));
        connection.expect(&publish("t", next.to_string(), 1, freed, false, false));
        next += 1;
        let mut rest: Vec<u16> = order.into_iter().filter(|id| *id != freed).collect();
        rest.insert(40_000, freed);
        for id in rest {
            connection.send(&puback(id));
            if next < 70_000 {
                connection.expect(&publish("t", next.to_string(), 1, id, false, false));
                next += 1;
                // Acknowledged behind the others, when it is its turn.
            } else {
                taken[usize::from(id)] = false;
            }
        }
        for id in 1..=65_535u16 {
            if taken[usize::from(id)] {
                connection.send(&puback(id));
            }
        }
        connection.expect_disconnect();
    });
}
