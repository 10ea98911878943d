//! The container's standard streams: output to the log and the clients, input from the clients.

use std::os::fd::OwnedFd;
use std::time::Instant;

use logfile::Stream;
use rustix::io::Errno;

use crate::serve::{DRAIN_PATIENCE, Monitor, State};

/// Longest piece of output that is read, and so the longest frame of it.
pub(crate) const BUFFER: usize = 256 * 1024;

/// Input on its way to a process.
#[derive(Default)]
pub(crate) struct Input {
    queue: Vec<u8>,
    /// Its end has come, or nobody reads it: no more is taken.
    pub(crate) closes: bool,
}

impl Input {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        if !self.closes {
            self.queue.extend_from_slice(bytes);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Writes what the process takes; true when the descriptor is to be closed.
    pub(crate) fn write_to(&mut self, fd: Option<&OwnedFd>) -> bool {
        while let (Some(fd), false) = (fd, self.queue.is_empty()) {
            match rustix::io::write(fd, &self.queue) {
                Ok(count) => {
                    self.queue.drain(..count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                // Nobody reads any more: what is sent from now on is dropped.
                Err(_) => {
                    self.queue.clear();
                    self.closes = true;
                }
            }
        }
        if self.queue.is_empty() {
            self.queue = Vec::new();
        }
        self.closes && self.queue.is_empty()
    }
}

/// What has come, at most a buffer full; at the end the descriptor is let go of.
pub(crate) fn read_some<'a>(slot: &mut Option<OwnedFd>, buffer: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(fd) = slot.as_ref() else {
        return &[];
    };
    buffer.resize(BUFFER, 0);
    match rustix::io::read(fd, buffer.as_mut_slice()) {
        Err(Errno::AGAIN | Errno::INTR) => &[],
        Ok(count @ 1..) => buffer.get(..count).unwrap_or_default(),
        // The end; a terminal whose last holder is gone says EIO.
        _ => {
            *slot = None;
            &[]
        }
    }
}

impl Monitor {
    pub(crate) fn read_output(&mut self, stream: Stream) {
        let slot = self.container.streams.slot(stream);
        let bytes = read_some(slot, &mut self.buffer);
        if bytes.is_empty() {
            return;
        }
        if let State::Exited { .. } = self.state {
            self.deadline = Some(Instant::now() + DRAIN_PATIENCE);
        }
        self.log.take(stream, bytes);
        for client in self.clients.iter_mut().filter(|c| c.is_of(None)) {
            client.push_output(stream, bytes);
        }
    }

    pub(crate) fn input_fd(&self) -> Option<&OwnedFd> {
        let tty = self.container.prepared.tty;
        self.container.streams.input_fd(tty)
    }

    pub(crate) fn write_input(&mut self) {
        let tty = self.container.prepared.tty;
        let fd = self.container.streams.input_fd(tty);
        if self.input.write_to(fd) && !tty {
            self.container.streams.input = None;
        }
    }
}
