//! The container's standard streams: output to the log and the clients, input from the clients.

use std::os::fd::OwnedFd;
use std::time::Instant;

use logfile::Stream;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use sandbox::child::Stdio;

use crate::launch::Streams;
use crate::serve::{DRAIN_PATIENCE, Monitor, State};

/// Longest piece of output that is read, and so the longest frame of it.
pub(crate) const BUFFER: usize = 256 * 1024;

/// Pipes; with a terminal none, since the child opens that.
pub(crate) fn make_streams(tty: bool, open_stdin: bool) -> Result<(Streams, Option<Stdio>), Errno> {
    if tty {
        return Ok((Streams::default(), None));
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC);
    let (output, output_theirs) = pipe()?;
    let (error, error_theirs) = pipe()?;
    for output in [&output, &error] {
        // Fewer turns between the process and us. Where the user has too many pipes, it stays as it is.
        let _too_many = fcntl_setpipe_size(output, BUFFER);
    }
    let (input, input_theirs) = if open_stdin {
        let (read, write) = pipe()?;
        (Some(write), read)
    } else {
        (
            None,
            rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?,
        )
    };
    let stdio = Stdio {
        input: input_theirs,
        output: output_theirs,
        error: error_theirs,
    };
    Ok((
        Streams {
            input,
            output: Some(output),
            error: Some(error),
            slave: None,
        },
        Some(stdio),
    ))
}

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
