//! The growing file: what the caller announced of it, and a reader that follows.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

#[derive(Debug, Default)]
struct State {
    /// Bytes of the file that may be read.
    total: u64,
    finished: bool,
    cancelled: bool,
}

/// How far the file has grown; shared by the handle and the reading thread.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Never shrinks: a smaller number than before is ignored.
    pub(crate) fn grown(&self, total: u64) {
        self.update(|state| state.total = state.total.max(total));
    }

    pub(crate) fn finish(&self) {
        self.update(|state| state.finished = true);
    }

    pub(crate) fn cancel(&self) {
        self.update(|state| state.cancelled = true);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Waits until more than `position` bytes may be read: how many there are, or `None` at the end.
    fn await_beyond(&self, position: u64) -> io::Result<Option<u64>> {
        let mut state = self.lock();
        loop {
            if state.cancelled {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "cancelled",
                ));
            }
            if state.total > position {
                return Ok(Some(state.total));
            }
            if state.finished {
                return Ok(None);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Reads the file as far as announced and hashes what it reads.
pub(crate) struct Source<'a> {
    file: File,
    progress: &'a Progress,
    position: u64,
    hash: Sha256,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: File, progress: &'a Progress) -> Self {
        Self {
            file,
            progress,
            position: 0,
            hash: Sha256::new(),
        }
    }

    /// The digest and the number of all bytes read.
    pub(crate) fn into_digest(self) -> (String, u64) {
        (to_digest(self.hash), self.position)
    }
}

pub(crate) fn to_digest(hash: Sha256) -> String {
    use std::fmt::Write;
    hash.finalize()
        .iter()
        .fold(String::from("sha256:"), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(total) = self.progress.await_beyond(self.position)? else {
            return Ok(0);
        };
        let allowed = usize::try_from(total - self.position)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self.file.read_at(&mut buffer[..allowed], self.position)?;
        if count == 0 && allowed > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file is shorter than announced",
            ));
        }
        self.hash.update(&buffer[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file_of(bytes: &[u8]) -> File {
        let fd =
            rustix::fs::memfd_create("source", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        let mut file = File::from(fd);
        file.write_all(bytes).expect("write");
        file
    }

    #[test]
    fn source_reads_no_further_than_announced() {
        let progress = Progress::default();
        progress.grown(3);
        progress.finish();
        let mut source = Source::new(file_of(b"abcdef"), &progress);
        let mut out = Vec::new();
        source.read_to_end(&mut out).expect("read");
        assert_eq!(out, b"abc");
        let (digest, size) = source.into_digest();
        assert_eq!(size, 3);
        assert_eq!(
            digest,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn source_waits_for_growth_and_sees_the_end() {
        let progress = Progress::default();
        let mut source = Source::new(file_of(b"abcdef"), &progress);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut out = Vec::new();
                source.read_to_end(&mut out).map(|_| out)
            });
            progress.grown(2);
            progress.grown(6);
            progress.grown(1);
            progress.finish();
            let out = reader.join().expect("join").expect("read");
            assert_eq!(out, b"abcdef");
        });
    }

    #[test]
    fn source_ends_with_an_error_when_cancelled_or_lied_to() {
        let progress = Progress::default();
        progress.grown(9);
        let mut out = Vec::new();
        let mut source = Source::new(file_of(b"abc"), &progress);
        let error = source.read_to_end(&mut out).expect_err("short file");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        progress.cancel();
        let mut source = Source::new(file_of(b"abc"), &progress);
        let error = source.read_to_end(&mut out).expect_err("cancelled");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
