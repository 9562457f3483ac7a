//! AWS IoT closes the connection on what the policy forbids. The operation that does it again and again ends, and the rest goes on.

mod support;

use support::broker::Listener;
use support::packets::{connack, puback, publish, suback, subscribe};
use support::scenario::{play, play_with};

/// A publish that is forbidden, and behind it one that is not.
fn closes_on_the_first(limit: &str, closings: usize, end: &str, refused: &str) {
    let ends_refused = refused == "1";
    let script = move |listener: &mut Listener, _: &mut _| {
        let mut ids = None;
        for _ in 0..closings {
            let mut connection = listener.accept();
            connection.welcome();
            let bad =
                connection.expect_with_id(|id| publish("forbidden", "bad", 1, id, false, false));
            let good =
                connection.expect_with_id(|id| publish("allowed", "good", 1, id, false, false));
            assert_eq!(
                *ids.get_or_insert((bad, good)),
                (bad, good),
                "in the same order each time"
            );
            connection.close();
        }
        let (bad, good) = ids.expect("at least one");
        let mut connection = listener.accept();
        connection.welcome();
        if !ends_refused {
            connection.expect(&publish("forbidden", "bad", 1, bad, false, false));
            connection.send(&puback(bad));
        }
        connection.expect(&publish("allowed", "good", 1, good, false, false));
        connection.send(&puback(good));
        connection.expect_disconnect();
    };
    play_with(
        "refused_by_close",
        &["two_publishes", limit, end, refused],
        script,
    );
}

#[test]
fn p7_after_five_closings_by_default_the_operation_ends_and_the_rest_goes_on() {
    closes_on_the_first("-1", 5, "online:0 bad:512 offline:203 online:0 good:0", "1");
}

#[test]
fn p7_four_closings_are_not_enough_by_default() {
    closes_on_the_first("-1", 4, "offline:203 online:0 bad:0 good:0", "0");
}

#[test]
fn p7_the_limit_of_closings_can_be_configured() {
    closes_on_the_first("2", 2, "online:0 bad:512 offline:203 online:0 good:0", "1");
}

#[test]
fn p7_without_a_limit_of_closings_it_is_sent_again_for_ever() {
    closes_on_the_first("0", 8, "offline:203 online:0 bad:0 good:0", "0");
}

#[test]
fn p7_a_queued_publish_without_completion_ends_as_refused_by_close_in_the_outcome_callback() {
    play("refused_by_close", "queued", |listener, _| {
        let mut id = 0;
        for _ in 0..2 {
            let mut connection = listener.accept();
            connection.welcome();
            id = connection.expect_with_id(|id| publish("forbidden", "x", 1, id, false, false));
            connection.close();
        }
        let mut connection = listener.accept();
        connection.welcome();
        let other = connection.expect_with_id(|id| publish("allowed", "y", 1, id, false, false));
        assert_ne!(id, 0);
        connection.send(&puback(other));
        connection.expect_disconnect();
    });
}

#[test]
fn p7_closings_with_acknowledgements_in_between_refuse_nothing() {
    play("refused_by_close", "acknowledged_between", |listener, _| {
        let mut connection = listener.accept();
        connection.welcome();
        let names = ["one", "two", "three"];
        let ids = names
            .map(|name| connection.expect_with_id(|id| publish("t", name, 1, id, false, false)));
        connection.close();
        for done in 0..3 {
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(&connack(true, 0));
            for at in done..3 {
                connection.expect(&publish("t", names[at], 1, ids[at], false, true));
            }
            connection.send(&puback(ids[done]));
            if done == 2 {
                connection.expect_disconnect();
            } else {
                connection.close();
            }
        }
    });
}

#[test]
fn p7_a_filter_on_which_the_broker_closes_while_resubscribing_is_found_out_and_told() {
    play("refused_by_close", "filter", |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        for filter in ["good", "bad"] {
            let id = connection.expect_with_id(|id| subscribe(id, &[(filter, 1)]));
            connection.send(&suback(id, &[1]));
        }
        connection.close();
        // Together at first: nobody knows which it is.
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_with_id(|id| subscribe(id, &[("good", 1), ("bad", 1)]));
        connection.close();
        // Then each for itself.
        for _ in 0..3 {
            let mut connection = listener.accept();
            connection.welcome();
            let id = connection.expect_with_id(|id| subscribe(id, &[("good", 1)]));
            connection.send(&suback(id, &[1]));
            connection.expect_with_id(|id| subscribe(id, &[("bad", 1)]));
            connection.close();
        }
        let mut connection = listener.accept();
        connection.welcome();
        let id = connection.expect_with_id(|id| subscribe(id, &[("good", 1)]));
        connection.send(&suback(id, &[1]));
        watched.wait_for("refused");
        watched.tell("subscribed again");
        connection.expect_disconnect();
    });
}
