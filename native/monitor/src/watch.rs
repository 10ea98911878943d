//! What the monitor waits for: its descriptors and its deadlines become one poll.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sandbox::sys;

use crate::client::Client;
use crate::exec::{self, Exec, Part};
use crate::pace::MOMENT;
use crate::serve::{DRAIN_PATIENCE, Monitor, State};

/// Input from clients that a process has not read yet.
const INPUT_QUEUE: usize = 64 * 1024;
/// Without anything to do for so long, the monitor gives its memory back.
const REST_AFTER: Duration = Duration::from_millis(200);

/// What one poll watched, in the order of its descriptors.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Listener,
    Child,
    Channel,
    Output,
    Error,
    Input,
    Oom,
    Names(resolver::Token),
    Client(usize),
    Exec(usize, Part),
    Stray,
}

impl Monitor {
    /// Waits for something to do; empty when there has been nothing for a while.
    pub(crate) fn ready(&self) -> Vec<Source> {
        let streams = &self.container.streams;
        let held_back = exec::is_held_back(&self.clients, None);
        let mut sources = Vec::new();
        let mut watched = Vec::new();
        let mut watch = |source, fd, flags| {
            sources.push(source);
            watched.push(PollFd::new(fd, flags));
        };
        watch(Source::Listener, &self.container.listener, PollFlags::IN);
        if !matches!(self.state, State::Exited { .. }) {
            watch(Source::Child, &self.container.pidfd, PollFlags::IN);
        }
        if self.state == State::Starting {
            watch(Source::Channel, &self.container.channel, PollFlags::IN);
        }
        if !held_back {
            for (source, fd) in [
                (Source::Output, &streams.output),
                (Source::Error, &streams.error),
            ] {
                if let Some(fd) = fd {
                    watch(source, fd, PollFlags::IN);
                }
            }
        }
        if let (Some(fd), false) = (self.input_fd(), self.input.len() == 0) {
            watch(Source::Input, fd, PollFlags::OUT);
        }
        for (index, exec) in self.execs.iter().enumerate() {
            watch_exec(exec, &self.clients, |part, fd, flags| {
                watch(Source::Exec(index, part), fd, flags);
            });
        }
        for (_, stray) in &self.strays {
            watch(Source::Stray, stray, PollFlags::IN);
        }
        if let Some(oom) = &self.oom {
            let (fd, flags) = oom.watched();
            watch(Source::Oom, fd, flags);
        }
        if let Some(names) = &self.container.names {
            names.watch(|token, fd, flags| watch(Source::Names(token), fd, flags));
        }
        for (index, client) in self.clients.iter().enumerate() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, self.listens_to(client));
            flags.set(PollFlags::OUT, client.has_queued());
            watch(Source::Client(index), client.fd(), flags);
        }
        let deadlines = self.execs.iter().map(|exec| exec.deadline);
        let names = self.container.names.as_ref();
        let until_deadline = deadlines
            .chain([self.deadline, names.and_then(resolver::Server::deadline)])
            .flatten()
            .min()
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let until_rest = self.awake.then_some(REST_AFTER);
        let until_look = if self.clients.iter().any(Client::is_judged) {
            Some(MOMENT)
        } else {
            let any_full = self.clients.iter().any(Client::is_full);
            any_full.then_some(DRAIN_PATIENCE)
        };
        let timeout = until_deadline
            .into_iter()
            .chain(until_rest)
            .chain(until_look)
            .min()
            .map(timespec);
        if !self.awake {
            sys::drop_program_pages();
        }
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) => {}
            Err(_) => return Vec::new(),
        }
        let fired = watched.iter().map(|fd| !fd.revents().is_empty());
        sources
            .iter()
            .copied()
            .zip(fired)
            .filter_map(|(source, fired)| fired.then_some(source))
            .collect()
    }

    /// There is room for its input where that goes, and it may have more.
    fn listens_to(&self, client: &Client) -> bool {
        let input = match client.exec() {
            None => self.input.len(),
            Some(id) => {
                let exec = self.execs.iter().find(|exec| exec.id == id);
                exec.map_or(0, |exec| exec.input.len())
            }
        };
        let has_ended = client.direct.as_ref().is_some_and(|d| d.has_ended_input);
        (input < INPUT_QUEUE || !client.wants_input) && !has_ended
    }
}

fn watch_exec<'a>(
    exec: &'a Exec,
    clients: &[Client],
    mut watch: impl FnMut(Part, &'a OwnedFd, PollFlags),
) {
    if !exec.has_exited() {
        watch(Part::Process, &exec.pidfd, PollFlags::IN);
    }
    if exec.is_starting() {
        watch(Part::Channel, &exec.channel, PollFlags::IN);
    }
    if !exec::is_held_back(clients, Some(&exec.id)) {
        for (part, fd) in [
            (Part::Output, &exec.streams.output),
            (Part::Error, &exec.streams.error),
        ] {
            if let Some(fd) = fd {
                watch(part, fd, PollFlags::IN);
            }
        }
    }
    if let (Some(fd), 1..) = (exec.input_fd(), exec.input.len()) {
        watch(Part::Input, fd, PollFlags::OUT);
    }
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
