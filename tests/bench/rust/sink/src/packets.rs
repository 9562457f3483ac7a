//! As much of MQTT 3.1.1 as the sink needs.

/// A whole packet at the beginning of `bytes`: its first byte, where its body begins, where it ends. `None`: more must come.
pub fn whole(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, &'static str> {
    let mut length = 0;
    for (number, byte) in bytes.iter().skip(1).enumerate() {
        if number == 4 {
            return Err("a remaining length of more than four bytes");
        }
        length |= usize::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            let end = number + 2 + length;
            return Ok((bytes.len() >= end).then_some((bytes[0], number + 2, end)));
        }
    }
    Ok(None)
}

pub struct Publish<'a> {
    pub qos: u8,
    pub topic: &'a [u8],
    pub id: [u8; 2],
    pub payload: &'a [u8],
}

/// A string field and what is behind it.
fn field(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

impl<'a> Publish<'a> {
    pub fn parse(first: u8, body: &'a [u8]) -> Option<Publish<'a>> {
        let qos = first >> 1 & 3;
        let (topic, rest) = field(body)?;
        let (id, payload) = match qos {
            0 => ([0, 0], rest),
            _ => rest.split_first_chunk().map(|(id, payload)| (*id, payload))?,
        };
        Some(Publish { qos, topic, id, payload })
    }
}

/// The filters of a SUBSCRIBE, behind its packet identifier, with their QoS.
pub fn filters(mut rest: &[u8]) -> Option<Vec<(&[u8], u8)>> {
    let mut filters = Vec::new();
    while !rest.is_empty() {
        let (filter, behind) = field(rest)?;
        let (qos, behind) = behind.split_first()?;
        filters.push((filter, *qos));
        rest = behind;
    }
    Some(filters)
}

pub fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let digit = (length & 0x7f) as u8;
        length >>= 7;
        out.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            return;
        }
    }
}

/// The packet, and where its packet identifier is.
pub fn publish(topic: &[u8], qos: u8, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut packet = vec![0x30 | qos << 1];
    put_length(&mut packet, 2 + topic.len() + usize::from(qos) * 2 + payload.len());
    packet.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    packet.extend_from_slice(topic);
    let id = packet.len();
    if qos > 0 {
        packet.extend_from_slice(&[0, 1]);
    }
    packet.extend_from_slice(payload);
    (packet, id)
}

/// 1 to 65535, then 1 again [MQTT-2.3.1-1].
pub fn next_id(id: u16) -> u16 {
    id.checked_add(1).unwrap_or(1)
}
