//! The freezer: stops every process of a container where it stands. v2 has it in every cgroup
//! (`cgroup.freeze`, Linux 5.2), v1 as a controller of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::layout::Layout;
use crate::error::{Code, Context, StepError};

/// How long the kernel gets; a process in an uninterruptible sleep holds it up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Freezes or thaws the cgroup `name` below `parent`, and waits until the kernel has done it.
pub fn freeze(parent: Option<&str>, name: &str, frozen: bool) -> Result<(), StepError> {
    let freezer = find(&Layout::cached()?, parent, name)?;
    freezer.ask(frozen)?;
    let end = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(50);
    while freezer.is_frozen()? != frozen {
        if Instant::now() > end {
            let _undone = freezer.ask(!frozen);
            let text = format!("freeze cgroup \"{name}\": its processes do not stop");
            return Err(StepError::new(Code::Unavailable, "freeze", name, 0, text));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
    Ok(())
}

/// True if the cgroup is frozen; one that is absent is not.
pub fn is_frozen(parent: Option<&str>, name: &str) -> Result<bool, StepError> {
    match find(&Layout::cached()?, parent, name) {
        Ok(freezer) => freezer.is_frozen(),
        Err(error) if error.code == Code::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

enum Freezer {
    V2(PathBuf),
    V1(PathBuf),
}

impl Freezer {
    fn ask(&self, frozen: bool) -> Result<(), StepError> {
        let (file, value) = match (self, frozen) {
            (Self::V2(directory), true) => (directory.join("cgroup.freeze"), "1"),
            (Self::V2(directory), false) => (directory.join("cgroup.freeze"), "0"),
            (Self::V1(directory), true) => (directory.join("freezer.state"), "FROZEN"),
            (Self::V1(directory), false) => (directory.join("freezer.state"), "THAWED"),
        };
        fs::write(&file, value)
            .step("freeze", &file.to_string_lossy())
            .map_err(or_gone)
    }

    fn is_frozen(&self) -> Result<bool, StepError> {
        match self {
            Self::V2(directory) => Ok(says_frozen(&read(&directory.join("cgroup.events"))?)),
            // While it says FREEZING it is not done.
            Self::V1(directory) => Ok(read(&directory.join("freezer.state"))?.trim() == "FROZEN"),
        }
    }
}

fn read(file: &Path) -> Result<String, StepError> {
    fs::read_to_string(file)
        .step("read", &file.to_string_lossy())
        .map_err(or_gone)
}

/// A cgroup that is removed while its file is open answers ENODEV.
fn or_gone(error: StepError) -> StepError {
    let gone = [Errno::NOENT, Errno::NODEV].map(Errno::raw_os_error);
    let code = if gone.contains(&error.errno) {
        Code::NotFound
    } else {
        error.code
    };
    StepError { code, ..error }
}

fn says_frozen(events: &str) -> bool {
    events.lines().any(|line| line == "frozen 1")
}

fn find(layout: &Layout, parent: Option<&str>, name: &str) -> Result<Freezer, StepError> {
    let v2 = layout
        .v2
        .iter()
        .map(|h| Freezer::V2(h.locate(parent, name)));
    let v1 = layout.v1_for("freezer");
    let v1 = v1.iter().map(|h| Freezer::V1(h.locate(parent, name)));
    v2.chain(v1)
        .find(|freezer| match freezer {
            Freezer::V2(directory) => directory.join("cgroup.freeze").exists(),
            Freezer::V1(directory) => directory.join("freezer.state").exists(),
        })
        .ok_or_else(|| {
            let text = format!("freeze cgroup \"{name}\": it is not there, or has no freezer");
            StepError::new(Code::NotFound, "freeze", name, 0, text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_of_the_freezer_counts() {
        assert!(says_frozen("populated 1\nfrozen 1\n"));
        assert!(!says_frozen("populated 1\nfrozen 0\n"));
        assert!(!says_frozen(""));
    }

    #[test]
    fn what_is_absent_is_not_frozen() {
        let layout = Layout::default();
        let error = find(&layout, None, "c").err().map(|e| e.code);
        assert_eq!(error, Some(Code::NotFound));
    }
}
