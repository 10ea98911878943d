//! Puts our table back when a stranger takes it away or empties it, as `nft flush ruleset` and
//! services that load their own rules do.
//!
//! A thread hears of every change to `nf_tables` in the network namespace. What comes from the socket
//! of our own changes is ours. Additions of others to our table are left alone.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::state::State;
use crate::nft::{Change, Listener};

/// Restored at once so often in a row, then once in `PAUSE`: somebody who takes the table away again
/// and again is not to be met with all the time of a processor.
const BURST: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// Watches as long as the process lives.
pub(super) fn start(state: &'static Mutex<State>, table: String, own: u32) -> Result<(), Errno> {
    let listener = Listener::open()?;
    let watch = move || Watch::new(table, own).run(listener, state);
    let thread = std::thread::Builder::new().name("rules".into());
    let started = thread.spawn(watch);
    started.map_or_else(
        |error| Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        |_| Ok(()),
    )
}

struct Watch {
    table: String,
    own: u32,
    /// Something of ours went in the transaction that we are hearing of.
    hurt: bool,
    tokens: u32,
    filled: Instant,
}

impl Watch {
    fn new(table: String, own: u32) -> Self {
        Self {
            table,
            own,
            hurt: false,
            tokens: BURST,
            filled: Instant::now(),
        }
    }

    fn run(mut self, mut listener: Listener, state: &'static Mutex<State>) {
        loop {
            let sure = match listener.hear() {
                Ok(changes) => {
                    if !self.hear(changes) {
                        continue;
                    }
                    true
                }
                Err(Errno::INTR) => continue,
                // More came than the socket holds. What, nobody knows.
                Err(Errno::NOBUFS) => false,
                Err(errno) => return eprintln!("rt: cannot watch the rules any more: {errno}"),
            };
            self.wait_for_turn();
            restore(state, sure);
        }
    }

    /// True once a transaction that took something of ours is complete.
    fn hear<'a>(&mut self, changes: impl Iterator<Item = Change<'a>>) -> bool {
        let mut complete = false;
        for change in changes {
            match change {
                Change::Removal { table, by } => {
                    self.hurt |= table == self.table && by != self.own;
                }
                Change::End => complete |= std::mem::take(&mut self.hurt),
            }
        }
        complete
    }

    fn wait_for_turn(&mut self) {
        let passed = self.filled.elapsed();
        let earned = u32::try_from(passed.as_secs() / PAUSE.as_secs()).unwrap_or(BURST);
        if earned > 0 {
            self.tokens = BURST.min(self.tokens.saturating_add(earned));
            self.filled = Instant::now();
        }
        match self.tokens.checked_sub(1) {
            Some(left) => self.tokens = left,
            None => std::thread::sleep(PAUSE),
        }
    }
}

/// Again and again until it is done: nothing may be heard any more of what was in the way.
fn restore(state: &'static Mutex<State>, mut sure: bool) {
    let mut told = false;
    let mend = |sure| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.mend(sure)
    };
    while let Err(error) = mend(sure) {
        if !std::mem::replace(&mut told, true) {
            eprintln!("rt: cannot restore the rules, will try again: {error}");
        }
        std::thread::sleep(PAUSE);
        // Somebody may have written them meanwhile.
        sure = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restoring_is_rationed() {
        let mut watch = Watch::new("t".into(), 7);
        let begun = Instant::now();
        for _ in 0..BURST {
            watch.wait_for_turn();
        }
        assert!(begun.elapsed() < PAUSE);
        watch.wait_for_turn();
        assert!(begun.elapsed() >= PAUSE);
    }
}
