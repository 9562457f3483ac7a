//! What goes to the broker: the in-flight window, and re-sending.

use super::event::OperationId;
use super::in_flight::{Slot, What};
use super::keep_alive::Reading;
use super::operation::{Body, Operation};
use super::{Session, count, memory};
use crate::codec;
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::time::Instant;
use std::ops::Range;

/// Subscribes and unsubscribes under way at once; so many of those that wait are looked at. More would make each of ten thousand
/// subscribes at once look through all the others.
const REQUESTS: usize = 100;

/// A QoS 0 publish on its way into the link.
#[derive(Debug)]
pub(super) struct Departing<T, H> {
    /// The positions of its bytes in this connection's outgoing stream.
    pub(super) place: Range<u64>,
    pub(super) operation: Box<Operation<T, H>>,
}

impl<T, H: Clone> Session<T, H> {
    /// The link took the next `count` bytes of [`outgoing`](Session::outgoing).
    pub fn sent(&mut self, now: Instant, count: usize) {
        if count == 0 {
            return;
        }
        self.outgoing.take(count);
        self.counters.bytes_sent += count as u64;
        self.keep_alive.sent(now);
        self.departed();
        self.settle_clock(now);
        self.progress(now);
    }

    /// Whether the link holds bytes that the socket has not taken. To be reported before the [`sent`](Session::sent) that it belongs
    /// to, and when they have gone: until then QoS 0 publishes are not complete, and the link must not be closed behind DISCONNECT.
    #[inline]
    pub fn link_holds(&mut self, now: Instant, holds: bool) {
        if std::mem::replace(&mut self.outgoing.held_by_link, holds) && !holds {
            self.departed();
            self.settle_clock(now);
            self.progress(now);
        }
    }

    /// QoS 0 publishes are complete whose last byte the socket has.
    fn departed(&mut self) {
        if self.outgoing.held_by_link {
            return;
        }
        while self
            .departing
            .front()
            .is_some_and(|departing| departing.place.end <= self.outgoing.taken())
        {
            if let Some(Departing { operation, .. }) = self.departing.pop_front() {
                self.live_bytes = self.live_bytes.saturating_sub(operation.size());
                self.published(operation, 0);
            }
        }
    }

    /// Takes an operation to the broker, or to the waiting line for the window.
    #[inline(always)] // Once a message.
    pub(super) fn go_live(&mut self, now: Instant, operation: Box<Operation<T, H>>) {
        self.live_bytes += operation.size();
        match &operation.body {
            Body::Publish {
                qos: QoS::AtLeastOnce,
                ..
            } => {
                let at_once = self.waiting_publishes.is_empty()
                    && self.resending.is_empty()
                    && self.has_room();
                match if at_once {
                    self.packet_ids.take()
                } else {
                    None
                } {
                    Some(packet_id) => {
                        self.send_publish(now, packet_id, operation);
                    }
                    None => self.waiting_publishes.push_back(operation),
                }
            }
            Body::Publish { .. } => self.depart(now, operation),
            _ => {
                self.waiting_requests.push_back(operation);
                self.fill_window(now);
            }
        }
    }

    /// The same for one that had to wait, which is not done for each message.
    #[inline(never)]
    pub(super) fn go_live_later(&mut self, now: Instant, operation: Box<Operation<T, H>>) {
        self.go_live(now, operation);
    }

    /// A QoS 0 publish that was queued, or held back.
    fn depart(&mut self, now: Instant, operation: Box<Operation<T, H>>) {
        if self.resending.holds_back() {
            return self.resending.hold_back(operation);
        }
        let start = self.outgoing.end();
        if let Body::Publish { packet, .. } = &operation.body {
            self.outgoing.write(packet);
        }
        count(&mut self.counters.messages_sent);
        self.live_bytes = self.live_bytes.saturating_sub(operation.size());
        self.push_departing(start, operation);
        self.settle_clock(now);
    }

    /// Its bytes are the outgoing ones from `start` on.
    pub(super) fn push_departing(&mut self, start: u64, operation: Box<Operation<T, H>>) {
        self.live_bytes += operation.size();
        self.departing.push_back(Departing {
            place: start..self.outgoing.end(),
            operation,
        });
    }

    /// A QoS 0 publish is cancelled; the rest of one that has begun to leave goes its way.
    pub(super) fn call_back_departing(&mut self, id: OperationId, why: Error) -> bool {
        let found = self.departing.iter().position(|it| it.operation.id == id);
        let Some(departing) = found.and_then(|index| self.departing.remove(index)) else {
            return self.call_back_held_back(id, why);
        };
        let place = departing.place;
        if self.outgoing.cut(place.clone()) {
            self.moved_up(place.end, place.end - place.start);
        }
        self.live_bytes = self.live_bytes.saturating_sub(departing.operation.size());
        self.end(departing.operation, Err(why), 0);
        true
    }

    /// Whether there is memory for a packet of this size that has waited for its turn. If not, it waits on: for what is before it to leave, or
    /// if that is nothing, for another connection.
    pub(super) fn has_memory(&mut self, now: Instant, size: usize) -> bool {
        let has_memory = self.outgoing.try_reserve(size).is_ok();
        if !has_memory && self.outgoing.is_empty() {
            self.hang_up(now, memory::none_for(size));
        }
        has_memory
    }

    pub(super) fn fill_window(&mut self, now: Instant) {
        self.send_restores(now);
        if !self.resending.is_empty() && !self.resend(now) {
            return;
        }
        self.send_requests(now);
        while self.has_room() && !self.waiting_publishes.is_empty() {
            let Some(packet_id) = self.packet_ids.take() else {
                break;
            };
            if let Some(operation) = self.waiting_publishes.pop_front() {
                if !self.send_publish(now, packet_id, operation) {
                    break;
                }
            }
        }
    }

    /// Whether the window lets another QoS 1 publish go.
    pub(super) fn has_room(&self) -> bool {
        self.publishes.len() < usize::from(self.config.in_flight_window)
    }

    /// For the first time; [`resend_publish`](Session::resend_publish) would do the same, but this is once a message. False: it has to wait.
    fn send_publish(
        &mut self,
        now: Instant,
        packet_id: u16,
        mut operation: Box<Operation<T, H>>,
    ) -> bool {
        let position = self.outgoing.end();
        let length = match &mut operation.body {
            Body::Publish {
                packet,
                packet_id_at,
                ..
            } if self.outgoing.try_reserve(packet.len()).is_ok() => {
                codec::set_publish_packet_id(packet, *packet_id_at, packet_id);
                self.outgoing.append(packet.len()).copy_from_slice(packet);
                packet.len() as u32
            }
            _ => return self.wait_for_memory(now, packet_id, operation),
        };
        count(&mut self.counters.messages_sent);
        self.settle_clock(now);
        let resend_at = self.clock.read(now).plus_nanos(self.acknowledgement_wait);
        self.next_due = resend_at.or_earlier(self.next_due);
        self.publishes.push(Slot {
            packet_id,
            what: What::Operation(operation),
            position,
            length,
            left: false,
            sent_at: now,
            resend_at,
            resends: 0,
        });
        true
    }

    #[cold]
    fn wait_for_memory(
        &mut self,
        now: Instant,
        packet_id: u16,
        operation: Box<Operation<T, H>>,
    ) -> bool {
        self.packet_ids.release(packet_id);
        let size = operation.size();
        self.waiting_publishes.push_front(operation);
        if self.outgoing.is_empty() {
            self.hang_up(now, memory::none_for(size));
        }
        false
    }

    /// Requests for one filter go one after the other: else an UNSUBSCRIBE that is sent again could undo the SUBSCRIBE behind it.
    fn send_requests(&mut self, now: Instant) {
        let mut index = 0;
        while let Some(operation) = self.waiting_requests.get(index) {
            if self.requests.len() >= REQUESTS || index >= REQUESTS {
                return;
            }
            if self.is_asked(&operation.topic()) {
                index += 1;
                continue;
            }
            let Some(packet_id) = self.packet_ids.take() else {
                return;
            };
            if let Some(operation) = self.waiting_requests.remove(index) {
                let slot = self.slot(packet_id, What::Operation(operation), now);
                self.resend_request(now, slot);
            }
        }
    }

    /// A request for this filter has no answer yet.
    pub(super) fn is_asked(&self, filter: &str) -> bool {
        let restores = self.waiting_restores.iter().flatten();
        self.requests.iter().any(|slot| match &slot.what {
            What::Operation(operation) => *operation.topic() == *filter,
            What::Restore(filters) => filters.iter().any(|other| **other == *filter),
            What::Ended => false,
        }) || restores.into_iter().any(|other| **other == *filter)
    }

    pub(super) fn slot(&self, packet_id: u16, what: What<T, H>, now: Instant) -> Slot<T, H> {
        Slot {
            packet_id,
            what,
            position: 0,
            length: 0,
            left: false,
            sent_at: now,
            resend_at: Reading::default(),
            resends: 0,
        }
    }

    /// Sends what a slot holds (again) and puts the slot at the end of its table.
    pub(super) fn resend_publish(&mut self, now: Instant, mut slot: Slot<T, H>) {
        slot.position = self.outgoing.end();
        let left = slot.left;
        if let Some(Body::Publish { packet, .. }) = slot.body_mut() {
            codec::set_publish_dup(packet, left);
            self.outgoing.write(packet);
        }
        self.was_sent(now, &mut slot);
        self.publishes.push(slot);
    }

    pub(super) fn resend_request(&mut self, now: Instant, mut slot: Slot<T, H>) {
        slot.position = self.outgoing.end();
        let mut packet = Vec::new();
        match &slot.what {
            What::Operation(operation) => match &operation.body {
                Body::Subscribe { filter, qos, .. } => {
                    let filter = std::iter::once((&**filter, *qos));
                    codec::encode_subscribe(&mut packet, slot.packet_id, filter);
                }
                Body::Unsubscribe { filter } => {
                    let filter = std::iter::once(&**filter);
                    codec::encode_unsubscribe(&mut packet, slot.packet_id, filter);
                }
                Body::Publish { .. } => {}
            },
            What::Restore(filters) => {
                let subscriptions = filters
                    .iter()
                    .filter_map(|filter| self.subscriptions.get(filter));
                let filters =
                    subscriptions.map(|subscription| (&*subscription.filter, subscription.qos));
                codec::encode_subscribe(&mut packet, slot.packet_id, filters);
            }
            What::Ended => {}
        }
        self.outgoing.write(&packet);
        self.was_sent(now, &mut slot);
        self.requests.push(slot);
    }

    fn was_sent(&mut self, now: Instant, slot: &mut Slot<T, H>) {
        self.settle_clock(now);
        slot.length = (self.outgoing.end() - slot.position) as u32;
        slot.sent_at = now;
        let mut wait = self.acknowledgement_wait;
        if slot.resends > 0 {
            wait = wait.saturating_mul(1 << slot.resends.min(16));
        }
        slot.resend_at = self.clock.read(now).plus_nanos(wait);
        self.next_due = slot.resend_at.or_earlier(self.next_due);
    }

    /// Something may go on: the window has room, draining is due, nothing is in flight any more.
    pub(super) fn progress(&mut self, now: Instant) {
        if !self.is_connected() {
            return;
        }
        self.fill_window(now);
        self.drain(now);
        self.leave(now);
        if self.publishes.is_empty() && self.requests.is_empty() {
            self.next_due = None;
        }
        self.settle_clock(now);
    }

    /// An operation has ended by time-out or was cancelled. A window full of identifiers that only the end of the connection can
    /// free would let nothing through any more.
    pub(super) fn after_end(&mut self, now: Instant) {
        let window = usize::from(self.config.in_flight_window);
        let full = [
            (&self.publishes, window, "publishes"),
            (&self.requests, REQUESTS, "subscribes and unsubscribes"),
        ];
        let has_ended = |slot: &Slot<T, H>| matches!(slot.what, What::Ended);
        let full = full
            .into_iter()
            .find(|(table, most, _)| table.len() >= *most && table.iter().all(has_ended));
        if let Some((_, most, what)) = full.filter(|_| self.is_connected()) {
            let why = format!(
                "none of {most} {what} was acknowledged before it timed out; a new connection frees their identifiers"
            );
            return self.hang_up(now, Error::new(Code::Timeout, why));
        }
        self.progress(now);
    }
}
