//! Work on files by a thread of its own, which a client reads from or writes to meanwhile.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use napi::Result;
use tree::Pipe;

use crate::failure::Failure;

type Outcome<T> = std::result::Result<T, Failure>;

/// A value that one thread leaves for another.
pub(crate) struct Slot<T> {
    value: Mutex<(Option<T>, bool)>,
    changed: Condvar,
}

impl<T> Slot<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            value: Mutex::new((None, false)),
            changed: Condvar::new(),
        })
    }

    /// The first value counts.
    pub(crate) fn put(&self, value: T) {
        let mut slot = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        if !slot.1 {
            *slot = (Some(value), true);
            self.changed.notify_all();
        }
    }

    /// `None` if it was taken before.
    fn take(&self) -> Option<T> {
        let mut slot = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        while !slot.1 {
            slot = self
                .changed
                .wait(slot)
                .unwrap_or_else(PoisonError::into_inner);
        }
        slot.0.take()
    }
}

/// A job under way: what was found, told before the first byte; the bytes; how it ended.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) pipe: Arc<Pipe>,
    pub(crate) found: Arc<Slot<Outcome<String>>>,
    done: Arc<Slot<Outcome<()>>>,
}

impl Job {
    pub(crate) fn start(work: impl FnOnce(&Self) -> Outcome<()> + Send + 'static) -> Result<Self> {
        let job = Self {
            pipe: Pipe::new(),
            found: Slot::new(),
            done: Slot::new(),
        };
        let own = job.clone();
        let guard = EndOfJob(job.clone());
        thread::Builder::new()
            .name("rt-files".into())
            .spawn(move || {
                let result = work(&own);
                guard.0.end(result);
            })
            .map_err(|error| Failure::new("unavailable", format!("start a thread: {error}")))?;
        Ok(job)
    }

    fn end(&self, result: Outcome<()>) {
        match result {
            Ok(()) => self.done.put(Ok(())),
            Err(failure) => {
                self.found.put(Err(failure.clone()));
                self.done.put(Err(failure));
            }
        }
        self.pipe.end();
    }

    pub(crate) fn found(&self) -> Outcome<String> {
        self.found.take().unwrap_or_else(|| Ok(String::new()))
    }

    pub(crate) fn done(&self) -> Outcome<()> {
        self.done.take().unwrap_or(Ok(()))
    }
}

/// A job that panics has ended too.
struct EndOfJob(Job);

impl Drop for EndOfJob {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        self.0.end(Err(Failure::new(
            "internal",
            "the native addon failed inside",
        )));
        self.0.pipe.cut();
    }
}
