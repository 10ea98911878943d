//! A blob on its way to a client: from the page cache into the socket, past the daemon's own memory.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};

use crate::error::LayerError;

/// As much as one call is asked for.
const PIECE: u64 = 1 << 30;

/// Bytes of a file that go to a socket, which somebody else may have to be rid of meanwhile.
#[derive(Debug)]
pub struct Sending {
    socket: OwnedFd,
    cancelled: AtomicBool,
}

impl Sending {
    /// The socket is a copy, and may be non-blocking.
    #[must_use]
    pub fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            cancelled: AtomicBool::new(false),
        }
    }

    /// Sends the first `size` bytes of the file, and waits while the client does not read. False: it is gone,
    /// or [`Sending::cancel`] was called.
    ///
    /// # Errors
    /// If the file cannot be read, or has become shorter.
    pub fn send(&self, file: &OwnedFd, size: u64) -> Result<bool, LayerError> {
        let mut offset = 0;
        while offset < size {
            if self.cancelled.load(Ordering::Acquire) {
                return Ok(false);
            }
            let want = usize::try_from((size - offset).min(PIECE)).unwrap_or(usize::MAX);
            match sendfile(&self.socket, file, Some(&mut offset), want) {
                Ok(0) => return Err(LayerError::Truncated("a blob has become shorter")),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait()?,
                Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => return Ok(false),
                Err(errno) => return Err(failed("send a blob", errno)),
            }
        }
        Ok(true)
    }

    /// Ends the connection, so that a sender that waits for its client goes on.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // One that has ended already is what is wanted.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }

    fn wait(&self) -> Result<(), LayerError> {
        let mut fds = [PollFd::from_borrowed_fd(
            self.socket.as_fd(),
            PollFlags::OUT,
        )];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(failed("wait for a client", errno)),
        }
    }
}

fn failed(action: &str, errno: Errno) -> LayerError {
    LayerError::Io {
        action: action.into(),
        source: errno.into(),
    }
}
