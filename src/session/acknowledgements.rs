//! What the broker acknowledges: PUBACK, SUBACK, UNSUBACK.

use super::Session;
use super::event::Event;
use super::in_flight::{Slot, What};
use super::operation::{Body, Operation};
use super::subscriptions::Subscription;
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::log::Level;
use crate::time::Instant;
use std::sync::Arc;

impl<T, H: Clone> Session<T, H> {
    /// What has its place in the window now is sent when everything that came with this is dealt with.
    #[inline(always)] // Once a message.
    pub(super) fn puback(&mut self, now: Instant, packet_id: u16) {
        match self.publishes.remove_first(packet_id) {
            Some(slot) => self.acknowledged(now, slot),
            None => self.puback_out_of_turn(now, packet_id),
        }
    }

    #[inline(never)]
    pub(super) fn puback_out_of_turn(&mut self, now: Instant, packet_id: u16) {
        let sent = self.publishes.remove(packet_id);
        match sent.or_else(|| self.resending.acknowledged(packet_id)) {
            Some(slot) => self.acknowledged(now, slot),
            None => self.unexpected("PUBACK", packet_id),
        }
    }

    #[inline(always)]
    fn acknowledged(&mut self, now: Instant, slot: Slot<T, H>) {
        let packet_id = slot.packet_id;
        self.packet_ids.release(packet_id);
        self.acknowledged = true;
        if let What::Operation(operation) = slot.what {
            let latency = now.0.saturating_sub(slot.sent_at.0);
            self.counters.last_acknowledgement_nanos = latency;
            let longest = &mut self.counters.max_acknowledgement_nanos;
            *longest = latency.max(*longest);
            self.live_bytes = self.live_bytes.saturating_sub(operation.size());
            self.published(operation, packet_id);
        }
    }

    /// The SUBACK has a code for each filter of its SUBSCRIBE, in their order [MQTT-3.8.4-5].
    pub(super) fn suback(&mut self, packet_id: u16, return_codes: &[u8]) -> Result<(), Error> {
        let expected = match self.requests.get_mut(packet_id).map(|slot| &slot.what) {
            Some(What::Restore(filters)) => filters.len(),
            Some(What::Operation(operation))
                if matches!(operation.body, Body::Subscribe { .. }) =>
            {
                1
            }
            Some(What::Ended) => return_codes.len(),
            _ => {
                self.unexpected("SUBACK", packet_id);
                return Ok(());
            }
        };
        if return_codes.len() != expected || return_codes.contains(&2) {
            return Err(Error::new(
                Code::Protocol,
                format!(
                    "SUBACK with the return codes {return_codes:?} for a SUBSCRIBE of {expected} filters with QoS 0 or 1 [MQTT-3.8.4-5]"
                ),
            ));
        }
        self.packet_ids.release(packet_id);
        match self.requests.remove(packet_id).map(|slot| slot.what) {
            Some(What::Restore(filters)) => {
                for (filter, return_code) in filters.iter().zip(return_codes) {
                    if *return_code == 0x80 {
                        self.filter_refused(filter, refused(filter));
                    } else if let Some(subscription) = self.subscriptions.get_mut(filter) {
                        subscription.confirmed = true;
                    }
                }
            }
            Some(What::Operation(operation)) => {
                self.acknowledged = true;
                self.live_bytes = self.live_bytes.saturating_sub(operation.size());
                self.subscribed(operation, packet_id, return_codes[0]);
            }
            _ => {}
        }
        Ok(self.release_held(false)?)
    }

    fn subscribed(&mut self, mut operation: Box<Operation<T, H>>, packet_id: u16, return_code: u8) {
        let granted = match return_code {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => {
                let why = refused(&operation.topic());
                return self.end(operation, Err(why), packet_id);
            }
        };
        let mut replaced = None;
        if let Body::Subscribe {
            filter,
            qos,
            handler,
            manual,
        } = &mut operation.body
        {
            replaced = self.subscriptions.insert(Subscription {
                filter: Arc::clone(filter),
                qos: *qos,
                handler: handler.take(),
                manual: *manual,
                confirmed: true,
            });
        }
        self.forget_deadline(operation.id);
        let outputs = &mut self.outputs;
        operation.end(Ok(()), packet_id, Some(granted), |event| {
            outputs.push(super::Output::Event(event));
        });
        if let Some(replaced) = replaced {
            self.emit(Event::Released(replaced));
        }
    }

    pub(super) fn unsuback(&mut self, packet_id: u16) {
        let awaited = match self.requests.get_mut(packet_id).map(|slot| &slot.what) {
            Some(What::Operation(operation)) => {
                matches!(operation.body, Body::Unsubscribe { .. })
            }
            Some(What::Ended) => true,
            _ => false,
        };
        if !awaited {
            return self.unexpected("UNSUBACK", packet_id);
        }
        self.packet_ids.release(packet_id);
        if let Some(What::Operation(operation)) =
            self.requests.remove(packet_id).map(|slot| slot.what)
        {
            self.acknowledged = true;
            self.live_bytes = self.live_bytes.saturating_sub(operation.size());
            let removed = self.subscriptions.remove(&operation.topic());
            self.end(operation, Ok(()), packet_id);
            if let Some(handler) = removed.and_then(|subscription| subscription.handler) {
                self.emit(Event::Released(handler));
            }
        }
    }

    /// Not an error: what we have sent twice is acknowledged twice.
    fn unexpected(&self, what: &str, packet_id: u16) {
        self.log.write(Level::Warning, || {
            format!(
                "{what} for the packet identifier {packet_id}, which nothing waits for: ignored"
            )
        });
    }
}

fn refused(filter: &str) -> Error {
    Error::new(
        Code::SubscribeRefused,
        format!(
            "SUBACK 0x80: the broker refuses the subscription to \"{filter}\"; the policy must allow iot:Subscribe for it"
        ),
    )
}
