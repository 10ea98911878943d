//! Monitors that were started ahead of need, and with them network namespaces; some of these hold a veth
//! pair already. Starting a monitor is a third of the time of a launch, making a pair half of an attachment.
//!
//! One without a pair always waits. With a pair there is none before the first container on a bridge;
//! from then on, as many as starts have needed at once: each start that finds none ready wants one more, up
//! to a ceiling, and after a while without starts one is kept. A container that has no use for the
//! pair never gets one, for to remove it again takes longer than to make it. Whatever waits ends with this
//! process, by the end of its channel, and its pair with its namespace.

use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use net::Spare;
use sandbox::IdleMonitor;

use crate::failure::Failure;
use crate::launch::start_monitor;

/// As long as a start waits for a monitor that is just being made, which is less than to make one.
const ALMOST: Duration = Duration::from_millis(3);
/// As long as making waits for starts under way, which are not to be slowed.
const COURTESY: Duration = Duration::from_millis(200);

pub(crate) struct Ready {
    pub(crate) monitor: IdleMonitor,
    pub(crate) spare: Option<Spare>,
}

/// What is ready of one kind, and how many there should be.
struct Shelf {
    ready: Vec<Ready>,
    wanted: usize,
    least: usize,
    most: usize,
}

impl Shelf {
    const fn new(least: usize, most: usize) -> Self {
        Self {
            ready: Vec::new(),
            wanted: least,
            least,
            most,
        }
    }

    fn take(&mut self) -> Option<Ready> {
        std::iter::from_fn(|| self.ready.pop()).find(|ready| ready.monitor.is_alive())
    }

    fn miss(&mut self) {
        self.wanted = (self.wanted + 1).min(self.most);
    }

    fn lacks(&self) -> bool {
        self.ready.len() < self.wanted
    }

    /// Keeps one, if there was any need; gives back what is too much.
    fn rest(&mut self) -> Vec<Ready> {
        self.wanted = self.wanted.min(1).max(self.least);
        let keep = self.ready.len().min(self.wanted);
        self.ready.split_off(keep)
    }

    fn limit(&mut self, most: usize) {
        self.most = most.max(self.least);
        self.wanted = self.wanted.min(self.most);
    }
}

struct State {
    bare: Shelf,
    wired: Shelf,
    is_filling: bool,
    /// One is just being made; not so while making waits for starts.
    is_making: bool,
    launching: usize,
}

static STATE: Mutex<State> = Mutex::new(State {
    bare: Shelf::new(1, 1),
    wired: Shelf::new(0, 0),
    is_filling: false,
    is_making: false,
    launching: 0,
});
static CHANGED: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `most` of each kind are made ahead; 0 leaves one without a pair.
pub(crate) fn configure(most: usize) {
    let mut state = lock();
    state.bare.limit(most);
    state.wired.limit(most);
}

/// A start under way.
pub(crate) struct Turn(());

impl Turn {
    pub(crate) fn begin() -> Self {
        lock().launching += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock().launching -= 1;
        CHANGED.notify_all();
    }
}

/// What a start needs, made now if none is ready. A bare one does for every container, but where a pair was
/// wanted it is one too few.
pub(crate) fn take(wired: bool) -> Result<Ready, Failure> {
    let mut state = lock();
    let mut found = state.find(wired);
    if found
        .as_ref()
        .is_none_or(|ready| ready.spare.is_some() != wired)
    {
        state.shelf(wired).miss();
    }
    if found.is_none() && state.is_making {
        let waited = CHANGED.wait_timeout_while(state, ALMOST, |state| state.is_making);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        found = state.find(wired);
    }
    drop(state);
    found.map_or_else(
        || {
            let (monitor, spare) = (start_monitor()?, None);
            Ok(Ready { monitor, spare })
        },
        Ok,
    )
}

impl State {
    fn shelf(&mut self, wired: bool) -> &mut Shelf {
        if wired {
            &mut self.wired
        } else {
            &mut self.bare
        }
    }

    fn find(&mut self, wired: bool) -> Option<Ready> {
        let with_pair = if wired { self.wired.take() } else { None };
        with_pair.or_else(|| self.bare.take())
    }

    /// Keeps what was made; gives back what got no pair, for half of one may be left in its namespace.
    fn put(&mut self, wired: bool, ready: Ready) -> Option<Ready> {
        if wired && ready.spare.is_none() {
            // Not possible here, or not now: the next start that wants one asks again.
            self.wired.wanted = 0;
            return Some(ready);
        }
        self.shelf(wired).ready.push(ready);
        None
    }

    fn lacking(&self) -> Option<bool> {
        if self.bare.lacks() {
            return Some(false);
        }
        self.wired.lacks().then_some(true)
    }
}

/// Makes what is wanted and not there, one after the other. Returns at once if somebody does that already.
pub(crate) fn fill() -> Result<(), Failure> {
    let mut state = lock();
    if state.is_filling {
        return Ok(());
    }
    state.is_filling = true;
    drop(state);
    fill_up().inspect_err(|_| {
        let mut state = lock();
        (state.is_filling, state.is_making) = (false, false);
        drop(state);
        CHANGED.notify_all();
    })
}

fn fill_up() -> Result<(), Failure> {
    loop {
        let state = lock();
        let busy = CHANGED.wait_timeout_while(state, COURTESY, |state| state.launching > 0);
        let (mut state, _) = busy.unwrap_or_else(PoisonError::into_inner);
        let Some(wired) = state.lacking() else {
            state.is_filling = false;
            return Ok(());
        };
        state.is_making = true;
        drop(state);
        let mut monitor = start_monitor()?;
        let spare = if wired { wire(&mut monitor) } else { None };
        let mut state = lock();
        state.is_making = false;
        let unfit = state.put(wired, Ready { monitor, spare });
        CHANGED.notify_all();
        drop(state);
        drop(unfit);
    }
}

fn wire(monitor: &mut IdleMonitor) -> Option<Spare> {
    let netns = monitor.open_network().ok()??;
    net::prepare_spare(netns.as_fd()).ok()
}

/// Lets go of what has not been needed for a while.
pub(crate) fn rest() {
    let mut state = lock();
    let unused = [state.bare.rest(), state.wired.rest()];
    drop(state);
    drop(unused);
}

/// Lets everything go.
pub(crate) fn close() {
    let mut state = lock();
    state.wired.limit(0);
    let unused = [
        std::mem::take(&mut state.bare.ready),
        std::mem::take(&mut state.wired.ready),
    ];
    drop(state);
    drop(unused);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_grows_with_every_miss_and_shrinks_to_what_is_least() {
        let mut wired = Shelf::new(0, 3);
        assert!(!wired.lacks());
        for wanted in [1, 2, 3, 3] {
            wired.miss();
            assert_eq!(wired.wanted, wanted);
        }
        assert!(wired.lacks());
        assert!(wired.rest().is_empty());
        assert_eq!(wired.wanted, 1);
        let mut bare = Shelf::new(1, 3);
        bare.limit(0);
        bare.miss();
        assert_eq!(bare.wanted, 1);
    }

    #[test]
    fn a_pool_that_is_off_wants_no_pairs() {
        let mut wired = Shelf::new(0, 8);
        wired.miss();
        wired.limit(0);
        wired.miss();
        assert!(!wired.lacks());
        assert_eq!(wired.wanted, 0);
    }
}
