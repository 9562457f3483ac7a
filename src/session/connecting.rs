//! From `connect` to `disconnect`, and what happens when a connection ends.

use super::event::{Accepted, Done, Event, OperationId, OperationKind, Output};
use super::in_flight::What;
use super::keep_alive::{ActiveClock, KeepAlive};
use super::poison::Suspect;
use super::{Phase, Session, Wait, Waiter, Wanted};
use crate::codec;
use crate::error::{Code, Error};
use crate::log::Level;
use crate::time::Instant;
use zeroize::Zeroizing;

/// User name and password of one attempt; the session does not keep them.
#[derive(Default)]
pub struct Login {
    /// May hold the token of a custom authorizer.
    pub username: Option<Zeroizing<String>>,
    pub password: Option<Zeroizing<Vec<u8>>>,
}

impl<T, H: Clone> Session<T, H> {
    /// The application wants a connection. The first attempt begins now, also if one was to come later.
    pub fn connect(
        &mut self,
        now: Instant,
        keep_alive_secs: u16,
        wait: Wait,
        tag: impl FnOnce(OperationId) -> Option<T>,
    ) -> Result<OperationId, Error> {
        let refused = match self.phase {
            Phase::Ended => Some("the client is being freed"),
            _ if self.leaving.is_some() => Some("the client is disconnecting"),
            _ if self.connect.is_some() => Some("a connect is already under way"),
            Phase::Connected { .. } => Some("already connected"),
            _ => None,
        };
        if let Some(why) = refused {
            return Err(Error::new(Code::InvalidState, why));
        }
        let operation = self.next_operation();
        self.connect = Some(Waiter {
            operation,
            tag: tag(operation),
        });
        if wait == Wait::Bounded {
            let deadline = now + self.config.connect_disconnect_timeout;
            self.push_deadline(deadline, operation);
        }
        let first = self.wanted.is_none_or(|wanted| wanted.first);
        self.wanted = Some(Wanted {
            keep_alive_secs,
            first,
        });
        self.waits.reset();
        if matches!(self.phase, Phase::Idle | Phase::Backoff { .. }) {
            self.open(now);
        }
        Ok(operation)
    }

    /// A new connection now: the network has changed, or new credentials are to be used.
    pub fn reconnect(&mut self, now: Instant) -> Result<(), Error> {
        match self.phase {
            _ if self.leaving.is_some() => {
                return Err(Error::new(
                    Code::InvalidState,
                    "the client is disconnecting",
                ));
            }
            Phase::Connected { .. } => {
                self.hang_up(
                    now,
                    Error::new(Code::ConnectionLost, "reconnect was called"),
                );
                // That was no failure.
                self.waits.take_back();
                self.open(now);
            }
            Phase::Backoff { .. } => self.open(now),
            Phase::Opening { .. } | Phase::Greeting { .. } => {}
            Phase::Idle | Phase::Ended => {
                return Err(Error::new(
                    Code::InvalidState,
                    "no connection is wanted: call connect",
                ));
            }
        }
        Ok(())
    }

    /// The driver has a link: greet. [MQTT-3.1.0-1]
    pub fn opened(&mut self, now: Instant, login: &Login) {
        let Phase::Opening { deadline } = self.phase else {
            return;
        };
        let keep_alive_secs = self.wanted.map_or(0, |wanted| wanted.keep_alive_secs);
        let connect = codec::Connect {
            protocol: self.config.protocol,
            clean_session: self.config.clean_session,
            keep_alive_secs,
            client_id: &self.config.client_id,
            will: self.config.will.as_ref(),
            username: login.username.as_deref().map(String::as_str),
            password: login.password.as_deref().map(Vec::as_slice),
        };
        let mut packet = Zeroizing::new(Vec::new());
        if let Err(why) = codec::encode_connect(&mut packet, &connect) {
            return self.hang_up(now, why);
        }
        self.outgoing.write(&packet);
        self.keep_alive = KeepAlive::new(now, 0, self.config.ping_timeout);
        self.outgoing.holds_secret();
        self.phase = Phase::Greeting {
            deadline,
            keep_alive_secs,
        };
    }

    /// The link is gone, or could not be made.
    pub fn closed(&mut self, now: Instant, why: Error) {
        let doomed = if self.is_connected() {
            self.suspect_oldest(&why)
        } else {
            None
        };
        self.ended(now, why, doomed);
    }

    /// We end the connection.
    pub(super) fn hang_up(&mut self, now: Instant, why: Error) {
        // A failed attempt says nothing about the suspect.
        if self.is_connected() {
            self.suspect = None;
        }
        self.outputs.push(Output::Close);
        self.ended(now, why, None);
    }

    pub(super) fn connack(&mut self, now: Instant, session_present: bool, return_code: u8) {
        if return_code != 0 {
            // The broker has not touched its session.
            let unanswered = self.unanswered;
            self.hang_up(now, refusal(return_code, &self.config.client_id));
            self.unanswered = unanswered;
            return;
        }
        if session_present && self.config.clean_session {
            return self.hang_up(
                now,
                Error::new(
                    Code::Protocol,
                    "CONNACK says session present although a clean session was asked for [MQTT-3.2.2-1]",
                ),
            );
        }
        let Phase::Greeting {
            keep_alive_secs, ..
        } = self.phase
        else {
            return;
        };
        self.phase = Phase::Connected { since: now };
        self.counters.connections += 1;
        self.counters.reconnects = self.counters.connections - 1;
        self.keep_alive = KeepAlive::new(now, keep_alive_secs, self.config.ping_timeout);
        self.keep_alive.pause(now, self.paused);
        if let Some(wanted) = &mut self.wanted {
            wanted.first = false;
        }
        self.log.write(Level::Info, || {
            format!(
                "connected, session {}",
                if session_present { "present" } else { "new" }
            )
        });
        self.emit(Event::Online { session_present });
        self.finish_connect(Ok(()), session_present);
        self.restore(now, session_present);
        self.progress(now);
    }

    pub(super) fn open(&mut self, now: Instant) {
        self.phase = Phase::Opening {
            deadline: now + self.config.connect_disconnect_timeout,
        };
        self.outputs.push(Output::Open);
    }

    /// An attempt failed or a connection ended; the link is no more.
    fn ended(&mut self, now: Instant, why: Error, doomed: Option<Suspect>) {
        let phase = self.phase;
        if matches!(phase, Phase::Idle | Phase::Backoff { .. } | Phase::Ended) {
            return;
        }
        self.forget_connection(now, None);
        if let Some(doomed) = doomed {
            self.refuse_by_close(doomed);
        }
        if let Phase::Connected { since } = phase {
            if let Some(leaving) = self.leaving.take() {
                self.phase = Phase::Idle;
                self.wanted = None;
                self.log
                    .write(Level::Info, || format!("disconnected: {why}"));
                self.emit(Event::Offline { why });
                return self.finish_disconnect(leaving.waiter, Ok(()));
            }
            if now.since(since) >= self.config.backoff.stable {
                self.waits.reset();
            }
            self.log
                .write(Level::Warning, || format!("connection lost: {why}"));
            self.counters.last_failure = Some(why.clone());
            self.emit(Event::Offline { why });
            self.phase = Phase::Backoff {
                until: now + self.waits.next(&self.config.backoff),
            };
            return;
        }
        self.counters.last_failure = Some(why.clone());
        let first = self.wanted.is_none_or(|wanted| wanted.first);
        if first && !self.config.retry_first_connect {
            self.phase = Phase::Idle;
            self.wanted = None;
            self.log
                .write(Level::Error, || format!("connect failed: {why}"));
            self.emit(Event::ConnectFailed {
                why: why.clone(),
                next_attempt: None,
            });
            return self.finish_connect(Err(why), false);
        }
        let wait = self.waits.next(&self.config.backoff);
        self.phase = Phase::Backoff { until: now + wait };
        self.log.write(Level::Warning, || {
            format!(
                "attempt to connect failed, the next one in {} ms: {why}",
                wait.as_millis()
            )
        });
        self.emit(Event::ConnectFailed {
            why: why.clone(),
            next_attempt: Some(wait),
        });
        if !first {
            self.finish_connect(Err(why), false);
        }
    }

    /// Clears what belongs to one connection. QoS 0 publishes that have not left end as lost with it, or as `why` says.
    pub(super) fn forget_connection(&mut self, now: Instant, why: Option<Error>) {
        // The positions of packets are those of the last connection that got as far as CONNACK.
        let taken = if self.is_connected() {
            self.outgoing.taken()
        } else {
            0
        };
        if matches!(self.phase, Phase::Greeting { .. }) && self.outgoing.taken() > 0 {
            self.unanswered = true;
        }
        let resending = std::mem::take(&mut self.resending);
        self.publishes.append(resending.slots);
        for table in [&mut self.publishes, &mut self.requests] {
            table.retain(|slot| {
                slot.left |= slot.position < taken;
                let is_operation = matches!(slot.what, What::Operation(_));
                if !is_operation {
                    // Its identifier is free again: the connection on which it was taken has ended.
                    self.packet_ids.release(slot.packet_id);
                }
                is_operation
            });
        }
        let departing = std::mem::take(&mut self.departing).into_iter();
        for operation in departing.map(|it| it.operation).chain(resending.held_back) {
            self.live_bytes = self.live_bytes.saturating_sub(operation.size());
            let lost = Error::new(
                Code::ConnectionLost,
                "the connection was lost before the last byte had left; QoS 0 is not sent again",
            );
            self.end(operation, Err(why.clone().unwrap_or(lost)), 0);
        }
        self.outgoing.reset();
        self.clock = ActiveClock::default();
        self.paused = false;
        self.partial = Vec::new();
        self.receipts.forget();
        // Without memory for one there is no connection to end any more.
        let _ = self.release_held(true);
        self.acknowledged = false;
        self.next_due = None;
        self.waiting_restores.clear();
        self.restoring = None;
        self.draining = None;
        self.keep_alive = KeepAlive::new(now, 0, self.config.ping_timeout);
    }

    pub(super) fn finish_connect(&mut self, result: Result<(), Error>, session_present: bool) {
        let Some(waiter) = self.connect.take() else {
            return;
        };
        self.forget_deadline(waiter.operation);
        if result.as_ref().is_err_and(|why| why.code == Code::Timeout) {
            self.counters.timed_out += 1;
        }
        if waiter.tag.is_none() {
            return;
        }
        self.emit(Event::Done(Done {
            operation: waiter.operation,
            kind: OperationKind::Connect,
            tag: waiter.tag,
            result,
            packet_id: 0,
            granted_qos: None,
            session_present,
            left: 0,
            topic: None,
        }));
    }

    /// Whether a new operation is accepted, and where it goes.
    #[inline(always)]
    pub(super) fn admits(&self) -> Result<Accepted, Error> {
        match self.phase {
            Phase::Ended => Err(Error::new(Code::InvalidState, "the client is being freed")),
            _ if self.leaving.is_some() => Err(Error::new(
                Code::InvalidState,
                "the client is disconnecting",
            )),
            Phase::Connected { .. } if self.draining.is_none() => Ok(Accepted::Now),
            _ => Ok(Accepted::Queued),
        }
    }
}

fn refusal(return_code: u8, client_id: &str) -> Error {
    let (code, why) = match return_code {
        1 => (
            Code::UnacceptableProtocolVersion,
            "unacceptable protocol version: the broker does not speak this version of MQTT".to_owned(),
        ),
        2 => (
            Code::IdentifierRejected,
            format!("identifier rejected: the broker does not allow the client id \"{client_id}\""),
        ),
        3 => (
            Code::ServerUnavailable,
            "server unavailable: the MQTT service is not available for now".to_owned(),
        ),
        4 => (
            Code::BadUsernameOrPassword,
            "bad user name or password".to_owned(),
        ),
        5 => (
            Code::NotAuthorized,
            format!("not authorized: the policy must allow iot:Connect for the client id \"{client_id}\""),
        ),
        _ => (
            Code::ConnectRefused,
            "refused with a code that MQTT 3.1.1 does not know (AWS IoT has used 7 for \"not authorized\")".to_owned(),
        ),
    };
    Error::new(code, format!("CONNACK {return_code} {why}"))
}
