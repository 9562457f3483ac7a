//! The connection itself: CONNECT, CONNACK, PINGREQ, PINGRESP, DISCONNECT.

use super::Packet;
use super::wire::{self, FixedHeader};
use crate::config::{Protocol, Will};
use crate::error::{Code, Error};

#[cfg(test)]
mod tests;

/// What CONNECT says. No `Debug`: it holds the password.
#[derive(Clone, Copy)]
pub struct Connect<'a> {
    pub protocol: Protocol,
    pub clean_session: bool,
    /// 0: none.
    pub keep_alive_secs: u16,
    pub client_id: &'a str,
    pub will: Option<&'a Will>,
    pub username: Option<&'a str>,
    pub password: Option<&'a [u8]>,
}

/// On an error nothing was written. The error names the field, never what is in it.
pub fn encode_connect(out: &mut Vec<u8>, connect: &Connect<'_>) -> Result<(), Error> {
    check_string("client id", connect.client_id)?;
    if let Some(will) = connect.will {
        check_string("last will topic", &will.topic)?;
        check_length("last will payload", &will.payload)?;
    }
    if let Some(username) = connect.username {
        check_string("user name", username)?;
    }
    if let Some(password) = connect.password {
        check_length("password", password)?;
        if connect.username.is_none() {
            return Err(Error::new(
                Code::InvalidArgument,
                "a password needs a user name [MQTT-3.1.2-22]",
            ));
        }
    }

    let (name, level): (&[u8], u8) = match connect.protocol {
        Protocol::V3_1 => (b"MQIsdp", 3),
        Protocol::V3_1_1 => (b"MQTT", 4),
    };
    // The order of the payload is fixed [MQTT-3.1.3-1].
    let payload = [
        Some(connect.client_id.as_bytes()),
        connect.will.map(|will| will.topic.as_bytes()),
        connect.will.map(|will| will.payload.as_slice()),
        connect.username.map(str::as_bytes),
        connect.password,
    ];
    let payload_length: usize = payload.iter().flatten().map(|field| 2 + field.len()).sum();
    wire::put_fixed_header(out, 0x10, 2 + name.len() + 4 + payload_length);
    wire::put_field(out, name);
    out.push(level);
    out.push(flags(connect));
    wire::put_u16(out, connect.keep_alive_secs);
    for field in payload.into_iter().flatten() {
        wire::put_field(out, field);
    }
    Ok(())
}

/// Section 3.1.2.3. Bit 0 is reserved and 0 [MQTT-3.1.2-3]; without a will its QoS and retain bits are 0 [MQTT-3.1.2-11].
fn flags(connect: &Connect<'_>) -> u8 {
    let mut flags = u8::from(connect.clean_session) << 1;
    if let Some(will) = connect.will {
        flags |= 0x04 | (will.qos as u8) << 3 | u8::from(will.retain) << 5;
    }
    flags |= u8::from(connect.password.is_some()) << 6;
    flags | u8::from(connect.username.is_some()) << 7
}

fn check_string(field: &'static str, string: &str) -> Result<(), Error> {
    check_length(field, string.as_bytes())?;
    if string.contains('\0') {
        return Err(Error::new(
            Code::InvalidArgument,
            format!("{field}: it contains U+0000 [MQTT-1.5.3-2]"),
        ));
    }
    Ok(())
}

fn check_length(field: &'static str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() > wire::MAX_STRING {
        return Err(Error::new(
            Code::InvalidArgument,
            format!(
                "{field}: {} bytes, but CONNECT has room for {}",
                bytes.len(),
                wire::MAX_STRING
            ),
        ));
    }
    Ok(())
}

/// A `session_present` beside a refusal is against [MQTT-3.2.2-4], but the refusal is the better thing to tell.
pub(super) fn decode_connack<'a>(
    header: FixedHeader,
    bytes: &'a [u8],
    protocol: Protocol,
) -> Result<Option<Packet<'a>>, Error> {
    header.check_flags("CONNACK", protocol)?;
    header.check_length("CONNACK", 2)?;
    let Some(&[flags, return_code]) = header.body(bytes) else {
        return Ok(None);
    };
    let session_present = match (protocol, flags) {
        // MQTT 3.1 knows no such flag: the byte is reserved, and nothing is said about what is in it.
        (Protocol::V3_1, _) => false,
        (Protocol::V3_1_1, 0) => false,
        (Protocol::V3_1_1, 1) => true,
        (Protocol::V3_1_1, _) => {
            return Err(wire::malformed(format!(
                "CONNACK with the acknowledge flags 0x{flags:02X}; bits 7 to 1 are reserved (section 3.2.2.1)"
            )));
        }
    };
    Ok(Some(Packet::Connack {
        session_present,
        return_code,
    }))
}

pub const PINGREQ: [u8; 2] = [0xC0, 0];

/// The last packet of a connection [MQTT-3.14.4-2]; the broker then throws the will away [MQTT-3.14.4-3].
pub const DISCONNECT: [u8; 2] = [0xE0, 0];

pub(super) fn decode_pingresp<'a>(
    header: FixedHeader,
    protocol: Protocol,
) -> Result<Option<Packet<'a>>, Error> {
    header.check_flags("PINGRESP", protocol)?;
    header.check_length("PINGRESP", 0)?;
    Ok(Some(Packet::Pingresp))
}

pub(super) fn decode_disconnect<'a>(
    header: FixedHeader,
    protocol: Protocol,
) -> Result<Option<Packet<'a>>, Error> {
    header.check_flags("DISCONNECT", protocol)?;
    header.check_length("DISCONNECT", 0)?;
    Ok(Some(Packet::Disconnect))
}
