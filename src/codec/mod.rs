//! MQTT 3.1.1 and 3.1 packets and bytes: what a client sends is encoded, what a server sends is decoded. Pure: no socket, thread or clock.
//!
//! | file | packets |
//! |---|---|
//! | `connect.rs` | CONNECT, CONNACK, PINGREQ, PINGRESP, DISCONNECT |
//! | `publish.rs` | PUBLISH |
//! | `acknowledgements.rs` | PUBACK, UNSUBACK: a packet identifier and nothing else |
//! | `subscribe.rs` | SUBSCRIBE, SUBACK, UNSUBSCRIBE |
//! | `wire.rs` | what all are made of: fixed header, numbers, strings |
//! | `topic.rs` | topic names and topic filters |
//!
//! The version of the protocol is an argument where it makes a difference, never a type.

mod acknowledgements;
mod connect;
mod publish;
mod subscribe;
pub mod topic;
mod wire;

#[cfg(test)]
mod tests;

pub use acknowledgements::{puback, whole_puback};
pub use connect::{Connect, DISCONNECT, PINGREQ, encode_connect};
pub use publish::{
    Publish, encode_publish, publish_size, set_publish_dup, set_publish_packet_id, whole_publish,
};
pub use subscribe::{encode_subscribe, encode_unsubscribe};

use crate::config::Protocol;
use crate::error::{Code, Error};
use wire::FixedHeader;

/// What a client receives. Borrows from the bytes it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Return codes above 5 are reserved, but AWS IoT uses some.
    Connack {
        session_present: bool,
        return_code: u8,
    },
    Publish(Publish<'a>),
    Puback {
        packet_id: u16,
    },
    /// One code for each filter of the SUBSCRIBE: the granted QoS, or 0x80.
    Suback {
        packet_id: u16,
        return_codes: &'a [u8],
    },
    Unsuback {
        packet_id: u16,
    },
    Pingresp,
    /// Before MQTT 5 only a client sends it. AWS IoT may send it all the same: it is the server's close.
    Disconnect,
}

/// The first packet in `bytes` and its length; `None`: more bytes are needed.
///
/// What the fixed header alone makes wrong (packet type, flags, length, size) is an error as soon as the header is there, so no peer can
/// make us keep the body of a packet that we would refuse. `max_packet_size` is that of the whole packet.
pub fn decode(
    bytes: &[u8],
    protocol: Protocol,
    max_packet_size: usize,
) -> Result<Option<(Packet<'_>, usize)>, Error> {
    let Some(header) = FixedHeader::read(bytes)? else {
        return Ok(None);
    };
    if header.packet_size > max_packet_size {
        return Err(too_large(header.packet_size, max_packet_size));
    }
    let packet = match header.first >> 4 {
        3 => publish::decode_publish(header, bytes)?.map(Packet::Publish),
        4 => acknowledgements::decode_puback(header, bytes, protocol)?,
        2 => connect::decode_connack(header, bytes, protocol)?,
        9 => subscribe::decode_suback(header, bytes, protocol)?,
        11 => acknowledgements::decode_unsuback(header, bytes, protocol)?,
        13 => connect::decode_pingresp(header, protocol)?,
        14 => connect::decode_disconnect(header, protocol)?,
        packet_type => return Err(unexpected(packet_type)),
    };
    Ok(packet.map(|packet| (packet, header.packet_size)))
}

/// How long the first packet in `bytes` is altogether; `None`: its fixed header is not complete.
pub fn packet_size(bytes: &[u8]) -> Result<Option<usize>, Error> {
    Ok(FixedHeader::read(bytes)?.map(|header| header.packet_size))
}

#[cold]
fn too_large(size: usize, max_packet_size: usize) -> Error {
    Error::new(
        Code::PacketTooLarge,
        format!(
            "the server sent a packet of {size} bytes; the configured maximum is {max_packet_size}"
        ),
    )
}

#[cold]
fn unexpected(packet_type: u8) -> Error {
    let reason = match packet_type {
        1 => "CONNECT from the server: only a client sends it",
        5 => "PUBREC from the server: it belongs to QoS 2, which was never asked for",
        6 => "PUBREL from the server: it belongs to QoS 2, which was never asked for",
        7 => "PUBCOMP from the server: it belongs to QoS 2, which was never asked for",
        8 => "SUBSCRIBE from the server: only a client sends it",
        10 => "UNSUBSCRIBE from the server: only a client sends it",
        12 => "PINGREQ from the server: only a client sends it",
        0 => "packet type 0, which is reserved",
        _ => "packet type 15, which is reserved",
    };
    Error::new(Code::Protocol, reason)
}
