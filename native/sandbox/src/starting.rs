//! A program that is being started has a copy of every descriptor of this process until it runs, so
//! what another thread closes in that moment stays open: a port stays taken, a pipe has no end.

use std::sync::{PoisonError, RwLock};

static STARTS: RwLock<()> = RwLock::new(());

/// Starts a program, beside others.
pub(crate) fn starting<T>(start: impl FnOnce() -> T) -> T {
    let _shared = STARTS.read().unwrap_or_else(PoisonError::into_inner);
    start()
}

/// Runs `work` while no program is being started: what it closes is closed when it ends.
pub fn while_nothing_starts<T>(work: impl FnOnce() -> T) -> T {
    let _alone = STARTS.write().unwrap_or_else(PoisonError::into_inner);
    work()
}
