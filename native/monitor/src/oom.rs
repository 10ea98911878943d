//! News that the kernel has killed a process of the container for lack of memory, while others live on.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::PollFlags;
use sandbox::cgroup::{OomNews, OomSource};

/// v1 tells just before it kills: how often, and how far apart, the count is looked at then.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) struct OomWatch {
    source: OomSource,
    news: OomNews,
    seen: u64,
}

impl OomWatch {
    /// None where the container has no memory cgroup of its own.
    pub(crate) fn open(source: Option<&OomSource>) -> Option<Self> {
        let source = source?.clone();
        let news = source.watch()?;
        Some(Self {
            source,
            news,
            seen: 0,
        })
    }

    pub(crate) fn watched(&self) -> (&OwnedFd, PollFlags) {
        match &self.news {
            OomNews::File(file) => (file, PollFlags::PRI),
            OomNews::Event { event, .. } => (event, PollFlags::IN),
        }
    }

    /// True if there has been a kill since the last look. None when the cgroup is gone.
    pub(crate) fn look(&mut self) -> Option<bool> {
        let looks = match &self.news {
            OomNews::File(_) => 1,
            OomNews::Event { .. } => LOOKS,
        };
        self.news.take()?;
        for look in 0..looks {
            if look > 0 {
                std::thread::sleep(PAUSE);
            }
            let now = self.source.count()?;
            if now > self.seen {
                self.seen = now;
                return Some(true);
            }
        }
        Some(false)
    }
}
