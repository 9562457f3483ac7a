//! The end of a run in which nothing is left open.

use super::broker::Mood;
use super::world::{Link, World};
use crate::error::Code;
use crate::session::State;
use crate::session::in_flight::What;

impl World {
    /// From now on all goes well: everything must have an outcome, and everybody agree.
    pub(super) fn come_to_rest(&mut self) {
        self.say(|| "all goes well from here".to_owned());
        self.mood = Mood::default();
        let mut idle = 0;
        for _ in 0..3_000 {
            self.unpause();
            if self.session.is_idle() {
                self.connect();
            }
            if self.link == Link::Wanted {
                self.open();
            }
            let mut moved = false;
            while !self.session.outgoing().is_empty() && self.link == Link::Open {
                moved = true;
                self.take_bytes(self.session.outgoing().len());
            }
            if !self.up.is_empty() {
                moved = true;
                self.broker_reads_bytes(self.up.len());
            }
            while self.broker.answer(&mut self.random) {}
            self.down.extend(self.broker.out());
            if !self.down.is_empty() {
                moved = true;
                self.receive_bytes(self.down.len());
            }
            moved |= self.acknowledge_all();
            self.check();
            if moved {
                continue;
            }
            if self.is_at_rest() {
                return self.check_rest();
            }
            // What the broker threw away is never sent again on this connection if `retransmit` is off.
            idle += 1;
            if idle % 40 == 0 && self.link == Link::Open {
                self.close_by_peer(Code::Io);
            } else if let Some(deadline) = self.session.deadline() {
                self.pass(deadline.max(self.now));
            }
        }
        panic!("it does not come to rest");
    }

    fn is_at_rest(&self) -> bool {
        let session = &self.session;
        session.state() == State::Connected
            && session.in_flight() == 0
            && session.waiting_restores.is_empty()
            && session
                .requests
                .iter()
                .all(|slot| matches!(slot.what, What::Ended))
    }

    fn check_rest(&self) {
        assert_eq!(self.session.accepted_bytes(), 0, "nothing is left");
        assert_eq!(self.session.queued(), 0);
        self.app.check_rest(&self.broker);
    }
}
