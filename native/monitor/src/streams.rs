//! The container's standard streams: output to the log and the clients, input from the clients.

use std::os::fd::OwnedFd;
use std::time::Instant;

use logfile::Stream;
use rustix::io::Errno;
use sandbox::protocol::frame;

use crate::serve::{DRAIN_PATIENCE, Monitor, State};

/// Longest piece of output that is read, and so the longest frame of it.
pub(crate) const BUFFER: usize = 32 * 1024;

impl Monitor {
    pub(crate) fn read_output(&mut self, stream: Stream) {
        let slot = match stream {
            Stream::Output => &mut self.container.streams.output,
            Stream::Error => &mut self.container.streams.error,
        };
        let Some(fd) = slot.as_ref() else { return };
        self.buffer.resize(BUFFER, 0);
        let count = match rustix::io::read(fd, self.buffer.as_mut_slice()) {
            Err(Errno::AGAIN | Errno::INTR) => return,
            Ok(count @ 1..) => count,
            // The end; a terminal whose last holder is gone says EIO.
            _ => {
                *slot = None;
                return;
            }
        };
        if let State::Exited { .. } = self.state {
            self.deadline = Some(Instant::now() + DRAIN_PATIENCE);
        }
        let bytes = self.buffer.get(..count).unwrap_or_default();
        self.log.take(stream, bytes);
        for client in &mut self.clients {
            match stream {
                Stream::Output if client.wants_output => client.push(frame::STDOUT, bytes),
                Stream::Error if client.wants_error => client.push(frame::STDERR, bytes),
                _ => {}
            }
        }
    }

    pub(crate) fn input_fd(&self) -> Option<&OwnedFd> {
        let streams = &self.container.streams;
        if self.container.prepared.tty {
            streams.output.as_ref()
        } else {
            streams.input.as_ref()
        }
    }

    pub(crate) fn write_input(&mut self) {
        while let (Some(fd), false) = (self.input_fd(), self.input.is_empty()) {
            match rustix::io::write(fd, &self.input) {
                Ok(count) => {
                    self.input.drain(..count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // Nobody reads any more: what is sent from now on is dropped.
                Err(_) => {
                    self.input.clear();
                    self.closes_input = true;
                }
            }
        }
        if self.input.is_empty() {
            self.input = Vec::new();
            if self.closes_input && !self.container.prepared.tty {
                self.container.streams.input = None;
            }
        }
    }
}
