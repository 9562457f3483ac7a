//! Callbacks: what may be called inside, what goes on meanwhile, and how often each runs.

mod support;

use support::broker::{Broker, Connection};
use support::c_program::{Checked, Program};
use support::packets::{Packet, connack, pingresp, puback, publish};

/// Answers a SUBSCRIBE to `filter`, and sends one message on it.
fn message_for(connection: &mut Connection, packet: &Packet, filter: &str, qos: u8) -> bool {
    if packet.name() != "SUBSCRIBE" || packet.filters()[0].0 != filter {
        return false;
    }
    connection.answer(packet);
    connection.send(&publish(filter, "hello", qos, 5, false, false));
    true
}

fn position(packets: &[Packet], what: &str, wanted: impl Fn(&Packet) -> bool) -> usize {
    packets
        .iter()
        .position(wanted)
        .unwrap_or_else(|| panic!("no {what} in {packets:?}"))
}

/// With threads of the library, and in a loop that a thread of the program drives.
const WAYS: [&[(&str, &str)]; 2] = [&[], &[("TEST_LOOP", "1")]];

/// Inside the callback of one QoS 1 message the program calls what `case` says; `check` gets all that the broker got.
fn inside(case: &str, check: fn(Vec<Packet>)) {
    inside_checked(case, Checked::Plainly, check);
}

fn inside_checked(case: &str, checked: Checked, check: fn(Vec<Packet>)) {
    let program = Program::compile_checked("calls_in_callback", checked);
    for way in WAYS {
        let broker = Broker::plain(move |listener| {
            let mut connection = listener.accept();
            connection.welcome();
            let mut subscribed = 0;
            check(connection.serve_but(|connection, packet| {
                subscribed += usize::from(packet.name() == "SUBSCRIBE");
                let first = subscribed == 1 && message_for(connection, packet, "in", 1);
                first || message_for(connection, packet, "inside", 0)
            }));
        });
        program.run_on(broker, "-", &[case], way);
    }
}

#[test]
fn p5_synchronous_publishes_inside_a_callback_come_before_its_acknowledgement() {
    inside("publish", |packets| {
        let one = position(&packets, "QoS 1", |packet| {
            packet.name() == "PUBLISH" && packet.payload() == b"one"
        });
        let zero = position(&packets, "QoS 0", |packet| {
            packet.name() == "PUBLISH" && packet.payload() == b"zero"
        });
        let acknowledged = position(&packets, "PUBACK", |packet| packet.raw == puback(5));
        assert!(one < zero && zero < acknowledged, "{packets:?}");
    });
}

#[test]
fn p5_subscribing_inside_a_callback_returns_what_was_granted() {
    inside("subscribe", |packets| {
        position(&packets, "DISCONNECT", |packet| {
            packet.name() == "DISCONNECT"
        });
    });
}

#[test]
fn p5_unsubscribing_the_own_subscription_inside_its_callback() {
    inside("unsubscribe", |packets| {
        position(&packets, "UNSUBSCRIBE", |packet| {
            packet.name() == "UNSUBSCRIBE"
        });
        position(&packets, "PUBACK", |packet| packet.raw == puback(5));
    });
}

#[test]
fn p5_replacing_the_own_subscription_inside_its_callback() {
    inside("replace", |packets| {
        position(&packets, "PUBACK", |packet| packet.raw == puback(5));
    });
}

#[test]
fn p5_disconnecting_inside_a_callback() {
    inside("disconnect", |packets| {
        position(&packets, "DISCONNECT", |packet| {
            packet.name() == "DISCONNECT"
        });
    });
}

#[test]
fn p5_freeing_inside_a_callback() {
    inside("free", |packets| assert_eq!(packets[0].name(), "SUBSCRIBE"));
}

/// Where a use after free would hide.
#[test]
fn p5_freeing_inside_a_callback_under_address_sanitizer() {
    inside_checked("free", Checked::ByAddressSanitizer, |packets| {
        assert_eq!(packets[0].name(), "SUBSCRIBE")
    });
}

#[test]
fn p5_freeing_inside_a_callback_under_valgrind() {
    inside_checked("free", Checked::ByValgrind, |packets| {
        assert_eq!(packets[0].name(), "SUBSCRIBE")
    });
}

#[test]
fn p5_replacing_the_own_subscription_inside_its_callback_under_valgrind() {
    inside_checked("replace", Checked::ByValgrind, |packets| {
        position(&packets, "PUBACK", |packet| packet.raw == puback(5));
    });
}

#[test]
fn p5_a_slow_callback_stops_neither_pings_nor_acknowledgements_nor_other_threads() {
    let broker = Broker::plain(|listener| {
        let mut connection = listener.accept();
        assert_eq!(connection.welcome().keep_alive, 1);
        let (mut pings, mut waiting) = (0, None);
        let packets = connection.serve_but(|connection, packet| {
            match packet.name() {
                "PINGREQ" => {
                    connection.send(&pingresp());
                    pings += 1;
                }
                "PUBLISH" if packet.payload() == b"after two pings" => {
                    pings = 0;
                    waiting = Some(packet.id());
                }
                _ => return message_for(connection, packet, "in", 1),
            }
            if pings >= 2 {
                waiting
                    .take()
                    .into_iter()
                    .for_each(|id| connection.send(&puback(id)));
            }
            true
        });
        let slow = position(&packets, "slow publish", |packet| {
            packet.name() == "PUBLISH" && packet.payload() == b"after two pings"
        });
        let acknowledged = position(&packets, "PUBACK", |packet| packet.raw == puback(5));
        assert!(
            slow < acknowledged,
            "acknowledged while the callback was still running: {packets:?}"
        );
    });
    Program::compile("slow_callback").run_with(broker, "-", &[]);
}

/// Serves the program `batch`: two messages in one piece, and the PUBACK of a publish only after two pings.
fn batch(case: &str, check: fn(Vec<Packet>)) {
    let broker = Broker::plain(move |listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let (mut pings, mut waiting) = (0, None);
        check(connection.serve_but(|connection, packet| {
            match packet.name() {
                "SUBSCRIBE" => {
                    connection.answer(packet);
                    let mut both = publish("in", "one", 1, 5, false, false);
                    both.extend(publish("in", "two", 1, 6, false, false));
                    connection.send(&both);
                }
                "PINGREQ" => {
                    connection.send(&pingresp());
                    pings += 1;
                }
                "PUBLISH" if packet.payload() == b"after two pings" => {
                    pings = 0;
                    waiting = Some(packet.id());
                }
                _ => return false,
            }
            if let Some(id) = waiting.take_if(|_| pings >= 2) {
                connection.send(&puback(id));
            }
            true
        }));
    });
    Program::compile("batch").run_with(broker, "-", &[case]);
}

#[test]
fn p5_a_message_is_acknowledged_while_a_later_callback_of_its_batch_blocks_and_nothing_spins() {
    batch("blocked", |packets| {
        let first = position(&packets, "PUBACK", |packet| packet.raw == puback(5));
        let ping = position(&packets, "second ping", |packet| packet.name() == "PINGREQ");
        assert!(first < ping, "{packets:?}");
    });
}

#[test]
fn p5_a_handler_replaced_in_mid_batch_gives_its_userdata_back_where_the_library_may_be_called() {
    batch("replacing", |packets| {
        position(&packets, "PUBACK", |packet| packet.raw == puback(6));
    });
}

#[test]
fn p5_callbacks_that_block_stop_no_other_client() {
    let broker = Broker::plain(|listener| {
        listener.serve_each(13, |connection| {
            connection.welcome();
            connection.serve_but(|connection, packet| message_for(connection, packet, "in", 0));
        });
    });
    Program::compile("slow_callback_of_another").run_with(broker, "-", &[]);
}

#[test]
fn p5_clients_that_wait_because_too_many_callbacks_block_are_not_forgotten() {
    Program::compile("many_blocked").run(&["127.0.0.1", "1", "-"]);
}

#[test]
fn p1_every_completion_runs_once_and_knows_its_operation() {
    for way in WAYS {
        let broker = Broker::plain(|listener| {
            let mut connection = listener.accept();
            connection.welcome();
            let packets = connection.serve();
            assert_eq!(
                packets
                    .iter()
                    .filter(|packet| packet.name() == "PUBLISH")
                    .count(),
                500
            );
        });
        Program::compile("completions").run_on(broker, "-", &[], way);
    }
}

#[test]
fn callbacks_and_outputs_may_be_left_out() {
    for way in WAYS {
        let broker = Broker::plain(|listener| {
            let mut connection = listener.accept();
            connection.welcome();
            connection.serve();
        });
        Program::compile("completions_without").run_on(broker, "-", &[], way);
    }
}

#[test]
fn p5_online_and_offline_alternate_and_online_comes_before_the_completion() {
    for way in WAYS {
        let broker = Broker::plain(|listener| {
            for session_present in [false, true] {
                let mut connection = listener.accept();
                assert!(!connection.expect_connect().clean_session());
                connection.send(&connack(session_present, 0));
                connection.expect_disconnect();
            }
        });
        Program::compile("online").run_on(broker, "-", &[], way);
    }
}

#[test]
fn replaced_handlers_give_their_userdata_back_once() {
    Program::compile("replaced_handlers").run(&["127.0.0.1", "1", "-"]);
}
