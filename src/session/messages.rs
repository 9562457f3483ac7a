//! Messages that came in, on their way to the application: those of one read in one buffer, so that each costs no allocation.

use super::memory::{self, NoMemory};
use crate::codec;
use crate::config::QoS;
use std::sync::Arc;

/// What a message is counted with beside its bytes.
const OVERHEAD: usize = 64;

/// Messages in a row, in the order of receipt. Laid out one after the other: the topic, a NUL for C, and the payload; the topic only where
/// it is another than that of the message before.
#[derive(Debug)]
pub struct Messages<H> {
    bytes: Vec<u8>,
    heads: Vec<Head>,
    /// Whom they are for: an entry for each topic that is laid out.
    matched: Vec<Arc<Matched<H>>>,
    /// One of them is to be acknowledged.
    any_receipt: bool,
}

#[derive(Debug)]
struct Head {
    topic: usize,
    payload: usize,
    end: usize,
    topic_len: u16,
    packet_id: u16,
    qos: QoS,
    retain: bool,
    dup: bool,
    receipt: u64,
    /// The place in `matched`.
    matched: usize,
}

/// The handlers of all subscriptions that match a topic, in the order of subscribing.
#[derive(Debug)]
pub struct Matched<H> {
    pub handlers: Vec<H>,
    /// One of the subscriptions asked to acknowledge for itself.
    pub manual: bool,
}

/// One of them. It is looked at where it lies: to put what it says together for each would be a copy more.
#[derive(Debug)]
pub struct Inbound<'a, H> {
    messages: &'a Messages<H>,
    head: &'a Head,
}

impl<H> Default for Messages<H> {
    fn default() -> Self {
        Messages {
            bytes: Vec::new(),
            heads: Vec::new(),
            matched: Vec::new(),
            any_receipt: false,
        }
    }
}

impl<H> Messages<H> {
    /// `known`: its topic is that of the message before, if there is one.
    #[inline(always)] // Once a message.
    pub(super) fn push(
        &mut self,
        publish: &codec::Publish<'_>,
        receipt: u64,
        matched: &Arc<Matched<H>>,
        known: bool,
    ) -> Result<(), NoMemory> {
        let before = self.heads.last().filter(|_| known);
        let topic = match before {
            Some(before) => before.topic,
            None => {
                let topic = self.bytes.len();
                self.reserve(publish.topic.len() + 1 + publish.payload.len())?;
                self.bytes.extend_from_slice(publish.topic);
                self.bytes.push(0);
                self.matched.push(Arc::clone(matched));
                topic
            }
        };
        self.reserve(publish.payload.len())?;
        let payload = self.bytes.len();
        self.bytes.extend_from_slice(publish.payload);
        self.any_receipt |= receipt != 0;
        self.heads.push(Head {
            topic,
            payload,
            end: self.bytes.len(),
            topic_len: publish.topic.len() as u16,
            packet_id: publish.packet_id,
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            receipt,
            matched: self.matched.len() - 1,
        });
        Ok(())
    }

    #[inline(always)] // Once a message.
    fn reserve(&mut self, size: usize) -> Result<(), NoMemory> {
        if self.bytes.capacity().wrapping_sub(self.bytes.len()) < size {
            return memory::reserve(&mut self.bytes, size);
        }
        Ok(())
    }

    /// One of them is to be acknowledged.
    pub fn any_receipt(&self) -> bool {
        self.any_receipt
    }

    pub fn len(&self) -> usize {
        self.heads.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The memory that they take, about.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.heads.len() * OVERHEAD
    }

    /// From the one with this index on.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = Inbound<'_, H>> {
        let heads = self.heads.get(index..).unwrap_or_default();
        heads.iter().map(move |head| Inbound {
            messages: self,
            head,
        })
    }

    /// Makes it empty and keeps the memory, for the next ones.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.heads.clear();
        self.matched.clear();
        self.any_receipt = false;
    }

    /// The memory that it keeps, about.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.heads.capacity() * size_of::<Head>()
    }
}

impl<H> Clone for Inbound<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Inbound<'_, H> {}

impl<H> Inbound<'_, H> {
    pub fn topic(&self) -> &str {
        // The codec has checked it.
        let name = self
            .topic_with_nul()
            .split_last()
            .map_or(&[][..], |(_, name)| name);
        std::str::from_utf8(name).unwrap_or_default()
    }

    /// The topic name, with a NUL behind it.
    #[inline(always)]
    pub fn topic_with_nul(&self) -> &[u8] {
        let end = self.head.topic + usize::from(self.head.topic_len) + 1;
        &self.messages.bytes[self.head.topic..end]
    }

    #[inline(always)] // Once a message, as `topic_with_nul`.
    pub fn payload(&self) -> &[u8] {
        &self.messages.bytes[self.head.payload..self.head.end]
    }

    pub fn qos(&self) -> QoS {
        self.head.qos
    }

    pub fn retain(&self) -> bool {
        self.head.retain
    }

    pub fn dup(&self) -> bool {
        self.head.dup
    }

    /// Zero for QoS 0.
    pub fn packet_id(&self) -> u16 {
        self.head.packet_id
    }

    /// For [`acknowledge`](super::Session::acknowledge); zero for QoS 0.
    pub fn receipt(&self) -> u64 {
        self.head.receipt
    }

    /// Whom it is for.
    pub fn matched(&self) -> &Matched<H> {
        &self.messages.matched[self.head.matched]
    }
}

/// A message that waits for the SUBACK of a subscription that it matches.
#[derive(Debug)]
pub(super) struct HeldMessage {
    /// Topic and payload.
    bytes: Vec<u8>,
    topic_len: usize,
    pub(super) receipt: u64,
    qos: QoS,
    retain: bool,
    dup: bool,
    packet_id: u16,
}

impl HeldMessage {
    pub(super) fn new(publish: codec::Publish<'_>, receipt: u64) -> Result<Self, NoMemory> {
        let size = publish.topic.len() + publish.payload.len();
        let mut bytes = Vec::new();
        memory::reserve(&mut bytes, size)?;
        bytes.extend_from_slice(publish.topic);
        bytes.extend_from_slice(publish.payload);
        Ok(HeldMessage {
            bytes,
            topic_len: publish.topic.len(),
            receipt,
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id,
        })
    }

    pub(super) fn publish(&self) -> codec::Publish<'_> {
        let (topic, payload) = self.bytes.split_at(self.topic_len);
        codec::Publish {
            topic,
            payload,
            qos: self.qos,
            retain: self.retain,
            dup: self.dup,
            packet_id: self.packet_id,
        }
    }

    /// The memory that it takes, about.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}
