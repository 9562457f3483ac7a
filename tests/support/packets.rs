//! MQTT packets as bytes, written and taken apart without any help from the library under test.

/// Fixed header with its remaining length, then the body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut left = body.len();
    loop {
        let digit = (left % 128) as u8;
        left /= 128;
        bytes.push(if left > 0 { digit | 0x80 } else { digit });
        if left == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A UTF-8 string or binary field: its length in two bytes, then the bytes.
pub fn field(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut field = (bytes.len() as u16).to_be_bytes().to_vec();
    field.extend_from_slice(bytes);
    field
}

pub fn connack(session_present: bool, code: u8) -> Vec<u8> {
    vec![0x20, 2, u8::from(session_present), code]
}

pub fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &id.to_be_bytes())
}

pub fn suback(id: u16, codes: &[u8]) -> Vec<u8> {
    packet(0x90, &[&id.to_be_bytes()[..], codes].concat())
}

pub fn unsuback(id: u16) -> Vec<u8> {
    packet(0xb0, &id.to_be_bytes())
}

pub fn pingresp() -> Vec<u8> {
    vec![0xd0, 0]
}

pub const PINGREQ: [u8; 2] = [0xc0, 0];
pub const DISCONNECT: [u8; 2] = [0xe0, 0];

/// A PUBLISH; `id` is only used with QoS 1.
pub fn publish(
    topic: &str,
    payload: impl AsRef<[u8]>,
    qos: u8,
    id: u16,
    retain: bool,
    dup: bool,
) -> Vec<u8> {
    let mut body = field(topic);
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    body.extend_from_slice(payload.as_ref());
    packet(
        0x30 | u8::from(dup) << 3 | qos << 1 | u8::from(retain),
        &body,
    )
}

pub fn subscribe(id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    for (filter, qos) in filters {
        body.extend(field(filter));
        body.push(*qos);
    }
    packet(0x82, &body)
}

pub fn unsubscribe(id: u16, filter: &str) -> Vec<u8> {
    packet(0xa2, &[&id.to_be_bytes()[..], &field(filter)].concat())
}

/// A CONNECT to compare with: everything that it can say.
pub struct Connect<'a> {
    pub protocol: (&'a str, u8),
    pub flags: u8,
    pub keep_alive: u16,
    /// Client id, will topic, will message, user name, password: those that the flags announce.
    pub fields: &'a [&'a [u8]],
}

pub fn connect(connect: &Connect) -> Vec<u8> {
    let mut body = field(connect.protocol.0);
    body.push(connect.protocol.1);
    body.push(connect.flags);
    body.extend_from_slice(&connect.keep_alive.to_be_bytes());
    for bytes in connect.fields {
        body.extend(field(bytes));
    }
    packet(0x10, &body)
}

/// One packet as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub raw: Vec<u8>,
    /// Where the body begins in `raw`.
    pub header: usize,
}

impl Packet {
    pub fn name(&self) -> &'static str {
        const NAMES: [&str; 16] = [
            "reserved 0",
            "CONNECT",
            "CONNACK",
            "PUBLISH",
            "PUBACK",
            "PUBREC",
            "PUBREL",
            "PUBCOMP",
            "SUBSCRIBE",
            "SUBACK",
            "UNSUBSCRIBE",
            "UNSUBACK",
            "PINGREQ",
            "PINGRESP",
            "DISCONNECT",
            "reserved 15",
        ];
        NAMES[usize::from(self.raw[0] >> 4)]
    }

    pub fn body(&self) -> &[u8] {
        &self.raw[self.header..]
    }

    pub fn qos(&self) -> u8 {
        self.raw[0] >> 1 & 3
    }

    pub fn dup(&self) -> bool {
        self.raw[0] & 8 != 0
    }

    pub fn retain(&self) -> bool {
        self.raw[0] & 1 != 0
    }

    pub fn has_id(&self) -> bool {
        match self.name() {
            "CONNECT" | "CONNACK" | "PINGREQ" | "PINGRESP" | "DISCONNECT" => false,
            "PUBLISH" => self.qos() > 0,
            _ => self.body().len() >= 2,
        }
    }

    /// The packet identifier of a PUBLISH with QoS 1 or of any packet that begins with one.
    pub fn id(&self) -> u16 {
        let at = if self.name() == "PUBLISH" {
            2 + self.topic().len()
        } else {
            0
        };
        u16::from_be_bytes([self.body()[at], self.body()[at + 1]])
    }

    /// The topic of a PUBLISH.
    pub fn topic(&self) -> String {
        let length = usize::from(u16::from_be_bytes([self.body()[0], self.body()[1]]));
        String::from_utf8(self.body()[2..2 + length].to_vec()).expect("a topic in UTF-8")
    }

    /// The payload of a PUBLISH.
    pub fn payload(&self) -> &[u8] {
        let id = if self.qos() > 0 { 2 } else { 0 };
        &self.body()[2 + self.topic().len() + id..]
    }

    /// Filters and their QoS in a SUBSCRIBE.
    pub fn filters(&self) -> Vec<(String, u8)> {
        let mut rest = &self.body()[2..];
        let mut filters = Vec::new();
        while !rest.is_empty() {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            filters.push((
                String::from_utf8(rest[2..2 + length].to_vec()).expect("a filter in UTF-8"),
                rest[2 + length],
            ));
            rest = &rest[3 + length..];
        }
        filters
    }
}

/// What a CONNECT said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connected {
    pub raw: Vec<u8>,
    pub protocol_name: String,
    pub protocol_level: u8,
    pub flags: u8,
    pub keep_alive: u16,
    pub client_id: String,
    pub will_topic: Option<String>,
    pub will_message: Option<Vec<u8>>,
    pub username: Option<String>,
    pub password: Option<Vec<u8>>,
}

impl Connected {
    pub fn clean_session(&self) -> bool {
        self.flags & 2 != 0
    }

    pub fn parse(packet: &Packet) -> Connected {
        assert_eq!(
            packet.raw[0],
            0x10,
            "expected a CONNECT, got {}: {}",
            packet.name(),
            hex(&packet.raw)
        );
        let mut rest = packet.body();
        let mut take = |count: usize| {
            assert!(
                rest.len() >= count,
                "the CONNECT is too short: {}",
                hex(&packet.raw)
            );
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken.to_vec()
        };
        let mut field = |bytes: usize| match bytes {
            0 => {
                let length = take(2);
                take(usize::from(u16::from_be_bytes([length[0], length[1]])))
            }
            _ => take(bytes),
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8 in the CONNECT");
        let protocol_name = text(field(0));
        let fixed = field(4);
        let flags = fixed[1];
        let client_id = text(field(0));
        let mut optional = |flag: u8| (flags & flag != 0).then(|| field(0));
        let will_topic = optional(4).map(text);
        let will_message = optional(4);
        let username = optional(0x80).map(text);
        let password = optional(0x40);
        assert!(
            rest.is_empty(),
            "bytes behind the CONNECT's last field: {}",
            hex(rest)
        );
        Connected {
            raw: packet.raw.clone(),
            protocol_name,
            protocol_level: fixed[0],
            flags,
            keep_alive: u16::from_be_bytes([fixed[2], fixed[3]]),
            client_id,
            will_topic,
            will_message,
            username,
            password,
        }
    }
}

/// Bytes for people: hexadecimal, and the printable ones beside them; the middle of something long is left out.
pub fn hex(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(256)];
    let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String = shown
        .iter()
        .map(|byte| {
            if (32..127).contains(byte) {
                char::from(*byte)
            } else {
                '.'
            }
        })
        .collect();
    let more = if shown.len() < bytes.len() {
        " ..."
    } else {
        ""
    };
    format!(
        "[{} bytes] {}{more}  |{text}|",
        bytes.len(),
        digits.join(" ")
    )
}
