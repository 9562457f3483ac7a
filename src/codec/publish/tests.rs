use super::super::Packet;
use super::super::tests::{Random, assert_malformed, decode_all};
use super::*;
use QoS::{AtLeastOnce, AtMostOnce};

fn encoded(topic: &str, payload: &[u8], qos: QoS, retain: bool, packet_id: u16) -> Vec<u8> {
    let size = publish_size(topic.len(), payload.len(), qos).expect("it can be said");
    let mut out = vec![0xEE; size];
    let place = encode_publish(&mut out, topic.as_bytes(), payload, qos, retain, packet_id);
    assert_eq!(
        place,
        size - payload.len() - 2 * usize::from(qos == AtLeastOnce)
    );
    out
}

#[test]
fn encoded_publishes_of_section_3_3() {
    for (bytes, packet) in [
        (
            &b"\x30\x05\x00\x03a/b"[..],
            encoded("a/b", b"", AtMostOnce, false, 0),
        ),
        (
            b"\x30\x07\x00\x03a/bhi",
            encoded("a/b", b"hi", AtMostOnce, false, 0),
        ),
        (
            b"\x31\x07\x00\x03a/bhi",
            encoded("a/b", b"hi", AtMostOnce, true, 0),
        ),
        // The example of figure 3.11: topic a/b, packet identifier 10.
        (
            b"\x32\x07\x00\x03a/b\x00\x0A",
            encoded("a/b", b"", AtLeastOnce, false, 10),
        ),
        (
            b"\x33\x0C\x00\x03\xE2\x82\xAC\xFF\xFE\x00\x01\x02\xFF\xFE",
            encoded("€", &[0, 1, 2, 0xFF, 0xFE], AtLeastOnce, true, 0xFFFE),
        ),
    ] {
        assert_eq!(packet, bytes);
    }
}

#[test]
fn room_of_another_size_has_no_place_for_a_packet_id() {
    for (payload, qos) in [
        (&b""[..], AtLeastOnce),
        (b"hi", AtMostOnce),
        (&[0; 300], AtLeastOnce),
    ] {
        let size = publish_size(3, payload.len(), qos).expect("it can be said");
        for wrong in (0..size).chain([size + 1, 2 * size]) {
            let place = encode_publish(&mut vec![0; wrong], b"a/b", payload, qos, false, 7);
            assert_eq!(place, 0, "{wrong} instead of {size}");
        }
    }
}

#[test]
fn decoded_publishes() {
    for (first, qos, retain, dup) in [
        (0x30, AtMostOnce, false, false),
        (0x31, AtMostOnce, true, false),
        (0x32, AtLeastOnce, false, false),
        (0x33, AtLeastOnce, true, false),
        (0x3A, AtLeastOnce, false, true),
        (0x3B, AtLeastOnce, true, true),
        // Tolerated, see `decode_publish`.
        (0x38, AtMostOnce, false, true),
    ] {
        let at_least_once = qos == AtLeastOnce;
        let packet_id: &[u8] = if at_least_once { &[0x12, 0x34] } else { &[] };
        let body = [&b"\x00\x03a/b"[..], packet_id, b"payload"].concat();
        let bytes = [&[first, body.len() as u8][..], &body].concat();
        assert_eq!(
            decode_all(&bytes),
            [Packet::Publish(Publish {
                topic: b"a/b",
                payload: b"payload",
                qos,
                retain,
                dup,
                packet_id: if at_least_once { 0x1234 } else { 0 },
            })]
        );
    }
}

#[test]
fn round_trips_at_every_size_of_the_remaining_length() {
    let mut random = Random(3);
    let mut sizes = vec![0, 1];
    for border in [0x80usize, 0x4000, 0x20_0000] {
        sizes.extend(border - 12..border + 3);
    }
    for payload_len in sizes {
        for qos in [AtMostOnce, AtLeastOnce] {
            for topic in ["t", "sport/tennis", &"é".repeat(200)] {
                let payload: Vec<u8> = (0..payload_len).map(|_| random.next() as u8).collect();
                let packet_id = if qos == AtLeastOnce { 7 } else { 0 };
                let retain = random.below(2) == 0;
                let bytes = encoded(topic, &payload, qos, retain, packet_id);
                assert_eq!(
                    publish_size(topic.len(), payload_len, qos),
                    Some(bytes.len())
                );
                let decoded = super::super::decode(&bytes, crate::config::Protocol::V3_1, 4 << 20);
                let publish = Publish {
                    topic: topic.as_bytes(),
                    payload: &payload,
                    qos,
                    retain,
                    dup: false,
                    packet_id,
                };
                assert_eq!(decoded, Ok(Some((Packet::Publish(publish), bytes.len()))));
            }
        }
    }
}

#[test]
fn sizes_up_to_the_limits_of_the_protocol() {
    assert_eq!(publish_size(1, 0, AtMostOnce), Some(5));
    assert_eq!(publish_size(1, 0, AtLeastOnce), Some(7));
    // 268,435,455 is the largest remaining length (section 2.2.3), 65,535 the longest topic [MQTT-4.7.3-3].
    assert_eq!(publish_size(3, 268_435_450, AtMostOnce), Some(268_435_460));
    assert_eq!(publish_size(3, 268_435_451, AtMostOnce), None);
    assert_eq!(publish_size(3, 268_435_448, AtLeastOnce), Some(268_435_460));
    assert_eq!(publish_size(3, 268_435_449, AtLeastOnce), None);
    assert_eq!(publish_size(65_535, 0, AtMostOnce), Some(65_541));
    assert_eq!(publish_size(65_536, 0, AtMostOnce), None);
    assert_eq!(publish_size(usize::MAX, 0, AtLeastOnce), None);
    assert_eq!(publish_size(1, usize::MAX, AtLeastOnce), None);
    assert_eq!(publish_size(usize::MAX, usize::MAX, AtLeastOnce), None);
}

#[test]
fn the_longest_topic_is_written() {
    let packet = encoded(&"t".repeat(65_535), b"", AtMostOnce, false, 0);
    assert_eq!(packet[..6], *b"\x30\x81\x80\x04\xFF\xFF");
}

#[test]
fn packet_id_and_dup_are_set_in_place() {
    for payload_len in [0, 1, 120, 121, 122, 123, 20_000, 2_100_000] {
        let payload = vec![0xAB; payload_len];
        let size = publish_size(3, payload_len, AtLeastOnce).expect("it can be said");
        let mut packet = vec![0; size];
        let place = encode_publish(&mut packet, b"a/b", &payload, AtLeastOnce, true, 0);
        set_publish_packet_id(&mut packet, place, 0xBEEF);
        assert_eq!(packet, encoded("a/b", &payload, AtLeastOnce, true, 0xBEEF));
        set_publish_dup(&mut packet, true);
        let mut again = encoded("a/b", &payload, AtLeastOnce, true, 0xBEEF);
        assert_eq!(packet[0], 0x3B, "[MQTT-3.3.1-1]");
        assert_eq!(packet[1..], again[1..]);
        set_publish_dup(&mut packet, true);
        assert_eq!(packet[0], 0x3B);
        set_publish_dup(&mut packet, false);
        assert_eq!(packet, again);
        set_publish_dup(&mut again, false);
        assert_eq!(packet, again);
    }
}

#[test]
fn a_place_outside_of_the_packet_gets_no_packet_id() {
    let mut packet = *b"\x32\x04\x00\x03a";
    set_publish_packet_id(&mut packet, 4, 0x1234);
    assert_eq!(packet, *b"\x32\x04\x00\x03a");
    set_publish_dup(&mut [], true);
}

#[test]
fn the_short_way_takes_whole_publishes_to_the_known_name_only() {
    let bytes = encoded("a/b", b"payload", AtLeastOnce, false, 7);
    let (publish, size) = whole_publish(&bytes, 100, "a/b").unwrap();
    assert_eq!((publish.payload, publish.packet_id), (&b"payload"[..], 7));
    assert_eq!(size, bytes.len());
    assert_eq!(whole_publish(&bytes, 100, "a/c"), None);
    assert_eq!(whole_publish(&bytes, size - 1, "a/b"), None);
    for end in 0..size {
        assert_eq!(whole_publish(&bytes[..end], 100, "a/b"), None);
    }
    for malformed in [
        &b"\x30\x02\x00\x00"[..],
        b"\x32\x07\x00\x03a/b\x00\x00",
        b"\x32\x06\x00\x03a/b\x01",
        b"\x34\x07\x00\x03a/b\x00\x01",
    ] {
        for name in ["", "a/b"] {
            assert_eq!(whole_publish(malformed, 100, name), None);
        }
    }
}

#[test]
fn malformed_publishes() {
    let cases: &[(&[u8], &str)] = &[
        // Told by the header alone.
        (
            b"\x34\x05",
            "PUBLISH with QoS 2, which no subscription asked for [MQTT-3.8.4-6]",
        ),
        (b"\x36\x05", "PUBLISH with QoS 3 [MQTT-3.3.1-4]"),
        (b"\x3F\x05", "PUBLISH with QoS 3 [MQTT-3.3.1-4]"),
        (
            b"\x30\x00",
            "PUBLISH with a remaining length of 0, which ends within the topic name",
        ),
        (
            b"\x30\x01\x00",
            "PUBLISH with a remaining length of 1, which ends within the topic name",
        ),
        (
            b"\x30\x04\x00\x03ab",
            "PUBLISH with a remaining length of 4, which ends within the topic name",
        ),
        (
            b"\x30\x04\xFF\xFFab",
            "PUBLISH with a remaining length of 4, which ends within the topic name",
        ),
        (
            b"\x32\x03\x00\x01a",
            "PUBLISH with a remaining length of 3, which ends within the packet identifier",
        ),
        (
            b"\x32\x04\x00\x01a\x00",
            "PUBLISH with a remaining length of 4, which ends within the packet identifier",
        ),
        (
            b"\x32\x05\x00\x01a\x00\x00",
            "PUBLISH with packet identifier 0 [MQTT-2.3.1-1]",
        ),
        (
            b"\x30\x02\x00\x00",
            "PUBLISH: the topic is empty [MQTT-4.7.3-1]",
        ),
        (
            b"\x30\x05\x00\x03a/+",
            "PUBLISH: topic \"a/+\": a topic name has no wildcards + and # [MQTT-3.3.2-2]",
        ),
        (
            b"\x30\x05\x00\x03#/a",
            "PUBLISH: topic \"#/a\": a topic name has no wildcards + and # [MQTT-3.3.2-2]",
        ),
        (
            b"\x30\x05\x00\x03a\x00b",
            "PUBLISH: topic \"a\\0b\": it contains U+0000 [MQTT-4.7.3-2]",
        ),
        (
            b"\x30\x05\x00\x03a\xFFb",
            "PUBLISH: topic name is not UTF-8 [MQTT-1.5.3-1]",
        ),
        // A surrogate.
        (
            b"\x30\x05\x00\x03\xED\xA0\x80",
            "PUBLISH: topic name is not UTF-8 [MQTT-1.5.3-1]",
        ),
        // U+0000 in two bytes.
        (
            b"\x30\x04\x00\x02\xC0\x80",
            "PUBLISH: topic name is not UTF-8 [MQTT-1.5.3-1]",
        ),
        // A character that the topic's length cuts in two.
        (
            b"\x30\x05\x00\x01\xC3\xA9!",
            "PUBLISH: topic name is not UTF-8 [MQTT-1.5.3-1]",
        ),
    ];
    for (bytes, reason) in cases {
        assert_malformed(bytes, reason);
    }
}

#[test]
fn a_zero_width_no_break_space_is_kept() {
    // [MQTT-1.5.3-3]
    let bytes = b"\x30\x06\x00\x04\xEF\xBB\xBFa";
    let packets = decode_all(bytes);
    assert!(matches!(
        packets[..],
        [Packet::Publish(Publish {
            topic: b"\xEF\xBB\xBFa",
            ..
        })]
    ));
}
