//! Which subscriptions a message is for, and what it costs to find them.

mod support;

use support::c_program::{Checked, Program};
use support::packets::{publish, suback};
use support::scenario::play_compiled;

#[test]
fn mqtt_4_7_topic_matches_decides_as_the_specification_says() {
    Program::compile("topic_matches").run(&[]);
}

const MESSAGES: usize = 3000;

/// Instructions of the whole client for one message, from the socket to the callback, with this many subscriptions.
fn instructions_per_message(filters: usize) -> u64 {
    let program = Program::compile_checked("matching_cost", Checked::ByCallgrind);
    let (count, messages) = (filters.to_string(), MESSAGES.to_string());
    play_compiled(&program, &[&count, &messages], move |listener, watched| {
        let mut connection = listener.accept();
        connection.welcome();
        for _ in 0..filters {
            let packet = connection.expect_packet("SUBSCRIBE");
            connection.send(&suback(packet.id(), &[0]));
        }
        watched.wait_for("subscribed");
        // Twelve topics in turn, spread over all filters, each of which one filter matches.
        let topics: Vec<String> = (0..12)
            .map(|turn| {
                let number = turn * (filters / 12 / 6) * 6 + turn % 6;
                match turn % 6 {
                    0 => format!("data/{number:05}/value"),
                    1 => format!("state/{number:05}/on"),
                    2 => format!("data/{number:05}/other"),
                    3 => format!("logs/{number:05}/a/b"),
                    4 => format!("x/{number:05}/y"),
                    _ => format!("any/thing/{number:05}"),
                }
            })
            .collect();
        let bytes: Vec<u8> = (0..MESSAGES)
            .flat_map(|number| publish(&topics[number % 12], "x", 0, 0, false, false))
            .collect();
        connection.send(&bytes);
        connection.expect_disconnect();
    });
    program.instructions() / MESSAGES as u64
}

#[test]
fn a_message_costs_about_the_same_with_ten_thousand_subscriptions_as_with_ten() {
    // A thread that is woken in between adds instructions, and nothing takes any away: of several runs the cheapest says what it costs.
    let (mut few, mut many) = (u64::MAX, u64::MAX);
    for _ in 0..5 {
        few = few.min(instructions_per_message(10));
        many = many.min(instructions_per_message(10_000));
        println!("instructions for a message: {few} with 10 subscriptions, {many} with 10,000");
        if many * 10 <= few * 12 {
            return;
        }
    }
    panic!("{few} instructions for a message with 10 subscriptions, {many} with 10,000");
}
