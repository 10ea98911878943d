//! One connection on the monitor's socket.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::io::{Errno, IoSliceMut};
use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg, sockopt};
use sandbox::protocol::frame::{self, HEADER};

use crate::direct::Direct;
use crate::hear::descriptors;
use crate::queue::Queue;
use logfile::Stream;

/// Descriptors that may wait for the frames they belong to; who sends more is no client of ours.
const MAX_GIVEN: usize = 16;
const SEND_BUFFER: usize = 512 * 1024;

#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Client {
    fd: OwnedFd,
    received: Vec<u8>,
    /// Descriptors that came with it.
    given: Vec<OwnedFd>,
    queue: Queue,
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
    /// There where this is a client's own connection, none where it is the daemon's.
    pub(crate) direct: Option<Direct>,
}

/// One frame from a client.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

impl Client {
    /// What it does not take at once may have to be kept in a file.
    pub(crate) fn new(fd: OwnedFd, spill_directory: &str) -> Self {
        crate::launch::unblock(fd.as_fd());
        // As much as the process writes at once is to fit, several times.
        let _as_it_was = sockopt::set_socket_send_buffer_size_force(&fd, SEND_BUFFER);
        Self {
            fd,
            received: Vec::new(),
            given: Vec::new(),
            queue: Queue::new(spill_directory),
            wants_input: false,
            wants_output: false,
            wants_error: false,
            watches: false,
            starts: false,
            is_gone: false,
            ends: false,
            exec: None,
            direct: None,
        }
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// `flags`: 1 stdin, 2 stdout, 4 stderr. A container's terminal has all its output in one stream.
    pub(crate) fn attach(&mut self, flags: u8, exec: Option<String>, container_tty: bool) {
        let is_one = container_tty && exec.is_none();
        self.wants_input = flags & 1 != 0;
        self.wants_output = flags & 2 != 0 || (is_one && flags & 4 != 0);
        self.wants_error = flags & 4 != 0 && !is_one;
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
            Stream::Output if self.wants_output => self.push_bytes(frame::STDOUT, bytes),
            Stream::Error if self.wants_error => self.push_bytes(frame::STDERR, bytes),
            _ => {}
        }
    }

    fn push_bytes(&mut self, kind: u8, bytes: &[u8]) {
        if self.direct.as_ref().is_some_and(|direct| direct.is_raw) {
            self.is_gone |= self.queue.push(&self.fd, &[], bytes).is_err();
        } else {
            self.push(kind, bytes);
        }
    }

    /// Its process has to wait for it.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// It is waited for as long as it is quick: this is to be asked again within a moment.
    pub(crate) fn is_judged(&self) -> bool {
        self.queue.pace.is_waited_for()
    }

    pub(crate) fn judge(&mut self, now: Instant) {
        self.queue.pace.judge(now);
    }

    pub(crate) fn rest(&mut self) {
        self.queue.rest();
    }

    pub(crate) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// When it last took anything of its queue.
    pub(crate) fn took_at(&self) -> Instant {
        self.queue.took_at
    }

    /// Gives it up if its process would have to wait for it and it hardly reads.
    pub(crate) fn drop_if_hopeless(&mut self, now: Instant) {
        self.is_gone |= self.queue.is_hopeless(now);
    }

    /// Sends a frame, now as far as the socket takes it, the rest when it does.
    pub(crate) fn push(&mut self, kind: u8, payload: &[u8]) {
        let head = frame::header(kind, payload.len());
        self.is_gone |= self.queue.push(&self.fd, &head, payload).is_err();
    }

    pub(crate) fn flush(&mut self) {
        self.is_gone |= self.queue.flush(&self.fd).is_err();
    }

    /// Reads what has come and takes the frames that are complete.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Vec<Frame> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let mut parts = [IoSliceMut::new(&mut *buffer)];
        let got = recvmsg(&self.fd, &mut parts, &mut control, flags).map(|got| got.bytes);
        self.given.extend(descriptors(&mut control));
        self.is_gone |= self.given.len() > MAX_GIVEN;
        match got {
            Ok(0) => self.is_gone = true,
            Ok(count) => self
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

    /// The descriptor that came with a frame.
    pub(crate) fn take_given(&mut self) -> Option<OwnedFd> {
        (!self.given.is_empty()).then(|| self.given.remove(0))
    }

    fn next_frame(&mut self) -> Option<Frame> {
        let &[kind, _, _, _, a, b, c, d] = self.received.first_chunk::<HEADER>()?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        if length > frame::LONGEST {
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

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

    use super::*;

    /// xorshift64: the same frames in every run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % end as u64).expect("small")
        }

        fn bytes(&mut self, length: usize) -> Vec<u8> {
            (0..length)
                .map(|_| u8::try_from(self.below(256)).expect("a byte"))
                .collect()
        }
    }

    fn pair() -> (Client, OwnedFd) {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .expect("sockets");
        (Client::new(ours, "/"), theirs)
    }

    #[test]
    fn frames_are_taken_as_they_were_sent_however_they_are_cut() {
        for seed in 1..200 {
            let mut random = Random(seed);
            let (mut client, theirs) = pair();
            let mut stream = Vec::new();
            let mut sent = Vec::new();
            for _ in 0..random.below(20) {
                let kind = u8::try_from(random.below(256)).expect("a byte");
                let length = random.below(300);
                let payload = random.bytes(length);
                stream.extend(frame::header(kind, payload.len()));
                stream.extend(&payload);
                sent.push((kind, payload));
            }
            let mut taken = Vec::new();
            let mut buffer = vec![0; 1 + random.below(500)];
            while !stream.is_empty() {
                let piece: Vec<u8> = stream
                    .drain(..stream.len().min(1 + random.below(200)))
                    .collect();
                send(&theirs, &piece, SendFlags::NOSIGNAL).expect("sent");
                for _ in 0..=piece.len() / buffer.len() {
                    taken.extend(client.receive(&mut buffer));
                }
            }
            let taken: Vec<_> = taken.into_iter().map(|f| (f.kind, f.payload)).collect();
            assert_eq!(taken, sent, "seed {seed}");
            assert!(!client.is_gone);
        }
    }

    #[test]
    fn nonsense_ends_its_sender_or_waits_for_the_rest() {
        for seed in 1..500 {
            let mut random = Random(seed);
            let (mut client, theirs) = pair();
            for _ in 0..20 {
                let length = 1 + random.below(100);
                send(&theirs, &random.bytes(length), SendFlags::NOSIGNAL).expect("sent");
                client.receive(&mut [0; 128]);
                if client.is_gone {
                    break;
                }
                assert!(client.received.len() <= HEADER + frame::LONGEST);
            }
        }
    }

    #[test]
    fn a_length_that_no_client_of_ours_sends_ends_it() {
        let (mut client, theirs) = pair();
        let header = frame::header(frame::STDIN, frame::LONGEST + 1);
        send(&theirs, &header, SendFlags::NOSIGNAL).expect("sent");
        assert!(client.receive(&mut [0; 64]).is_empty());
        assert!(client.is_gone);
    }
}
