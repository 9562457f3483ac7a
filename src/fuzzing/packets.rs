//! A second reader of packets, as slow and as near to the words of the standard as can be: what the codec says is compared with it.

use crate::codec::{Packet, Publish};
use crate::config::{Protocol, QoS};

/// The parts of the first packet, if all of it is there: packet type, flags, body, length of the whole.
pub(super) fn split(bytes: &[u8]) -> Option<(u8, u8, &[u8], usize)> {
    let first = *bytes.first()?;
    // Section 2.2.3, as its pseudo code goes.
    let (mut multiplier, mut value, mut at) = (1usize, 0usize, 1usize);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        value += usize::from(byte & 127) * multiplier;
        if byte & 128 == 0 {
            break;
        }
        multiplier *= 128;
        if multiplier > 128 * 128 * 128 {
            return None;
        }
    }
    let body = bytes.get(at..at.checked_add(value)?)?;
    Some((first >> 4, first & 15, body, at + value))
}

/// The first packet in `bytes` if it is whole and valid.
pub(super) fn read(bytes: &[u8], protocol: Protocol) -> Option<(Packet<'_>, usize)> {
    let (packet_type, flags, body, size) = split(bytes)?;
    let is_3_1 = protocol == Protocol::V3_1;
    if packet_type != 3 && flags != 0 && !is_3_1 {
        return None;
    }
    let id_of = |bytes: &[u8]| match *bytes {
        [high, low, ..] if (high, low) != (0, 0) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    };
    let packet = match packet_type {
        2 => match *body {
            [flags, return_code] if is_3_1 || flags < 2 => Packet::Connack {
                session_present: flags == 1 && !is_3_1,
                return_code,
            },
            _ => return None,
        },
        3 => Packet::Publish(publish(flags, body)?),
        4 if body.len() == 2 => Packet::Puback {
            packet_id: id_of(body)?,
        },
        9 if body.len() > 2 => {
            let return_codes = &body[2..];
            let known = |code: &u8| [0, 1, 2, 0x80].contains(code);
            if !return_codes.iter().all(known) {
                return None;
            }
            Packet::Suback {
                packet_id: id_of(body)?,
                return_codes,
            }
        }
        11 if body.len() == 2 => Packet::Unsuback {
            packet_id: id_of(body)?,
        },
        13 if body.is_empty() => Packet::Pingresp,
        14 if body.is_empty() => Packet::Disconnect,
        _ => return None,
    };
    Some((packet, size))
}

fn publish(flags: u8, body: &[u8]) -> Option<Publish<'_>> {
    let qos = match flags >> 1 & 3 {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => return None,
    };
    let (topic, mut payload) = field(body)?;
    let name = std::str::from_utf8(topic).ok()?;
    if name.is_empty() || name.contains(['+', '#', '\0']) {
        return None;
    }
    let mut packet_id = 0;
    if qos == QoS::AtLeastOnce {
        packet_id = u16::from_be_bytes([*payload.first()?, *payload.get(1)?]);
        payload = &payload[2..];
        if packet_id == 0 {
            return None;
        }
    }
    Some(Publish {
        topic,
        payload,
        qos,
        retain: flags & 1 != 0,
        dup: flags & 8 != 0,
        packet_id,
    })
}

/// A length of two bytes and as many bytes; and what is behind them.
pub(super) fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(*bytes.first()?) * 256 + usize::from(*bytes.get(1)?);
    let rest = &bytes[2..];
    (length <= rest.len()).then(|| rest.split_at(length))
}
