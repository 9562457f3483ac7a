//! PUBLISH: the packet that everything else is there for. What it costs is counted in instructions a message.

use super::topic;
use super::wire::{self, FixedHeader};
use crate::config::QoS;
use crate::error::{Code, Error};

#[cfg(test)]
mod tests;

/// A message as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// A valid topic name, in UTF-8.
    pub topic: &'a [u8],
    pub payload: &'a [u8],
    pub qos: QoS,
    pub retain: bool,
    pub dup: bool,
    /// 0 for QoS 0.
    pub packet_id: u16,
}

impl<'a> Publish<'a> {
    /// The topic name. It goes through its bytes, which is why it is not a field.
    pub fn topic_name(&self) -> &'a str {
        std::str::from_utf8(self.topic).unwrap_or_default()
    }
}

/// Size of the whole packet. `None`: the remaining length would be over the protocol's 268,435,455, or the topic is over 65,535 bytes.
#[inline(always)]
pub fn publish_size(topic_len: usize, payload_len: usize, qos: QoS) -> Option<usize> {
    if topic_len > wire::MAX_STRING || payload_len > wire::MAX_REMAINING_LENGTH {
        return None;
    }
    let remaining_length = remaining_length(topic_len, payload_len, qos);
    Some(1 + wire::remaining_length_size(remaining_length)? + remaining_length)
}

/// For lengths that cannot overflow together.
#[inline(always)]
fn remaining_length(topic_len: usize, payload_len: usize, qos: QoS) -> usize {
    let packet_id_len = match qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => 2,
    };
    2 + topic_len + packet_id_len + payload_len
}

/// Fills `out`, which has the size that [`publish_size`] says; the topic was checked by [`topic::name`]. `packet_id` is 0 for QoS 0
/// [MQTT-2.3.1-5], or for QoS 1 when it is to be set later. Gives the place behind the topic: that of the packet identifier, for
/// [`set_publish_packet_id`]. If `out` has another size, it gives 0, and what is in `out` is no packet.
#[inline(always)]
pub fn encode_publish(
    out: &mut [u8],
    topic: &[u8],
    payload: &[u8],
    qos: QoS,
    retain: bool,
    packet_id: u16,
) -> usize {
    let first = 0x30 | (qos as u8) << 1 | u8::from(retain);
    let remaining_length = remaining_length(topic.len(), payload.len(), qos);
    let head = wire::put_head(out, first, remaining_length, topic.len() as u16);
    let place = head + topic.len();
    let Some((name, rest)) = out
        .get_mut(head..)
        .and_then(|rest| rest.split_at_mut_checked(topic.len()))
    else {
        return 0;
    };
    name.copy_from_slice(topic);
    let rest = match qos {
        QoS::AtMostOnce => rest,
        QoS::AtLeastOnce => match rest.split_first_chunk_mut() {
            Some((place, rest)) => {
                *place = packet_id.to_be_bytes();
                rest
            }
            None => return 0,
        },
    };
    if rest.len() != payload.len() {
        return 0;
    }
    rest.copy_from_slice(payload);
    place
}

/// Of an encoded QoS 1 PUBLISH; `place` is what [`encode_publish`] gave.
#[inline]
pub fn set_publish_packet_id(packet: &mut [u8], place: usize, packet_id: u16) {
    if let Some(place) = packet.get_mut(place..place + 2) {
        place.copy_from_slice(&packet_id.to_be_bytes());
    }
}

/// Of an encoded PUBLISH: set when it is sent again [MQTT-3.3.1-1], never with QoS 0 [MQTT-3.3.1-2].
#[inline]
pub fn set_publish_dup(packet: &mut [u8], dup: bool) {
    if let Some(first) = packet.first_mut() {
        *first = *first & !0x08 | u8::from(dup) << 3;
    }
}

/// The first packet in `bytes` and its length, if it is a whole and valid PUBLISH to `name`, which has passed its check. For anything else,
/// errors included, there is [`decode`](super::decode). Messages of one topic often come in a row.
#[inline]
pub fn whole_publish<'a>(
    bytes: &'a [u8],
    max_packet_size: usize,
    name: &str,
) -> Option<(Publish<'a>, usize)> {
    let header = FixedHeader::read(bytes).ok()??;
    let qos = match header.first & 0xF6 {
        0x30 => QoS::AtMostOnce,
        0x32 => QoS::AtLeastOnce,
        _ => return None,
    };
    if header.packet_size > max_packet_size {
        return None;
    }
    let (topic, rest) = wire::split_field(header.body(bytes)?)?;
    // An empty one is known to nobody and refused.
    if topic != name.as_bytes() || name.is_empty() {
        return None;
    }
    let (packet_id, payload) = match qos {
        QoS::AtMostOnce => (0, rest),
        QoS::AtLeastOnce => match rest.split_first_chunk()? {
            ([0, 0], _) => return None,
            (packet_id, payload) => (u16::from_be_bytes(*packet_id), payload),
        },
    };
    let publish = Publish {
        topic,
        payload,
        qos,
        retain: header.first & 0x01 != 0,
        dup: header.first & 0x08 != 0,
        packet_id,
    };
    Some((publish, header.packet_size))
}

/// DUP with QoS 0 is against [MQTT-3.3.1-2], but tolerated: LavinMQ up to April 2025 sends it when a delivery has to be repeated, and a
/// connection lost for each is worse than a flag that says nothing.
#[inline]
pub(super) fn decode_publish<'a>(
    header: FixedHeader,
    bytes: &'a [u8],
) -> Result<Option<Publish<'a>>, Error> {
    let qos = match header.first & 0x06 {
        0x00 => QoS::AtMostOnce,
        0x02 => QoS::AtLeastOnce,
        _ => return Err(wrong_qos(header.first)),
    };
    let Some(body) = header.body(bytes) else {
        return Ok(None);
    };
    let Some((name, rest)) = wire::split_field(body) else {
        return Err(too_short(header, "topic name"));
    };
    check_name(name)?;
    let (packet_id, payload) = match qos {
        QoS::AtMostOnce => (0, rest),
        QoS::AtLeastOnce => {
            let Some((packet_id, payload)) = rest.split_first_chunk() else {
                return Err(too_short(header, "packet identifier"));
            };
            (wire::packet_id(*packet_id, "PUBLISH")?, payload)
        }
    };
    Ok(Some(Publish {
        topic: name,
        payload,
        qos,
        retain: header.first & 0x01 != 0,
        dup: header.first & 0x08 != 0,
        packet_id,
    }))
}

fn check_name(name: &[u8]) -> Result<(), Error> {
    let Ok(name) = std::str::from_utf8(name) else {
        return Err(wire::malformed(
            "PUBLISH: topic name is not UTF-8 [MQTT-1.5.3-1]",
        ));
    };
    if topic::is_name(name) {
        return Ok(());
    }
    Err(wrong_topic(name))
}

#[cold]
fn wrong_qos(first: u8) -> Error {
    wire::malformed(if first & 0x06 == 0x06 {
        "PUBLISH with QoS 3 [MQTT-3.3.1-4]"
    } else {
        "PUBLISH with QoS 2, which no subscription asked for [MQTT-3.8.4-6]"
    })
}

#[cold]
fn too_short(header: FixedHeader, field: &'static str) -> Error {
    wire::malformed(format!(
        "PUBLISH with a remaining length of {}, which ends within the {field}",
        header.remaining_length()
    ))
}

#[cold]
fn wrong_topic(name: &str) -> Error {
    match topic::check_name(name) {
        Err(error) => Error::new(Code::Protocol, format!("PUBLISH: {}", error.detail)),
        Ok(()) => wire::malformed("PUBLISH: topic name is not valid"),
    }
}
