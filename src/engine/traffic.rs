//! What goes over a client's link: reading, as long as the application takes its messages, and writing, as far as the link takes the bytes.

use super::inner::Inner;
use super::state::{Connection, State};
use super::sync::atomic::Ordering;
use crate::error::{Code, Error};
use crate::time::Instant;
use crate::transport;
use std::io;

/// Messages that the application has not taken: past this, the socket is not read.
const UNDELIVERED: usize = 1 << 20;
const UNDELIVERED_WHILE_WAITING: usize = 4 << 20;
/// What one turn reads before others have theirs.
const READ_TURN: usize = 256 << 10;

/// What is read at once lies here. It begins small, because most of what comes is: a process with one connection should not pay for zeroed
/// pages that it never needs.
pub(super) struct ReadBuffer(Vec<u8>);

const AT_FIRST: usize = 16 << 10;
const LARGEST: usize = 128 << 10;

impl Default for ReadBuffer {
    fn default() -> Self {
        ReadBuffer(vec![0; AT_FIRST])
    }
}

impl ReadBuffer {
    /// A read gave so much. TLS never fills it, as its records do not fit exactly.
    fn was_given(&mut self, count: usize) {
        if count > AT_FIRST / 2 && self.0.len() < LARGEST {
            self.0.resize(LARGEST, 0);
        }
    }
}

impl State {
    /// Whether this must not read now. CONNACK is no message, and without it there would be no connection again until the application
    /// has taken what came on the last one.
    fn is_full(&self) -> bool {
        if !self.session.is_connected() {
            return false;
        }
        let limit = if self.waiting_calls.load(Ordering::Acquire) > 0 {
            UNDELIVERED_WHILE_WAITING
        } else {
            UNDELIVERED
        };
        self.undelivered + self.session.held_bytes() >= limit
    }

    /// Reads what there is, up to a turn's share. True: there may be more.
    pub(super) fn read(&mut self, inner: &Inner, now: Instant, buffer: &mut ReadBuffer) -> bool {
        let spare = &inner.engine.core.spare_messages;
        self.session.begin_turn(spare.take());
        let messages_before = self.session.counters().messages_received;
        let more = self.read_turn(now, buffer);
        if self.session.counters().messages_received != messages_before
            || !self.session.awaits_puback()
        {
            self.burst.heard();
        }
        self.take_outputs();
        spare.keep(self.session.end_turn());
        more
    }

    fn read_turn(&mut self, now: Instant, buffer: &mut ReadBuffer) -> bool {
        let mut share = READ_TURN;
        loop {
            self.settle_pause(now);
            self.read_again = false;
            let Connection::Up(link) = &mut self.connection else {
                return false;
            };
            if self.paused {
                return false;
            }
            match link.read(&mut buffer.0) {
                Ok(0) => {
                    self.lost(
                        now,
                        Error::new(Code::ConnectionLost, "the broker closed the connection"),
                    );
                    return false;
                }
                Ok(count) => {
                    let drained = link.is_drained();
                    self.session.received(now, &buffer.0[..count]);
                    if self.session.is_pressing() {
                        self.take_outputs();
                    }
                    buffer.was_given(count);
                    share = share.saturating_sub(count);
                    if drained || share == 0 {
                        return !drained;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // The peer keeps the link busy with what is no message.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
                Err(error) => {
                    self.lost(now, transport::read_error(&error));
                    return false;
                }
            }
        }
    }

    /// Stops or resumes reading. True: resumed, so there may be something to read.
    pub(super) fn settle_pause(&mut self, now: Instant) -> bool {
        let full = self.is_full();
        if self.paused == full {
            return false;
        }
        self.paused = full;
        self.session.set_paused(now, full);
        !full && matches!(self.connection, Connection::Up(_))
    }

    /// Sends what the session has to send, as far as the link takes it.
    pub(super) fn write(&mut self, now: Instant) {
        loop {
            let Connection::Up(link) = &mut self.connection else {
                return;
            };
            if self.blocked {
                return;
            }
            let pending = self.session.outgoing();
            let flushes = pending.is_empty();
            let result = if flushes {
                link.flush().map(|()| 0)
            } else {
                link.write(pending)
            };
            match result {
                Ok(count) => {
                    let holds = link.wants_write();
                    self.session.link_holds(now, holds);
                    self.session.sent(now, count);
                    self.take_outputs();
                    // What has left may have made room for more.
                    if count == 0 && (!flushes || self.session.outgoing().is_empty()) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.write_failed(now, &error),
            }
        }
    }

    /// What the peer said before it closed (a refusal, say) tells more than "broken pipe", so it is read first.
    fn write_failed(&mut self, now: Instant, error: &io::Error) {
        let mut buffer = [0; 4096];
        while let Connection::Up(link) = &mut self.connection {
            match link.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    self.session.received(now, &buffer[..count]);
                    self.take_outputs();
                }
                Err(later)
                    if !matches!(
                        later.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    return self.lost(now, transport::read_error(&later));
                }
                _ => return self.lost(now, transport::read_error(error)),
            }
        }
    }
}
