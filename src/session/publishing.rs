//! Publishing: the check of what is given, and where it goes. What it costs is counted in instructions a message.

use super::event::{Accepted, OperationId};
use super::operation::Body;
use super::{Session, Wait, count, memory};
use crate::codec::{self, topic};
use crate::config::QoS;
use crate::error::{Code, Error};
use crate::time::Instant;

impl<T, H: Clone> Session<T, H> {
    /// `tag` is called only if the operation is accepted. If it gives `None`, nobody waits for the outcome.
    #[allow(clippy::too_many_arguments)] // They are the fields of a PUBLISH, and a struct for them would be built once a message.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &[u8],
        payload: &[u8],
        qos: QoS,
        retain: bool,
        wait: Wait,
        tag: impl FnOnce(OperationId, Accepted) -> Option<T>,
    ) -> Result<(OperationId, Accepted), Error> {
        if *topic != *self.last_topic || topic.is_empty() {
            self.check_topic(topic)?;
        }
        let size = self.publish_size(topic, payload, qos)?;
        let accepted = self.admits()?;
        // A QoS 1 packet that goes out now is there twice: kept until it is acknowledged, and in the outgoing buffer.
        let twice = accepted == Accepted::Now && qos == QoS::AtLeastOnce;
        self.check_memory(if twice { size.saturating_mul(2) } else { size })?;
        let at_once = qos == QoS::AtMostOnce && !self.resending.holds_back();
        if accepted == Accepted::Now && at_once {
            return self.publish_at_once(now, topic, payload, retain, size, tag);
        }
        let mut operation = self.spare.take(qos);
        if let Body::Publish {
            packet,
            packet_id_at,
            ..
        } = &mut operation.body
        {
            if packet.len() != size {
                resize(packet, size)?;
            }
            *packet_id_at = codec::encode_publish(packet, topic, payload, qos, retain, 0);
        }
        // Its copy on the way to the link. Where it has to wait for the window this is a little early.
        if twice && self.outgoing.try_reserve(size).is_err() {
            return Err(memory::none_for(size));
        }
        self.make_room(accepted)?;
        operation.id = self.next_operation();
        let id = operation.id;
        operation.tag = tag(id, accepted);
        self.enter(now, accepted, wait, operation);
        Ok((id, accepted))
    }

    #[cold]
    fn check_topic(&mut self, topic: &[u8]) -> Result<(), Error> {
        topic::name(topic)?;
        self.last_topic.clear();
        self.last_topic.extend_from_slice(topic);
        Ok(())
    }

    /// QoS 0 on a live connection: straight into the outgoing buffer, without an operation unless somebody waits.
    fn publish_at_once(
        &mut self,
        now: Instant,
        topic: &[u8],
        payload: &[u8],
        retain: bool,
        size: usize,
        tag: impl FnOnce(OperationId, Accepted) -> Option<T>,
    ) -> Result<(OperationId, Accepted), Error> {
        if self.outgoing.try_reserve(size).is_err() {
            return Err(memory::none_for(size));
        }
        let packet = self.outgoing.append(size);
        codec::encode_publish(packet, topic, payload, QoS::AtMostOnce, retain, 0);
        count(&mut self.counters.messages_sent);
        self.settle_clock(now);
        let id = self.next_operation();
        if let Some(tag) = tag(id, Accepted::Now) {
            let mut operation = self.spare.take(QoS::AtMostOnce);
            if let Body::Publish { packet, .. } = &mut operation.body {
                // It is not needed any more, and not counted.
                packet.clear();
            }
            operation.id = id;
            operation.tag = Some(tag);
            let start = self.outgoing.end() - size as u64;
            self.push_departing(start, operation);
        }
        Ok((id, Accepted::Now))
    }

    #[inline(always)]
    fn publish_size(&self, topic: &[u8], payload: &[u8], qos: QoS) -> Result<usize, Error> {
        codec::publish_size(topic.len(), payload.len(), qos)
            .filter(|size| *size <= self.config.max_packet_size)
            .ok_or_else(|| too_large(topic, payload.len(), self.config.max_packet_size))
    }
}

/// Gives the packet its size. What another message left in it is written over.
#[cold]
fn resize(packet: &mut Vec<u8>, size: usize) -> Result<(), Error> {
    packet.truncate(size);
    if packet.try_reserve_exact(size - packet.len()).is_err() {
        return Err(memory::none_for(size));
    }
    packet.resize(size, 0);
    Ok(())
}

#[cold]
fn too_large(topic: &[u8], payload_len: usize, limit: usize) -> Error {
    let topic = String::from_utf8_lossy(topic);
    Error::new(
        Code::PacketTooLarge,
        format!(
            "a payload of {payload_len} bytes on \"{topic}\" makes a packet above the limit of {limit} bytes"
        ),
    )
}
