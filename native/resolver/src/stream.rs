//! DNS messages over TCP: two bytes of length, then the message. Both ends of it never wait.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// A message on its way out.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    pub(crate) fn new(message: &[u8]) -> Self {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        Self {
            bytes: [&length.to_be_bytes(), message].concat(),
            sent: 0,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.sent >= self.bytes.len()
    }

    pub(crate) fn send(&mut self, socket: &OwnedFd) -> Result<(), Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match send(socket, rest, flags) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

/// A message on its way in.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
}

impl Incoming {
    /// Takes what is there, by way of `buffer`, but not more than the message; an error when there is no more to
    /// come, or the message is longer than `longest`.
    pub(crate) fn receive(
        &mut self,
        socket: &OwnedFd,
        buffer: &mut [u8],
        longest: usize,
    ) -> Result<Option<Vec<u8>>, Errno> {
        loop {
            let wanted = self.wanted();
            if wanted > longest + 2 {
                return Err(Errno::MSGSIZE);
            }
            if self.bytes.len() > 2 && self.bytes.len() == wanted {
                return Ok(Some(std::mem::take(&mut self.bytes).split_off(2)));
            }
            let room = (wanted - self.bytes.len()).min(buffer.len());
            let place = buffer.get_mut(..room).unwrap_or_default();
            match recv(socket, &mut *place, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(Errno::CONNRESET),
                Ok((_, count)) => {
                    let bytes = place.get(..count).unwrap_or_default();
                    self.bytes.extend_from_slice(bytes);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// With the length in front. One of nothing is no message, and its end will be waited for in vain.
    fn wanted(&self) -> usize {
        match self.bytes.first_chunk::<2>() {
            Some(length) => 2 + usize::from(u16::from_be_bytes(*length)).max(1),
            None => 2,
        }
    }
}
