//! AWS IoT closes the connection on a publish or a filter that the policy forbids, and says nothing. An operation that is sent
//! again on each connection would then keep the client from ever getting anywhere.

use super::Session;
use super::event::OperationId;
use super::in_flight::{InFlight, What};
use crate::error::{Code, Error};
use crate::log::Level;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspect {
    Operation(OperationId),
    /// Of a subscription that had been granted and was asked for again.
    Filter(Arc<str>),
}

#[derive(Debug)]
pub(super) struct Suspicion {
    suspect: Suspect,
    connections: u32,
}

impl<T, H: Clone> Session<T, H> {
    pub(super) fn suspects_a_filter(&self) -> bool {
        matches!(
            &self.suspect,
            Some(Suspicion {
                suspect: Suspect::Filter(_),
                ..
            })
        )
    }

    /// The peer has closed the connection: the oldest unacknowledged packet on it becomes (or stays) the suspect.
    /// Gives it if it was that too often.
    pub(super) fn suspect_oldest(&mut self, why: &Error) -> Option<Suspect> {
        let oldest = if why.code == Code::ConnectionLost {
            self.oldest_sent()
        } else {
            None
        };
        let Some(oldest) = oldest else {
            self.suspect = None;
            return None;
        };
        let connections = match self.suspect.take() {
            Some(suspicion) if suspicion.suspect == oldest && !self.acknowledged => {
                suspicion.connections + 1
            }
            _ => 1,
        };
        let limit = self.config.refused_by_close_limit;
        if limit > 0 && connections >= limit {
            return Some(oldest);
        }
        self.suspect = Some(Suspicion {
            suspect: oldest,
            connections,
        });
        None
    }

    fn oldest_sent(&self) -> Option<Suspect> {
        let taken = self.outgoing.taken();
        self.requests
            .iter()
            .chain(self.publishes.iter())
            .filter(|slot| slot.position < taken && !matches!(slot.what, What::Ended))
            .min_by_key(|slot| slot.position)
            .and_then(|slot| match &slot.what {
                What::Operation(operation) => Some(Suspect::Operation(operation.id)),
                What::Restore(filters) => filters.first().cloned().map(Suspect::Filter),
                What::Ended => None,
            })
    }

    /// Called when the connection is forgotten, so that nothing of the culprit is on its way.
    pub(super) fn refuse_by_close(&mut self, culprit: Suspect) {
        self.counters.refused_by_close += 1;
        match culprit {
            Suspect::Filter(filter) => {
                let why = self.refused("the filter ", &filter);
                self.filter_refused(&filter, why);
            }
            Suspect::Operation(id) => {
                let found = take_operation(&mut self.publishes, id)
                    .or_else(|| take_operation(&mut self.requests, id));
                if let Some((packet_id, operation)) = found {
                    self.packet_ids.release(packet_id);
                    self.live_bytes = self.live_bytes.saturating_sub(operation.size());
                    self.keep_subscription(&operation.body, true, false);
                    let why = self.refused("", &operation.topic());
                    self.end(operation, Err(why), packet_id);
                }
            }
        }
    }

    fn refused(&self, what: &str, topic: &str) -> Error {
        let limit = self.config.refused_by_close_limit;
        let why = format!(
            "the broker closed {limit} connections in a row on {what}\"{topic}\"; AWS IoT does that where the policy does not allow iot:Publish or \
             iot:Subscribe and iot:Receive for it"
        );
        self.log.write(Level::Error, || why.clone());
        Error::new(Code::RefusedByClose, why)
    }
}

/// Takes the slot of an operation out of a table.
pub(super) fn take_operation<T, H>(
    table: &mut InFlight<T, H>,
    id: OperationId,
) -> Option<(u16, Box<super::operation::Operation<T, H>>)> {
    let packet_id = table
        .iter()
        .find(|slot| slot.operation().is_some_and(|operation| operation.id == id))?
        .packet_id;
    match table.remove(packet_id)?.what {
        What::Operation(operation) => Some((packet_id, operation)),
        _ => None,
    }
}
