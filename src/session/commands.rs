//! What the application asks for.

use super::event::{Accepted, OperationId};
use super::operation::{Body, OVERHEAD, Operation};
use super::poison::take_operation;
use super::sending::Departing;
use super::{Session, What};
use crate::codec::{self, topic};
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::time::Instant;
use std::sync::Arc;

/// How long somebody waits for the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As long as the configured time-out (a synchronous call): then the operation ends as timed out.
    Bounded,
    /// Until there is an outcome.
    Forever,
}

impl<T, H: Clone> Session<T, H> {
    /// `prepare` is called only if the operation is accepted; it gives what to attach to the operation and the handler of the
    /// messages.
    pub fn subscribe(
        &mut self,
        now: Instant,
        filter: &str,
        qos: QoS,
        manual: bool,
        wait: Wait,
        prepare: impl FnOnce(OperationId, Accepted) -> (Option<T>, Option<H>),
    ) -> Result<(OperationId, Accepted), Error> {
        topic::check_filter(filter)?;
        let accepted = self.admits()?;
        self.check_memory(filter.len())?;
        self.make_room(accepted)?;
        let filter = Arc::from(filter);
        let id = self.next_operation();
        let (tag, handler) = prepare(id, accepted);
        let body = Body::Subscribe {
            filter,
            qos,
            handler,
            manual,
        };
        let operation = Operation {
            id,
            tag,
            queued: false,
            body,
        };
        self.enter_request(now, accepted, wait, operation);
        Ok((id, accepted))
    }

    pub fn unsubscribe(
        &mut self,
        now: Instant,
        filter: &str,
        wait: Wait,
        tag: impl FnOnce(OperationId, Accepted) -> Option<T>,
    ) -> Result<(OperationId, Accepted), Error> {
        topic::check_filter(filter)?;
        let accepted = self.admits()?;
        self.check_memory(filter.len())?;
        self.make_room(accepted)?;
        let filter = Arc::from(filter);
        let id = self.next_operation();
        let operation = Operation {
            id,
            tag: tag(id, accepted),
            queued: false,
            body: Body::Unsubscribe { filter },
        };
        self.enter_request(now, accepted, wait, operation);
        Ok((id, accepted))
    }

    /// Ends an operation as cancelled. What has begun to leave cannot be called back: the broker may have it.
    pub fn cancel(&mut self, now: Instant, id: OperationId) -> Result<(), Error> {
        if self
            .connect
            .as_ref()
            .is_some_and(|waiter| waiter.operation == id)
        {
            if self.wanted.is_some_and(|wanted| wanted.first) {
                self.stop_trying(now);
            }
            let why = Error::new(Code::Cancelled, "the connect was cancelled");
            self.finish_connect(Err(why), false);
            return Ok(());
        }
        let why = || Error::new(Code::Cancelled, "the operation was cancelled");
        if let Some(operation) = self.queue.remove(id) {
            self.end(operation, Err(why()), 0);
            self.progress(now);
            return Ok(());
        }
        if self.call_back_departing(id, why()) {
            self.progress(now);
            return Ok(());
        }
        if self.give_up(now, id, why()) {
            return Ok(());
        }
        Err(Error::new(
            Code::NotFound,
            format!("no operation {} is pending", id.0),
        ))
    }

    /// Ends an operation that is in flight or waits for its place there. False if there is none with this id.
    pub(super) fn give_up(&mut self, now: Instant, id: OperationId, why: Error) -> bool {
        let waiting = [&mut self.waiting_publishes, &mut self.waiting_requests];
        let found = waiting.into_iter().find_map(|waiting| {
            let index = waiting.iter().position(|operation| operation.id == id)?;
            // It has no packet identifier yet.
            Some((waiting.remove(index)?, 0))
        });
        if let Some((operation, packet_id)) = found.or_else(|| self.resending.remove(id)) {
            self.packet_ids.release(packet_id);
            self.live_bytes = self.live_bytes.saturating_sub(operation.size());
            self.end(operation, Err(why), packet_id);
            self.after_end(now);
            return true;
        }
        let connected = self.is_connected();
        for publish in [true, false] {
            let table = if publish {
                &mut self.publishes
            } else {
                &mut self.requests
            };
            let Some(slot) = table
                .iter_mut()
                .find(|slot| slot.operation().is_some_and(|operation| operation.id == id))
            else {
                continue;
            };
            let packet_id = slot.packet_id;
            let place = slot.position..slot.position + slot.length as u64;
            let cut = connected && self.outgoing.cut(place.clone());
            let finished = !connected || (cut && !slot.left);
            let may_have_left = slot.left || (connected && !cut);
            let operation = if finished {
                self.packet_ids.release(packet_id);
                take_operation(table, id).map(|(_, operation)| operation)
            } else {
                match std::mem::replace(&mut slot.what, What::Ended) {
                    What::Operation(operation) => Some(operation),
                    _ => None,
                }
            };
            if cut {
                self.moved_up(place.end, place.end - place.start);
            }
            if let Some(operation) = operation {
                self.live_bytes = self.live_bytes.saturating_sub(operation.size());
                self.keep_subscription(&operation.body, may_have_left, cut);
                self.end(operation, Err(why), packet_id);
            }
            match self.release_held(false) {
                Ok(()) => self.after_end(now),
                Err(why) => self.hang_up(now, why.into()),
            }
            return true;
        }
        false
    }

    /// Bytes were cut out of the outgoing stream: what stands behind them moves up.
    pub(super) fn moved_up(&mut self, behind: u64, by: u64) {
        for slot in self.publishes.iter_mut().chain(self.requests.iter_mut()) {
            if slot.position >= behind {
                slot.position -= by;
            }
        }
        self.receipts.moved_up(behind, by);
        for Departing { place, .. } in &mut self.departing {
            if place.start >= behind {
                *place = place.start - by..place.end - by;
            }
        }
    }

    /// A message has been dealt with. PUBACKs go out in the order of receipt [MQTT-4.6.0-2], so this one may have to wait for
    /// those before it.
    pub fn acknowledge(&mut self, now: Instant, receipt: u64) -> Result<(), Error> {
        if self.said_disconnect() {
            return Err(Error::new(
                Code::Stale,
                "DISCONNECT was sent, and nothing may follow it: the broker will send the message again",
            ));
        }
        self.receipts.acknowledge(receipt)?;
        self.send_pubacks(now);
        Ok(())
    }

    /// The callbacks of all messages up to the one with this receipt have run: those that the application does not acknowledge itself
    /// are acknowledged.
    pub fn handled(&mut self, now: Instant, receipt: u64) {
        self.receipts.handled(receipt);
        if !self.said_disconnect() {
            self.send_pubacks(now);
        }
    }

    fn send_pubacks(&mut self, now: Instant) {
        while let Some(packet_id) = self.receipts.next_acknowledged() {
            let puback = codec::puback(packet_id);
            self.outgoing.append(puback.len()).copy_from_slice(&puback);
        }
        self.settle_clock(now);
    }

    #[inline(always)] // Once a message, as all below.
    pub(super) fn check_memory(&mut self, size: usize) -> Result<(), Error> {
        let accepted = self.accepted_bytes();
        let size = size + OVERHEAD;
        if accepted + size <= self.config.memory_limit {
            return Ok(());
        }
        self.counters.refused_queue_full += 1;
        Err(over_limit(accepted, size, self.config.memory_limit))
    }

    /// The last check: after it the operation is accepted.
    #[inline(always)]
    pub(super) fn make_room(&mut self, accepted: Accepted) -> Result<(), Error> {
        match accepted {
            Accepted::Now => Ok(()),
            Accepted::Queued => self.make_room_in_queue(),
        }
    }

    fn make_room_in_queue(&mut self) -> Result<(), Error> {
        match self.queue.make_room(&self.config) {
            Ok(None) => Ok(()),
            Ok(Some(evicted)) => {
                self.counters.evicted += 1;
                let why = Error::new(
                    Code::Dropped,
                    format!(
                        "dropped from the full offline queue for a newer operation: \"{}\"",
                        evicted.topic()
                    ),
                );
                self.end(evicted, Err(why), 0);
                Ok(())
            }
            Err(why) => {
                if why.code == Code::QueueFull {
                    self.counters.refused_queue_full += 1;
                }
                Err(why)
            }
        }
    }

    #[inline(never)]
    fn enter_request(
        &mut self,
        now: Instant,
        accepted: Accepted,
        wait: Wait,
        operation: Operation<T, H>,
    ) {
        self.enter(now, accepted, wait, Box::new(operation));
    }

    #[inline(always)] // Once a message.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        accepted: Accepted,
        wait: Wait,
        mut operation: Box<Operation<T, H>>,
    ) {
        operation.queued = accepted == Accepted::Queued;
        if accepted == Accepted::Queued {
            return self.queue.push(operation);
        }
        if wait == Wait::Bounded {
            let deadline = now + self.config.operation_timeout;
            self.push_deadline(deadline, operation.id);
        }
        self.go_live(now, operation);
    }
}

#[cold]
fn over_limit(accepted: usize, size: usize, limit: usize) -> Error {
    Error::new(
        Code::QueueFull,
        format!(
            "{accepted} bytes are accepted and not finished; {size} more (a QoS 1 packet that goes out at once counts twice) would pass the memory limit of {limit}"
        ),
    )
}
