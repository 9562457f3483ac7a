//! What holds for all packets: truncation, header checks, mutated and random bytes.

use super::*;
use crate::config::QoS;

pub(super) const MAX: usize = 1 << 20;

/// SplitMix64: small, seeded, the same on every machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(super) fn bytes(&mut self, limit: usize) -> Vec<u8> {
        (0..self.below(limit)).map(|_| self.next() as u8).collect()
    }
}

/// All packets in `bytes`, which end with the last one.
pub(super) fn decode_all(mut bytes: &[u8]) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let (packet, size) = decode(bytes, Protocol::V3_1_1, MAX)
            .unwrap()
            .expect("a packet is cut off");
        packets.push(packet);
        bytes = &bytes[size..];
    }
    packets
}

/// Exactly this reason, and the same with anything behind it.
pub(super) fn assert_malformed(bytes: &[u8], reason: &str) {
    for behind in [&[][..], &[0], &[0xFF; 300]] {
        let bytes = [bytes, behind].concat();
        let error = match decode(&bytes, Protocol::V3_1_1, MAX) {
            Err(error) => error,
            Ok(packet) => panic!("{bytes:02X?} gave {packet:?}, not: {reason}"),
        };
        assert_eq!(error.code, Code::Protocol, "{error}");
        assert_eq!(error.detail, reason);
    }
}

fn valid_packets() -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = [
        &[0x20, 2, 0, 0][..],
        &[0x20, 2, 1, 0],
        &[0x20, 2, 0, 5],
        &[0x40, 2, 0, 1],
        &[0x90, 3, 0, 1, 1],
        &[0x90, 10, 0xFF, 0xFF, 0, 1, 2, 0x80, 0, 0, 0, 0],
        &[0xB0, 2, 0, 1],
        &[0xD0, 0],
        &[0xE0, 0],
        // PINGRESP and PUBACK with lengths in more bytes than needed.
        &[0xD0, 0x80, 0x80, 0],
        &[0x40, 0x82, 0x00, 0, 1],
    ]
    .map(Vec::from)
    .into();
    for payload in [0, 1, 100, 300, 20_000] {
        for (qos, packet_id) in [(QoS::AtMostOnce, 0), (QoS::AtLeastOnce, 513)] {
            let payload = vec![b'x'; payload];
            let size = publish_size("a/é/topic".len(), payload.len(), qos);
            let mut out = vec![0; size.unwrap()];
            encode_publish(
                &mut out,
                "a/é/topic".as_bytes(),
                &payload,
                qos,
                payload.len() == 1,
                packet_id,
            );
            packets.push(out.clone());
            set_publish_dup(&mut out, true);
            packets.push(out);
        }
    }
    packets
}

#[test]
fn every_truncation_of_every_valid_packet_needs_more_bytes() {
    for packet in valid_packets() {
        for protocol in [Protocol::V3_1, Protocol::V3_1_1] {
            for end in 0..packet.len() {
                let packet = decode(&packet[..end], protocol, MAX);
                assert_eq!(packet, Ok(None), "cut at {end}");
            }
            let (_, size) = decode(&packet, protocol, MAX).unwrap().unwrap();
            assert_eq!(size, packet.len());
        }
    }
}

#[test]
fn packets_behind_one_another_are_told_apart() {
    let stream = valid_packets().concat();
    assert_eq!(decode_all(&stream).len(), valid_packets().len());
}

#[test]
fn packets_of_one_size() {
    assert_eq!(decode_all(&[0xD0, 0]), [Packet::Pingresp]);
    // Not a packet of a 3.1.1 server, but AWS IoT's.
    assert_eq!(decode_all(&[0xE0, 0]), [Packet::Disconnect]);
    assert_malformed(&[0xD0, 1], "PINGRESP with a remaining length of 1");
    assert_malformed(&[0xE0, 2], "DISCONNECT with a remaining length of 2");
    for (first, packet) in [(0xD1, "PINGRESP"), (0xE2, "DISCONNECT")] {
        let flags = first & 0x0F;
        let reason = format!(
            "{packet} with the fixed header's flags {flags:04b} instead of 0000 [MQTT-2.2.2-2]"
        );
        assert_malformed(&[first, 0], &reason);
    }
}

#[test]
fn mqtt_3_1_asks_nothing_of_the_flags() {
    for (packet, first) in [
        (0x20, 0x2F),
        (0x40, 0x4A),
        (0x90, 0x92),
        (0xB0, 0xB1),
        (0xD0, 0xD8),
    ] {
        let mut bytes = match packet {
            0xD0 => vec![packet, 0],
            0x90 => vec![packet, 3, 0, 1, 1],
            0x20 => vec![packet, 2, 0, 0],
            _ => vec![packet, 2, 0, 1],
        };
        let expected = bytes.clone();
        bytes[0] = first;
        assert_eq!(
            decode(&bytes, Protocol::V3_1, MAX),
            decode(&expected, Protocol::V3_1, MAX)
        );
        assert!(decode(&bytes, Protocol::V3_1_1, MAX).is_err());
    }
}

#[test]
fn packets_that_a_server_does_not_send() {
    for (first, reason) in [
        (0x00, "packet type 0, which is reserved"),
        (0x10, "CONNECT from the server: only a client sends it"),
        (
            0x50,
            "PUBREC from the server: it belongs to QoS 2, which was never asked for",
        ),
        (
            0x62,
            "PUBREL from the server: it belongs to QoS 2, which was never asked for",
        ),
        (
            0x70,
            "PUBCOMP from the server: it belongs to QoS 2, which was never asked for",
        ),
        (0x82, "SUBSCRIBE from the server: only a client sends it"),
        (0xA2, "UNSUBSCRIBE from the server: only a client sends it"),
        (0xC0, "PINGREQ from the server: only a client sends it"),
        (0xF0, "packet type 15, which is reserved"),
    ] {
        assert_malformed(&[first, 2], reason);
    }
}

#[test]
fn a_peer_that_speaks_http_or_tls_is_refused_at_once() {
    assert_malformed(
        b"HTTP/1.1 400 Bad Request",
        "PUBACK with the fixed header's flags 1000 instead of 0000 [MQTT-2.2.2-2]",
    );
    // An alert record.
    assert_malformed(
        &[0x15, 0x03, 0x03, 0x00, 0x02],
        "CONNECT from the server: only a client sends it",
    );
}

#[test]
fn a_packet_over_the_maximum_is_refused_by_its_header_alone() {
    // 1,000 bytes in all: two for the length.
    let header = [0x30, 0xE5, 0x07];
    assert_eq!(decode(&header, Protocol::V3_1_1, 1000), Ok(None));
    let error = decode(&header, Protocol::V3_1_1, 999).unwrap_err();
    assert_eq!(error.code, Code::PacketTooLarge);
    assert_eq!(
        error.detail,
        "the server sent a packet of 1000 bytes; the configured maximum is 999"
    );
    let largest = [0x30, 0xFF, 0xFF, 0xFF, 0x7F];
    let error = decode(&largest, Protocol::V3_1_1, MAX).unwrap_err();
    assert_eq!(error.code, Code::PacketTooLarge);
    assert_eq!(decode(&largest, Protocol::V3_1_1, 268_435_460), Ok(None));
    let too_long = [0x30, 0xFF, 0xFF, 0xFF, 0xFF];
    let error = decode(&too_long, Protocol::V3_1_1, usize::MAX).unwrap_err();
    assert_eq!(error.code, Code::Protocol);
}

/// Everything that callers rely on, for any input.
fn check_any(bytes: &[u8], random: &mut Random) -> bool {
    let protocol = random.pick(&[Protocol::V3_1, Protocol::V3_1_1]);
    let max_packet_size = random.pick(&[MAX, 64, 1000]);
    let (packet, size) = match decode(bytes, protocol, max_packet_size) {
        Ok(None) => return false,
        Err(error) => {
            assert!(matches!(error.code, Code::Protocol | Code::PacketTooLarge));
            assert!(!error.detail.is_empty());
            return false;
        }
        Ok(Some(decoded)) => decoded,
    };
    assert!((2..=bytes.len().min(max_packet_size)).contains(&size));
    // What is behind the packet does not count, and nothing less than the packet is enough.
    let alone = decode(&bytes[..size], protocol, max_packet_size);
    assert_eq!(alone, Ok(Some((packet, size))));
    let cut = random.below(size);
    assert_eq!(decode(&bytes[..cut], protocol, max_packet_size), Ok(None));
    let puback = matches!(packet, Packet::Puback { .. }) && size == 4 && bytes[0] == 0x40;
    assert_eq!(whole_puback(bytes).is_some(), puback);
    match packet {
        Packet::Publish(publish) => {
            let name = std::str::from_utf8(publish.topic).unwrap();
            topic::check_name(name).unwrap();
            let short = whole_publish(bytes, max_packet_size, name);
            assert_eq!(short, Some((publish, size)));
            assert_eq!(publish.packet_id == 0, publish.qos == QoS::AtMostOnce);
            // Encoded again it is the same packet, unless the length came in more bytes than needed.
            let Publish {
                payload,
                qos,
                retain,
                dup,
                packet_id,
                ..
            } = publish;
            let mut again = vec![0; publish_size(name.len(), payload.len(), qos).unwrap()];
            encode_publish(&mut again, name.as_bytes(), payload, qos, retain, packet_id);
            set_publish_dup(&mut again, dup);
            assert!(again.len() <= size);
            if again.len() == size {
                assert_eq!(again, bytes[..size]);
            }
        }
        Packet::Puback { packet_id } | Packet::Unsuback { packet_id } => assert_ne!(packet_id, 0),
        Packet::Suback {
            packet_id,
            return_codes,
        } => {
            assert_ne!(packet_id, 0);
            assert!(!return_codes.is_empty() && return_codes.len() <= size - 4);
        }
        Packet::Connack {
            session_present, ..
        } => {
            assert!(!session_present || protocol == Protocol::V3_1_1);
        }
        Packet::Pingresp | Packet::Disconnect => {}
    }
    true
}

#[test]
fn mutated_packets_never_break_anything() {
    let valid: Vec<_> = valid_packets()
        .into_iter()
        .filter(|packet| packet.len() < 1000)
        .collect();
    let mut random = Random(1);
    let mut decoded = 0;
    for _ in 0..100_000 {
        let mut bytes = valid[random.below(valid.len())].clone();
        bytes.extend_from_slice(&valid[random.below(valid.len())]);
        for _ in 0..1 + random.below(3) {
            // Most often near the front, where the lengths are.
            let near = if random.below(2) == 0 { 8 } else { bytes.len() };
            let place = random.below(near.min(bytes.len()).max(1));
            match random.below(5) {
                _ if bytes.is_empty() => {}
                0 => bytes[place] = random.next() as u8,
                1 => bytes[place] ^= 1 << random.below(8),
                2 => bytes.insert(place, random.pick(&[0, 1, b'+', b'#', 0x7F, 0x80, 0xFF])),
                3 => drop(bytes.remove(place)),
                _ => bytes.truncate(place),
            }
        }
        decoded += usize::from(check_any(&bytes, &mut random));
    }
    // Otherwise the mutations are too wild to test anything behind the header.
    assert!((20_000..90_000).contains(&decoded), "{decoded}");
}

#[test]
fn random_bytes_never_break_anything() {
    let mut random = Random(2);
    let mut decoded = 0;
    for _ in 0..100_000 {
        let mut bytes = random.bytes(40);
        // Half of them with a length that fits, so that the bodies are looked at.
        if bytes.len() >= 2 && random.below(2) == 0 {
            bytes[0] = random.pick(&[0x20, 0x30, 0x31, 0x32, 0x3B, 0x40, 0x90, 0xB0]);
            bytes[1] = (bytes.len() - 2) as u8;
            if bytes.len() >= 4 {
                bytes[2] = 0;
                bytes[3] %= 16;
            }
        }
        decoded += usize::from(check_any(&bytes, &mut random));
    }
    assert!(decoded > 1000, "{decoded}");
}
