//! Further processes in the container: started on request, served and reaped like the first.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use sandbox::child;
use sandbox::protocol::{ExecRequest, frame};
use sandbox::sys::{self, Cloned};
use sandbox::{Code, Context, StepError};

use crate::client::Client;
use crate::hear::{self, Heard};
use crate::json;
use crate::launch::{self, Container, Streams};
use crate::serve::{DRAIN_PATIENCE, Monitor};
use crate::streams::{Input, make_streams, read_some};
use logfile::Stream;

/// Exits that are told again to whoever watches next, since a daemon may die of what it has just heard.
const MAX_EXITS: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The program does not run yet.
    Starting,
    Running,
    Exited {
        code: i32,
    },
}

pub(crate) struct Exec {
    pub(crate) id: String,
    pub(crate) tty: bool,
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) channel: OwnedFd,
    pub(crate) streams: Streams,
    pub(crate) input: Input,
    state: State,
    pub(crate) deadline: Option<Instant>,
}

/// The parts of one that can be ready.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Process,
    Channel,
    Output,
    Error,
    Input,
}

impl Exec {
    fn start(container: &Container, request: ExecRequest) -> Result<Self, StepError> {
        let ExecRequest {
            id,
            tty,
            open_stdin,
            ops,
        } = request;
        let (channel, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .step("make channel", "")?;
        let (streams, stdio) = make_streams(tty, open_stdin).step("make pipes", "")?;
        let cgroup = container.cgroup.as_ref().map(AsFd::as_fd);
        let cloned = clone_into(container, || sys::clone3(0, cgroup)).step("clone", "")?;
        match cloned {
            Cloned::Child => {
                let first = rustix::io::fcntl_dupfd_cloexec(&container.pidfd, 3).ok();
                drop((channel, streams));
                child::run(ops, stdio, theirs, first)
            }
            Cloned::Parent { pid, pidfd } => {
                drop((theirs, stdio));
                for fd in [&streams.input, &streams.output, &streams.error]
                    .into_iter()
                    .flatten()
                {
                    launch::unblock(fd.as_fd());
                }
                launch::join_cgroups(&container.prepared, pid, &channel, true)
                    .inspect_err(|_| launch::kill(&pidfd))?;
                Ok(Self {
                    id,
                    tty,
                    pid,
                    pidfd,
                    channel,
                    streams,
                    input: Input::default(),
                    state: State::Starting,
                    deadline: None,
                })
            }
        }
    }

    /// What is told when it runs.
    pub(crate) fn started(&self) -> Vec<u8> {
        json::exec(&self.id, "pid", i64::from(self.pid))
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.state == State::Starting
    }

    pub(crate) fn has_exited(&self) -> bool {
        matches!(self.state, State::Exited { .. })
    }

    pub(crate) fn input_fd(&self) -> Option<&OwnedFd> {
        self.streams.input_fd(self.tty)
    }

    fn write_input(&mut self) {
        let fd = self.streams.input_fd(self.tty);
        if self.input.write_to(fd) && !self.tty {
            self.streams.input = None;
        }
    }
}

/// A child that is born into the container's pid namespace; those of the monitor's own are not.
fn clone_into(
    container: &Container,
    clone: impl FnOnce() -> Result<Cloned, Errno>,
) -> Result<Cloned, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let own = rustix::fs::open("/proc/self/ns/pid", flags, Mode::empty())?;
    sys::pids_of(container.pidfd.as_fd())?;
    let cloned = clone();
    if !matches!(cloned, Ok(Cloned::Child)) {
        sys::pids_of(own.as_fd())?;
    }
    cloned
}

impl Monitor {
    /// Acknowledged before; how it went is told to everybody who watches.
    pub(crate) fn exec(&mut self, payload: &[u8]) {
        let Ok(request) = postcard::from_bytes::<ExecRequest>(payload) else {
            return self.refuse_exec(payload);
        };
        let id = request.id.clone();
        self.join_early(&id);
        match Exec::start(&self.container, request) {
            Ok(exec) => self.execs.push(exec),
            Err(error) => self.tell_failed(&id, &error),
        }
    }

    /// The id comes first in every form, so whoever waits for it is told.
    fn refuse_exec(&mut self, payload: &[u8]) {
        let Ok((id, _)) = postcard::take_from_bytes::<String>(payload) else {
            return;
        };
        self.join_early(&id);
        let text = "exec: the request has a form that the container's monitor does not know";
        let error = StepError::new(Code::NotImplemented, "exec", "", 0, text);
        self.tell_failed(&id, &error);
    }

    pub(crate) fn exec_of(&mut self, id: &str) -> Option<&mut Exec> {
        self.execs.iter_mut().find(|exec| exec.id == id)
    }

    /// True if the process was one of them.
    pub(crate) fn exec_ended(&mut self, pid: u32, code: i32) -> bool {
        let Some(index) = self.execs.iter().position(|exec| exec.pid == pid) else {
            return false;
        };
        self.hear_exec(index);
        if let Some(exec) = self.execs.get_mut(index) {
            exec.state = State::Exited { code };
            exec.deadline = Some(Instant::now() + DRAIN_PATIENCE);
        }
        true
    }

    pub(crate) fn handle_exec(&mut self, index: usize, part: Part) {
        match part {
            Part::Process => self.reap(),
            Part::Channel => self.hear_exec(index),
            Part::Output => self.read_exec(index, Stream::Output),
            Part::Error => self.read_exec(index, Stream::Error),
            Part::Input => {
                if let Some(exec) = self.execs.get_mut(index) {
                    exec.write_input();
                }
            }
        }
    }

    /// Input for one, from a client.
    pub(crate) fn feed_exec(&mut self, id: &str, bytes: &[u8]) {
        if let Some(exec) = self.exec_of(id) {
            exec.input.take(bytes);
            exec.write_input();
        }
    }

    pub(crate) fn close_exec_input(&mut self, id: &str) {
        if let Some(exec) = self.exec_of(id).filter(|exec| !exec.tty) {
            exec.input.closes = true;
            exec.write_input();
        }
    }

    /// Why it could not be started, or that it runs, which is the end of the channel.
    fn hear_exec(&mut self, index: usize) {
        let Some(exec) = self.execs.get_mut(index).filter(|exec| exec.is_starting()) else {
            return;
        };
        loop {
            match hear::hear(&exec.channel, RecvFlags::DONTWAIT) {
                Ok(Heard::Gate) | Err(Errno::INTR) => {}
                Ok(Heard::Terminal(master, slave)) => {
                    if let Some(master) = &master {
                        launch::unblock(master.as_fd());
                    }
                    (exec.streams.output, exec.streams.slave) = (master, slave);
                    exec.write_input();
                }
                Ok(Heard::Failed(error)) => {
                    let exec = self.execs.remove(index);
                    // It is on its way out; nobody but us would reap it.
                    self.strays.push((exec.pid, exec.pidfd));
                    return self.tell_failed(&exec.id, &error);
                }
                Err(Errno::AGAIN) => return,
                Ok(Heard::End) | Err(_) => break,
            }
        }
        exec.state = State::Running;
        let told = exec.started();
        self.tell(frame::EXEC_STARTED, &told);
    }

    fn read_exec(&mut self, index: usize, stream: Stream) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if let Some(exec) = self.execs.get_mut(index) {
            let bytes = read_some(exec.streams.slot(stream), &mut buffer);
            if !bytes.is_empty() && exec.has_exited() {
                exec.deadline = Some(Instant::now() + DRAIN_PATIENCE);
            }
            for client in self.clients.iter_mut().filter(|c| c.is_of(Some(&exec.id))) {
                client.push_output(stream, bytes);
            }
        }
        self.buffer = buffer;
    }

    /// Lets go of those that have ended and whose output is out, and tells of them.
    pub(crate) fn settle_execs(&mut self) {
        let now = Instant::now();
        let mut index = 0;
        while let Some(exec) = self.execs.get_mut(index) {
            let late = exec.deadline.is_some_and(|deadline| now >= deadline);
            if exec.has_exited() && exec.tty && exec.streams.output.is_some() && !late {
                // A terminal has no end until its last slave is closed.
                exec.streams.slave = None;
            }
            let drained = exec.streams.output.is_none() && exec.streams.error.is_none();
            match exec.state {
                State::Exited { code } if late || drained => {
                    let exec = self.execs.remove(index);
                    self.tell_exited(&exec.id, code);
                }
                _ => index += 1,
            }
        }
    }

    /// With the container they end too: those that outlive its first process share the host's pids.
    pub(crate) fn end_execs(&mut self) {
        for exec in std::mem::take(&mut self.execs) {
            let code = if let State::Exited { code } = exec.state {
                code
            } else {
                launch::kill(&exec.pidfd);
                128 + 9
            };
            self.tell_exited(&exec.id, code);
        }
    }

    fn tell_failed(&mut self, id: &str, error: &StepError) {
        self.tell(frame::EXEC_FAILED, &json::exec_failure(id, error));
        self.release_clients(id);
    }

    fn tell_exited(&mut self, id: &str, code: i32) {
        let told = json::exec(id, "exitCode", i64::from(code));
        self.tell(frame::EXEC_EXITED, &told);
        if self.exits.len() == MAX_EXITS {
            self.exits.remove(0);
        }
        self.exits.push(told);
        for client in self.clients.iter_mut().filter(|c| c.is_of(Some(id))) {
            client.tell_exit(code);
        }
        self.release_clients(id);
    }

    pub(crate) fn tell(&mut self, kind: u8, payload: &[u8]) {
        for client in self.clients.iter_mut().filter(|client| client.watches) {
            client.push(kind, payload);
        }
    }

    /// Their connections end once they have taken all there was.
    fn release_clients(&mut self, id: &str) {
        for client in self.clients.iter_mut().filter(|c| c.is_of(Some(id))) {
            client.ends = true;
        }
    }
}

/// The client's stream is full: its process waits, and no other.
pub(crate) fn is_held_back(clients: &[Client], exec: Option<&str>) -> bool {
    clients.iter().any(|c| c.is_of(exec) && c.is_full())
}
