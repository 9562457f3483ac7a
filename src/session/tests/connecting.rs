//! `connect`, the attempt's deadline, CONNACK, `reconnect`.

use super::packets;
use super::rig::{Link, Rig, config, kept, lost, ms};
use crate::config::Protocol;
use crate::error::{Code, Error};
use crate::session::State;

#[test]
fn p5_online_comes_before_the_connect_completion() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    assert_eq!((rig.link, rig.state()), (Link::Wanted, State::Connecting));
    rig.open();
    assert_eq!(rig.packets(), ["CONNECT level 4 clean keep alive 60"]);
    rig.receive(&packets::connack(false, 0));
    assert_eq!(rig.events(), ["online", "done c Ok"]);
    assert_eq!(rig.state(), State::Connected);
}

#[test]
fn p6_the_attempt_has_one_deadline_from_name_resolution_to_connack() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    rig.quiet_for(30_000);
    assert_eq!(rig.events(), ["connect failed Timeout", "done c Timeout"]);
    assert_eq!((rig.link, rig.state()), (Link::None, State::Idle));

    rig.connect("d", 60);
    rig.advance(29_000);
    rig.open();
    rig.forget();
    rig.quiet_for(1_000);
    assert_eq!(rig.events(), ["connect failed Timeout", "done d Timeout"]);
    assert_eq!(rig.session.counters().timed_out, 2);
    assert_eq!((rig.link, rig.session.deadline()), (Link::None, None));
}

#[test]
fn p7_the_first_connect_reports_its_failure_and_does_not_retry() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    rig.fail(Error::new(Code::Dns, "no such host"));
    assert_eq!(rig.events(), ["connect failed Dns", "done c Dns"]);
    assert_eq!((rig.state(), rig.session.deadline()), (State::Idle, None));
    assert_eq!(rig.opens, 1);
}

#[test]
fn p7_the_first_connect_retries_where_that_is_configured() {
    let mut rig = Rig::new(config(|config| config.retry_first_connect = true));
    rig.connect("c", 60);
    rig.fail(Error::new(Code::Dns, "no such host"));
    assert_eq!(rig.events(), ["connect failed Dns, again"]);
    assert_eq!(rig.state(), State::Connecting);
    rig.until_wanted();
    rig.go_to(crate::time::Instant(30_000 * super::rig::MS - 1));
    assert_eq!(rig.events(), Vec::<String>::new());
    rig.go_to(crate::time::Instant(30_000 * super::rig::MS));
    assert_eq!(rig.events(), ["done c Timeout"], "the call gives up");
    assert_eq!(rig.session.counters().timed_out, 1);
    rig.greet(false);
    assert_eq!(rig.events(), ["online"], "the attempts did not");
}

#[test]
fn p7_a_second_connect_joins_the_attempts_that_go_on() {
    let mut rig = Rig::new(config(|config| config.retry_first_connect = true));
    rig.connect("c", 60);
    rig.fail(Error::new(Code::Dns, "no such host"));
    rig.advance(30_000);
    rig.forget();
    rig.connect("d", 60);
    assert_eq!(rig.link, Link::Wanted);
    rig.greet(false);
    assert_eq!(rig.events(), ["online", "done d Ok"]);
}

#[test]
fn p2_connect_twice_is_an_invalid_state() {
    let mut rig = Rig::new(config(|_| {}));
    let code = |result: Result<(), Error>| result.map_err(|error| error.code);
    rig.connect("c", 60);
    assert_eq!(code(rig.try_connect("d", 60)), Err(Code::InvalidState));
    rig.greet(false);
    assert_eq!(code(rig.try_connect("e", 60)), Err(Code::InvalidState));
    assert_eq!(rig.events(), ["online", "done c Ok"]);
    rig.publish("m", 1);
    rig.disconnect("x");
    assert_eq!(code(rig.try_connect("f", 60)), Err(Code::InvalidState));
    rig.shut_down();
    assert_eq!(code(rig.try_connect("g", 60)), Err(Code::InvalidState));
}

#[test]
fn mqtt_3_2_2_1_session_present_on_a_clean_session_is_a_protocol_error() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    rig.greet(true);
    assert_eq!(rig.events(), ["connect failed Protocol", "done c Protocol"]);
    assert_eq!(rig.link, Link::None);
}

#[test]
fn p7_a_refused_connack_is_a_failure_and_no_reason_for_mqtt_3_1() {
    for (return_code, code) in [
        (1, "UnacceptableProtocolVersion"),
        (2, "IdentifierRejected"),
        (3, "ServerUnavailable"),
        (4, "BadUsernameOrPassword"),
        (5, "NotAuthorized"),
        (6, "ConnectRefused"),
        (255, "ConnectRefused"),
    ] {
        let mut rig = Rig::connected(config(|_| {}));
        rig.lose_and_wait();
        rig.open();
        rig.forget();
        rig.receive(&packets::connack(false, return_code));
        assert_eq!(rig.events(), [format!("connect failed {code}, again")]);
        rig.until_wanted();
        rig.open();
        assert_eq!(rig.packets(), ["CONNECT level 4 clean keep alive 0"]);
    }
}

#[test]
fn mqtt_3_2_0_1_the_first_packet_is_connack_and_the_only_one() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    rig.open();
    rig.receive(&packets::PINGRESP);
    assert_eq!(rig.events(), ["connect failed Protocol", "done c Protocol"]);
    let mut rig = Rig::connected(config(|_| {}));
    rig.receive(&packets::connack(false, 0));
    assert_eq!(rig.events(), ["offline Protocol"]);
    assert_eq!((rig.link, rig.state()), (Link::None, State::Reconnecting));
}

#[test]
fn p7_the_connection_comes_back_by_itself() {
    let mut rig = Rig::connected(kept(|_| {}));
    rig.lose();
    assert_eq!(rig.events(), ["offline ConnectionLost"]);
    assert_eq!(rig.state(), State::Reconnecting);
    rig.until_wanted();
    rig.greet(true);
    assert_eq!(rig.packets(), ["CONNECT level 4 keep keep alive 0"]);
    assert_eq!(rig.events(), ["online present"]);
    assert_eq!(rig.session.counters().reconnects, 1);
}

#[test]
fn p7_connect_during_the_wait_begins_the_attempt_at_once() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.lose();
    assert_eq!(rig.link, Link::None);
    rig.connect("again", 0);
    assert_eq!(rig.link, Link::Wanted);
    rig.forget();
    rig.fail(Error::new(Code::Dns, "no such host"));
    let expected = ["connect failed Dns, again", "done again Dns"];
    assert_eq!(rig.events(), expected, "it was not the first");
    assert_eq!(rig.state(), State::Reconnecting);
}

/// What CONNECT said is what the broker goes by.
#[test]
fn mqtt_3_1_2_24_a_connect_during_an_attempt_changes_no_keep_alive_that_was_already_said() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 30);
    rig.greet(false);
    rig.lose_and_wait();
    rig.open();
    rig.connect("again", 600);
    rig.receive(&packets::connack(false, 0));
    rig.forget();
    rig.quiet_for(30_000);
    assert_eq!(rig.packets(), ["PINGREQ"]);
}

#[test]
fn p7_reconnect_makes_a_new_connection_now() {
    let mut rig = Rig::connected(config(|_| {}));
    rig.session.reconnect(rig.now).expect("legal");
    rig.link = Link::None;
    let outputs: Vec<String> = std::iter::from_fn(|| rig.session.poll())
        .map(|output| format!("{output:?}"))
        .collect();
    assert_eq!(outputs.len(), 3, "{outputs:?}");
    assert_eq!(outputs[0], "Close");
    assert!(outputs[1].contains("Offline"));
    assert_eq!(outputs[2], "Open");
    assert_eq!(rig.session.state(), State::Reconnecting);
    // In the wait it ends the wait; without a wish for a connection there is none.
    rig.session.closed(rig.now, lost());
    while rig.session.poll().is_some() {}
    rig.session.reconnect(rig.now).expect("legal");
    assert_eq!(rig.session.attempt_deadline(), Some(rig.now + ms(30_000)));
    let mut idle = Rig::new(config(|_| {}));
    let refused = idle.session.reconnect(idle.now).map_err(|error| error.code);
    assert_eq!(refused, Err(Code::InvalidState));
}

#[test]
fn p4_mqtt_3_1_has_no_session_present_flag() {
    let mut rig = Rig::new(config(|config| {
        config.protocol = Protocol::V3_1;
        config.clean_session = true;
    }));
    rig.connect("c", 60);
    rig.greet(true);
    assert_eq!(rig.packets(), ["CONNECT level 3 clean keep alive 60"]);
    assert_eq!(
        rig.events(),
        ["online", "done c Ok"],
        "the byte is reserved"
    );
}

#[test]
fn p1_cancelled_connect_stops_the_first_attempt_and_only_that() {
    let mut rig = Rig::new(config(|_| {}));
    rig.connect("c", 60);
    assert_eq!(rig.cancel("c"), Ok(()));
    assert_eq!(rig.events(), ["done c Cancelled"]);
    assert_eq!((rig.link, rig.state()), (Link::None, State::Idle));
    assert_eq!(rig.cancel("c"), Err(Code::NotFound));

    let mut rig = Rig::connected(config(|_| {}));
    rig.lose();
    rig.connect("d", 60);
    rig.forget();
    assert_eq!(rig.cancel("d"), Ok(()));
    assert_eq!(rig.events(), ["done d Cancelled"]);
    assert_eq!((rig.link, rig.state()), (Link::Wanted, State::Reconnecting));
}
