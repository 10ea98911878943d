//! What one client has still to take: in memory, then in a file, so that a process need not wait for
//! whoever reads its output slowly or not at all.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::{Errno, IoSlice};
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

use crate::pace::Pace;

/// Bytes that are kept in memory of what a client takes too slowly to be waited for.
const MEMORY: usize = 256 * 1024;
/// Bytes that a client may lag behind before its process waits for it.
const SPILL: u64 = 256 * 1024 * 1024;
/// Bytes in a [`WINDOW`] below which a client that lags so far is not waited for.
const SLOW: u64 = 1024 * 1024;
const WINDOW: Duration = Duration::from_secs(1);

pub(crate) struct Queue {
    /// Next to be sent, from `sent` on.
    memory: Vec<u8>,
    sent: usize,
    /// Behind that.
    spill: Option<Spill>,
    /// Behind that: what the file could not take.
    rest: Vec<u8>,
    /// Where to make the file.
    directory: String,
    window: Window,
    pub(crate) pace: Pace,
    /// When it last took anything.
    pub(crate) took_at: Instant,
}

/// A file without a name: gone with its descriptor, however that goes.
struct Spill {
    file: OwnedFd,
    from: u64,
    to: u64,
}

/// What was taken since when.
struct Window {
    since: Instant,
    taken: u64,
}

impl Queue {
    pub(crate) fn new(directory: &str) -> Self {
        let now = Instant::now();
        Self {
            memory: Vec::new(),
            sent: 0,
            spill: None,
            rest: Vec::new(),
            directory: directory.to_owned(),
            window: Window {
                since: now,
                taken: 0,
            },
            pace: Pace::new(),
            took_at: now,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.memory.is_empty()
    }

    /// Gives back the memory that is not needed now; while output flows it is soon again.
    pub(crate) fn rest(&mut self) {
        if self.memory.is_empty() {
            self.memory = Vec::new();
        }
    }

    /// It takes no more: its process has to wait, or it is given up.
    pub(crate) fn is_full(&self) -> bool {
        self.pace.is_waited_for() || self.is_overfull()
    }

    /// There is no more room, not even in the file.
    fn is_overfull(&self) -> bool {
        !self.rest.is_empty() || self.spill.as_ref().is_some_and(|s| s.to - s.from >= SPILL)
    }

    /// True if there is no more room and the client has taken too little of late to be waited for.
    pub(crate) fn is_hopeless(&mut self, now: Instant) -> bool {
        let lasted = now.duration_since(self.window.since);
        if !self.is_overfull() || lasted < WINDOW {
            return false;
        }
        let wanted = SLOW * u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX) / 1000;
        let slow = self.window.taken < wanted;
        self.window = Window {
            since: now,
            taken: 0,
        };
        slow
    }

    /// Sends, as far as the socket takes it, and keeps the rest. An error is the end of the client.
    pub(crate) fn push(&mut self, fd: &OwnedFd, head: &[u8], body: &[u8]) -> Result<(), Errno> {
        let mut sent = 0;
        if self.is_empty() {
            let parts = [IoSlice::new(head), IoSlice::new(body)];
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            sent = match sendmsg(fd, &parts, &mut SendAncillaryBuffer::default(), flags) {
                Ok(count) => self.took(count),
                Err(Errno::AGAIN | Errno::INTR) => 0,
                Err(errno) => return Err(errno),
            };
        }
        let of_head = sent.min(head.len());
        self.keep(head.get(of_head..).unwrap_or_default());
        self.keep(body.get(sent - of_head..).unwrap_or_default());
        Ok(())
    }

    /// Sends what is kept, as far as the socket takes it.
    pub(crate) fn flush(&mut self, fd: &OwnedFd) -> Result<(), Errno> {
        while let Some(rest) = self.memory.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match send(fd, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => self.sent += self.took(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno),
            }
            if self.sent == self.memory.len() {
                self.refill()?;
            }
        }
        Ok(())
    }

    fn took(&mut self, count: usize) -> usize {
        self.took_at = Instant::now();
        let bytes = u64::try_from(count).unwrap_or(0);
        self.window.taken += bytes;
        self.pace.took(bytes);
        count
    }

    fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.is_empty() {
            // One that had nothing to take has not been slow.
            self.took_at = Instant::now();
            self.pace.begin(self.took_at);
        }
        if self.spill.is_none() && self.rest.is_empty() {
            // While the process waits, no more than it wrote before comes.
            if self.pace.is_waited_for() || self.memory.len() + bytes.len() <= MEMORY {
                self.memory.extend_from_slice(bytes);
                return;
            }
            self.spill = Spill::make(&self.directory);
            self.window = Window {
                since: Instant::now(),
                taken: 0,
            };
        }
        // In order: once something waits behind the file, so does everything.
        let taken = match &mut self.spill {
            Some(spill) if self.rest.is_empty() => spill.append(bytes),
            _ => 0,
        };
        self.rest
            .extend_from_slice(bytes.get(taken..).unwrap_or_default());
    }

    /// The memory is sent: fills it from the file, then with what is behind that.
    fn refill(&mut self) -> Result<(), Errno> {
        self.sent = 0;
        self.memory.clear();
        if let Some(spill) = &mut self.spill {
            spill.take(&mut self.memory)?;
            if spill.from == spill.to {
                self.spill = None;
            }
        }
        if self.spill.is_none() {
            self.memory.append(&mut self.rest);
            self.rest = Vec::new();
        }
        if self.memory.is_empty() {
            self.pace.end(Instant::now());
        }
        Ok(())
    }
}

impl Spill {
    /// None where no file can be made; then the memory is all there is.
    fn make(directory: &str) -> Option<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = rustix::fs::open(directory, flags, Mode::from_raw_mode(0o600)).ok()?;
        Some(Self {
            file,
            from: 0,
            to: 0,
        })
    }

    /// How many of the bytes it took; a disk may be full.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pwrite(self.file.as_fd(), rest, self.to) {
                Ok(0) => break,
                Ok(count) => {
                    taken += count;
                    self.to += u64::try_from(count).unwrap_or(0);
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        taken
    }

    /// Moves up to a memory full out of the file, and gives that part of the disk back.
    fn take(&mut self, memory: &mut Vec<u8>) -> Result<(), Errno> {
        let left = usize::try_from(self.to - self.from).unwrap_or(MEMORY);
        memory.resize(left.min(MEMORY), 0);
        let count = rustix::io::retry_on_intr(|| {
            rustix::io::pread(self.file.as_fd(), memory.as_mut_slice(), self.from)
        })?;
        if count == 0 && left > 0 {
            return Err(Errno::IO);
        }
        memory.truncate(count);
        self.from += u64::try_from(count).unwrap_or(0);
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _kept_until_the_end = rustix::fs::fallocate(self.file.as_fd(), hole, 0, self.from);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::MOMENT;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::NONBLOCK,
            None,
        )
        .expect("sockets")
    }

    /// Pushes blocks of numbered bytes without a reader, then reads all: every byte once, in order.
    fn round_trip(directory: &str, blocks: u32) {
        let (ours, theirs) = pair();
        let mut queue = Queue::new(directory);
        let block = |number: u32| number.to_be_bytes().repeat(8 * 1024);
        for number in 0..blocks {
            queue.push(&ours, b"head", &block(number)).expect("push");
            queue.pace.judge(Instant::now() + MOMENT);
        }
        let mut expected =
            (0..blocks).flat_map(|number| [b"head".to_vec(), block(number)].concat());
        let mut buffer = vec![0u8; 64 * 1024];
        loop {
            queue.flush(&ours).expect("flush");
            match recv(&theirs, buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((count, _)) => {
                    for byte in buffer.get(..count).expect("bytes") {
                        assert_eq!(Some(*byte), expected.next());
                    }
                }
                Err(Errno::AGAIN) if queue.is_empty() => break,
                Err(Errno::AGAIN) => {}
                Err(errno) => panic!("{errno}"),
            }
        }
        assert_eq!(expected.next(), None);
        assert!(queue.spill.is_none() && !queue.is_full());
    }

    #[test]
    fn what_fits_into_memory_needs_no_file() {
        round_trip("/nonexistent", 4);
    }

    #[test]
    fn nothing_is_lost_or_changes_places_in_the_file() {
        round_trip("/tmp", 200);
    }

    #[test]
    fn without_a_file_it_is_full_and_keeps_all() {
        let (ours, _theirs) = pair();
        let mut queue = Queue::new("/nonexistent");
        while !queue.is_overfull() {
            queue.push(&ours, b"", &[7; 4096]).expect("push");
            queue.pace.judge(Instant::now() + MOMENT);
        }
        round_trip("/nonexistent", 200);
    }

    #[test]
    fn a_quick_client_is_waited_for_without_a_file() {
        let (ours, theirs) = pair();
        let mut queue = Queue::new("/tmp");
        while !queue.is_full() {
            queue.push(&ours, b"", &[7; 4096]).expect("push");
        }
        assert!(queue.spill.is_none() && queue.memory.len() <= 4096);
        let mut buffer = vec![0u8; 64 * 1024];
        while !queue.is_empty() {
            recv(&theirs, buffer.as_mut_slice(), RecvFlags::empty()).expect("bytes");
            queue.flush(&ours).expect("flush");
        }
        assert!(!queue.is_full());
    }

    #[test]
    fn only_a_full_queue_whose_client_takes_little_is_hopeless() {
        let (ours, theirs) = pair();
        let mut queue = Queue::new("/nonexistent");
        let later = Instant::now() + WINDOW * 2;
        assert!(!queue.is_hopeless(later));
        while !queue.is_overfull() {
            queue.push(&ours, b"", &[7; 4096]).expect("push");
            queue.pace.judge(Instant::now() + MOMENT);
        }
        assert!(!queue.is_hopeless(Instant::now()));
        assert!(queue.is_hopeless(later));
        queue.window.taken = 10 * SLOW;
        assert!(!queue.is_hopeless(later + WINDOW));
        drop(theirs);
        assert!(queue.flush(&ours).is_err());
    }
}
