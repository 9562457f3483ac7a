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

    /// The bytes of memory that it is counted with.
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

    /// Its one outcome. A handler that never came into use is released behind it.
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
