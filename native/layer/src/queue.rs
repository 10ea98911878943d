//! One producer's chunks to several consumers, each of which sees all of them in order.
//!
//! Memory is bounded by the number of chunks that exist; they go round from the producer through
//! the consumers and back. Whoever is dropped, on whatever path, leaves nobody waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::LayerError;

/// Bytes of one chunk.
pub(crate) const CHUNK: usize = 256 * 1024;
/// Chunks that may exist at a time.
const DEPTH: usize = 8;

/// A buffer of `CHUNK` bytes of which the first `len` count.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) len: usize,
}

impl Chunk {
    fn new() -> Self {
        Self {
            bytes: vec![0; CHUNK].into_boxed_slice(),
            len: 0,
        }
    }
}

#[derive(Debug)]
struct State {
    /// What some consumer has not taken yet; `first` is the number of the front one.
    waiting: VecDeque<Arc<Chunk>>,
    first: u64,
    /// Per consumer: the number of the chunk it takes next.
    next: Vec<u64>,
    spare: Vec<Chunk>,
    made: usize,
    /// Set once by the producer; the error is taken by the first who asks.
    ended: Option<Result<(), Option<LayerError>>>,
    /// A consumer is gone: nothing more is wanted.
    closed: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue with two consumers.
pub(crate) fn queue() -> (Producer, Consumer, Consumer) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            first: 0,
            next: vec![0; 2],
            spare: Vec::new(),
            made: 0,
            ended: None,
            closed: false,
        }),
        changed: Condvar::new(),
    });
    let consumer = |index| Consumer {
        shared: Arc::clone(&shared),
        index,
        held: None,
        at_end: false,
    };
    (Producer(Arc::clone(&shared)), consumer(0), consumer(1))
}

#[derive(Debug)]
pub(crate) struct Producer(Arc<Shared>);

impl Producer {
    /// An empty chunk, as soon as there is one; `None` if nothing more is wanted.
    pub(crate) fn take(&self) -> Option<Chunk> {
        let mut state = self.0.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(chunk) = state.spare.pop() {
                return Some(chunk);
            }
            if state.made < DEPTH {
                state.made += 1;
                drop(state);
                return Some(Chunk::new());
            }
            state = self.0.wait(state);
        }
    }

    pub(crate) fn give(&self, chunk: Chunk) {
        self.0.lock().waiting.push_back(Arc::new(chunk));
        self.0.changed.notify_all();
    }

    /// No more chunks.
    pub(crate) fn end(self, result: Result<(), LayerError>) {
        self.0.lock().ended = Some(result.map_err(Some));
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.ended.is_none() {
            let lost = LayerError::Internal("the inflating thread is gone".into());
            state.ended = Some(Err(Some(lost)));
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

#[derive(Debug)]
pub(crate) struct Consumer {
    shared: Arc<Shared>,
    index: usize,
    held: Option<Arc<Chunk>>,
    /// It has seen the end: its going means nothing to the others.
    at_end: bool,
}

/// What a consumer gets next.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    Bytes(&'a [u8]),
    /// The whole stream was seen.
    End,
    /// The producer failed, or another consumer is gone.
    Broken,
}

impl Consumer {
    /// Gives the chunk of the call before back and waits for the next one.
    pub(crate) fn next(&mut self) -> Next<'_> {
        let mut state = self.shared.lock();
        // Whoever lets go last gives the chunk back; under the lock, so that there is a last one.
        if let Some(chunk) = self.held.take().and_then(Arc::into_inner) {
            state.spare.push(chunk);
            self.shared.changed.notify_all();
        }
        loop {
            if state.closed {
                return Next::Broken;
            }
            let wanted = state.next[self.index];
            let offset = usize::try_from(wanted - state.first).unwrap_or(usize::MAX);
            if let Some(chunk) = state.waiting.get(offset) {
                let chunk = Arc::clone(chunk);
                state.next[self.index] += 1;
                // The slower consumer takes a chunk out of the queue.
                if state.next.iter().all(|next| *next > state.first) {
                    state.waiting.pop_front();
                    state.first += 1;
                }
                drop(state);
                let held = self.held.insert(chunk);
                return Next::Bytes(&held.bytes[..held.len]);
            }
            match &state.ended {
                Some(Ok(())) => {
                    self.at_end = true;
                    return Next::End;
                }
                Some(Err(_)) => return Next::Broken,
                None => state = self.shared.wait(state),
            }
        }
    }

    /// Why the stream is broken.
    pub(crate) fn error(&self) -> LayerError {
        let mut state = self.shared.lock();
        let error = match &mut state.ended {
            Some(Err(error)) => error.take(),
            _ => None,
        };
        error.unwrap_or_else(|| LayerError::Internal("the hashing thread is gone".into()))
    }

    /// The bytes of the chunk that the last `next` gave.
    pub(crate) fn held(&self) -> &[u8] {
        match &self.held {
            Some(chunk) => &chunk.bytes[..chunk.len],
            None => &[],
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if self.at_end {
            return;
        }
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}
