//! The loop: from the gate to the exit record.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};
use rustix::termios::{Winsize, tcsetwinsize};
use sandbox::protocol::{frame, packet};
use sandbox::{Code, StepError, sys};

use crate::client::{Client, Frame};
use crate::launch::{self, Container};
use crate::log::{Log, Stream};
use crate::{exit, json};

/// How long a container may stand at its gate.
const GATE_PATIENCE: Duration = Duration::from_secs(60);
/// How long to listen for output after the exit while other processes hold the pipes.
const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// How long clients may take for what is queued for them at the end.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// Input from clients that the container has not read yet.
const INPUT_QUEUE: usize = 64 * 1024;
const BUFFER: usize = 32 * 1024;
/// Without anything to do for so long, the monitor gives its memory back.
const REST_AFTER: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    AtGate,
    /// GO was sent, the program does not run yet.
    Starting,
    Running,
    Exited {
        code: i32,
    },
}

struct Monitor {
    container: Container,
    state: State,
    clients: Vec<Client>,
    had_clients: bool,
    log: Log,
    input: Vec<u8>,
    closes_input: bool,
    deadline: Option<Instant>,
    /// Why the program could not be started, as JSON.
    failure: Option<Vec<u8>>,
    root: Option<OwnedFd>,
    /// Empty at rest.
    buffer: Vec<u8>,
    awake: bool,
}

/// What one poll watched, in the order of its descriptors.
#[derive(Clone, Copy)]
enum Source {
    Listener,
    Child,
    Channel,
    Output,
    Error,
    Input,
    Client(usize),
}

/// Serves until the container has ended and everybody knows, or until its start was given up.
pub(crate) fn serve(container: Container) {
    let log = Log::open(container.prepared.log_path.as_deref());
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
        container,
        state: State::AtGate,
        clients: Vec::new(),
        had_clients: false,
        log,
        input: Vec::new(),
        closes_input: false,
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
            let ready = self.ready();
            if ready.is_empty() && self.awake {
                self.rest();
                continue;
            }
            for source in ready {
                self.awake = true;
                self.handle(source);
            }
            self.drop_gone_clients();
            let late = self.is_late();
            let drained = matches!(self.state, State::Exited { .. }) && self.is_drained();
            match self.state {
                State::AtGate if late || (self.had_clients && self.clients.is_empty()) => {
                    return self.give_up();
                }
                State::Exited { code } if late || drained => return self.finish(code),
                _ => {}
            }
        }
    }

    fn rest(&mut self) {
        self.awake = false;
        self.buffer = Vec::new();
        self.log.rest();
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
            client.is_gone |= now.duration_since(client.took_at) >= LAST_PATIENCE;
        }
        self.drop_gone_clients();
        let waits = self.clients.iter().any(Client::is_full);
        if waits {
            self.deadline = Some(now + DRAIN_PATIENCE);
        }
        !waits
    }

    /// Waits for something to do; empty when there has been nothing for a while.
    fn ready(&self) -> Vec<Source> {
        let streams = &self.container.streams;
        let held_back = self.clients.iter().any(Client::is_full);
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
        if let (Some(fd), false) = (self.input_fd(), self.input.is_empty()) {
            watch(Source::Input, fd, PollFlags::OUT);
        }
        for (index, client) in self.clients.iter().enumerate() {
            let mut flags = PollFlags::empty();
            flags.set(
                PollFlags::IN,
                self.input.len() < INPUT_QUEUE || !client.wants_input,
            );
            flags.set(PollFlags::OUT, client.has_queued());
            watch(Source::Client(index), client.fd(), flags);
        }
        let until_deadline = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let until_rest = self.awake.then_some(REST_AFTER);
        let timeout = until_deadline
            .into_iter()
            .chain(until_rest)
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

    fn handle(&mut self, source: Source) {
        match source {
            Source::Listener => self.accept(),
            Source::Child => self.reap(),
            Source::Channel => self.hear_child(),
            Source::Output => self.read_output(Stream::Output),
            Source::Error => self.read_output(Stream::Error),
            Source::Input => self.write_input(),
            Source::Client(index) => self.hear_client(index),
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
            self.clients.push(Client::new(fd));
        }
    }

    fn reap(&mut self) {
        let Ok(Some((pid, code))) = sys::reap_any(false) else {
            return;
        };
        if u32::try_from(pid) != Ok(self.container.pid) {
            return;
        }
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
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok((1.., count)) if buffer.first() == Some(&packet::FAILED) => {
                let words = buffer.get(1..count).unwrap_or_default();
                self.failure = Some(failure(&launch::parse_failure(words)));
                self.state = State::AtGate;
                self.deadline = Some(Instant::now());
            }
            Ok((1.., _)) => {}
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

    fn read_output(&mut self, stream: Stream) {
        let slot = match stream {
            Stream::Output => &mut self.container.streams.output,
            Stream::Error => &mut self.container.streams.error,
        };
        let Some(fd) = slot.as_ref() else { return };
        self.buffer.resize(BUFFER, 0);
        let count = match rustix::io::read(fd, self.buffer.as_mut_slice()) {
            Err(Errno::AGAIN | Errno::INTR) => return,
            Ok(count @ 1..) => count,
            // The end; a terminal whose last holder is gone says EIO.
            _ => {
                *slot = None;
                return;
            }
        };
        if let State::Exited { .. } = self.state {
            self.deadline = Some(Instant::now() + DRAIN_PATIENCE);
        }
        let bytes = self.buffer.get(..count).unwrap_or_default();
        self.log.take(stream, bytes);
        for client in &mut self.clients {
            match stream {
                Stream::Output if client.wants_output => client.push(frame::STDOUT, bytes),
                Stream::Error if client.wants_error => client.push(frame::STDERR, bytes),
                _ => {}
            }
        }
    }

    fn input_fd(&self) -> Option<&OwnedFd> {
        let streams = &self.container.streams;
        if self.container.prepared.tty {
            streams.output.as_ref()
        } else {
            streams.input.as_ref()
        }
    }

    fn write_input(&mut self) {
        while let (Some(fd), false) = (self.input_fd(), self.input.is_empty()) {
            match rustix::io::write(fd, &self.input) {
                Ok(count) => {
                    self.input.drain(..count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // Nobody reads any more: what is sent from now on is dropped.
                Err(_) => {
                    self.input.clear();
                    self.closes_input = true;
                }
            }
        }
        if self.input.is_empty() {
            self.input = Vec::new();
            if self.closes_input && !self.container.prepared.tty {
                self.container.streams.input = None;
            }
        }
    }

    fn hear_client(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        client.flush();
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(BUFFER, 0);
        let frames = client.receive(&mut buffer);
        self.buffer = buffer;
        for frame in frames {
            self.obey(index, &frame);
        }
    }

    fn obey(&mut self, index: usize, frame: &Frame) {
        let answer = match frame.kind {
            frame::STDIN => {
                if self.input_fd().is_some() && !self.closes_input {
                    self.input.extend_from_slice(&frame.payload);
                    self.write_input();
                }
                None
            }
            frame::STDIN_CLOSE => {
                self.input_ended();
                None
            }
            frame::ATTACH => Some(self.attach(index, &frame.payload)),
            frame::RESIZE => Some(self.resize(&frame.payload)),
            frame::SIGNAL => Some(self.signal(&frame.payload)),
            frame::START => self.start(index),
            frame::WATCH => Some(self.watch(index)),
            _ => None,
        };
        if let (Some((kind, payload)), Some(client)) = (answer, self.clients.get_mut(index)) {
            client.push(kind, &payload);
        }
    }

    /// As Docker: the end of the first client's input is the end of the container's, if asked for.
    fn input_ended(&mut self) {
        if self.container.prepared.stdin_once && !self.container.prepared.tty {
            self.closes_input = true;
            self.write_input();
        }
    }

    fn attach(&mut self, index: usize, flags: &[u8]) -> (u8, Vec<u8>) {
        let flags = flags.first().copied().unwrap_or(0);
        let tty = self.container.prepared.tty;
        if let Some(client) = self.clients.get_mut(index) {
            client.wants_input = flags & 1 != 0;
            client.wants_output = flags & 2 != 0 || (tty && flags & 4 != 0);
            client.wants_error = flags & 4 != 0 && !tty;
        }
        (frame::ACK, Vec::new())
    }

    fn resize(&self, size: &[u8]) -> (u8, Vec<u8>) {
        if let (&[a, b, c, d], true, Some(master)) = (
            size,
            self.container.prepared.tty,
            &self.container.streams.output,
        ) {
            let (ws_row, ws_col) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let _not_a_terminal = tcsetwinsize(
                master,
                Winsize {
                    ws_row,
                    ws_col,
                    ws_xpixel: 0,
                    ws_ypixel: 0,
                },
            );
        }
        (frame::ACK, Vec::new())
    }

    fn signal(&self, payload: &[u8]) -> (u8, Vec<u8>) {
        let signal = payload.first().copied().unwrap_or(0);
        match sys::pidfd_signal(self.container.pidfd.as_fd(), signal.into()) {
            Ok(()) => (frame::ACK, Vec::new()),
            Err(errno) => {
                let error =
                    StepError::call("signal", &signal.to_string(), errno).with_code(Code::Conflict);
                (frame::FAILED, failure(&error))
            }
        }
    }

    fn start(&mut self, index: usize) -> Option<(u8, Vec<u8>)> {
        if self.state != State::AtGate {
            let text = "the container was started already";
            return Some((
                frame::FAILED,
                failure(&StepError::new(Code::Conflict, "start", "", 0, text)),
            ));
        }
        if let Some(client) = self.clients.get_mut(index) {
            client.starts = true;
        }
        self.state = State::Starting;
        let _child_gone = send(&self.container.channel, &[packet::GO], SendFlags::NOSIGNAL);
        None
    }

    fn watch(&mut self, index: usize) -> (u8, Vec<u8>) {
        if let Some(client) = self.clients.get_mut(index) {
            client.watches = true;
        }
        let running = matches!(self.state, State::Running | State::Exited { .. });
        (frame::ACK, vec![u8::from(running)])
    }

    fn drop_gone_clients(&mut self) {
        let had_input = self
            .clients
            .iter()
            .any(|client| client.is_gone && client.wants_input);
        self.clients.retain(|client| !client.is_gone);
        if had_input {
            self.input_ended();
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
        self.log.finish();
        let prepared = &self.container.prepared;
        let oom_killed = prepared
            .oom
            .as_ref()
            .is_some_and(sandbox::cgroup::OomSource::happened);
        let record = exit::build(code, oom_killed);
        // A disk that is full must not keep the daemon from being told.
        let _kept = exit::write(&prepared.exit_path, &record);
        for client in self.clients.iter_mut().filter(|client| client.watches) {
            client.push(frame::EXITED, &record);
        }
        // Behind the telling, for these take time; the connections end when they are done.
        self.root = None;
        launch::clean_up(prepared);
        self.send_the_rest();
    }

    fn send_the_rest(&mut self) {
        let end = Instant::now() + LAST_PATIENCE;
        self.clients
            .retain(|client| client.has_queued() && !client.is_gone);
        while !self.clients.is_empty() && Instant::now() < end {
            let mut watched: Vec<_> = self
                .clients
                .iter()
                .map(|c| PollFd::new(c.fd(), PollFlags::OUT))
                .collect();
            let timeout = timespec(end.saturating_duration_since(Instant::now()));
            let _interrupted = poll(&mut watched, Some(&timeout));
            drop(watched);
            for client in &mut self.clients {
                client.flush();
            }
            self.clients
                .retain(|client| client.has_queued() && !client.is_gone);
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// `{"op","target","errno","message","code"}`
fn failure(error: &StepError) -> Vec<u8> {
    let mut out = format!("{{\"errno\":{},", error.errno).into_bytes();
    let fields = [
        ("op", error.op.as_str()),
        ("target", &error.target),
        ("message", &error.message),
        ("code", error.code.name()),
    ];
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::field(&mut out, name, value);
    }
    out.push(b'}');
    out
}
