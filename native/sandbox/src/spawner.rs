//! The thread that starts monitors.
//!
//! In v1 trees every thread has a cgroup of its own, which what it starts inherits. So one thread of the daemon's stands
//! where containers belong, and no container is ever moved, which takes 7–16 ms. It is there before a flood
//! of processes could keep it from being made.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{SendError, Sender, channel};
use std::{fs, io};

use rustix::io::Errno;

type Job = Box<dyn FnOnce() + Send>;

enum Work {
    Do(Job),
    /// Ends the thread, which leaves its cgroups by that.
    End,
}

static THREAD: OnceLock<Sender<Work>> = OnceLock::new();

/// A cgroup of a v1 tree, and the one setting it is made with.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup {
    pub directory: PathBuf,
    pub file: &'static str,
    pub value: String,
}

impl Cgroup {
    /// True if it is there, with its setting.
    pub(crate) fn make(&self) -> bool {
        let _there = fs::create_dir(&self.directory);
        fs::write(self.directory.join(self.file), &self.value).is_ok()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Where everything is started.
    pub shared: Vec<Cgroup>,
    /// Below which everything is started in a cgroup of its own.
    pub apart: Option<Cgroup>,
}

/// So often a cgroup may be removed by another daemon, which ends, before this thread stands in it.
pub(crate) const TRIES: usize = 10;

/// Starts the thread. Without it, and where it cannot go, which is no error, monitors begin where the daemon is.
pub(crate) fn start(places: Places) {
    if THREAD.get().is_some() {
        return;
    }
    let (sender, works) = channel::<Work>();
    let body = move || {
        for cgroup in &places.shared {
            let _in_vain = (0..TRIES).any(|_| cgroup.make() && enter(&cgroup.directory));
        }
        let mut apart = places.apart.map(Apart::new);
        for work in works {
            let Work::Do(job) = work else {
                return;
            };
            if let Some(apart) = &mut apart {
                apart.next();
            }
            job();
        }
    };
    let started = std::thread::Builder::new()
        .name("rt-spawner".into())
        .spawn(body);
    if started.is_ok() {
        let _was_started = THREAD.set(sender);
    }
}

/// Whatever is started from now on begins where its caller is.
pub(crate) fn end() {
    if let Some(thread) = THREAD.get() {
        let _ended_before = thread.send(Work::End);
    }
}

/// A thread that moves itself need not wait for all others, as everything else that moves has to: so "0", not its number.
/// False if the cgroup is gone.
fn enter(cgroup: &Path) -> bool {
    let entered = fs::write(cgroup.join("tasks"), "0");
    !entered.is_err_and(|error| is_absence(&error))
}

/// A cgroup that is being removed has no device any more.
fn is_absence(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::NOENT | Errno::NODEV))
}

/// Cgroups for one monitor and its container each.
struct Apart {
    parent: Cgroup,
    made: u64,
    /// What there is, to be removed when it is empty.
    names: VecDeque<String>,
}

impl Apart {
    /// As many may be looked at for each that is made, so that none is left in the long run.
    const LOOKS: usize = 8;

    fn new(parent: Cgroup) -> Self {
        let entries = fs::read_dir(&parent.directory)
            .into_iter()
            .flatten()
            .flatten();
        let directories = entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = directories.filter_map(|e| e.file_name().into_string().ok());
        Self {
            names: names.collect(),
            parent,
            made: 0,
        }
    }

    fn next(&mut self) {
        self.made += 1;
        let name = format!("{}-{}", std::process::id(), self.made);
        let directory = self.parent.directory.join(&name);
        let made = (0..TRIES).any(|_| match fs::create_dir(&directory) {
            Ok(()) => enter(&directory),
            Err(error) if is_absence(&error) => !self.parent.make(),
            Err(_) => true,
        });
        if made && directory.exists() {
            self.remove_empty();
            self.names.push_back(name);
        }
    }

    fn remove_empty(&mut self) {
        for _ in 0..Self::LOOKS.min(self.names.len()) {
            let Some(name) = self.names.pop_front() else {
                return;
            };
            let removed = fs::remove_dir(self.parent.directory.join(&name));
            if removed.is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound) {
                self.names.push_back(name);
            }
        }
    }
}

/// Runs `job` on the thread and waits for it.
pub(crate) fn run<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, Errno> + Send + 'static,
) -> Result<T, Errno> {
    let Some(thread) = THREAD.get() else {
        return job();
    };
    let (reply, answer) = channel();
    let job: Job = Box::new(move || {
        let _nobody_waits = reply.send(job());
    });
    if let Err(SendError(Work::Do(job))) = thread.send(Work::Do(job)) {
        job();
    }
    answer.recv().unwrap_or(Err(Errno::AGAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_removed_as_others_are_made() {
        let parent = std::env::temp_dir().join(format!("rt-apart-{}", std::process::id()));
        fs::create_dir_all(parent.join("left")).expect("directory");
        let mut apart = Apart::new(Cgroup {
            directory: parent.clone(),
            file: "cpu.shares",
            value: String::new(),
        });
        for _ in 0..3 {
            apart.next();
        }
        // A plain directory with the file `tasks` is as busy as a cgroup with a process.
        let names: Vec<String> = apart.names.iter().cloned().collect();
        assert_eq!(names.len(), 3);
        assert!(!parent.join("left").exists());
        fs::remove_dir_all(&parent).expect("clean up");
        apart.remove_empty();
        assert!(apart.names.is_empty());
    }

    #[test]
    fn a_job_is_done_by_the_thread_once_there_is_one() {
        let name = || Ok(std::thread::current().name().map(str::to_owned));
        assert_ne!(run(name), Ok(Some("rt-spawner".to_owned())));
        start(Places::default());
        assert_eq!(run(name), Ok(Some("rt-spawner".to_owned())));
        assert_eq!(run(|| Err::<(), _>(Errno::NOMEM)), Err(Errno::NOMEM));
    }
}
