//! A link with a broker at its other end that answers at once.

use super::shared::Core;
use crate::transport::Link;
use rustix::fd::{AsFd, BorrowedFd};
use shuttle::sync::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Counts; others wait until it is enough.
#[derive(Default)]
pub(super) struct Gate {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn open(&self) {
        *self.count.lock().expect("no poison") += 1;
        self.changed.notify_all();
    }

    pub(super) fn count(&self) -> usize {
        *self.count.lock().expect("no poison")
    }

    pub(super) fn wait(&self, wanted: usize) {
        let count = self.count.lock().expect("no poison");
        drop(
            self.changed
                .wait_while(count, |count| *count < wanted)
                .expect("no poison"),
        );
    }
}

/// How the other end takes publishes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Broker {
    Answers,
    /// Closes the connection when it has so many.
    HangsUpAt(usize),
    /// Does not acknowledge those from this one on.
    IsSilentFrom(usize),
}

pub(super) struct Wire {
    pub(super) core: Arc<Core>,
    pub(super) key: u64,
    pub(super) answers: Mutex<VecDeque<u8>>,
    /// PUBACKs that the client has sent.
    pub(super) acknowledged: Gate,
    pub(super) published: Gate,
    /// Sent behind a SUBACK.
    pub(super) retained: &'static [u8],
    pub(super) broker: Broker,
}

pub(super) struct FakeLink {
    pub(super) wire: Arc<Wire>,
    pub(super) file: File,
}

impl Wire {
    fn answer(&self, bytes: &[u8]) {
        self.answers.lock().expect("no poison").extend(bytes);
        self.core.poller.readable(self.key, true);
    }

    fn has_hung_up(&self) -> bool {
        matches!(self.broker, Broker::HangsUpAt(count) if self.published.count() >= count)
    }

    fn is_silent(&self) -> bool {
        matches!(self.broker, Broker::IsSilentFrom(count) if self.published.count() >= count)
    }

    /// One packet of the client, whole; they are short.
    fn packet(&self, packet: &[u8]) {
        match packet[0] >> 4 {
            1 => self.answer(&[0x20, 2, 0, 0]),
            3 => {
                self.published.open();
                if self.has_hung_up() {
                    self.core.poller.readable(self.key, true);
                } else if packet[0] & 6 != 0 && !self.is_silent() {
                    let id = 4 + usize::from(packet[3]);
                    self.answer(&[0x40, 2, packet[id], packet[id + 1]]);
                }
            }
            4 => self.acknowledged.open(),
            8 => {
                self.answer(&[0x90, 3, packet[2], packet[3], 1]);
                self.answer(self.retained);
            }
            10 => self.answer(&[0xb0, 2, packet[2], packet[3]]),
            12 => self.answer(&[0xd0, 0]),
            _ => {}
        }
    }
}

impl Link for FakeLink {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut answers = self.wire.answers.lock().expect("no poison");
        let count = answers.len().min(buffer.len());
        if count == 0 && self.wire.has_hung_up() {
            return Ok(0);
        }
        if count == 0 {
            self.wire.core.poller.readable(self.wire.key, false);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (to, from) in buffer.iter_mut().zip(answers.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while rest.len() >= 2 && rest.len() >= 2 + usize::from(rest[1]) {
            let (packet, behind) = rest.split_at(2 + usize::from(rest[1]));
            self.wire.packet(packet);
            rest = behind;
        }
        assert!(rest.is_empty() && bytes.iter().len() > 0, "half a packet");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn wants_write(&self) -> bool {
        false
    }

    fn close(&mut self) {}

    fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for FakeLink {
    fn drop(&mut self) {
        self.wire.core.poller.closed(self.wire.key);
    }
}
