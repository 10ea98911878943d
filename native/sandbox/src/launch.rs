//! The daemon's side of a launch; the picture is in [`crate::protocol`].

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, IoSlice};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, bind, connect, listen, recv, send, sendmsg, socket_with, socketpair,
    sockopt::{self, Timeout},
};

use serde::Serialize;

use crate::build::{CgroupView, build};
use crate::cgroup::{self, Created, Devices, Layout};
use crate::error::{Code, Context, StepError};
use crate::plan::{ContainerPlan, Namespace};
use crate::protocol::{LAUNCH_FDS, LaunchReply, NETWORK_DONE, Prepared};
use crate::share::Shared;
use crate::spawner;
use crate::starting::starting;
use crate::sys::{Orphan, Vector, spawn_orphan};

/// A container that stands at its gate.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Launched {
    pub monitor_pid: u32,
    /// The container's first process, in the caller's pid namespace.
    pub pid: u32,
}

/// A monitor that was started ahead of need. It waits for its container, and ends with this handle.
#[derive(Debug)]
pub struct IdleMonitor {
    pid: u32,
    channel: Channel,
}

impl IdleMonitor {
    /// Starts a monitor from its image (see [`crate::program_from`]).
    pub fn start(image: BorrowedFd<'_>) -> Result<Self, StepError> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .step("make launch channel", "")?;
        let pid = spawn(image, &theirs)?;
        Ok(Self {
            pid,
            channel: Channel::new(ours, PATIENCE)?,
        })
    }

    /// Waits until the monitor stands in the network namespace that its container will have, and opens
    /// that. None if there is none.
    pub fn open_network(&mut self) -> Result<Option<OwnedFd>, StepError> {
        match self.channel.receive()? {
            LaunchReply::Waiting { has_network: true } => {}
            LaunchReply::Failed(error) => return Err(error),
            _ => return Ok(None),
        }
        let netns = open_netns(self.pid, &self.channel)?;
        // The number is still that of the monitor.
        Ok(self.is_alive().then_some(netns))
    }

    /// False once it has ended, which only a signal can have done.
    pub fn is_alive(&self) -> bool {
        let mut watched = [PollFd::new(&self.channel.0, PollFlags::empty())];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        matches!(poll(&mut watched, Some(&at_once)), Ok(0))
    }
}

/// Starts a monitor for `plan`, see [`launch_on`].
pub fn launch(
    plan: &ContainerPlan,
    monitor_image: BorrowedFd<'_>,
    wire: impl FnOnce(u32, BorrowedFd<'_>) -> Result<(), StepError>,
) -> Result<Launched, StepError> {
    launch_on(IdleMonitor::start(monitor_image)?, plan, wire)
}

/// Gives the monitor its container, which it sets up and which then waits at the gate for START on
/// the monitor's socket. Blocks for a few milliseconds.
///
/// `wire` runs on the calling thread as soon as the container's first process exists, while that
/// process mounts: (pid, network namespace). It does not run for the network "host".
pub fn launch_on(
    monitor: IdleMonitor,
    plan: &ContainerPlan,
    wire: impl FnOnce(u32, BorrowedFd<'_>) -> Result<(), StepError>,
) -> Result<Launched, StepError> {
    let layout = Layout::cached()?;
    // Decided with the cgroups still to be made, so that a bad plan makes nothing.
    build(plan, &CgroupView::Unified, false)?;
    let socket_path = format!("{}/monitor.sock", plan.run_dir);
    await_previous(&socket_path);
    let created = cgroup::create(&layout, &plan.cgroup, &Devices::of(plan))?;
    let view = view_of(&layout, &created.join);
    let launched = set_up(monitor, plan, &view, &created, &socket_path, wire);
    if launched.is_err() {
        // The monitor has done this already, unless it was killed.
        cgroup::remove(&created.directories);
        let _absent = rustix::fs::unlink(socket_path.as_str());
    }
    launched
}

fn set_up(
    monitor: IdleMonitor,
    plan: &ContainerPlan,
    view: &CgroupView,
    created: &Created,
    socket_path: &str,
    wire: impl FnOnce(u32, BorrowedFd<'_>) -> Result<(), StepError>,
) -> Result<Launched, StepError> {
    let (clone_flags, ops) = build(plan, view, !created.join.is_empty())?;
    let clone_flags = clone_flags | time_namespace();
    let shared = Shared::open(&plan.namespaces)?;
    let prepared = Prepared {
        socket_path: socket_path.to_owned(),
        exit_path: plan.exit_path.clone(),
        log: plan.log.clone(),
        tty: plan.process.tty,
        open_stdin: plan.process.open_stdin,
        stdin_once: plan.process.stdin_once,
        clone_flags,
        cgroup_join: created.join.clone(),
        cgroup_directories: created.directories.clone(),
        oom: created.oom.clone(),
        ops,
        joins: u32::try_from(shared.joins.len()).unwrap_or(0),
        has_donor: shared.donor.is_some(),
        has_names: plan.has_names && plan.namespaces.network == Namespace::New,
    };
    let IdleMonitor {
        pid: monitor_pid,
        channel,
    } = monitor;
    let listener = listen_at(socket_path)?;
    let mut fds = vec![listener.as_fd()];
    fds.extend(shared.joins.iter().chain(&shared.donor).map(AsFd::as_fd));
    fds.extend(created.v2.as_ref().map(AsFd::as_fd));
    channel.send_prepared(&prepared, &fds)?;
    drop((listener, shared));
    let pid = match channel.receive_answer()? {
        LaunchReply::Created { pid } => pid,
        LaunchReply::Failed(error) => return Err(error),
        LaunchReply::Ready { .. } | LaunchReply::Waiting { .. } => return Err(lost()),
    };
    if plan.namespaces.network == Namespace::New {
        let netns = open_netns(pid, &channel)?;
        wire(pid, netns.as_fd())?;
    }
    send(&channel.0, &[NETWORK_DONE], SendFlags::NOSIGNAL)
        .step("talk to the monitor", "")
        .map_err(|error| channel.cause_of(error))?;
    match channel.receive()? {
        LaunchReply::Ready { pid } => Ok(Launched { monitor_pid, pid }),
        LaunchReply::Failed(error) => Err(error),
        LaunchReply::Created { .. } | LaunchReply::Waiting { .. } => Err(lost()),
    }
}

/// A namespace for clocks, where the kernel has them (Linux 5.6, if so configured). Its offsets are zero:
/// it keeps what one container may set from all others.
fn time_namespace() -> u64 {
    const NEW_TIME: u64 = 0x80;
    static FLAG: OnceLock<u64> = OnceLock::new();
    let found = || rustix::fs::stat("/proc/self/ns/time").map_or(0, |_| NEW_TIME);
    *FLAG.get_or_init(found)
}

fn open_netns(pid: u32, channel: &Channel) -> Result<OwnedFd, StepError> {
    let path = format!("/proc/{pid}/ns/net");
    let opened = rustix::fs::open(
        path.as_str(),
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    opened
        .step("open network namespace", &path)
        .map_err(|error| channel.cause_of(error))
}

/// What the container is shown: of v1 only the hierarchies in which it has a cgroup of its own, since
/// each mount costs every start, and the others would show it nothing that is its.
fn view_of(layout: &Layout, join: &[String]) -> CgroupView {
    if layout.v2.is_some() && join.is_empty() {
        return CgroupView::Unified;
    }
    let joined = |h: &&cgroup::Hierarchy| {
        join.iter()
            .any(|directory| Path::new(directory).starts_with(&h.mount))
    };
    let v1 = layout.v1.iter().filter(joined);
    let mut parts: Vec<_> = v1.map(|h| (file_name(h), h.controllers.clone())).collect();
    parts.extend(layout.v2.as_ref().map(|h| (file_name(h), Vec::new())));
    CgroupView::Split(parts)
}

fn file_name(hierarchy: &cgroup::Hierarchy) -> String {
    hierarchy
        .mount
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The monitor of an earlier run lets go of the container's places a moment after it has told of the
/// exit. Its socket is the last of them: a connection to it ends when all is done.
fn await_previous(path: &str) {
    const PATIENCE: Timespec = Timespec {
        tv_sec: 10,
        tv_nsec: 0,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let Ok(socket) = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None) else {
        return;
    };
    let reached = SocketAddrUnix::new(path).and_then(|address| connect(&socket, &address));
    if reached.is_ok() {
        let _in_vain = poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&PATIENCE));
    }
}

fn listen_at(path: &str) -> Result<OwnedFd, StepError> {
    const STEP: &str = "listen";
    let _absent = rustix::fs::unlink(path);
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .step(STEP, path)?;
    // The file that bind makes takes the mode of the socket.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(0o600)).step(STEP, path)?;
    bind_anywhere(&socket, path).step(STEP, path)?;
    listen(&socket, 128).step(STEP, path)?;
    Ok(socket)
}

/// An address holds 107 bytes; a longer path is shortened by way of its directory's descriptor.
fn bind_anywhere(socket: &OwnedFd, path: &str) -> Result<(), Errno> {
    if let Ok(address) = SocketAddrUnix::new(path) {
        return bind(socket, &address);
    }
    let (directory, name) = path.rsplit_once('/').ok_or(Errno::INVAL)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty())?;
    let short = format!("/proc/self/fd/{}/{name}", directory.as_raw_fd());
    bind(socket, &SocketAddrUnix::new(short)?)
}

/// The descriptors are moved above those they are going to become.
fn spawn(image: BorrowedFd<'_>, channel: &OwnedFd) -> Result<u32, StepError> {
    const STEP: &str = "start monitor";
    const ABOVE: i32 = 10;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .step(STEP, "")?;
    let high = |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, ABOVE).step(STEP, "");
    let (null, channel, image) = (high(null.as_fd())?, high(channel.as_fd())?, high(image)?);
    let start = move || {
        let argv = [CString::from(c"rt-monitor")];
        let null_fd = null.as_raw_fd();
        let fds = [null_fd, null_fd, null_fd, channel.as_raw_fd()];
        let (argv, env) = (Vector::new(&argv), Vector::new(&[]));
        let orphan = Orphan {
            image: image.as_fd(),
            argv: &argv,
            env: &env,
            fds: &fds,
        };
        starting(|| spawn_orphan(&orphan))
    };
    spawner::run(start).step(STEP, "")
}

/// The addon's end of the launch channel: a u32 LE length and a postcard value each way.
#[derive(Debug)]
struct Channel(OwnedFd);

/// How long the next word of a set-up may take: a volume may be mounted over a network.
const PATIENCE: Duration = Duration::from_mins(5);

impl Channel {
    fn new(fd: OwnedFd, patience: Duration) -> Result<Self, StepError> {
        sockopt::set_socket_timeout(&fd, Timeout::Recv, Some(patience))
            .step("make launch channel", "")?;
        Ok(Self(fd))
    }

    /// A set-up that has failed already is why nothing else works any more: then its own words count.
    fn cause_of(&self, error: StepError) -> StepError {
        match self.receive_answer() {
            Ok(LaunchReply::Failed(cause)) => cause,
            _ => error,
        }
    }

    fn send_prepared(&self, prepared: &Prepared, fds: &[BorrowedFd<'_>]) -> Result<(), StepError> {
        const STEP: &str = "talk to the monitor";
        let body = postcard::to_allocvec(prepared).map_err(|_| lost())?;
        let length = u32::try_from(body.len()).map_err(|_| lost())?.to_le_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(LAUNCH_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(fds));
        sendmsg(
            &self.0,
            &[IoSlice::new(&length)],
            &mut control,
            SendFlags::NOSIGNAL,
        )
        .step(STEP, "")?;
        let mut rest = body.as_slice();
        while !rest.is_empty() {
            let sent = send(&self.0, rest, SendFlags::NOSIGNAL).step(STEP, "")?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// What it says to what it was sent: that it waits may have been heard before, or not.
    fn receive_answer(&self) -> Result<LaunchReply, StepError> {
        match self.receive()? {
            LaunchReply::Waiting { .. } => self.receive(),
            answer => Ok(answer),
        }
    }

    fn receive(&self) -> Result<LaunchReply, StepError> {
        let mut length = [0u8; 4];
        self.fill(&mut length)?;
        let mut body = vec![0u8; usize::try_from(u32::from_le_bytes(length)).map_err(|_| lost())?];
        self.fill(&mut body)?;
        postcard::from_bytes(&body).map_err(|_| lost())
    }

    fn fill(&self, mut buffer: &mut [u8]) -> Result<(), StepError> {
        while !buffer.is_empty() {
            match recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Ok((1.., count)) => buffer = buffer.get_mut(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // The monitor hears of it by the end of the channel, and ends what it has begun.
                Err(Errno::AGAIN) => return Err(internal("the container's set-up takes too long")),
                _ => return Err(lost()),
            }
        }
        Ok(())
    }
}

fn lost() -> StepError {
    internal("the container's monitor ended before the container could start")
}

fn internal(message: &str) -> StepError {
    StepError::new(Code::Internal, "start monitor", "", 0, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_up_that_says_nothing_is_given_up() {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).expect("sockets");
        let channel = Channel::new(ours, Duration::from_millis(20)).expect("channel");
        let late = channel.receive().expect_err("no answer");
        assert!(late.to_string().contains("takes too long"), "{late}");
        drop(theirs);
        let ended = channel.receive().expect_err("no answer");
        assert!(ended.to_string().contains("ended before"), "{ended}");
    }
}
