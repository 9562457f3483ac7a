//! PUBACK and UNSUBACK: a packet identifier and nothing else.

use super::Packet;
use super::wire::{self, FixedHeader};
use crate::config::Protocol;
use crate::error::Error;

/// Acknowledges a QoS 1 PUBLISH [MQTT-3.3.4-1].
#[inline]
pub fn puback(packet_id: u16) -> [u8; 4] {
    let [high, low] = packet_id.to_be_bytes();
    [0x40, 2, high, low]
}

/// The packet identifier of the first packet in `bytes`, if it is a whole and valid PUBACK. For anything else there is
/// [`decode`](super::decode).
#[inline]
pub fn whole_puback(bytes: &[u8]) -> Option<u16> {
    match *bytes {
        [0x40, 2, high, low, ..] => Some(u16::from_be_bytes([high, low])).filter(|id| *id != 0),
        _ => None,
    }
}

#[inline]
pub(super) fn decode_puback<'a>(
    header: FixedHeader,
    bytes: &'a [u8],
    protocol: Protocol,
) -> Result<Option<Packet<'a>>, Error> {
    let packet_id = decode_packet_id(header, bytes, protocol, "PUBACK")?;
    Ok(packet_id.map(|packet_id| Packet::Puback { packet_id }))
}

pub(super) fn decode_unsuback<'a>(
    header: FixedHeader,
    bytes: &'a [u8],
    protocol: Protocol,
) -> Result<Option<Packet<'a>>, Error> {
    let packet_id = decode_packet_id(header, bytes, protocol, "UNSUBACK")?;
    Ok(packet_id.map(|packet_id| Packet::Unsuback { packet_id }))
}

#[inline]
fn decode_packet_id(
    header: FixedHeader,
    bytes: &[u8],
    protocol: Protocol,
    packet: &'static str,
) -> Result<Option<u16>, Error> {
    header.check_flags(packet, protocol)?;
    header.check_length(packet, 2)?;
    match header.body(bytes) {
        Some(&[high, low]) => wire::packet_id([high, low], packet).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_malformed, decode_all};
    use super::*;

    #[test]
    fn puback_of_section_3_4() {
        let bytes = puback(0x1234);
        assert_eq!(bytes, [0x40, 2, 0x12, 0x34]);
        assert_eq!(decode_all(&bytes), [Packet::Puback { packet_id: 0x1234 }]);
    }

    #[test]
    fn unsuback_of_section_3_11() {
        assert_eq!(
            decode_all(&[0xB0, 2, 0xFF, 0xFE]),
            [Packet::Unsuback { packet_id: 0xFFFE }]
        );
    }

    #[test]
    fn malformed_acknowledgements() {
        for (bytes, reason) in [
            (
                &[0x40, 2, 0, 0][..],
                "PUBACK with packet identifier 0 [MQTT-2.3.1-1]",
            ),
            (
                &[0xB0, 2, 0, 0],
                "UNSUBACK with packet identifier 0 [MQTT-2.3.1-1]",
            ),
            // Told by the header alone.
            (&[0x40, 3], "PUBACK with a remaining length of 3"),
            (&[0x40, 1], "PUBACK with a remaining length of 1"),
            (&[0x40, 0], "PUBACK with a remaining length of 0"),
            (
                &[0xB0, 0x80, 0x01],
                "UNSUBACK with a remaining length of 128",
            ),
            (
                &[0x42, 2],
                "PUBACK with the fixed header's flags 0010 instead of 0000 [MQTT-2.2.2-2]",
            ),
            (
                &[0xB8, 2],
                "UNSUBACK with the fixed header's flags 1000 instead of 0000 [MQTT-2.2.2-2]",
            ),
        ] {
            assert_malformed(bytes, reason);
        }
    }
}
