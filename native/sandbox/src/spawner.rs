//! The thread that starts monitors.
//!
//! In v1 trees every thread has a cgroup of its own, which what it starts inherits. So one thread of the daemon's stands
//! where containers belong, and no container is ever moved, which takes 7–16 ms. It is there before a flood
//! of processes could keep it from being made.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{SendError, Sender, channel};

use rustix::io::Errno;

type Job = Box<dyn FnOnce() + Send>;

static THREAD: OnceLock<Sender<Job>> = OnceLock::new();

/// Cgroups of v1 trees.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Where everything is started.
    pub shared: Vec<PathBuf>,
    /// Below which everything is started in a cgroup of its own.
    pub apart: Option<PathBuf>,
}

/// Starts the thread. Without it, and where it cannot go, which is no error, monitors begin where the daemon is.
pub(crate) fn start(places: Places) {
    if THREAD.get().is_some() {
        return;
    }
    let (sender, jobs) = channel::<Job>();
    let body = move || {
        for directory in &places.shared {
            enter(directory);
        }
        let mut apart = places.apart.map(Apart::new);
        for job in jobs {
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

/// A thread that moves itself need not wait for all others, as everything else that moves has to: so "0", not its number.
fn enter(cgroup: &Path) {
    let _refused = fs::write(cgroup.join("tasks"), "0");
}

/// Cgroups for one monitor and its container each.
struct Apart {
    parent: PathBuf,
    made: u64,
    /// What there is, to be removed when it is empty.
    names: VecDeque<String>,
}

impl Apart {
    /// As many may be looked at for each that is made, so that none is left in the long run.
    const LOOKS: usize = 8;

    fn new(parent: PathBuf) -> Self {
        let entries = fs::read_dir(&parent).into_iter().flatten().flatten();
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
        let directory = self.parent.join(&name);
        if fs::create_dir(&directory).is_ok() {
            enter(&directory);
            self.remove_empty();
            self.names.push_back(name);
        }
    }

    fn remove_empty(&mut self) {
        for _ in 0..Self::LOOKS.min(self.names.len()) {
            let Some(name) = self.names.pop_front() else {
                return;
            };
            let removed = fs::remove_dir(self.parent.join(&name));
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
    if let Err(SendError(job)) = thread.send(job) {
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
        let mut apart = Apart::new(parent.clone());
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
