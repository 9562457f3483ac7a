//! Reads what the client sends, and writes what a broker sends: on purpose not with the codec that the session uses.

use std::fmt;

/// A packet from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Connect {
        protocol_level: u8,
        clean_session: bool,
        keep_alive_secs: u16,
    },
    Publish {
        topic: String,
        payload: Vec<u8>,
        qos: u8,
        retain: bool,
        dup: bool,
        packet_id: u16,
    },
    Puback(u16),
    Subscribe {
        packet_id: u16,
        filters: Vec<(String, u8)>,
    },
    Unsubscribe {
        packet_id: u16,
        filters: Vec<String>,
    },
    Pingreq,
    Disconnect,
}

/// Short, for comparing: `PUBLISH a/b 1 #7 dup "x"`.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sent::Connect {
                protocol_level,
                clean_session,
                keep_alive_secs,
            } => write!(
                f,
                "CONNECT level {protocol_level} {} keep alive {keep_alive_secs}",
                if *clean_session { "clean" } else { "keep" }
            ),
            Sent::Publish {
                topic,
                payload,
                qos,
                retain,
                dup,
                packet_id,
            } => {
                write!(f, "PUBLISH {topic} {qos}")?;
                if *packet_id != 0 {
                    write!(f, " #{packet_id}")?;
                }
                if *dup {
                    f.write_str(" dup")?;
                }
                if *retain {
                    f.write_str(" retain")?;
                }
                match std::str::from_utf8(payload) {
                    Ok("") => Ok(()),
                    Ok(text) if text.len() < 40 => write!(f, " {text}"),
                    _ => write!(f, " ({} bytes)", payload.len()),
                }
            }
            Sent::Puback(packet_id) => write!(f, "PUBACK #{packet_id}"),
            Sent::Subscribe { packet_id, filters } => {
                write!(f, "SUBSCRIBE #{packet_id}")?;
                filters
                    .iter()
                    .try_for_each(|(filter, qos)| write!(f, " {filter}:{qos}"))
            }
            Sent::Unsubscribe { packet_id, filters } => {
                write!(f, "UNSUBSCRIBE #{packet_id} {}", filters.join(" "))
            }
            Sent::Pingreq => f.write_str("PINGREQ"),
            Sent::Disconnect => f.write_str("DISCONNECT"),
        }
    }
}

/// The first whole packet in `bytes` and its length. Panics on what no client may send.
pub(crate) fn read(bytes: &[u8]) -> Option<(Sent, usize)> {
    let (mut length, mut at) = (0usize, 1usize);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let body = bytes.get(at..at + length)?;
    let mut fields = Fields(body);
    let flags = bytes[0] & 0x0F;
    let sent = match bytes[0] >> 4 {
        1 => {
            let name = fields.string();
            let protocol_level = fields.byte();
            assert_eq!(
                name,
                if protocol_level == 3 {
                    "MQIsdp"
                } else {
                    "MQTT"
                }
            );
            let connect_flags = fields.byte();
            let keep_alive_secs = fields.number();
            fields.0 = &[];
            Sent::Connect {
                protocol_level,
                clean_session: connect_flags & 2 != 0,
                keep_alive_secs,
            }
        }
        3 => {
            let qos = flags >> 1 & 3;
            let topic = fields.string();
            let packet_id = if qos > 0 { fields.number() } else { 0 };
            assert!(qos < 2 && (packet_id != 0) == (qos == 1), "{topic}");
            assert!(qos > 0 || flags & 8 == 0, "[MQTT-3.3.1-2]");
            Sent::Publish {
                topic,
                payload: std::mem::take(&mut fields.0).to_vec(),
                qos,
                retain: flags & 1 != 0,
                dup: flags & 8 != 0,
                packet_id,
            }
        }
        4 => Sent::Puback(fields.number()),
        8 => {
            assert_eq!(flags, 2, "[MQTT-3.8.1-1]");
            let packet_id = fields.number();
            let mut filters = Vec::new();
            while !fields.0.is_empty() {
                let filter = fields.string();
                filters.push((filter, fields.byte()));
            }
            assert!(packet_id != 0 && !filters.is_empty(), "[MQTT-3.8.3-3]");
            Sent::Subscribe { packet_id, filters }
        }
        10 => {
            assert_eq!(flags, 2, "[MQTT-3.10.1-1]");
            let packet_id = fields.number();
            let mut filters = Vec::new();
            while !fields.0.is_empty() {
                filters.push(fields.string());
            }
            assert!(packet_id != 0 && !filters.is_empty(), "[MQTT-3.10.3-2]");
            Sent::Unsubscribe { packet_id, filters }
        }
        12 => Sent::Pingreq,
        14 => Sent::Disconnect,
        packet_type => panic!("the client sent a packet of type {packet_type}"),
    };
    assert!(fields.0.is_empty(), "bytes behind the end of {sent}");
    Some((sent, at + length))
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().expect("a byte");
        self.0 = rest;
        *byte
    }

    fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn string(&mut self) -> String {
        let length = usize::from(self.number());
        let (string, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8(string.to_vec()).expect("UTF-8")
    }
}

pub(crate) fn connack(session_present: bool, return_code: u8) -> Vec<u8> {
    vec![0x20, 2, u8::from(session_present), return_code]
}

pub(crate) fn puback(packet_id: u16) -> Vec<u8> {
    [&[0x40, 2], &packet_id.to_be_bytes()[..]].concat()
}

pub(crate) fn suback(packet_id: u16, codes: &[u8]) -> Vec<u8> {
    let header = [0x90, 2 + u8::try_from(codes.len()).expect("few codes")];
    [&header, &packet_id.to_be_bytes()[..], codes].concat()
}

pub(crate) fn unsuback(packet_id: u16) -> Vec<u8> {
    [&[0xB0, 2], &packet_id.to_be_bytes()[..]].concat()
}

pub(crate) const PINGRESP: [u8; 2] = [0xD0, 0];

/// QoS 1 if `packet_id` is not 0.
pub(crate) fn publish(topic: &str, payload: &[u8], packet_id: u16) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    if packet_id != 0 {
        body.extend_from_slice(&packet_id.to_be_bytes());
    }
    body.extend_from_slice(payload);
    let mut packet = vec![if packet_id == 0 { 0x30 } else { 0x32 }];
    let mut length = body.len();
    while length >= 0x80 {
        packet.push(length as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend_from_slice(&body);
    packet
}
