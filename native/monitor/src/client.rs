//! One connection on the monitor's socket.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use sandbox::protocol::frame::{self, HEADER};

use logfile::Stream;

/// Queued output beyond this holds the container back.
const QUEUE: usize = 256 * 1024;
/// Longest payload that is taken; a longer one is no client of ours.
const MAX_PAYLOAD: usize = 1024 * 1024;

#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Client {
    fd: OwnedFd,
    received: Vec<u8>,
    queue: Vec<u8>,
    pub(crate) wants_input: bool,
    pub(crate) wants_output: bool,
    pub(crate) wants_error: bool,
    pub(crate) watches: bool,
    /// Sent START and waits for the answer.
    pub(crate) starts: bool,
    pub(crate) is_gone: bool,
    /// Nothing more will come: it is gone once its queue is empty.
    pub(crate) ends: bool,
    /// The exec whose streams it is attached to; none for the container's own.
    exec: Option<String>,
    /// When it last took anything of its queue.
    pub(crate) took_at: Instant,
}

/// One frame from a client.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

impl Client {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        crate::launch::unblock(fd.as_fd());
        Self {
            fd,
            received: Vec::new(),
            queue: Vec::new(),
            wants_input: false,
            wants_output: false,
            wants_error: false,
            watches: false,
            starts: false,
            is_gone: false,
            ends: false,
            exec: None,
            took_at: Instant::now(),
        }
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(crate) fn attach(&mut self, exec: Option<String>) {
        self.exec = exec;
    }

    pub(crate) fn exec(&self) -> Option<&str> {
        self.exec.as_deref()
    }

    /// Attached to the streams of this exec, or of the container.
    pub(crate) fn is_of(&self, exec: Option<&str>) -> bool {
        self.exec() == exec
    }

    pub(crate) fn push_output(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            _ if bytes.is_empty() => {}
            Stream::Output if self.wants_output => self.push(frame::STDOUT, bytes),
            Stream::Error if self.wants_error => self.push(frame::STDERR, bytes),
            _ => {}
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= QUEUE
    }

    pub(crate) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Sends a frame, now as far as the socket takes it, the rest when it does.
    pub(crate) fn push(&mut self, kind: u8, payload: &[u8]) {
        self.queue.extend(frame::header(kind, payload.len()));
        self.queue.extend_from_slice(payload);
        self.flush();
    }

    pub(crate) fn flush(&mut self) {
        let mut sent = 0;
        while let Some(rest) = self.queue.get(sent..).filter(|rest| !rest.is_empty()) {
            match send(&self.fd, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => {
                    sent += count;
                    self.took_at = Instant::now();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    self.is_gone = true;
                    sent = self.queue.len();
                }
            }
        }
        self.queue.drain(..sent);
        if self.queue.is_empty() && self.queue.capacity() > HEADER * 1024 {
            self.queue = Vec::new();
        }
    }

    /// Reads what has come and takes the frames that are complete.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Vec<Frame> {
        match recv(&self.fd, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => self.is_gone = true,
            Ok((count, _)) => self
                .received
                .extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.is_gone = true,
        }
        let mut frames = Vec::new();
        while let Some(frame) = self.next_frame() {
            frames.push(frame);
        }
        frames
    }

    fn next_frame(&mut self) -> Option<Frame> {
        let &[kind, _, _, _, a, b, c, d] = self.received.first_chunk::<HEADER>()?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        if length > MAX_PAYLOAD {
            self.is_gone = true;
            return None;
        }
        if self.received.len() < HEADER + length {
            return None;
        }
        let payload = self.received.get(HEADER..HEADER + length)?.to_vec();
        self.received.drain(..HEADER + length);
        if self.received.is_empty() {
            self.received = Vec::new();
        }
        Some(Frame { kind, payload })
    }
}
