//! Wrong values in configure calls.

mod support;

use support::packets::{puback, publish};
use support::scenario::play_with;

#[test]
fn wrong_values_are_refused_with_what_is_wrong_and_change_nothing() {
    play_with("configure_wrong", &[], |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        // The window of one holds: the next comes when this one is acknowledged.
        for name in ["two", "three"] {
            let id = connection.expect_with_id(|id| publish("t", name, 1, id, false, false));
            assert!(!connection.something_came());
            connection.send(&puback(id));
        }
        let four = connection.expect_with_id(|id| publish("t", "four", 1, id, false, false));
        watched.wait_for("close");
        assert!(!connection.something_came());
        connection.close();
        let mut connection = listener.accept();
        connection.expect_connect();
        connection.close();
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect(&publish("t", "four", 1, four, false, false));
        connection.send(&puback(four));
        connection.expect_disconnect();
    });
}
