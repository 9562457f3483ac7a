//! Everything that happens because time passes.

use super::event::OperationId;
use super::in_flight::{Slot, What};
use super::keep_alive::Due;
use super::{Phase, Session};
use crate::codec;
use crate::error::{Code, Error};
use crate::log::Level;
use crate::time::Instant;

impl<T, H: Clone> Session<T, H> {
    /// When [`Session::timeout`] has something to do, or earlier.
    pub fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Opening { deadline } | Phase::Greeting { deadline, .. } => Some(deadline),
            Phase::Backoff { until } => Some(until),
            Phase::Connected { .. } => self.connected_deadline(),
            Phase::Idle | Phase::Ended => None,
        };
        let operation = self.deadlines.front().map(|(deadline, _)| *deadline);
        Instant::first(phase, operation)
    }

    fn connected_deadline(&self) -> Option<Instant> {
        let leaving = self.leaving.as_ref().map(|leaving| leaving.deadline);
        if self.said_disconnect() {
            return leaving;
        }
        let draining = match (self.restoring, self.draining) {
            _ if self.leaving.is_some() || !self.resending.is_empty() => None,
            (Some(restoring), Some(_)) => Some(restoring),
            // "As fast as the window allows" waits for acknowledgements, not for a time.
            (None, Some(next))
                if !self.config.draining_interval.is_zero() && !self.queue_waits() =>
            {
                Some(next)
            }
            _ => None,
        };
        let unacknowledged = self.next_due.and_then(|due| self.clock.when(due));
        let keep_alive = self.keep_alive.deadline(!self.outgoing.is_empty());
        Instant::first(
            Instant::first(leaving, draining),
            Instant::first(unacknowledged, keep_alive),
        )
    }

    /// It is `now`. Harmless when nothing is due.
    pub fn timeout(&mut self, now: Instant) {
        while let Some((deadline, operation)) = self.deadlines.front().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_front();
            self.expire(now, operation);
        }
        match self.phase {
            Phase::Opening { deadline } if deadline <= now => {
                self.hang_up(
                    now,
                    attempt_timed_out("no connection was made within the connect time-out"),
                );
            }
            Phase::Greeting { deadline, .. } if deadline <= now => {
                self.hang_up(now, attempt_timed_out("the broker did not answer CONNECT with CONNACK within the connect time-out"));
            }
            Phase::Backoff { until } if until <= now => self.open(now),
            Phase::Connected { .. } => self.connected_timeout(now),
            _ => {}
        }
    }

    fn connected_timeout(&mut self, now: Instant) {
        self.outgoing.shrink();
        self.spare.clear();
        self.packet_ids.shrink();
        // No PINGREQ and no re-send may follow DISCONNECT.
        if self.said_disconnect() {
            return self.leave(now);
        }
        match self.keep_alive.due(now, !self.outgoing.is_empty()) {
            Due::Nothing => {}
            Due::Ping => self.ping(now),
            Due::Dead => {
                let waited = self.config.ping_timeout.as_millis();
                let why =
                    format!("no byte came from the broker within {waited} ms after a PINGREQ");
                return self.hang_up(now, Error::new(Code::PingTimeout, why));
            }
        }
        if self.restoring.is_some_and(|deadline| deadline <= now) {
            self.restoring = None;
        }
        if self.next_due.is_some_and(|due| due <= self.clock.read(now)) {
            self.resend_overdue(now);
        }
        self.progress(now);
    }

    fn ping(&mut self, now: Instant) {
        self.outgoing.write(&codec::PINGREQ);
        self.keep_alive.pinged(now);
        self.settle_clock(now);
    }

    /// Packets whose acknowledgement is overdue are sent again with the same packet identifier, and the peer is asked whether it
    /// lives. (MQTT 3.1.1 demands a re-send only on a new connection [MQTT-4.4.0-1] and does not forbid one on this; AWS IoT gives no
    /// PUBACK when it throttles.)
    fn resend_overdue(&mut self, now: Instant) {
        let reading = self.clock.read(now);
        self.next_due = None;
        let silent = !self.keep_alive.is_waiting();
        let mut overdue = false;
        for publish in [false, true] {
            let table = if publish {
                &mut self.publishes
            } else {
                &mut self.requests
            };
            let slots: Vec<Slot<T, H>> = table.drain().collect();
            for mut slot in slots {
                // The rest when the link has taken these: a window full of large publishes is not copied at once.
                let is_due = slot.resend_at <= reading
                    && !matches!(slot.what, What::Ended)
                    && !self.is_far_ahead();
                overdue |= is_due;
                let table = if publish {
                    &mut self.publishes
                } else {
                    &mut self.requests
                };
                if !is_due {
                    if !matches!(slot.what, What::Ended) {
                        self.next_due = slot.resend_at.or_earlier(self.next_due);
                    }
                    table.push(slot);
                } else if self.config.retransmit.is_zero()
                    || self.outgoing.try_reserve(slot.size()).is_err()
                {
                    slot.resend_at = reading.plus_nanos(self.acknowledgement_wait);
                    self.next_due = slot.resend_at.or_earlier(self.next_due);
                    table.push(slot);
                } else {
                    slot.left = true;
                    slot.resends += 1;
                    self.log.write(Level::Info, || {
                        format!(
                            "packet identifier {} is not acknowledged: sent again ({} times)",
                            slot.packet_id, slot.resends
                        )
                    });
                    if publish {
                        self.resend_publish(now, slot);
                    } else {
                        self.resend_request(now, slot);
                    }
                }
            }
        }
        if overdue && silent {
            self.ping(now);
        }
    }

    /// A synchronous call gives up.
    fn expire(&mut self, now: Instant, operation: OperationId) {
        if self
            .connect
            .as_ref()
            .is_some_and(|waiter| waiter.operation == operation)
        {
            let why = "no connection was made within the connect time-out";
            let goes_on =
                !self.wanted.is_some_and(|wanted| wanted.first) || self.config.retry_first_connect;
            if goes_on {
                self.finish_connect(
                    Err(Error::new(Code::Timeout, format!("{why}; attempts go on"))),
                    false,
                );
            }
            // Else the attempt itself has this deadline and tells more.
            return;
        }
        let waited = self.config.operation_timeout.as_millis();
        let why = format!(
            "no acknowledgement within {waited} ms; the broker may have it all the same, it is not sent again"
        );
        if self.give_up(now, operation, Error::new(Code::Timeout, why)) {
            self.counters.timed_out += 1;
        }
    }

    pub(super) fn push_deadline(&mut self, deadline: Instant, operation: OperationId) {
        // Connect has a time-out of its own, so the new one is not always the last.
        let index = self
            .deadlines
            .partition_point(|(other, _)| *other <= deadline);
        self.deadlines.insert(index, (deadline, operation));
    }

    /// There are as many as calls that wait, and the first of them mostly ends first.
    #[inline(always)] // Once a message, mostly one that nobody waits for.
    pub(super) fn forget_deadline(&mut self, operation: OperationId) {
        if !self.deadlines.is_empty() {
            self.forget_a_deadline(operation);
        }
    }

    #[inline(never)]
    fn forget_a_deadline(&mut self, operation: OperationId) {
        let deadlines = &mut self.deadlines;
        if let Some(place) = deadlines.iter().position(|(_, id)| *id == operation) {
            deadlines.remove(place);
        }
    }

    /// Until when the attempt that is under way may take, from name resolution to CONNACK.
    pub fn attempt_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Opening { deadline } | Phase::Greeting { deadline, .. } => Some(deadline),
            _ => None,
        }
    }
}

fn attempt_timed_out(why: &'static str) -> Error {
    Error::new(Code::Timeout, why)
}
