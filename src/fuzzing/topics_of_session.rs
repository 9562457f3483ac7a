//! Many subscriptions in one session: each message must go to those whose filters match, in the order of subscribing.

use super::input::Input;
use super::topics::{is_filter, is_name, slow_match, text};
use crate::config::{QoS, SessionConfig};
use crate::session::tests::packets;
use crate::session::{Event, Login, Output, Session, Wait};
use crate::time::Instant;

struct Run {
    session: Session<(), usize>,
    /// As they must be: filter and handler in the order of subscribing.
    granted: Vec<(String, usize)>,
    packet_id: u16,
}

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut run = Run {
        session: Session::new(SessionConfig::default(), 1),
        granted: Vec::new(),
        packet_id: 0,
    };
    let connected = run
        .session
        .connect(Instant::ZERO, 0, Wait::Forever, |_| None);
    assert!(connected.is_ok());
    run.session.opened(Instant::ZERO, &Login::default());
    run.hear(&packets::connack(false, 0));
    let mut handlers = 0;
    while !input.is_empty() {
        let choice = input.below(6);
        let text = text(&mut input);
        match choice {
            0 | 1 => {
                handlers += 1;
                run.subscribe(&text, handlers);
            }
            2 => run.unsubscribe(&text),
            3 if !run.granted.is_empty() => {
                let known = input.below(run.granted.len());
                run.unsubscribe(&run.granted[known].0.clone());
            }
            _ => run.message(&text),
        }
    }
}

impl Run {
    /// The broker says this; gives the handlers of a message.
    fn hear(&mut self, bytes: &[u8]) -> Option<Vec<usize>> {
        let count = self.session.outgoing().len();
        self.session.sent(Instant::ZERO, count);
        self.session.received(Instant::ZERO, bytes);
        let mut handlers = None;
        while let Some(output) = self.session.poll() {
            match output {
                Output::Event(Event::Messages(messages)) => {
                    assert!(handlers.is_none() && messages.len() == 1);
                    let inbound = messages.iter_from(0).next();
                    handlers = inbound.map(|inbound| inbound.matched().handlers.clone());
                }
                Output::Close => panic!("the session closes the connection"),
                _ => {}
            }
        }
        handlers
    }

    fn subscribe(&mut self, filter: &str, handler: usize) {
        let asked = self.session.subscribe(
            Instant::ZERO,
            filter,
            QoS::AtMostOnce,
            false,
            Wait::Forever,
            |_, _| (None, Some(handler)),
        );
        assert_eq!(asked.is_ok(), is_filter(filter), "{filter:?}");
        if asked.is_ok() {
            self.packet_id += 1;
            self.hear(&packets::suback(self.packet_id, &[0]));
            let known = self.granted.iter_mut().find(|(known, _)| known == filter);
            match known {
                Some((_, known)) => *known = handler,
                None => self.granted.push((filter.to_owned(), handler)),
            }
        }
    }

    fn unsubscribe(&mut self, filter: &str) {
        let asked = self
            .session
            .unsubscribe(Instant::ZERO, filter, Wait::Forever, |_, _| None);
        assert_eq!(asked.is_ok(), is_filter(filter), "{filter:?}");
        if asked.is_ok() {
            self.packet_id += 1;
            self.hear(&packets::unsuback(self.packet_id));
            self.granted.retain(|(known, _)| known != filter);
        }
    }

    fn message(&mut self, name: &str) {
        if !is_name(name) {
            return;
        }
        let matching = self
            .granted
            .iter()
            .filter(|(filter, _)| slow_match(filter, name));
        let expected: Vec<usize> = matching.map(|(_, handler)| *handler).collect();
        let packet = packets::publish(name, b"m", 0);
        assert_eq!(self.hear(&packet), Some(expected), "{name:?}");
    }
}
