//! Frames of the server, unpacked in place.

use crate::transport::http::printable;
use std::io::Cursor;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// RFC 6455 section 5.5.
const LARGEST_CONTROL: u64 = 125;
/// Without a mask; a header with one is refused before it is whole.
const LONGEST_HEADER: usize = 10;

/// Registered with IANA after RFC 6455; tungstenite takes it for one that must not be sent.
const BAD_GATEWAY: u16 = 1014;

/// Where we are in the stream of frames. It holds no data but the beginning of a header or of a control frame.
#[derive(Default)]
pub(super) struct Incoming {
    place: Place,
    header: [u8; LONGEST_HEADER],
    header_length: usize,
    control: Vec<u8>,
    /// A message was begun and its last frame has not come.
    fragmented: bool,
    /// The last Ping that was not answered; earlier ones need no answer (RFC 6455 section 5.5.3).
    pub(super) ping: Option<Vec<u8>>,
    pub(super) end: Option<End>,
}

/// Nothing after this counts.
pub(super) enum End {
    /// The peer says Close.
    Closed {
        code: Option<CloseCode>,
        /// Harmless to show.
        reason: String,
    },
    /// The peer breaks the rules: the code to close with, and what it did.
    Violation(CloseCode, String),
}

#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Header,
    /// In a binary message; this many bytes of the frame are left.
    Data(u64),
    Control(Control, usize),
}

type Step<T> = Result<T, End>;

impl Incoming {
    /// Leaves in `buffer`, from its beginning, the bytes of messages only, and says how many they are.
    pub(super) fn unpack(&mut self, buffer: &mut [u8]) -> usize {
        let (mut kept, mut at) = (0, 0);
        while at < buffer.len() && self.end.is_none() {
            match self.place {
                Place::Header => {
                    self.header[self.header_length] = buffer[at];
                    self.header_length += 1;
                    at += 1;
                    if let Err(end) = self.begin_frame() {
                        self.end = Some(end);
                    }
                }
                Place::Data(left) => {
                    let length = usize::try_from(left)
                        .unwrap_or(usize::MAX)
                        .min(buffer.len() - at);
                    buffer.copy_within(at..at + length, kept);
                    kept += length;
                    at += length;
                    self.place = match left - length as u64 {
                        0 => Place::Header,
                        left => Place::Data(left),
                    };
                }
                Place::Control(kind, left) => {
                    let length = left.min(buffer.len() - at);
                    self.control.extend_from_slice(&buffer[at..at + length]);
                    at += length;
                    match left - length {
                        0 => self.end_control(kind),
                        left => self.place = Place::Control(kind, left),
                    }
                }
            }
        }
        kept
    }

    /// Looks whether the header is whole and may stand here.
    fn begin_frame(&mut self) -> Step<()> {
        let bytes = &self.header[..self.header_length];
        if bytes[0] & 0x70 != 0 {
            return violation("reserved bits are set, and no extension was agreed on");
        }
        if bytes.len() == 2 && bytes[1] & 0x80 != 0 {
            return violation("a masked frame; a server must not mask");
        }
        let (header, length) = match FrameHeader::parse(&mut Cursor::new(bytes)) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(()),
            Err(tungstenite::Error::Protocol(ProtocolError::InvalidOpcode(code))) => {
                return violation(format!("a frame of the unknown kind {code}"));
            }
            Err(_) => return violation("a frame header that cannot be"),
        };
        self.header_length = 0;
        match header.opcode {
            OpCode::Data(kind) => {
                match kind {
                    // [MQTT-6.0.0-1]
                    Data::Text => {
                        let why = "a text frame; MQTT is in binary frames [MQTT-6.0.0-1]";
                        return Err(End::Violation(CloseCode::Unsupported, why.into()));
                    }
                    Data::Continue if !self.fragmented => {
                        return violation("a continuation of no message");
                    }
                    Data::Binary if self.fragmented => {
                        return violation("a new message before the end of another");
                    }
                    _ => {}
                }
                if length > i64::MAX as u64 {
                    return violation("a frame longer than 2^63 bytes");
                }
                self.fragmented = !header.is_final;
                if length > 0 {
                    self.place = Place::Data(length);
                }
            }
            OpCode::Control(kind) => {
                if !header.is_final {
                    return violation("a control frame in fragments");
                }
                if length > LARGEST_CONTROL {
                    return violation("a control frame of more than 125 bytes");
                }
                self.control.clear();
                match length as usize {
                    0 => self.end_control(kind),
                    length => self.place = Place::Control(kind, length),
                }
            }
        }
        Ok(())
    }

    fn end_control(&mut self, kind: Control) {
        self.place = Place::Header;
        match kind {
            Control::Ping => self.ping = Some(std::mem::take(&mut self.control)),
            Control::Close => self.end = Some(closed(&self.control)),
            // Of a Pong that nobody asked for nothing is expected (RFC 6455 section 5.5.3).
            _ => {}
        }
    }
}

fn closed(payload: &[u8]) -> End {
    let (code, reason) = match payload {
        [] => (None, &[][..]),
        [_] => return End::Violation(CloseCode::Protocol, "a Close of one byte".into()),
        [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low]).into()), reason),
    };
    if code.is_some_and(|code: CloseCode| !code.is_allowed() && code != CloseCode::Bad(BAD_GATEWAY))
    {
        let why = "a Close with a code that must not be sent";
        return End::Violation(CloseCode::Protocol, why.into());
    }
    End::Closed {
        code,
        reason: printable(reason),
    }
}

fn violation<T>(why: impl Into<String>) -> Step<T> {
    Err(End::Violation(CloseCode::Protocol, why.into()))
}
