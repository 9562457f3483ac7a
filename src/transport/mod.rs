//! Bytes to and from the broker: TCP, TLS over it.

use std::io;
use std::os::fd::BorrowedFd;

/// A connected, non-blocking stream of bytes.
pub trait Link: Send {
    /// Reads what is there. `Ok(0)` is the orderly end of the stream; `WouldBlock` means that the poller should be asked.
    /// A short read says nothing: only `WouldBlock` means that nothing is left, also inside the link (TLS holds decrypted bytes).
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Takes as much of `bytes` as it can. What it took may still be inside the link: see [`Link::wants_write`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Pushes on what the link holds back (TLS records that the socket did not take). `WouldBlock` if some is left.
    fn flush(&mut self) -> io::Result<()>;

    /// Whether the link holds bytes that the socket has not taken.
    fn wants_write(&self) -> bool;

    /// Says good-bye where the layer knows how to (TLS close_notify) and ends the sending direction. Best effort, never blocks.
    fn close(&mut self);

    /// What to poll.
    fn fd(&self) -> BorrowedFd<'_>;
}
