//! What holds whatever happens: what the application is told, what is bounded, and what is left at the end.

use super::{Link, Tag, World};
use crate::config::QoS;
use crate::session::{Event, OperationId, State};

impl World<'_> {
    pub(super) fn event(&mut self, event: Event<Tag, u64>) {
        match event {
            Event::Online { .. } => {
                assert!(!std::mem::replace(&mut self.online, true), "online twice");
            }
            Event::Offline { why } => {
                assert!(std::mem::take(&mut self.online), "offline twice");
                assert!(!why.detail.is_empty());
            }
            Event::ConnectFailed { why, .. } => {
                assert!(
                    !self.online && !why.detail.is_empty(),
                    "an attempt while online"
                );
            }
            Event::Messages(messages) => {
                for inbound in messages.iter_from(0) {
                    assert!(crate::codec::topic::check_name(inbound.topic()).is_ok());
                    assert_eq!(inbound.receipt() == 0, inbound.qos() == QoS::AtMostOnce);
                    if inbound.receipt() != 0 {
                        let last = self.receipts.last().copied().unwrap_or_default();
                        assert!(inbound.receipt() > last, "receipts ascend");
                        self.receipts.push(inbound.receipt());
                        self.owed_pubacks.push(inbound.packet_id());
                    }
                }
            }
            Event::Published(published) => {
                for mut published in published {
                    published.tag.handed_back = true;
                    assert_eq!(published.tag.operation, published.operation.0);
                    self.outcome(published.operation, true);
                }
            }
            Event::Done(mut done) => {
                if let Some(tag) = &mut done.tag {
                    tag.handed_back = true;
                    assert_eq!(tag.operation, done.operation.0);
                }
                self.outcome(done.operation, done.tag.is_some());
            }
            Event::SubscriptionRefused { .. } => {}
            Event::Released(handler) => {
                assert!(
                    self.ledger.borrow_mut().handlers.remove(&handler),
                    "released twice"
                );
            }
        }
    }

    fn outcome(&mut self, operation: OperationId, waited: bool) {
        let open = self.ledger.borrow_mut().open.remove(&operation.0);
        assert_eq!(
            open,
            waited.then_some(true),
            "{operation:?}: one outcome each"
        );
    }

    pub(super) fn check(&self) {
        let session = &self.session;
        assert!(
            session.accepted_bytes() - session.outgoing_bytes() <= self.config.memory_limit,
            "memory"
        );
        assert!(
            self.config
                .queue_size
                .is_none_or(|size| session.queued() <= size)
        );
        assert!(session.held_bytes() <= 2 << 20);
        if session.deadline().is_none() {
            let rests = matches!(
                session.state(),
                State::Idle | State::Connected | State::Draining
            ) || !session.outgoing().is_empty()
                || self.paused;
            assert!(
                rests,
                "nothing will happen, and the state is {:?}",
                session.state()
            );
        }
        let online = session.is_connected();
        assert_eq!(self.online, online, "what the application was told");
    }

    pub(super) fn end(mut self) {
        self.session.shut_down(self.now);
        self.settle();
        assert_eq!((self.link, self.online), (Link::None, false));
        assert_eq!(self.session.deadline(), None);
        assert_eq!(self.session.accepted_bytes(), 0, "memory is back to zero");
        assert_eq!((self.session.queued(), self.session.in_flight()), (0, 0));
        let ledger = self.ledger.borrow();
        assert!(ledger.open.is_empty(), "without outcome: {:?}", ledger.open);
        assert!(
            ledger.handlers.is_empty(),
            "not released: {:?}",
            ledger.handlers
        );
    }
}
