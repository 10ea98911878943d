//! The thread that starts monitors.
//!
//! In v1 trees every thread has a cgroup of its own, which what it starts inherits. So one thread of the daemon's stands
//! where containers belong, and no container is ever moved, which takes 7–16 ms. It is there before a flood
//! of processes could keep it from being made.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::{SendError, Sender, channel};

use rustix::io::Errno;

type Job = Box<dyn FnOnce() + Send>;

static THREAD: OnceLock<Sender<Job>> = OnceLock::new();

/// Starts the thread and puts it into the cgroups that these files, called `tasks`, are of. Without it, which is no
/// error, monitors are started by whoever asks for one.
pub(crate) fn start(cgroups: Vec<PathBuf>) {
    if THREAD.get().is_some() {
        return;
    }
    let (sender, jobs) = channel::<Job>();
    let body = move || {
        let own = rustix::thread::gettid().as_raw_nonzero().to_string();
        for tasks in cgroups {
            let _refused = std::fs::write(tasks, &own);
        }
        for job in jobs {
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
    fn a_job_is_done_by_the_thread_once_there_is_one() {
        let name = || Ok(std::thread::current().name().map(str::to_owned));
        assert_ne!(run(name), Ok(Some("rt-spawner".to_owned())));
        start(Vec::new());
        assert_eq!(run(name), Ok(Some("rt-spawner".to_owned())));
        assert_eq!(run(|| Err::<(), _>(Errno::NOMEM)), Err(Errno::NOMEM));
    }
}
