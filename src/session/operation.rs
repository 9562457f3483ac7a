//! Operations that need the broker: what was asked for, and whom to tell.

use super::event::{Done, Event, OperationId, OperationKind};
use crate::config::QoS;
use crate::error::Error;
use std::sync::Arc;

/// What an operation is counted with beside its bytes.
pub(super) const OVERHEAD: usize = 96;

/// An accepted publish, subscribe or unsubscribe.
#[derive(Debug)]
pub(super) struct Operation<T, H> {
    pub(super) id: OperationId,
    pub(super) tag: Option<T>,
    /// The call had returned `Queued`: its outcome is reported even if nobody waits.
    pub(super) queued: bool,
    pub(super) body: Body<H>,
}

#[derive(Debug)]
pub(super) enum Body<H> {
    /// The encoded PUBLISH; a QoS 1 one gets its packet identifier when it is sent.
    Publish {
        packet: Vec<u8>,
        qos: QoS,
        /// Where the packet identifier has its place.
        packet_id_at: usize,
    },
    Subscribe {
        filter: Arc<str>,
        qos: QoS,
        handler: Option<H>,
        manual: bool,
    },
    Unsubscribe {
        filter: Arc<str>,
    },
}

impl<T, H> Operation<T, H> {
    pub(super) fn kind(&self) -> OperationKind {
        match self.body {
            Body::Publish { .. } => OperationKind::Publish,
            Body::Subscribe { .. } => OperationKind::Subscribe,
            Body::Unsubscribe { .. } => OperationKind::Unsubscribe,
        }
    }

    /// It has its place in the window.
    pub(super) fn awaits_puback(&self) -> bool {
        let Body::Publish { qos, .. } = &self.body else {
            return false;
        };
        *qos == QoS::AtLeastOnce
    }

    /// The bytes of memory that it is counted with.
    #[inline]
    pub(super) fn size(&self) -> usize {
        let bytes = match &self.body {
            Body::Publish { packet, .. } => packet.len(),
            Body::Subscribe { filter, .. } | Body::Unsubscribe { filter } => filter.len(),
        };
        bytes + OVERHEAD
    }

    pub(super) fn topic(&self) -> Arc<str> {
        match &self.body {
            Body::Publish { packet, .. } => Arc::from(publish_topic(packet)),
            Body::Subscribe { filter, .. } | Body::Unsubscribe { filter } => Arc::clone(filter),
        }
    }

    /// Its one outcome, if it is not a publish that went well. A handler that never came into use is released behind it.
    pub(super) fn end(
        self,
        result: Result<(), Error>,
        packet_id: u16,
        granted_qos: Option<QoS>,
        mut emit: impl FnMut(Event<T, H>),
    ) {
        if self.tag.is_some() || self.queued {
            let topic = self.queued.then(|| self.topic());
            emit(Event::Done(Done {
                operation: self.id,
                kind: self.kind(),
                tag: self.tag,
                result,
                packet_id,
                granted_qos,
                session_present: false,
                left: 0,
                topic,
            }));
        }
        if let Body::Subscribe {
            handler: Some(handler),
            ..
        } = self.body
        {
            emit(Event::Released(handler));
        }
    }
}

/// Publishes that are complete, with the buffers of their packets, for the next ones: most of them come from one thread and would be freed on
/// another, which allocators do not like.
#[derive(Debug)]
pub(super) struct Spare<T, H> {
    // Boxes, so that a publish is not copied from table to table on its way.
    #[allow(clippy::vec_box)]
    operations: Vec<Box<Operation<T, H>>>,
    bytes: usize,
}

/// So many bytes are kept, and no buffer larger than the second: a window of 100 with 16 KiB each.
const SPARE: usize = 2 << 20;
const SPARE_PACKET: usize = 32 << 10;

impl<T, H> Default for Spare<T, H> {
    fn default() -> Self {
        Spare {
            operations: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T, H> Spare<T, H> {
    /// A publish whose packet is to be written, over another one's.
    #[inline]
    pub(super) fn take(&mut self, qos: QoS) -> Box<Operation<T, H>> {
        let mut operation = match self.operations.pop() {
            Some(operation) => operation,
            None => Box::new(Operation {
                id: OperationId(0),
                tag: None,
                queued: false,
                body: Body::Publish {
                    packet: Vec::new(),
                    qos,
                    packet_id_at: 0,
                },
            }),
        };
        operation.queued = false;
        if let Body::Publish {
            packet, qos: its, ..
        } = &mut operation.body
        {
            // A new one was not counted, but then there is nothing to take it from.
            self.bytes -= Self::size(packet).min(self.bytes);
            *its = qos;
        }
        operation
    }

    /// `most`: bytes that all together may take, a part of what the application allows, as they are not counted.
    #[inline(always)] // Once a message.
    pub(super) fn keep(&mut self, operation: Box<Operation<T, H>>, most: usize) {
        let Body::Publish { packet, .. } = &operation.body else {
            return;
        };
        let size = Self::size(packet);
        if packet.capacity() <= SPARE_PACKET && self.bytes + size <= SPARE.min(most) {
            self.bytes += size;
            self.operations.push(operation);
        }
    }

    /// The operation itself counts, too: those of QoS 0 have no packet.
    #[inline(always)]
    fn size(packet: &Vec<u8>) -> usize {
        packet.capacity() + size_of::<Operation<T, H>>()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let sizes = self
            .operations
            .iter()
            .map(|operation| match &operation.body {
                Body::Publish { packet, .. } => Self::size(packet),
                _ => 0,
            });
        assert_eq!(self.bytes, sizes.sum::<usize>());
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Spare::default();
    }
}

/// The topic name inside an encoded PUBLISH.
fn publish_topic(packet: &[u8]) -> &str {
    let remaining_length = packet[1..]
        .iter()
        .position(|byte| byte & 0x80 == 0)
        .unwrap_or(0)
        + 1;
    let at = 1 + remaining_length;
    let length = usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    std::str::from_utf8(&packet[at + 2..at + 2 + length]).unwrap_or_default()
}
