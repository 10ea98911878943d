//! The queue of `mode=non-blocking`: a program never waits for the disk, but what does not fit is lost.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::files::Files;
use crate::record::Format;

/// How long a disk that does not answer may keep the end of a container back.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// How often a compression under way is looked after.
const TEND_EVERY: Duration = Duration::from_millis(200);
const STACK: usize = 128 * 1024;

pub(crate) struct Queue {
    format: Format,
    limit: usize,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or nothing more will come.
    wake: Condvar,
    finished: Condvar,
}

#[derive(Default)]
struct State {
    records: Vec<u8>,
    is_closed: bool,
    is_finished: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    pub(crate) fn start(format: Format, limit: usize, files: Files) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("rt-log".into())
            .stack_size(STACK)
            .spawn(move || write_all(&theirs, files))?;
        Ok(Self {
            format,
            limit,
            shared,
            thread,
        })
    }

    /// Takes as many whole records as there is room for.
    pub(crate) fn push(&self, records: &[u8]) {
        let mut state = self.shared.lock();
        let room = self.limit.saturating_sub(state.records.len());
        let fits = match records.get(..room) {
            Some(begin) => self.format.whole(begin),
            None => records.len(),
        };
        state.records.extend_from_slice(&records[..fits]);
        self.shared.wake.notify_one();
    }

    /// Waits until all is written.
    pub(crate) fn close(&self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        self.shared.wake.notify_one();
        let _late = self
            .shared
            .finished
            .wait_timeout_while(state, LAST_PATIENCE, |state| !state.is_finished);
    }

    /// After `close`: waits for what is compressed behind the end.
    pub(crate) fn settle(self) {
        let _ended = self.thread.join();
    }
}

fn write_all(shared: &Shared, mut files: Files) {
    let mut is_busy = false;
    loop {
        let mut state = shared.lock();
        while state.records.is_empty() && !state.is_closed {
            state = if is_busy {
                let waited = shared.wake.wait_timeout(state, TEND_EVERY);
                is_busy = files.tend();
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                shared
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner)
            };
        }
        let records = std::mem::take(&mut state.records);
        let is_last = records.is_empty();
        drop(state);
        files.append(&records);
        is_busy = files.tend();
        if is_last {
            shared.lock().is_finished = true;
            shared.finished.notify_all();
            return files.settle();
        }
    }
}
