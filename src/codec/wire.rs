//! What all packets are made of: the fixed header, two-byte numbers, strings with their length in front.

use crate::config::Protocol;
use crate::error::{Code, Error};

/// The largest remaining length that four bytes can say (section 2.2.3).
pub(super) const MAX_REMAINING_LENGTH: usize = 268_435_455;
/// The longest string or binary field: its length is two bytes (section 1.5.3).
pub(super) const MAX_STRING: usize = u16::MAX as usize;

/// Packet type and flags, and where the packet ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FixedHeader {
    /// Packet type in the upper four bits, flags in the lower.
    pub(super) first: u8,
    /// Bytes of the fixed header itself: 2 to 5.
    pub(super) size: usize,
    /// Bytes of the whole packet, fixed header included.
    pub(super) packet_size: usize,
}

impl FixedHeader {
    /// `None`: more bytes are needed. Lengths in more bytes than they need are taken: no clause before MQTT 5 forbids them.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Result<Option<FixedHeader>, Error> {
        // Every arm but the last two is reached only if all length bytes before its own have the continuation bit.
        let (size, remaining_length) = match *bytes {
            [_, a, ..] if a < 0x80 => (2, usize::from(a)),
            [_, a, b, ..] if b < 0x80 => (3, seven_bits(a) | usize::from(b) << 7),
            [_, a, b, c, ..] if c < 0x80 => {
                (4, seven_bits(a) | seven_bits(b) << 7 | usize::from(c) << 14)
            }
            [_, a, b, c, d, ..] if d < 0x80 => (
                5,
                seven_bits(a) | seven_bits(b) << 7 | seven_bits(c) << 14 | usize::from(d) << 21,
            ),
            [_, _, _, _, _, ..] => return Err(length_of_five_bytes()),
            _ => return Ok(None),
        };
        Ok(Some(FixedHeader {
            first: bytes[0],
            size,
            packet_size: size + remaining_length,
        }))
    }

    /// `None`: more bytes are needed.
    #[inline]
    pub(super) fn body<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(self.size..self.packet_size)
    }

    pub(super) fn remaining_length(&self) -> usize {
        self.packet_size - self.size
    }

    /// For every packet but PUBLISH: reserved flags are 0 [MQTT-2.2.2-2]. MQTT 3.1 calls them "not used" and asks nothing of them.
    #[inline]
    pub(super) fn check_flags(
        &self,
        packet: &'static str,
        protocol: Protocol,
    ) -> Result<(), Error> {
        if self.first & 0x0F != 0 && protocol != Protocol::V3_1 {
            return Err(wrong_flags(packet, self.first & 0x0F));
        }
        Ok(())
    }

    /// For packets of one size.
    #[inline]
    pub(super) fn check_length(&self, packet: &'static str, expected: usize) -> Result<(), Error> {
        if self.remaining_length() != expected {
            return Err(self.wrong_length(packet));
        }
        Ok(())
    }

    #[cold]
    pub(super) fn wrong_length(&self, packet: &'static str) -> Error {
        malformed(format!(
            "{packet} with a remaining length of {}",
            self.remaining_length()
        ))
    }
}

#[inline]
fn seven_bits(byte: u8) -> usize {
    usize::from(byte & 0x7F)
}

/// An error that ends the connection [MQTT-4.8.0-1].
#[cold]
pub(super) fn malformed(reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::Protocol, reason)
}

#[cold]
fn length_of_five_bytes() -> Error {
    malformed("a remaining length of more than four bytes (section 2.2.3)")
}

#[cold]
fn wrong_flags(packet: &'static str, flags: u8) -> Error {
    malformed(format!(
        "{packet} with the fixed header's flags {flags:04b} instead of 0000 [MQTT-2.2.2-2]"
    ))
}

/// A packet identifier is never 0 [MQTT-2.3.1-1].
#[inline]
pub(super) fn packet_id(bytes: [u8; 2], packet: &'static str) -> Result<u16, Error> {
    match u16::from_be_bytes(bytes) {
        0 => Err(packet_id_zero(packet)),
        packet_id => Ok(packet_id),
    }
}

#[cold]
fn packet_id_zero(packet: &'static str) -> Error {
    malformed(format!("{packet} with packet identifier 0 [MQTT-2.3.1-1]"))
}

/// A field with its length in front, and what follows it. `None`: the bytes end within.
#[inline]
pub(super) fn split_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// How many bytes a remaining length takes. `None`: it is over the protocol's limit.
#[inline(always)]
pub(super) fn remaining_length_size(remaining_length: usize) -> Option<usize> {
    match remaining_length {
        0..0x80 => Some(1),
        0x80..0x4000 => Some(2),
        0x4000..0x20_0000 => Some(3),
        0x20_0000..=MAX_REMAINING_LENGTH => Some(4),
        _ => None,
    }
}

/// Makes room for the whole packet and writes its first two to five bytes.
pub(super) fn put_fixed_header(out: &mut Vec<u8>, first: u8, remaining_length: usize) {
    // Not a byte too many: where the caller has made room for the packet, one more would double that room.
    let length_size = remaining_length_size(remaining_length).unwrap_or(4);
    out.reserve(1 + length_size + remaining_length);
    out.push(first);
    put_remaining_length(out, remaining_length);
}

fn put_remaining_length(out: &mut Vec<u8>, remaining_length: usize) {
    let (bytes, size) = remaining_length_bytes(remaining_length);
    out.extend_from_slice(&bytes[..size]);
}

/// Seven bits a byte, the lowest first, with bit 7 set in all but the last; and how many there are. At most [`MAX_REMAINING_LENGTH`].
fn remaining_length_bytes(remaining_length: usize) -> ([u8; 4], usize) {
    debug_assert!(remaining_length <= MAX_REMAINING_LENGTH);
    let size = remaining_length_size(remaining_length).unwrap_or(4);
    let mut bytes = [0; 4];
    for (index, byte) in bytes[..size].iter_mut().enumerate() {
        let more = u8::from(index + 1 < size) << 7;
        *byte = (remaining_length >> (7 * index)) as u8 & 0x7F | more;
    }
    (bytes, size)
}

/// Writes the fixed header and the two bytes behind it, a length. Gives the place behind them; where they do not fit, that is behind the end.
#[inline(always)]
pub(super) fn put_head(out: &mut [u8], first: u8, remaining_length: usize, field: u16) -> usize {
    // Nearly every packet is here: one write of eight bytes, of which four or five stay, instead of as many single ones.
    if let Some(out) = out.first_chunk_mut().filter(|_| remaining_length < 0x4000) {
        let first = u64::from(first);
        let field = u64::from(field.swap_bytes());
        let remaining_length = remaining_length as u64;
        let (head, length) = if remaining_length < 0x80 {
            (field << 16 | remaining_length << 8 | first, 4)
        } else {
            let (low, high) = (remaining_length | 0x80, remaining_length >> 7);
            (field << 24 | high << 16 | (low & 0xFF) << 8 | first, 5)
        };
        *out = head.to_le_bytes();
        return length;
    }
    put_rare_head(out, first, remaining_length, field)
}

/// A short packet or a long one.
#[cold]
fn put_rare_head(out: &mut [u8], first: u8, remaining_length: usize, field: u16) -> usize {
    let (bytes, size) = remaining_length_bytes(remaining_length);
    let head = 1 + size + 2;
    if let Some(out) = out.get_mut(..head) {
        out[0] = first;
        out[1..=size].copy_from_slice(&bytes[..size]);
        out[1 + size..].copy_from_slice(&field.to_be_bytes());
    }
    head
}

pub(super) fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// A string or binary field of at most [`MAX_STRING`] bytes, its length in front.
pub(super) fn put_field(out: &mut Vec<u8>, field: &[u8]) {
    debug_assert!(field.len() <= MAX_STRING);
    put_u16(out, field.len() as u16);
    out.extend_from_slice(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of section 2.2.3 with the first and the last value of each size.
    const LENGTHS: [(usize, &[u8]); 9] = [
        (0, &[0x00]),
        (127, &[0x7F]),
        (128, &[0x80, 0x01]),
        (321, &[0xC1, 0x02]),
        (16_383, &[0xFF, 0x7F]),
        (16_384, &[0x80, 0x80, 0x01]),
        (2_097_151, &[0xFF, 0xFF, 0x7F]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
        (268_435_455, &[0xFF, 0xFF, 0xFF, 0x7F]),
    ];

    #[test]
    fn remaining_lengths_of_section_2_2_3_are_read() {
        for (length, bytes) in LENGTHS {
            let packet = [&[0xD0], bytes].concat();
            let header = FixedHeader::read(&packet).unwrap().unwrap();
            assert_eq!(header.first, 0xD0);
            assert_eq!(header.size, packet.len());
            assert_eq!(header.remaining_length(), length);
            for end in 0..packet.len() {
                assert_eq!(FixedHeader::read(&packet[..end]), Ok(None), "{length}");
            }
        }
    }

    #[test]
    fn remaining_lengths_of_section_2_2_3_are_written() {
        for (length, bytes) in LENGTHS {
            assert_eq!(remaining_length_size(length), Some(bytes.len()));
            let mut out = vec![0xD0];
            put_remaining_length(&mut out, length);
            assert_eq!(out, [&[0xD0], bytes].concat());
        }
        assert_eq!(remaining_length_size(MAX_REMAINING_LENGTH + 1), None);
    }

    #[test]
    fn a_fifth_length_byte_is_refused_before_it_has_come() {
        assert_eq!(FixedHeader::read(&[0xD0, 0x80, 0x80, 0x80]), Ok(None));
        let error = FixedHeader::read(&[0xD0, 0x80, 0x80, 0x80, 0x80]).unwrap_err();
        assert_eq!(error.code, Code::Protocol);
        assert!(error.detail.contains("more than four bytes"), "{error}");
    }

    #[test]
    fn a_length_in_more_bytes_than_needed_is_taken() {
        let header = FixedHeader::read(&[0xD0, 0x80, 0x80, 0x00])
            .unwrap()
            .unwrap();
        assert_eq!((header.size, header.packet_size), (4, 4));
    }

    #[test]
    fn fields_are_split_where_their_length_says() {
        assert_eq!(
            split_field(&[0, 1, b'a', b'b']),
            Some((&b"a"[..], &b"b"[..]))
        );
        assert_eq!(split_field(&[0, 0]), Some((&b""[..], &b""[..])));
        assert_eq!(split_field(&[0, 2, b'a']), None);
        assert_eq!(split_field(&[0]), None);
    }
}
