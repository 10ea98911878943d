//! The end of a container's control groups: was it killed for memory, and away with them.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::EventfdFlags;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The file that counts kills for lack of memory.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OomSource(String);

impl OomSource {
    pub(super) fn v2(directory: &Path) -> Self {
        Self(
            directory
                .join("memory.events")
                .to_string_lossy()
                .into_owned(),
        )
    }

    pub(super) fn v1(directory: &Path) -> Self {
        Self(
            directory
                .join("memory.oom_control")
                .to_string_lossy()
                .into_owned(),
        )
    }

    /// True if the kernel has killed a process of the container for lack of memory.
    pub fn happened(&self) -> bool {
        self.count().is_some_and(|kills| kills > 0)
    }

    /// How often; None where the container has no such cgroup.
    pub fn count(&self) -> Option<u64> {
        let file = rustix::fs::open(self.0.as_str(), LOOK, Mode::empty()).ok()?;
        let mut buffer = [0u8; 512];
        let length = rustix::io::read(&file, &mut buffer).ok()?;
        Some(oom_kills(buffer.get(..length).unwrap_or_default()))
    }

    /// What tells of kills to come; None where there is nothing to watch.
    pub fn watch(&self) -> Option<OomNews> {
        let file = rustix::fs::open(self.0.as_str(), LOOK, Mode::empty()).ok()?;
        if !self.0.ends_with("memory.oom_control") {
            let news = OomNews::File(file);
            news.take()?;
            return Some(news);
        }
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let event = rustix::event::eventfd(0, flags).ok()?;
        let (directory, _) = self.0.rsplit_once('/')?;
        let control = format!("{directory}/cgroup.event_control");
        let control =
            rustix::fs::open(control, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let text = format!("{} {}", event.as_raw_fd(), file.as_raw_fd());
        rustix::io::write(&control, text.as_bytes()).ok()?;
        Some(OomNews::Event { event, _of: file })
    }
}

const LOOK: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// A descriptor to poll: v2's file itself (for priority data), or an eventfd that v1 writes to.
#[derive(Debug)]
pub enum OomNews {
    File(OwnedFd),
    Event { event: OwnedFd, _of: OwnedFd },
}

impl OomNews {
    /// Takes the news, so that the next poll waits for newer; None when the cgroup is gone.
    pub fn take(&self) -> Option<()> {
        let mut buffer = [0u8; 512];
        match self {
            Self::File(file) => rustix::io::pread(file, &mut buffer, 0).ok().map(drop),
            Self::Event { event, .. } => match rustix::io::read(event, &mut buffer) {
                Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Some(()),
                Err(_) => None,
            },
        }
    }
}

/// The value of the line `oom_kill N`, which v1 and v2 share.
fn oom_kills(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("oom_kill "));
    line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

/// Kills what is left in the directories and removes them; true if none is left. A cgroup stays busy for
/// a moment after its last process is gone, on a busy host for longer: this tries for some seconds.
pub fn remove(directories: &[String]) -> bool {
    let mut all = true;
    for directory in directories {
        all &= remove_one(directory);
    }
    all
}

fn remove_one(directory: &str) -> bool {
    remove_empty_within(directory, 1) || {
        kill_all(directory);
        remove_empty_within(directory, 60)
    }
}

/// Removes a cgroup whose processes are gone, or just going.
pub(super) fn remove_empty(directory: &str) -> bool {
    remove_empty_within(directory, 10)
}

fn remove_empty_within(directory: &str, attempts: u32) -> bool {
    let mut pause = Duration::from_micros(50);
    for attempt in 0..attempts {
        if attempt > 0 {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
        match rustix::fs::rmdir(directory) {
            Ok(()) | Err(Errno::NOENT) => return true,
            Err(Errno::BUSY) => {}
            Err(_) => return false,
        }
    }
    false
}

fn kill_all(directory: &str) {
    let file = format!("{directory}/cgroup.kill");
    match rustix::fs::open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => {
            let _gone = rustix::io::write(&fd, b"1");
        }
        Err(_) => kill_each(directory),
    }
}

/// v1 has no file for it, nor has v2 before Linux 5.14. A process is held by a pidfd before it is looked
/// for again, so that its number can mean no other.
fn kill_each(directory: &str) {
    let members = || std::fs::read_to_string(format!("{directory}/cgroup.procs"));
    for line in members().unwrap_or_default().lines() {
        let pid = line.parse().ok().and_then(Pid::from_raw);
        let Some(Ok(held)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
            continue;
        };
        if members().is_ok_and(|text| text.lines().any(|other| other == line)) {
            let _gone = pidfd_send_signal(&held, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_in_both_formats() {
        assert_eq!(
            oom_kills(b"low 0\nhigh 0\nmax 4\noom 3\noom_kill 2\noom_group_kill 0\n"),
            2
        );
        assert_eq!(
            oom_kills(b"oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
            1
        );
        assert_eq!(oom_kills(b"oom_kill_disable 0\nunder_oom 0\n"), 0);
    }

    #[test]
    fn removing_what_is_absent_is_no_error() {
        assert!(remove(&["/nonexistent/rt-x".to_owned()]));
    }
}
