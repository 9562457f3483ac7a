use super::super::tests::{assert_malformed, decode_all};
use super::super::{Packet, decode};
use super::*;
use crate::config::QoS;

const PLAIN: Connect<'static> = Connect {
    protocol: Protocol::V3_1_1,
    clean_session: true,
    keep_alive_secs: 600,
    client_id: "dev",
    will: None,
    username: None,
    password: None,
};

fn will(qos: QoS, retain: bool) -> Will {
    Will {
        topic: "w".into(),
        payload: b"gone".into(),
        qos,
        retain,
    }
}

fn encoded(connect: &Connect<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_connect(&mut out, connect).unwrap();
    out
}

#[test]
fn connect_of_section_3_1() {
    assert_eq!(
        encoded(&PLAIN),
        b"\x10\x0F\x00\x04MQTT\x04\x02\x02\x58\x00\x03dev"
    );
    let all = Connect {
        clean_session: false,
        keep_alive_secs: 10,
        will: Some(&will(QoS::AtLeastOnce, true)),
        username: Some("user"),
        password: Some(&[0, 0xFF]),
        ..PLAIN
    };
    assert_eq!(
        encoded(&all),
        b"\x10\x22\x00\x04MQTT\x04\xEC\x00\x0A\x00\x03dev\x00\x01w\x00\x04gone\x00\x04user\x00\x02\x00\xFF",
        "order of the payload [MQTT-3.1.3-1]"
    );
}

#[test]
fn connect_of_mqtt_3_1() {
    let connect = Connect {
        protocol: Protocol::V3_1,
        ..PLAIN
    };
    assert_eq!(
        encoded(&connect),
        b"\x10\x11\x00\x06MQIsdp\x03\x02\x02\x58\x00\x03dev"
    );
}

/// Flags and payload fields of an encoded CONNECT, read as section 3.1 says.
fn read(bytes: &[u8], protocol: Protocol) -> (u8, Vec<&[u8]>) {
    let header = FixedHeader::read(bytes).unwrap().unwrap();
    assert_eq!((header.first, header.packet_size), (0x10, bytes.len()));
    let (name, rest) = wire::split_field(header.body(bytes).unwrap()).unwrap();
    let expected: (&[u8], u8) = match protocol {
        Protocol::V3_1 => (b"MQIsdp", 3),
        Protocol::V3_1_1 => (b"MQTT", 4),
    };
    assert_eq!((name, rest[0]), expected);
    let mut fields = Vec::new();
    let mut payload = &rest[4..];
    while !payload.is_empty() {
        let (field, rest) = wire::split_field(payload).unwrap();
        fields.push(field);
        payload = rest;
    }
    (rest[1], fields)
}

#[test]
fn flags_and_fields_of_every_combination() {
    let wills = [
        None,
        Some(will(QoS::AtMostOnce, false)),
        Some(will(QoS::AtMostOnce, true)),
        Some(will(QoS::AtLeastOnce, false)),
        Some(will(QoS::AtLeastOnce, true)),
    ];
    for protocol in [Protocol::V3_1, Protocol::V3_1_1] {
        for (will, will_flags) in wills.iter().zip([0, 0x04, 0x24, 0x0C, 0x2C]) {
            for (username, password) in [
                (None, None),
                (Some("u"), None),
                (Some("u"), Some(&b"secret"[..])),
                (Some(""), Some(&b""[..])),
            ] {
                for clean_session in [false, true] {
                    let connect = Connect {
                        protocol,
                        clean_session,
                        will: will.as_ref(),
                        username,
                        password,
                        ..PLAIN
                    };
                    let bytes = encoded(&connect);
                    let (flags, fields) = read(&bytes, protocol);
                    let mut expected_flags = will_flags;
                    let mut expected: Vec<&[u8]> = vec![b"dev"];
                    if will.is_some() {
                        expected.extend([&b"w"[..], b"gone"]);
                    }
                    if let Some(username) = username {
                        expected_flags |= 0x80;
                        expected.push(username.as_bytes());
                    }
                    if let Some(password) = password {
                        expected_flags |= 0x40;
                        expected.push(password);
                    }
                    if clean_session {
                        expected_flags |= 0x02;
                    }
                    assert_eq!(flags, expected_flags);
                    assert_eq!(flags & 1, 0, "[MQTT-3.1.2-3]");
                    assert_eq!(fields, expected);
                }
            }
        }
    }
}

#[test]
fn an_empty_will_payload_is_legal() {
    let will = Will {
        payload: Vec::new(),
        ..will(QoS::AtMostOnce, true)
    };
    let bytes = encoded(&Connect {
        will: Some(&will),
        ..PLAIN
    });
    let (flags, fields) = read(&bytes, Protocol::V3_1_1);
    assert_eq!(flags, 0x26);
    assert_eq!(fields, [&b"dev"[..], b"w", b""]);
}

#[test]
fn the_longest_fields_fit_and_longer_ones_are_named() {
    let long = "x".repeat(65_535);
    let longer = "x".repeat(65_536);
    let long_will = Will {
        topic: long.clone(),
        payload: long.clone().into(),
        ..will(QoS::AtMostOnce, false)
    };
    let all = Connect {
        client_id: &long,
        will: Some(&long_will),
        username: Some(&long),
        password: Some(long.as_bytes()),
        ..PLAIN
    };
    let bytes = encoded(&all);
    assert_eq!(read(&bytes, Protocol::V3_1_1).1, [long.as_bytes(); 5]);

    let longer_topic = Will {
        topic: longer.clone(),
        ..long_will.clone()
    };
    let longer_payload = Will {
        payload: longer.clone().into(),
        ..long_will.clone()
    };
    for (field, connect) in [
        (
            "client id",
            Connect {
                client_id: &longer,
                ..all
            },
        ),
        (
            "last will topic",
            Connect {
                will: Some(&longer_topic),
                ..all
            },
        ),
        (
            "last will payload",
            Connect {
                will: Some(&longer_payload),
                ..all
            },
        ),
        (
            "user name",
            Connect {
                username: Some(&longer),
                ..all
            },
        ),
        (
            "password",
            Connect {
                password: Some(longer.as_bytes()),
                ..all
            },
        ),
    ] {
        let mut out = b"before".to_vec();
        let error = encode_connect(&mut out, &connect).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!(
            error.detail,
            format!("{field}: 65536 bytes, but CONNECT has room for 65535")
        );
        assert_eq!(out, b"before");
    }
}

#[test]
fn a_password_without_a_user_name_is_refused() {
    let connect = Connect {
        password: Some(b"hunter2"),
        ..PLAIN
    };
    let mut out = Vec::new();
    let error = encode_connect(&mut out, &connect).unwrap_err();
    assert_eq!(error.code, Code::InvalidArgument);
    assert!(error.detail.contains("[MQTT-3.1.2-22]"));
    assert!(
        !error.detail.contains("hunter2"),
        "[MQTT-3.1.2-22]: {error}"
    );
    assert!(out.is_empty());
}

#[test]
fn u_0000_is_refused_in_strings_and_not_in_the_password() {
    let nul_topic = Will {
        topic: "a\0".into(),
        ..will(QoS::AtMostOnce, false)
    };
    for (field, connect) in [
        (
            "client id",
            Connect {
                client_id: "a\0",
                ..PLAIN
            },
        ),
        (
            "last will topic",
            Connect {
                will: Some(&nul_topic),
                ..PLAIN
            },
        ),
        (
            "user name",
            Connect {
                username: Some("\0"),
                ..PLAIN
            },
        ),
    ] {
        let error = encode_connect(&mut Vec::new(), &connect).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!(
            error.detail,
            format!("{field}: it contains U+0000 [MQTT-1.5.3-2]")
        );
    }
    encoded(&Connect {
        username: Some("u"),
        password: Some(b"\0"),
        ..PLAIN
    });
}

#[test]
fn pingreq_and_disconnect() {
    assert_eq!(PINGREQ, [0xC0, 0]);
    assert_eq!(DISCONNECT, [0xE0, 0], "[MQTT-3.14.1-1]");
}

#[test]
fn connack_of_section_3_2() {
    for return_code in 0..=255 {
        for (flags, session_present) in [(0, false), (1, true)] {
            assert_eq!(
                decode_all(&[0x20, 2, flags, return_code]),
                [Packet::Connack {
                    session_present,
                    return_code
                }],
                "reserved return codes are the session's to judge"
            );
        }
    }
}

#[test]
fn the_first_byte_of_connack_is_reserved_in_mqtt_3_1() {
    for flags in 0..=255 {
        assert_eq!(
            decode(&[0x20, 2, flags, 0], Protocol::V3_1, 100),
            Ok(Some((
                Packet::Connack {
                    session_present: false,
                    return_code: 0
                },
                4
            )))
        );
    }
}

#[test]
fn malformed_connacks() {
    for flags in 2..=255 {
        let reason = format!(
            "CONNACK with the acknowledge flags 0x{flags:02X}; bits 7 to 1 are reserved (section 3.2.2.1)"
        );
        assert_malformed(&[0x20, 2, flags, 0], &reason);
    }
    // Told by the header alone.
    assert_malformed(&[0x20, 0], "CONNACK with a remaining length of 0");
    assert_malformed(&[0x20, 1], "CONNACK with a remaining length of 1");
    // The properties of MQTT 5.
    assert_malformed(&[0x20, 3], "CONNACK with a remaining length of 3");
    assert_malformed(
        &[0x28, 2],
        "CONNACK with the fixed header's flags 1000 instead of 0000 [MQTT-2.2.2-2]",
    );
}
