//! SUBSCRIBE, SUBACK, UNSUBSCRIBE.

use super::Packet;
use super::wire::{self, FixedHeader};
use crate::config::{Protocol, QoS};
use crate::error::Error;

/// At least one filter [MQTT-3.8.3-3], each checked by [`super::topic::check_filter`].
pub fn encode_subscribe<'a>(
    out: &mut Vec<u8>,
    packet_id: u16,
    filters: impl Iterator<Item = (&'a str, QoS)> + Clone,
) {
    let remaining_length = 2 + filters
        .clone()
        .map(|(filter, _)| 2 + filter.len() + 1)
        .sum::<usize>();
    // The flags 0010 are fixed [MQTT-3.8.1-1].
    wire::put_fixed_header(out, 0x82, remaining_length);
    wire::put_u16(out, packet_id);
    for (filter, qos) in filters {
        wire::put_field(out, filter.as_bytes());
        out.push(qos as u8);
    }
}

/// At least one filter [MQTT-3.10.3-2], byte by byte as it was subscribed [MQTT-3.10.4-1].
pub fn encode_unsubscribe<'a>(
    out: &mut Vec<u8>,
    packet_id: u16,
    filters: impl Iterator<Item = &'a str> + Clone,
) {
    let remaining_length = 2 + filters
        .clone()
        .map(|filter| 2 + filter.len())
        .sum::<usize>();
    // The flags 0010 are fixed [MQTT-3.10.1-1].
    wire::put_fixed_header(out, 0xA2, remaining_length);
    wire::put_u16(out, packet_id);
    for filter in filters {
        wire::put_field(out, filter.as_bytes());
    }
}

pub(super) fn decode_suback<'a>(
    header: FixedHeader,
    bytes: &'a [u8],
    protocol: Protocol,
) -> Result<Option<Packet<'a>>, Error> {
    header.check_flags("SUBACK", protocol)?;
    match header.remaining_length() {
        0 | 1 => return Err(header.wrong_length("SUBACK")),
        2 => {
            return Err(wire::malformed(
                "SUBACK without a return code; it has one for each filter [MQTT-3.8.4-5]",
            ));
        }
        _ => {}
    }
    let Some(body) = header.body(bytes) else {
        return Ok(None);
    };
    let Some((packet_id, return_codes)) = body.split_first_chunk() else {
        return Err(header.wrong_length("SUBACK"));
    };
    let packet_id = wire::packet_id(*packet_id, "SUBACK")?;
    // A granted QoS 2 is legal here; that it is more than was asked for is the session's to judge.
    if let Some(code) = return_codes
        .iter()
        .find(|code| !matches!(code, 0 | 1 | 2 | 0x80))
    {
        return Err(wire::malformed(format!(
            "SUBACK with the reserved return code 0x{code:02X} [MQTT-3.9.3-2]"
        )));
    }
    Ok(Some(Packet::Suback {
        packet_id,
        return_codes,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_malformed, decode_all};
    use super::*;
    use QoS::{AtLeastOnce, AtMostOnce};

    #[test]
    fn subscribe_of_section_3_8() {
        let mut out = Vec::new();
        let filters = [("a/b", AtLeastOnce), ("c/d", AtMostOnce)];
        encode_subscribe(&mut out, 10, filters.into_iter());
        assert_eq!(
            out, b"\x82\x0E\x00\x0A\x00\x03a/b\x01\x00\x03c/d\x00",
            "flags [MQTT-3.8.1-1], payload [MQTT-3.8.3-1]"
        );
    }

    #[test]
    fn unsubscribe_of_section_3_10() {
        let mut out = Vec::new();
        encode_unsubscribe(&mut out, 10, ["a/b", "c/d"].into_iter());
        assert_eq!(
            out, b"\xA2\x0C\x00\x0A\x00\x03a/b\x00\x03c/d",
            "flags [MQTT-3.10.1-1], payload [MQTT-3.10.3-1]"
        );
    }

    #[test]
    fn eight_long_filters_need_a_longer_remaining_length() {
        let filter = "f".repeat(wire::MAX_STRING);
        let filters = std::iter::repeat_n((filter.as_str(), AtLeastOnce), 8);
        let mut out = vec![7];
        encode_subscribe(&mut out, 1, filters);
        let header = FixedHeader::read(&out[1..]).unwrap().unwrap();
        assert_eq!(header.packet_size, out.len() - 1);
        let mut body = &header.body(&out[1..]).unwrap()[2..];
        for _ in 0..8 {
            let (field, rest) = wire::split_field(body).unwrap();
            assert_eq!(field, filter.as_bytes());
            assert_eq!(rest[0], 1);
            body = &rest[1..];
        }
        assert!(body.is_empty());
    }

    #[test]
    fn suback_of_section_3_9() {
        assert_eq!(
            decode_all(&[0x90, 6, 0, 10, 0, 1, 2, 0x80]),
            [Packet::Suback {
                packet_id: 10,
                return_codes: &[0, 1, 2, 0x80]
            }]
        );
    }

    #[test]
    fn malformed_subacks() {
        let reserved = "SUBACK with the reserved return code 0x";
        for (bytes, reason) in [
            (
                &[0x90, 3, 0, 0, 1][..],
                "SUBACK with packet identifier 0 [MQTT-2.3.1-1]".to_string(),
            ),
            (&[0x90, 3, 0, 1, 3], format!("{reserved}03 [MQTT-3.9.3-2]")),
            (
                &[0x90, 3, 0, 1, 0x81],
                format!("{reserved}81 [MQTT-3.9.3-2]"),
            ),
            (
                &[0x90, 4, 0, 1, 0, 0xFF],
                format!("{reserved}FF [MQTT-3.9.3-2]"),
            ),
            (
                &[0x90, 0],
                "SUBACK with a remaining length of 0".to_string(),
            ),
            (
                &[0x90, 1],
                "SUBACK with a remaining length of 1".to_string(),
            ),
            (
                &[0x90, 2],
                "SUBACK without a return code; it has one for each filter [MQTT-3.8.4-5]"
                    .to_string(),
            ),
            (
                &[0x91, 3],
                "SUBACK with the fixed header's flags 0001 instead of 0000 [MQTT-2.2.2-2]"
                    .to_string(),
            ),
        ] {
            assert_malformed(bytes, &reason);
        }
    }
}
