//! `disconnect`, and the end of the session.

use super::event::{Done, Event, OperationId, OperationKind, Output};
use super::in_flight::What;
use super::{Leaving, Phase, Session, Waiter};
use crate::codec;
use crate::error::{Code, Error};
use crate::time::Instant;

impl<T, H: Clone> Session<T, H> {
    /// Refuses new operations, waits for what is in flight, says DISCONNECT. Without a connection: stops the attempts.
    pub fn disconnect(
        &mut self,
        now: Instant,
        tag: impl FnOnce(OperationId) -> Option<T>,
    ) -> Result<OperationId, Error> {
        if self.phase == Phase::Ended {
            return Err(Error::new(Code::InvalidState, "the client is being freed"));
        }
        if self.leaving.is_some() {
            return Err(Error::new(
                Code::InvalidState,
                "a disconnect is already under way",
            ));
        }
        let operation = self.next_operation();
        let waiter = Waiter {
            operation,
            tag: tag(operation),
        };
        if self.is_connected() {
            self.leaving = Some(Leaving {
                waiter,
                deadline: now + self.config.connect_disconnect_timeout,
                said_disconnect: false,
            });
            self.progress(now);
            return Ok(operation);
        }
        self.stop_trying(now);
        self.finish_connect(
            Err(Error::new(
                Code::Cancelled,
                "disconnect was called before the connection was made",
            )),
            false,
        );
        self.finish_disconnect(waiter, Ok(()));
        Ok(operation)
    }

    /// No connection is wanted any more, and there is none.
    pub(super) fn stop_trying(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Opening { .. } | Phase::Greeting { .. }) {
            self.outputs.push(Output::Close);
            self.forget_connection(now, None);
        }
        self.phase = Phase::Idle;
        self.wanted = None;
    }

    /// Says DISCONNECT when nothing is in flight any more or the time is up, and closes when it has left. [MQTT-3.14.4-1]
    pub(super) fn leave(&mut self, now: Instant) {
        if self.leaving.is_none() {
            return;
        }
        let idle = self.in_flight() == 0;
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        if leaving.said_disconnect {
            if self.outgoing.has_left() || leaving.deadline <= now {
                self.hang_up(now, Error::new(Code::Cancelled, "disconnect was called"));
            }
        } else if idle || leaving.deadline <= now {
            leaving.said_disconnect = true;
            self.outgoing.write(&codec::DISCONNECT);
            self.settle_clock(now);
        }
    }

    /// DISCONNECT is in the outgoing bytes: nothing may follow it [MQTT-3.14.4-2].
    pub(super) fn said_disconnect(&self) -> bool {
        self.leaving
            .as_ref()
            .is_some_and(|leaving| leaving.said_disconnect)
    }

    pub(super) fn finish_disconnect(&mut self, waiter: Waiter<T>, result: Result<(), Error>) {
        if waiter.tag.is_none() {
            return;
        }
        let left = self.in_flight() + self.queue.len();
        self.emit(Event::Done(Done {
            operation: waiter.operation,
            kind: OperationKind::Disconnect,
            tag: waiter.tag,
            result,
            packet_id: 0,
            granted_qos: None,
            session_present: false,
            left,
            topic: None,
        }));
    }

    /// Everything ends as cancelled, and nothing is accepted any more.
    pub fn shut_down(&mut self, now: Instant) {
        if self.phase == Phase::Ended {
            return;
        }
        let cancelled = || Error::new(Code::Cancelled, "the client was freed");
        if !matches!(self.phase, Phase::Idle | Phase::Backoff { .. }) {
            self.outputs.push(Output::Close);
        }
        let was_connected = self.is_connected();
        self.held.clear();
        self.forget_connection(now, Some(cancelled()));
        self.phase = Phase::Ended;
        self.wanted = None;
        if was_connected {
            self.emit(Event::Offline { why: cancelled() });
        }
        self.finish_connect(Err(cancelled()), false);
        let mut operations: Vec<_> = self
            .publishes
            .drain()
            .chain(self.requests.drain())
            .filter_map(|slot| match slot.what {
                What::Operation(operation) => Some((operation, slot.packet_id)),
                _ => None,
            })
            .collect();
        operations.extend(
            self.waiting_publishes
                .drain(..)
                .map(|operation| (operation, 0)),
        );
        operations.extend(
            self.waiting_requests
                .drain(..)
                .map(|operation| (operation, 0)),
        );
        while let Some(operation) = self.queue.pop() {
            operations.push((operation, 0));
        }
        operations.sort_by_key(|(operation, _)| operation.id);
        for (operation, packet_id) in operations {
            self.end(operation, Err(cancelled()), packet_id);
        }
        self.live_bytes = 0;
        self.deadlines.clear();
        if let Some(leaving) = self.leaving.take() {
            self.finish_disconnect(leaving.waiter, Err(cancelled()));
        }
        let handlers: Vec<H> = self.subscriptions.clear().collect();
        for handler in handlers {
            self.emit(Event::Released(handler));
        }
    }
}
