//! Connections that stay busy: a byte there and back, all the time, and how long the longest took.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::call::{Call, first_line};
use crate::{Said, name_of};

#[derive(Default)]
struct Fate {
    exchanges: AtomicU64,
    /// Microseconds.
    longest: AtomicU64,
    error: Mutex<Option<String>>,
    ended: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Streams(Mutex<Vec<Arc<Fate>>>);

const PAUSE: Duration = Duration::from_millis(2);
/// Silence beyond it is an end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Streams {
    pub(crate) fn open(&self, call: &Call) -> io::Result<Said> {
        let mut stream = call.connect()?;
        stream.set_nodelay(true)?;
        let told = first_line(&mut stream)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let fate = Arc::new(Fate::default());
        let kept = Arc::clone(&fate);
        std::thread::spawn(move || {
            if let Err(error) = exchange(&mut stream, &kept) {
                *lock(&kept.error) = Some(name_of(&error));
            }
        });
        lock(&self.0).push(fate);
        Ok(Said::from_iter([("told".to_owned(), told.into())]))
    }

    /// What has become of them; the longest silence is counted anew from here.
    pub(crate) fn told(&self) -> Said {
        let all: Vec<Value> = lock(&self.0)
            .iter()
            .map(|fate| {
                json!({
                    "exchanges": fate.exchanges.load(Ordering::Relaxed),
                    "longest": fate.longest.swap(0, Ordering::Relaxed),
                    "error": *lock(&fate.error),
                })
            })
            .collect();
        Said::from_iter([("streams".to_owned(), all.into())])
    }

    pub(crate) fn end(&self) -> Said {
        for fate in lock(&self.0).drain(..) {
            fate.ended.store(true, Ordering::Relaxed);
        }
        Said::new()
    }
}

fn exchange(stream: &mut TcpStream, fate: &Fate) -> io::Result<()> {
    let mut byte = [b'.'];
    while !fate.ended.load(Ordering::Relaxed) {
        let start = Instant::now();
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        let took = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        fate.longest.fetch_max(took, Ordering::Relaxed);
        fate.exchanges.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
