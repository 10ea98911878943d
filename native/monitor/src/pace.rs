//! Whether a process waits for a client that cannot take its output at once. For a quick one it does, as for
//! the reader of a pipe: to keep the output elsewhere would cost both of them more.

use std::time::{Duration, Instant};

/// A client has to take [`QUICK`] bytes in each such piece of the time that is waited for it.
pub(crate) const MOMENT: Duration = Duration::from_millis(60);
const QUICK: u64 = 512 * 1024;
/// How long one that did not is not waited for.
const DISTRUST: Duration = Duration::from_secs(2);

pub(crate) struct Pace {
    /// Since when it is waited for now.
    since: Option<Instant>,
    /// How long it was, in waits that are over.
    waited: Duration,
    /// What it took meanwhile.
    taken: u64,
    distrusted_until: Option<Instant>,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self {
            since: None,
            waited: Duration::ZERO,
            taken: 0,
            distrusted_until: None,
        }
    }

    pub(crate) fn is_waited_for(&self) -> bool {
        self.since.is_some()
    }

    /// It has something to take.
    pub(crate) fn begin(&mut self, now: Instant) {
        if self.distrusted_until.is_none_or(|until| now >= until) {
            self.since = Some(now);
        }
    }

    pub(crate) fn took(&mut self, bytes: u64) {
        if self.is_waited_for() {
            self.taken += bytes;
        }
    }

    /// It has taken everything.
    pub(crate) fn end(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.duration_since(since);
        }
    }

    /// Ends the wait for one that is not as quick as was thought; to be asked once in a [`MOMENT`].
    pub(crate) fn judge(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        if self.waited + now.duration_since(since) < MOMENT {
            return;
        }
        let is_quick = self.taken >= QUICK;
        self.since = is_quick.then_some(now);
        self.distrusted_until = (!is_quick).then(|| now + DISTRUST);
        self.waited = Duration::ZERO;
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_takes_little_while_it_is_waited_for_is_not_waited_for() {
        let mut pace = Pace::new();
        let start = Instant::now();
        // In many short waits, as one that reads a little now and then.
        for step in 0..8 {
            let now = start + step * Duration::from_secs(2);
            pace.begin(now);
            assert!(pace.is_waited_for());
            pace.took(4096);
            pace.end(now + MOMENT / 10);
        }
        let now = start + Duration::from_secs(20);
        pace.begin(now);
        pace.judge(now + MOMENT / 2);
        assert!(!pace.is_waited_for());
        pace.begin(now + DISTRUST / 2);
        assert!(!pace.is_waited_for());
        pace.begin(now + MOMENT / 2 + DISTRUST);
        assert!(pace.is_waited_for());
    }

    #[test]
    fn a_quick_one_is_waited_for_as_long_as_it_is_quick() {
        let mut pace = Pace::new();
        let mut now = Instant::now();
        pace.begin(now);
        for _ in 0..10 {
            pace.took(QUICK);
            now += MOMENT;
            pace.judge(now);
            assert!(pace.is_waited_for());
        }
        pace.judge(now + MOMENT);
        assert!(!pace.is_waited_for());
    }
}
