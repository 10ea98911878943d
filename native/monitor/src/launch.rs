//! From the launch channel to a container that stands at its gate.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendFlags, SocketFlags, SocketType, recv,
    recvmsg, send, socketpair,
};
use rustix::thread::move_into_link_name_space;
use sandbox::child;
use sandbox::protocol::{LAUNCH_FD, LAUNCH_FDS, LaunchReply, NETWORK_DONE, Prepared, packet};
use sandbox::sys::{self, Cloned};
use sandbox::{Context, StepError};

use crate::hear::{Heard, descriptors, hear};
use crate::log::Log;
use crate::streams::make_streams;
use crate::{names, network};
use logfile::Stream;

/// A container at its gate, and all that the monitor holds of it.
pub(crate) struct Container {
    pub(crate) prepared: Prepared,
    pub(crate) listener: OwnedFd,
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    /// To the child, until its program runs.
    pub(crate) channel: OwnedFd,
    pub(crate) streams: Streams,
    /// Of the v2 tree, for further processes.
    pub(crate) cgroup: Option<OwnedFd>,
    /// The host's network namespace, where this process is in one that is the container's own.
    pub(crate) host: Option<OwnedFd>,
    pub(crate) names: Option<resolver::Server>,
}

/// The monitor's ends of the container's standard streams.
#[derive(Default)]
pub(crate) struct Streams {
    pub(crate) input: Option<OwnedFd>,
    pub(crate) output: Option<OwnedFd>,
    pub(crate) error: Option<OwnedFd>,
    /// Kept open so that the master never reports a hang-up.
    pub(crate) slave: Option<OwnedFd>,
}

impl Streams {
    pub(crate) fn slot(&mut self, stream: Stream) -> &mut Option<OwnedFd> {
        match stream {
            Stream::Output => &mut self.output,
            Stream::Error => &mut self.error,
        }
    }

    /// Where input goes: with a terminal its master.
    pub(crate) fn input_fd(&self, tty: bool) -> Option<&OwnedFd> {
        if tty {
            self.output.as_ref()
        } else {
            self.input.as_ref()
        }
    }
}

/// None if there is no container to serve; the addon knows why by then.
pub(crate) fn launch() -> Option<(Container, Log)> {
    let channel = sys::inherited(LAUNCH_FD).ok()?;
    sys::close_from(4);
    hide();
    leave_the_daemon();
    spare_from_oom();
    let network = network::prepare();
    let has_network = network.is_some();
    reply(&channel, &LaunchReply::Waiting { has_network });
    let (mut prepared, listener, given) = receive(&channel)?;
    let log = Log::open(prepared.log.as_ref());
    let container = log.and_then(|log| {
        let (flags, host) = network::settle(network, prepared.clone_flags)?;
        prepared.clone_flags = flags;
        given.join()?;
        let setting = (listener, host);
        Ok((set_up(prepared, given, setting, &channel)?, log))
    });
    match container {
        Ok(container_and_log) => Some(container_and_log),
        Err(failed) => {
            reply(&channel, &LaunchReply::Failed(failed));
            None
        }
    }
}

/// Keeps others away from its memory and descriptors, and from those of all children before they say so
/// themselves: a process that is to join a container is seen in there from its birth.
fn hide() {
    let hidden = rustix::process::DumpableBehavior::NotDumpable;
    let _no_such_kernel = rustix::process::set_dumpable_behavior(hidden);
}

/// A session and a name of its own, and no hold on the directory the daemon was started in.
fn leave_the_daemon() {
    let _own_session = rustix::process::setsid();
    let _named = rustix::thread::set_name(c"rt-monitor");
    let _free = rustix::process::chdir("/");
}

/// Whatever the host runs out of memory for, it is not solved by ending a monitor.
fn spare_from_oom() {
    if let Ok(file) = rustix::fs::open(
        "/proc/self/oom_score_adj",
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        let _not_permitted = rustix::io::write(&file, b"-999");
    }
}

/// Descriptors that came beside the listening socket.
struct Given {
    joins: Vec<OwnedFd>,
    donor: Option<OwnedFd>,
    cgroup: Option<OwnedFd>,
}

impl Given {
    /// The monitor itself joins what the container shares, so that the first process is born into it. For
    /// a pid namespace there is no other way. That the monitor is in there does no harm: it has no socket
    /// of that network and no shared memory, and its own pid namespace stays the host's.
    fn join(&self) -> Result<(), StepError> {
        for namespace in &self.joins {
            move_into_link_name_space(namespace.as_fd(), None).step("join namespace", "")?;
        }
        Ok(())
    }
}

/// A u32 LE length with the descriptors of [`LAUNCH_FD`], then the postcard value. A monitor may wait
/// here for long, or for nothing.
fn receive(channel: &OwnedFd) -> Option<(Prepared, OwnedFd, Given)> {
    let mut length = [0u8; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LAUNCH_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        channel,
        &mut [IoSliceMut::new(&mut length)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    );
    if received.ok()?.bytes != length.len() {
        return None;
    }
    let mut fds = descriptors(&mut control).into_iter();
    let listener = fds.next()?;
    let mut body = vec![0u8; usize::try_from(u32::from_le_bytes(length)).ok()?];
    let mut filled = 0;
    while filled < body.len() {
        match recv(channel, body.get_mut(filled..)?, RecvFlags::empty()) {
            Ok((1.., count)) => filled += count,
            Err(Errno::INTR) => {}
            _ => return None,
        }
    }
    let prepared: Prepared = postcard::from_bytes(&body).ok()?;
    let given = Given {
        joins: (0..prepared.joins).map_while(|_| fds.next()).collect(),
        donor: prepared.has_donor.then(|| fds.next()).flatten(),
        cgroup: fds.next(),
    };
    Some((prepared, listener, given))
}

fn reply(channel: &OwnedFd, reply: &LaunchReply) {
    let body = postcard::to_allocvec(reply).unwrap_or_default();
    let length = u32::try_from(body.len()).unwrap_or(0).to_le_bytes();
    let _addon_gone = send(
        channel,
        &[&length, body.as_slice()].concat(),
        SendFlags::NOSIGNAL,
    );
}

fn set_up(
    mut prepared: Prepared,
    given: Given,
    (listener, host): (OwnedFd, Option<OwnedFd>),
    launcher: &OwnedFd,
) -> Result<Container, StepError> {
    let ops = std::mem::take(&mut prepared.ops);
    let flags = SocketFlags::CLOEXEC;
    let (channel, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
        .step("make channel", "")?;
    let (mut streams, stdio) =
        make_streams(prepared.tty, prepared.open_stdin).step("make pipes", "")?;
    match sys::clone3(prepared.clone_flags, given.cgroup.as_ref().map(AsFd::as_fd))
        .step("clone", "")?
    {
        Cloned::Child => {
            drop((channel, streams, listener));
            child::run(ops, stdio, theirs, given.donor)
        }
        Cloned::Parent { pid, pidfd } => {
            let Given { cgroup, .. } = given;
            drop((theirs, stdio, ops));
            let waiting = Waiting {
                launcher,
                channel: &channel,
                pidfd: &pidfd,
                streams: &mut streams,
            };
            let at_gate = join_cgroups(&prepared, pid, &channel, false).and_then(|()| {
                reply(launcher, &LaunchReply::Created { pid });
                let names = names::at_start(host.as_ref(), &prepared)?;
                waiting.until_at_gate()?;
                Ok(names)
            });
            let names = at_gate.inspect_err(|_| {
                end(&pidfd);
                clean_up(&prepared);
            })?;
            reply(launcher, &LaunchReply::Ready { pid });
            Ok(Container {
                prepared,
                listener,
                pid,
                pidfd,
                channel,
                streams,
                cgroup,
                host,
                names,
            })
        }
    }
}

/// Puts a child into the v1 cgroups and tells it; `told` even where there are none.
pub(crate) fn join_cgroups(
    prepared: &Prepared,
    pid: u32,
    channel: &OwnedFd,
    told: bool,
) -> Result<(), StepError> {
    // An update may have joined the container to more of them since.
    let later = prepared
        .cgroup_directories
        .iter()
        .filter(|directory| told && !prepared.cgroup_join.contains(directory) && is_v1(directory));
    for directory in prepared.cgroup_join.iter().chain(later) {
        let path = format!("{directory}/cgroup.procs");
        let file = rustix::fs::open(
            path.as_str(),
            OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let written = file.and_then(|file| rustix::io::write(&file, pid.to_string().as_bytes()));
        written.step("join cgroup", directory)?;
    }
    if told || !prepared.cgroup_join.is_empty() {
        let _child_gone = send(channel, &[packet::JOINED], SendFlags::NOSIGNAL);
    }
    Ok(())
}

/// True for a v1 cgroup that exists.
fn is_v1(directory: &str) -> bool {
    let has = |file: &str| rustix::fs::stat(format!("{directory}/{file}")).is_ok();
    has("cgroup.procs") && !has("cgroup.controllers")
}

/// Holds the container's root file system beyond the end of its processes. To unmount an overlay takes
/// the kernel a write to the disk, and the last process would wait for it before it counts as ended.
pub(crate) fn hold_root(pid: u32) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty()).ok()
}

pub(crate) fn kill(pidfd: &OwnedFd) {
    let _already_dead = sys::pidfd_signal(pidfd.as_fd(), 9);
}

/// Kills the child and waits until it is gone.
pub(crate) fn end(pidfd: &OwnedFd) {
    kill(pidfd);
    let _reaped = sys::reap_any(true);
}

/// Leaves nothing of the container behind but its files. The socket goes last: a launch waits for it.
pub(crate) fn clean_up(prepared: &Prepared) {
    sandbox::cgroup::remove(&prepared.cgroup_directories);
    let _gone_already = rustix::fs::unlink(prepared.socket_path.as_str());
}

/// While the child sets itself up and the addon wires its network.
struct Waiting<'a> {
    launcher: &'a OwnedFd,
    channel: &'a OwnedFd,
    pidfd: &'a OwnedFd,
    streams: &'a mut Streams,
}

impl Waiting<'_> {
    fn until_at_gate(mut self) -> Result<(), StepError> {
        let (mut wired, mut at_gate) = (false, false);
        while !(wired && at_gate) {
            let mut watched = [
                PollFd::new(
                    self.channel,
                    if at_gate {
                        PollFlags::empty()
                    } else {
                        PollFlags::IN
                    },
                ),
                PollFd::new(
                    self.launcher,
                    if wired {
                        PollFlags::empty()
                    } else {
                        PollFlags::IN
                    },
                ),
                PollFd::new(self.pidfd, PollFlags::IN),
            ];
            match poll(&mut watched, None) {
                Err(Errno::INTR) => continue,
                other => other.step("wait for the set-up", "")?,
            };
            let [from_child, from_launcher, ended] = watched.map(|fd| !fd.revents().is_empty());
            if from_child && !at_gate {
                at_gate = self.hear_child()?;
            } else if from_launcher && !wired {
                wired = self.hear_launcher()?;
            } else if ended {
                return Err(internal("the container's first process was killed"));
            }
        }
        Ok(())
    }

    /// True once the child stands at the gate.
    fn hear_child(&mut self) -> Result<bool, StepError> {
        match hear(self.channel, RecvFlags::empty()).step("hear from the child", "")? {
            Heard::Gate => Ok(true),
            Heard::Terminal(master, slave) => {
                (self.streams.output, self.streams.slave) = (master, slave);
                Ok(false)
            }
            Heard::Failed(error) => Err(error),
            Heard::End => Err(internal("the container's first process ended early")),
        }
    }

    fn hear_launcher(&self) -> Result<bool, StepError> {
        let mut byte = [0u8; 1];
        match recv(self.launcher, &mut byte, RecvFlags::empty()) {
            Ok((1.., _)) if byte == [NETWORK_DONE] => Ok(true),
            Err(Errno::INTR) => Ok(false),
            _ => Err(internal("the daemon gave the start up")),
        }
    }
}

pub(crate) fn internal(message: &str) -> StepError {
    StepError::new(sandbox::Code::Internal, "set up container", "", 0, message)
}

/// Sets `O_NONBLOCK`.
pub(crate) fn unblock(fd: BorrowedFd<'_>) {
    if let Ok(flags) = rustix::fs::fcntl_getfl(fd) {
        let _unchanged = rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK);
    }
}
