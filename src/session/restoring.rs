//! The beginning of a connection: what the broker must be told again.

use super::Session;
use super::in_flight::{NOT_SENT, Slot, What};
use super::operation::Body;
use crate::config::Protocol;
use crate::time::Instant;
use std::sync::Arc;

/// AWS IoT takes at most this many filters in a SUBSCRIBE.
const FILTERS_PER_SUBSCRIBE: usize = 8;

impl<T, H: Clone> Session<T, H> {
    /// The next connection may be to another broker, or under another name: what session there is, if any, is not known.
    pub fn forget_broker(&mut self) {
        self.unanswered = true;
    }

    /// The order on the wire: SUBSCRIBE, what was in flight, then the queue.
    pub(super) fn restore(&mut self, now: Instant, session_present: bool) {
        // MQTT 3.1 has no flag that would tell whether the session was kept: subscribe again, and re-send as re-delivery.
        let kept = session_present
            || (!self.config.clean_session && self.config.protocol == Protocol::V3_1);
        if std::mem::take(&mut self.unanswered) || !session_present {
            self.subscriptions.unconfirm();
        }
        self.resubscribe(now);
        // A subscribe or unsubscribe that was never acknowledged is sent again in any case: it is no part of the session's state.
        let requests: Vec<Slot<T, H>> = self.requests.drain().collect();
        let (restores, operations): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .partition(|slot| matches!(slot.what, What::Restore(_)));
        for slot in restores {
            self.requests.push(slot);
        }
        for mut slot in operations {
            slot.resends = 0;
            self.resend_request(now, slot);
        }
        if !self.requests.is_empty() || !self.waiting_restores.is_empty() {
            self.restoring = Some(now + self.config.operation_timeout);
        }
        let mut publishes = std::mem::take(&mut self.publishes);
        for slot in publishes.iter_mut() {
            slot.left &= kept;
            slot.resends = 0;
            slot.position = NOT_SENT;
        }
        self.resending.begin(publishes);
        self.resend(now);
        if !self.queue.is_empty() {
            self.draining = Some(now);
        }
    }

    fn resubscribe(&mut self, now: Instant) {
        let leaving: Vec<Arc<str>> = self
            .requests
            .iter()
            .filter_map(|slot| match &slot.operation()?.body {
                Body::Unsubscribe { filter } => Some(Arc::clone(filter)),
                _ => None,
            })
            .collect();
        let filters: Vec<Arc<str>> = self
            .subscriptions
            .iter()
            .filter(|subscription| !subscription.confirmed)
            .map(|subscription| Arc::clone(&subscription.filter))
            .filter(|filter| !leaving.contains(filter))
            .collect();
        // While one of them is under suspicion of making the broker hang up, each goes alone, so that the culprit shows.
        let filters_per_subscribe = if self.suspects_a_filter() {
            1
        } else {
            FILTERS_PER_SUBSCRIBE
        };
        self.waiting_restores = filters
            .chunks(filters_per_subscribe)
            .map(<[_]>::to_vec)
            .collect();
        self.send_restores(now);
    }

    /// A request has ended without its acknowledgement; if there is a subscription to its filter, that stays. A copy that may have left may have
    /// ended or changed it, which the broker's session will not say on the next connection. Where the last copy was cut out, what is
    /// not certain is asked for at once: if this session is a new one, nobody has yet.
    pub(super) fn keep_subscription(&mut self, body: &Body<H>, may_have_left: bool, cut: bool) {
        let (filter, asked) = match body {
            Body::Publish { .. } => return,
            Body::Subscribe { filter, qos, .. } => (filter, Some(*qos)),
            Body::Unsubscribe { filter } => (filter, None),
        };
        let Some(subscription) = self.subscriptions.get_mut(filter) else {
            return;
        };
        subscription.confirmed &= !may_have_left || asked == Some(subscription.qos);
        let asks = cut && !subscription.confirmed && self.leaving.is_none();
        if asks && !self.is_asked(filter) {
            self.waiting_restores.push_front(vec![Arc::clone(filter)]);
        }
    }

    /// Asks again for the subscriptions that wait for it, as long as there are packet identifiers.
    pub(super) fn send_restores(&mut self, now: Instant) {
        while let Some(filters) = self.waiting_restores.pop_front() {
            let Some(packet_id) = self.packet_ids.take() else {
                return self.waiting_restores.push_front(filters);
            };
            let slot = self.slot(packet_id, What::Restore(filters.into()), now);
            self.resend_request(now, slot);
        }
    }
}
