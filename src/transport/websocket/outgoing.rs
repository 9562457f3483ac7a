//! Our frames: masked, and pushed as far as the link takes them.

use crate::transport::Link;
use std::io;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, OpCode};

/// Kept when it is empty; more is given back.
const KEPT: usize = 16 << 10;
/// Random bytes drawn at a time: one system call for 64 frames.
const DRAWN: usize = 256;
const MASK: usize = 4;

#[derive(Default)]
pub(super) struct Outgoing {
    /// Whole frames, of which `sent` bytes are gone.
    bytes: Vec<u8>,
    sent: usize,
    /// The answer to the last Ping, sent behind what waits already. One is enough, so that pings that nobody lets us answer
    /// cost no memory.
    pub(super) pong: Option<Vec<u8>>,
    random: Vec<u8>,
}

impl Outgoing {
    /// Puts a frame behind the others.
    pub(super) fn frame(&mut self, opcode: OpCode, payload: &[u8]) {
        let mask = self.mask();
        let header = FrameHeader {
            opcode,
            mask: Some(mask),
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        self.bytes.reserve(header.len(length) + payload.len());
        // Writing into memory does not fail.
        let _ = header.format(length, &mut self.bytes);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        apply(mask, &mut self.bytes[start..]);
    }

    /// Hands on what there is. `WouldBlock`: some is left.
    pub(super) fn push(&mut self, link: &mut dyn Link) -> io::Result<()> {
        loop {
            while self.sent < self.bytes.len() {
                match link.write(&self.bytes[self.sent..]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(length) => self.sent += length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.sent = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
            match self.pong.take() {
                Some(payload) => self.frame(OpCode::Control(Control::Pong), &payload),
                None => break,
            }
        }
        if link.wants_write() {
            link.flush()?;
        }
        Ok(())
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.bytes.is_empty() || self.pong.is_some()
    }

    /// Unpredictable for whoever chooses the payload (RFC 6455 section 10.3).
    fn mask(&mut self) -> [u8; MASK] {
        if self.random.is_empty() {
            self.random.resize(DRAWN, 0);
            if getrandom::fill(&mut self.random).is_err() {
                // No randomness in this process: the mask guards old proxies against web pages' scripts, and we have none, so a
                // mask of zeros does no harm.
                self.random.fill(0);
            }
        }
        let mut mask = [0; MASK];
        let rest = self.random.len().saturating_sub(MASK);
        mask.copy_from_slice(&self.random[rest..]);
        self.random.truncate(rest);
        mask
    }
}

/// RFC 6455 section 5.3, eight bytes at a time.
fn apply(mask: [u8; MASK], payload: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = [a, b, c, d, a, b, c, d];
    let mut chunks = payload.chunks_exact_mut(wide.len());
    for chunk in &mut chunks {
        for (byte, mask) in chunk.iter_mut().zip(wide) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(wide) {
        *byte ^= mask;
    }
}
