//! What we owe the broker: the PUBACKs of the QoS 1 messages that it has sent.

use super::outgoing::Outgoing;
use crate::error::{Code, Error};
use std::collections::VecDeque;

/// A broker cannot have more QoS 1 messages under way than there are packet identifiers.
const LIMIT: u64 = u16::MAX as u64;

/// QoS 1 messages that we have to acknowledge, in the order of receipt. Receipts are numbered through the life of the session,
/// so that a number from a lost connection is known as such.
#[derive(Debug)]
pub(super) struct Receipts {
    /// The number of the first in `pending`.
    first: u64,
    /// The first number of this connection.
    connection: u64,
    /// Up to this number the callbacks have run.
    handled: u64,
    pending: VecDeque<Receipt>,
    /// When the link has taken the bytes up to this position, the PUBACKs of all before this number have left.
    leaving: (u64, u64),
    /// As many behind one before which all are known to have left; from here on it is to be looked at whether the peer takes them.
    pub(super) many: u64,
}

#[derive(Debug)]
struct Receipt {
    packet_id: u16,
    /// The application acknowledges it; that its callbacks have run is not enough.
    manual: bool,
    acknowledged: bool,
}

impl Default for Receipts {
    fn default() -> Self {
        // Zero stands for "nothing to acknowledge".
        Receipts {
            first: 1,
            connection: 1,
            handled: 0,
            pending: VecDeque::new(),
            leaving: (0, 1),
            many: 1 + LIMIT,
        }
    }
}

impl Receipts {
    #[inline(always)]
    pub(super) fn push(&mut self, packet_id: u16) -> u64 {
        self.pending.push_back(Receipt {
            packet_id,
            manual: false,
            acknowledged: false,
        });
        self.first + self.pending.len() as u64 - 1
    }

    /// A message is under way until its PUBACK has left: one that comes when there are more than there are identifiers, this being the number
    /// of the last, is against the protocol, and a peer that never reads could fill the memory with them. Whether a PUBACK has left is not
    /// known of each, so that those that have are found out when they are at most twice as many.
    #[cold]
    pub(super) fn settle(&mut self, receipt: u64, outgoing: &Outgoing) -> Result<(), Error> {
        if outgoing.taken() >= self.leaving.0 {
            self.many = self.leaving.1 + LIMIT;
            self.leaving = (outgoing.end(), self.first);
        }
        if self.pending.len() as u64 > LIMIT || receipt > self.many + LIMIT {
            return Err(Error::new(
                Code::Protocol,
                "the broker has more unacknowledged messages under way than there are packet identifiers",
            ));
        }
        Ok(())
    }

    /// Bytes were cut out of the outgoing stream.
    pub(super) fn moved_up(&mut self, behind: u64, by: u64) {
        if self.leaving.0 >= behind {
            self.leaving.0 -= by;
        }
    }

    pub(super) fn set_manual(&mut self, receipt: u64) {
        let index = receipt.checked_sub(self.first);
        let place = index.and_then(|index| usize::try_from(index).ok());
        if let Some(pending) = place.and_then(|index| self.pending.get_mut(index)) {
            pending.manual = true;
        }
    }

    /// The callbacks of all messages up to this one have run.
    pub(super) fn handled(&mut self, receipt: u64) {
        self.handled = self.handled.max(receipt);
    }

    pub(super) fn acknowledge(&mut self, receipt: u64) -> Result<(), Error> {
        if receipt < self.connection {
            return Err(Error::new(
                Code::Stale,
                "the message came on a connection that is gone: the broker will send it again",
            ));
        }
        let done = || Error::new(Code::Stale, "the message was acknowledged already");
        let index = receipt.checked_sub(self.first).ok_or_else(done)?;
        let place = usize::try_from(index)
            .ok()
            .and_then(|index| self.pending.get_mut(index));
        let Some(pending) = place else {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("no message had the acknowledgement {receipt}"),
            ));
        };
        if std::mem::replace(&mut pending.acknowledged, true) {
            return Err(done());
        }
        Ok(())
    }

    /// The packet identifier of the oldest message, if it is to be acknowledged now.
    pub(super) fn next_acknowledged(&mut self) -> Option<u16> {
        let oldest = self.pending.front()?;
        let handled = !oldest.manual && self.first <= self.handled;
        if !handled && !oldest.acknowledged {
            return None;
        }
        let packet_id = oldest.packet_id;
        self.pending.pop_front();
        self.first += 1;
        Some(packet_id)
    }

    /// The connection has ended.
    pub(super) fn forget(&mut self) {
        self.first += self.pending.len() as u64;
        self.connection = self.first;
        self.pending = VecDeque::new();
        self.leaving = (0, self.first);
        self.many = self.first + LIMIT;
    }
}
