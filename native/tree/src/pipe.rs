//! Bytes between a thread that works on files and whoever talks to the client, in bounded memory.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of one chunk that a [`PipeWriter`] collects.
const CHUNK: usize = 256 * 1024;
/// Bytes that may wait before a writer has to.
const LIMIT: usize = 4 * CHUNK;

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// No more will be written.
    ended: bool,
    /// Nobody wants more, or nobody will write the rest.
    broken: bool,
}

#[derive(Debug, Default)]
pub struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

impl Pipe {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while too much is unread. False if the pipe is broken.
    pub fn push(&self, chunk: Vec<u8>) -> bool {
        let mut state = self.lock();
        while state.bytes >= LIMIT && !state.broken {
            state = self.wait(state);
        }
        if state.broken {
            return false;
        }
        state.bytes += chunk.len();
        state.chunks.push_back(chunk);
        self.changed.notify_all();
        true
    }

    /// The next chunk as soon as there is one; `None` at the end and once the pipe is broken.
    pub fn pull(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.broken {
                return None;
            }
            if let Some(chunk) = state.chunks.pop_front() {
                state.bytes -= chunk.len();
                self.changed.notify_all();
                return Some(chunk);
            }
            if state.ended {
                return None;
            }
            state = self.wait(state);
        }
    }

    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    pub fn cut(&self) {
        let mut state = self.lock();
        state.broken = true;
        state.chunks.clear();
        state.bytes = 0;
        self.changed.notify_all();
    }

    pub fn is_ended(&self) -> bool {
        self.lock().ended
    }

    pub fn is_cut(&self) -> bool {
        self.lock().broken
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects small writes into chunks; a broken pipe is `BrokenPipe`.
pub struct PipeWriter {
    pipe: Arc<Pipe>,
    chunk: Vec<u8>,
}

impl PipeWriter {
    pub fn new(pipe: Arc<Pipe>) -> Self {
        Self {
            pipe,
            chunk: Vec::new(),
        }
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.capacity() == 0 {
            self.chunk.reserve_exact(CHUNK);
        }
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        if self.pipe.push(std::mem::take(&mut self.chunk)) {
            return Ok(());
        }
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// A broken pipe is `ConnectionAborted`, which the tar reader takes for a cancelled transfer.
pub struct PipeReader {
    pipe: Arc<Pipe>,
    chunk: Vec<u8>,
    offset: usize,
}

impl PipeReader {
    pub fn new(pipe: Arc<Pipe>) -> Self {
        Self {
            pipe,
            chunk: Vec::new(),
            offset: 0,
        }
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.offset == self.chunk.len() {
            match self.pipe.pull() {
                Some(chunk) => (self.chunk, self.offset) = (chunk, 0),
                None if self.pipe.is_cut() => {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.offset);
        buffer[..count].copy_from_slice(&self.chunk[self.offset..self.offset + count]);
        self.offset += count;
        Ok(count)
    }
}
