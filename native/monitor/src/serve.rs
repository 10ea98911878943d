//! The loop: from the gate to the exit record.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use logfile::Stream;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SocketFlags, accept_with, recv, sockopt};
use sandbox::protocol::{frame, packet};
use sandbox::sys;

use crate::client::Client;
use crate::exec::Exec;
use crate::hear;
use crate::launch::{self, Container};
use crate::log::Log;
use crate::oom::OomWatch;
use crate::streams::{BUFFER, Input};
use crate::watch::{Source, timespec};
use crate::{exit, json};

/// How long a container may stand at its gate.
const GATE_PATIENCE: Duration = Duration::from_mins(1);
/// How long to listen for output after the exit while other processes hold the pipes.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// How long clients may take for what is queued for them at the end.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    AtGate,
    /// GO was sent, the program does not run yet.
    Starting,
    Running,
    Exited {
        code: i32,
    },
}

pub(crate) struct Monitor {
    pub(crate) container: Container,
    pub(crate) state: State,
    pub(crate) clients: Vec<Client>,
    /// Those of execs that are yet to come.
    pub(crate) early: Vec<Client>,
    had_clients: bool,
    pub(crate) log: Log,
    pub(crate) input: Input,
    pub(crate) execs: Vec<Exec>,
    /// The latest exits of execs.
    pub(crate) exits: Vec<Vec<u8>>,
    /// Processes that could not be started and are still to be reaped.
    pub(crate) strays: Vec<(u32, OwnedFd)>,
    pub(crate) deadline: Option<Instant>,
    /// Why the program could not be started, as JSON.
    failure: Option<Vec<u8>>,
    root: Option<OwnedFd>,
    pub(crate) oom: Option<OomWatch>,
    /// Empty at rest.
    pub(crate) buffer: Vec<u8>,
    pub(crate) awake: bool,
}

/// Serves until the container has ended and everybody knows, or until its start was given up.
pub(crate) fn serve(container: Container, log: Log) {
    for fd in [
        &container.streams.input,
        &container.streams.output,
        &container.streams.error,
    ]
    .into_iter()
    .flatten()
    {
        launch::unblock(fd.as_fd());
    }
    launch::unblock(container.listener.as_fd());
    let mut monitor = Monitor {
        root: launch::hold_root(container.pid),
        oom: OomWatch::open(container.prepared.oom.as_ref()),
        container,
        state: State::AtGate,
        clients: Vec::new(),
        early: Vec::new(),
        had_clients: false,
        log,
        input: Input::default(),
        execs: Vec::new(),
        exits: Vec::new(),
        strays: Vec::new(),
        deadline: Some(Instant::now() + GATE_PATIENCE),
        failure: None,
        buffer: Vec::new(),
        awake: true,
    };
    monitor.run();
}

impl Monitor {
    fn run(&mut self) {
        loop {
            self.judge_clients();
            let ready = self.ready();
            if ready.is_empty() && self.awake {
                // A log may keep it awake: what is due is due all the same.
                self.rest();
            }
            for source in ready {
                self.awake = true;
                self.handle(source);
            }
            self.settle_names();
            self.settle_execs();
            self.drop_gone_clients();
            let late = self.is_late();
            let drained = matches!(self.state, State::Exited { .. }) && self.is_drained();
            match self.state {
                State::AtGate if late || (self.had_clients && self.is_abandoned()) => {
                    return self.give_up();
                }
                State::Exited { code } if late || drained => return self.finish(code),
                _ => {}
            }
        }
    }

    /// There is no daemon any more; who has been adopted cannot open the gate.
    fn is_abandoned(&self) -> bool {
        self.clients.iter().all(|client| client.direct.is_some())
    }

    fn judge_clients(&mut self) {
        let now = Instant::now();
        // After the exit nothing waits for them any more.
        let has_exited = matches!(self.state, State::Exited { .. });
        for client in &mut self.clients {
            client.judge(now);
            if !has_exited {
                client.drop_if_hopeless(now);
            }
        }
        self.drop_gone_clients();
    }

    fn rest(&mut self) {
        self.buffer = Vec::new();
        for client in &mut self.clients {
            client.rest();
        }
        self.rest_names();
        self.awake = self.log.rest();
        sys::trim_heap();
    }

    /// True when the deadline has passed. After the exit, a client that still takes what is queued for
    /// it, however slowly, has it put off.
    fn is_late(&mut self) -> bool {
        let now = Instant::now();
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        if !matches!(self.state, State::Exited { .. }) {
            return true;
        }
        for client in self.clients.iter_mut().filter(|client| client.is_full()) {
            client.is_gone |= now.duration_since(client.took_at()) >= LAST_PATIENCE;
        }
        self.drop_gone_clients();
        let waits = self.clients.iter().any(Client::is_full);
        if waits {
            self.deadline = Some(now + DRAIN_PATIENCE);
        }
        !waits
    }

    fn handle(&mut self, source: Source) {
        match source {
            Source::Listener => self.accept(),
            Source::Child | Source::Stray => self.reap(),
            Source::Channel => self.hear_child(),
            Source::Output => self.read_output(Stream::Output),
            Source::Error => self.read_output(Stream::Error),
            Source::Input => self.write_input(),
            Source::Oom => self.hear_oom(),
            Source::Names(token) => self.hear_names(token),
            Source::Client(index) => self.hear_client(index),
            Source::Exec(index, part) => self.handle_exec(index, part),
        }
    }

    fn hear_oom(&mut self) {
        match self.oom.as_mut().and_then(OomWatch::look) {
            Some(false) => {}
            Some(true) => {
                for client in self.clients.iter_mut().filter(|client| client.watches) {
                    client.push(frame::OOM, &[]);
                }
            }
            None => self.oom = None,
        }
    }

    /// The directory is closed to others; the credentials make sure.
    fn accept(&mut self) {
        let Ok(fd) = accept_with(&self.container.listener, SocketFlags::CLOEXEC) else {
            return;
        };
        let own = rustix::process::geteuid();
        if sockopt::socket_peercred(&fd).is_ok_and(|peer| peer.uid == own || peer.uid.is_root()) {
            self.had_clients = true;
            self.clients.push(Client::new(fd, self.spill_directory()));
        }
    }

    /// Where to keep what clients do not take at once.
    pub(crate) fn spill_directory(&self) -> &str {
        let path = &self.container.prepared.exit_path;
        path.rsplit_once('/')
            .map_or("/", |(directory, _)| directory)
    }

    pub(crate) fn reap(&mut self) {
        while let Ok(Some((pid, code))) = sys::reap_any(false) {
            let pid = u32::try_from(pid).unwrap_or(0);
            if pid == self.container.pid {
                self.first_ended(code);
            } else if !self.exec_ended(pid, code) {
                self.strays.retain(|(stray, _)| *stray != pid);
            }
        }
    }

    fn first_ended(&mut self, code: i32) {
        if self.state == State::Starting {
            self.hear_child();
        }
        if self.state == State::AtGate {
            // It never ran: nothing to record.
            self.deadline = Some(Instant::now());
            return;
        }
        self.state = State::Exited { code };
        self.deadline = Some(Instant::now() + DRAIN_PATIENCE);
    }

    /// A failure, or the end of the channel: the program runs.
    fn hear_child(&mut self) {
        if self.state != State::Starting {
            // Heard already, when its end was seen in the same moment.
            return;
        }
        let mut buffer = vec![0u8; 16 * 1024];
        let heard = recv(
            &self.container.channel,
            buffer.as_mut_slice(),
            RecvFlags::DONTWAIT,
        );
        match heard {
            Ok((1.., count)) if buffer.first() == Some(&packet::FAILED) => {
                let words = buffer.get(1..count).unwrap_or_default();
                self.failure = Some(json::failure(&hear::parse_failure(words)));
                self.state = State::AtGate;
                self.deadline = Some(Instant::now());
            }
            Ok((1.., _)) | Err(Errno::AGAIN | Errno::INTR) => {}
            _ => {
                self.state = State::Running;
                self.deadline = None;
                let pid = self.container.pid.to_be_bytes();
                self.answer_starters(frame::STARTED, &pid);
            }
        }
    }

    fn answer_starters(&mut self, kind: u8, payload: &[u8]) {
        for client in self.clients.iter_mut().filter(|client| client.starts) {
            client.starts = false;
            client.push(kind, payload);
        }
    }

    fn hear_client(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        client.flush();
        if client.direct.is_some() {
            return self.hear_direct(index);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(BUFFER, 0);
        let frames = client.receive(&mut buffer);
        self.buffer = buffer;
        for frame in frames {
            self.obey(index, &frame);
        }
    }

    fn drop_gone_clients(&mut self) {
        for client in &mut self.clients {
            client.is_gone |= client.ends && !client.has_queued();
        }
        let gone: Vec<Client> = self.clients.extract_if(.., |c| c.is_gone).collect();
        for client in gone {
            if client.watches {
                // The daemon is gone: what it was about to ask for will not come.
                self.early.clear();
                self.clients.iter_mut().for_each(Client::orphan);
            }
            if client.wants_input {
                self.input_ended(client.exec());
            }
            if let Some(release) = client.release() {
                self.tell(frame::RELEASED, &release);
            }
        }
    }

    /// True when no more output can come. A terminal has no end: what is in it now is all.
    fn is_drained(&mut self) -> bool {
        if self.clients.iter().any(Client::is_full) {
            return false;
        }
        if self.container.prepared.tty && self.container.streams.output.is_some() {
            self.container.streams.slave = None;
            return false;
        }
        self.container.streams.output.is_none() && self.container.streams.error.is_none()
    }

    /// Nobody starts it, or it cannot be started: as if it had never been. The places are free for
    /// the next start once the failure is told.
    fn give_up(&mut self) {
        launch::end(&self.container.pidfd);
        launch::clean_up(&self.container.prepared);
        if let Some(failure) = self.failure.take() {
            self.answer_starters(frame::FAILED, &failure);
        }
        self.send_the_rest();
    }

    fn finish(&mut self, code: i32) {
        self.end_execs();
        self.log.finish();
        let prepared = &self.container.prepared;
        let oom_killed = prepared
            .oom
            .as_ref()
            .is_some_and(sandbox::cgroup::OomSource::happened);
        let record = exit::build(code, oom_killed);
        let spare = prepared.socket_path.replace("monitor.sock", "exit.json");
        exit::keep([&prepared.exit_path, &spare], &record);
        for client in self.clients.iter_mut().filter(|client| client.watches) {
            client.push(frame::EXITED, &record);
        }
        // If the daemon turns out to be gone, nobody else tells its clients.
        self.drop_gone_clients();
        for client in &mut self.clients {
            if client.is_of(None) {
                client.tell_exit(code);
            }
            client.ends = !client.watches;
        }
        self.drop_gone_clients();
        // Behind the telling, for these take time; the daemon's connection ends when they are done.
        self.root = None;
        launch::clean_up(&self.container.prepared);
        self.send_the_rest();
        self.log.settle();
    }

    /// Who watches stays to the end, to be told of the clients whose connections we were given.
    fn send_the_rest(&mut self) {
        loop {
            for client in &mut self.clients {
                let patient = client.took_at().elapsed() < LAST_PATIENCE;
                let is_done = !client.has_queued() && !client.watches;
                client.ends |= is_done;
                client.is_gone |= is_done || (client.has_queued() && !patient);
            }
            self.drop_gone_clients();
            let waiting = self.clients.iter().filter(|client| client.has_queued());
            let mut watched: Vec<_> = waiting
                .map(|client| PollFd::new(client.fd(), PollFlags::OUT))
                .collect();
            if watched.is_empty() {
                return;
            }
            let _interrupted = poll(&mut watched, Some(&timespec(DRAIN_PATIENCE)));
            drop(watched);
            for client in &mut self.clients {
                client.flush();
            }
        }
    }
}
