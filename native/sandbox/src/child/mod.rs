//! Does: runs the operations in the container's first process.
//!
//! Single-threaded from clone3 on, so it may allocate. Every failure goes to the monitor as a
//! [`StepError`]; the channel closes by itself when the program is executed.

mod console;
mod device;
mod exec;
mod identity;
mod idmap;
pub(crate) mod mount;
mod program;
mod reaper;
pub(crate) mod root;
pub(crate) mod rootfs;
pub(crate) mod tree;
pub(crate) mod user;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use paths::procfs;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::Signal;

use crate::error::{Code, Context, StepError};
use crate::op::Op;
use crate::protocol::packet;
use crate::sys;
use user::User;

type Result<T> = std::result::Result<T, StepError>;

/// stdin, stdout and stderr of the program when it has no terminal.
pub struct Stdio {
    pub input: OwnedFd,
    pub output: OwnedFd,
    pub error: OwnedFd,
}

/// What earlier steps leave for later ones.
struct Child {
    channel: OwnedFd,
    /// The rootfs mount; absent before [`Op::Rootfs`].
    root: Option<OwnedFd>,
    /// Root of the container's own procfs.
    proc: Option<OwnedFd>,
    /// Root of the file system mounted at `/dev`.
    dev: Option<OwnedFd>,
    trees: Vec<tree::Tree>,
    /// Mount namespace of the container whose shared memory this one uses; for one that joins a container
    /// that container's first process.
    other: Option<OwnedFd>,
    /// An empty read-only directory that hides others.
    empty: Option<OwnedFd>,
    user: User,
    program: program::Program,
}

/// Runs all operations; returns only by leaving the process.
pub fn run(ops: Vec<Op>, stdio: Option<Stdio>, channel: OwnedFd, other: Option<OwnedFd>) -> ! {
    let mut child = Child {
        channel,
        root: None,
        proc: None,
        dev: None,
        trees: Vec::new(),
        other,
        empty: None,
        user: User::default(),
        program: program::Program::default(),
    };
    let done =
        Child::prepare(stdio).and_then(|()| ops.into_iter().try_for_each(|op| child.step(op)));
    if let Err(error) = done {
        let mut message = vec![packet::FAILED];
        message.extend(postcard::to_allocvec(&error).unwrap_or_default());
        let _monitor_gone = send(&child.channel, &message, SendFlags::NOSIGNAL);
    }
    sys::exit_now(127)
}

impl Child {
    fn prepare(stdio: Option<Stdio>) -> Result<()> {
        sys::default_signals();
        rustix::process::umask(Mode::empty());
        if let Some(stdio) = stdio {
            let placed = rustix::stdio::dup2_stdin(&stdio.input)
                .and_then(|()| rustix::stdio::dup2_stdout(&stdio.output))
                .and_then(|()| rustix::stdio::dup2_stderr(&stdio.error));
            placed.step("place stdio", "")?;
        }
        Ok(())
    }

    fn step(&mut self, op: Op) -> Result<()> {
        match op {
            Op::DieWithMonitor => self.die_with_monitor(),
            Op::Undumpable => rustix::process::set_dumpable_behavior(
                rustix::process::DumpableBehavior::NotDumpable,
            )
            .step("hide memory", ""),
            Op::AwaitJoined => self.wait_for(packet::JOINED),
            Op::UnshareCgroup => identity::unshare_cgroup(),
            op @ (Op::OpenTree { .. } | Op::OpenImage { .. } | Op::OpenDevice { .. }) => {
                self.trees.push(tree::open_by(&op)?);
                Ok(())
            }
            Op::DonorMemory => self.take_donor_memory(),
            Op::PrivateTree => mount::make_private(),
            Op::Rootfs(overlay) => {
                self.root = Some(rootfs::mount(&overlay)?);
                Ok(())
            }
            Op::OpenProc(fs) => {
                self.proc = Some(mount::open_proc(&fs)?);
                Ok(())
            }
            Op::PlaceProc => self.place_proc(),
            Op::Mount { target, source, fs } => self.mount(&target, &source, &fs),
            Op::Directory { path } => root::ensure_directory(self.root()?, &path).map(drop),
            Op::Device { name, major, minor } => device::make(self.dev()?, &name, major, minor),
            op @ Op::Node { .. } => device::make_by(self.root()?, &op),
            Op::HostDevices => device::make_all(self.dev()?),
            Op::DeviceLink { name, to } => device::link(self.dev()?, &name, &to),
            Op::PlaceTree {
                index,
                target,
                readonly,
                propagation,
            } => {
                let tree = usize::try_from(index).ok().and_then(|i| self.trees.get(i));
                let tree = tree.ok_or_else(|| missing("mount", &target))?;
                tree::place(self.root()?, tree, &target, readonly, propagation)
            }
            Op::Sysctl { path, value } => self.sysctl(&path, &value),
            Op::Mask { path } => self.mask(&path),
            Op::ReadOnlyPath { path } => mount::read_only_path(self.root()?, &path),
            Op::OomScoreAdj(score) => self.oom_score(score),
            Op::ReadOnlyRoot => mount::read_only_root(self.root()?),
            Op::PivotRoot => mount::pivot(self.root()?),
            Op::Hostname(name) => {
                rustix::system::sethostname(name.as_bytes()).step("set hostname", &name)
            }
            Op::Domainname(name) => {
                rustix::system::setdomainname(name.as_bytes()).step("set domainname", &name)
            }
            Op::LoopbackUp => identity::loopback_up(),
            Op::Rlimit {
                resource,
                soft,
                hard,
            } => sys::set_rlimit(resource, soft, hard)
                .step("set rlimit", &resource.to_string())
                .map_err(asked_for),
            Op::NewKeyring => identity::new_keyring(),
            Op::NewSession => rustix::process::setsid().step("make session", "").map(drop),
            Op::Console { rows, cols, main } => {
                console::open(self.root()?, self.channel.as_fd(), rows, cols, main)
            }
            Op::Enter { oom_score_adj } => self.enter(oom_score_adj),
            Op::FindUser { user, groups } => {
                self.user = user::find(self.root()?, &user, &groups)?;
                Ok(())
            }
            Op::OwnStdio => identity::own_stdio(&self.user),
            Op::WorkingDirectory(path) => {
                root::ensure_directory(self.root()?, &path)
                    .map_err(|error| error.with_code(Code::InvalidArgument))?;
                identity::change_directory(self.root()?, &path)
            }
            Op::ChangeDirectory(path) => identity::change_directory(self.root()?, &path),
            Op::Gate => self.gate(),
            Op::AppArmor { profile, at_once } => self.app_armor(&profile, at_once),
            op => self.become_program(op),
        }
    }

    fn take_donor_memory(&mut self) -> Result<()> {
        let donor = self.other.take();
        let donor = donor.ok_or_else(|| missing("share memory", "/dev/shm"))?;
        self.trees.push(tree::tree_of(donor.as_fd(), "/dev/shm")?);
        Ok(())
    }

    fn root(&self) -> Result<BorrowedFd<'_>> {
        self.root
            .as_ref()
            .map(OwnedFd::as_fd)
            .ok_or_else(|| missing("find root", "/"))
    }

    fn dev(&self) -> Result<BorrowedFd<'_>> {
        self.dev
            .as_ref()
            .map(OwnedFd::as_fd)
            .ok_or_else(|| missing("find devices", "/dev"))
    }

    fn place_proc(&self) -> Result<()> {
        let proc = self
            .proc
            .as_ref()
            .ok_or_else(|| missing("mount", "/proc"))?;
        mount::place_new(self.root()?, "/proc", proc.as_fd())
    }

    fn mount(&mut self, target: &str, source: &str, fs: &crate::op::FileSystem) -> Result<()> {
        let mounted = mount::mount(self.root()?, target, source, fs)?;
        if target == "/dev" {
            self.dev = Some(mounted);
        }
        Ok(())
    }

    fn mask(&mut self, path: &str) -> Result<()> {
        let Some(target) = root::find(self.root()?, path)? else {
            return Ok(());
        };
        let stat = rustix::fs::fstat(&target).step("mask", path)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return mount::hide_file(self.root()?, target.as_fd(), path);
        }
        let hidden =
            mount::hide_directory(self.empty.as_ref().map(AsFd::as_fd), target.as_fd(), path)?;
        self.empty = self.empty.take().or(hidden);
        Ok(())
    }

    fn sysctl(&self, path: &str, value: &str) -> Result<()> {
        let name = format!("sys/{path}");
        self.write_proc(&name, value)
            .step("set sysctl", &path.replace('/', "."))
            .map_err(asked_for)
    }

    fn oom_score(&self, score: i32) -> Result<()> {
        let own = rustix::process::getpid().as_raw_nonzero();
        let name = format!("{own}/oom_score_adj");
        self.write_proc(&name, &score.to_string())
            .step("set oom_score_adj", &score.to_string())
            .map_err(asked_for)
    }

    /// Through the container's own procfs; a further process has none, and still sees the host's.
    fn app_armor(&self, profile: &str, at_once: bool) -> Result<()> {
        let (attribute, value) = if at_once {
            ("current", format!("changeprofile {profile}"))
        } else {
            ("exec", format!("exec {profile}"))
        };
        let write = |directory: &str| {
            if self.proc.is_some() {
                let own = rustix::process::getpid().as_raw_nonzero();
                return self.write_proc(&format!("{own}/{directory}/{attribute}"), &value);
            }
            let path = format!("/proc/self/{directory}/{attribute}");
            paths::host::open(&path, OFlags::WRONLY)
                .and_then(|file| procfs::write_to(file.as_fd(), value.as_bytes()))
        };
        // Before Linux 5.8 the modules share one directory. A profile that is not there is no file that is
        // not there: both are looked for again, and the second answer counts.
        match write("attr/apparmor") {
            Err(Errno::NOENT) => write("attr"),
            other => other,
        }
        .step("apply AppArmor profile", profile)
        .map_err(asked_for)
    }

    /// Writes through the container's own procfs by descriptor, whatever is mounted where or over parts of
    /// it.
    fn write_proc(&self, name: &str, value: &str) -> std::result::Result<(), Errno> {
        let proc = self.proc.as_ref().ok_or(Errno::NOENT)?;
        procfs::write(proc.as_fd(), name, value.as_bytes())
    }

    /// The monitor may have ended before the kernel knew that it matters: then the channel is dead.
    fn die_with_monitor(&self) -> Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .step("tie to monitor", "")?;
        // Not poll: it refuses more descriptors than the container's limit allows.
        let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match recv(&self.channel, &mut [0u8; 1], look) {
            Ok((0, _)) => sys::exit_now(127),
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(errno) => Err(StepError::call("tie to monitor", "", errno)),
        }
    }

    /// The score goes by the host's procfs, which is out of reach afterwards.
    fn enter(&mut self, oom_score_adj: i32) -> Result<()> {
        let first = self.other.take().ok_or_else(|| missing("join", "/"))?;
        let score = paths::host::open("/proc/self/oom_score_adj", OFlags::WRONLY);
        score
            .and_then(|file| procfs::write_to(file.as_fd(), oom_score_adj.to_string().as_bytes()))
            .step("set oom_score_adj", &oom_score_adj.to_string())?;
        sys::join_namespaces(first.as_fd()).step("join the container", "")?;
        self.root = Some(root::host_directory("/").step("open root", "/")?);
        Ok(())
    }

    fn gate(&self) -> Result<()> {
        send(&self.channel, &[packet::GATE], SendFlags::NOSIGNAL).step("report at the gate", "")?;
        self.wait_for(packet::GO)
    }

    /// Leaves the process if the monitor is gone: nobody is left to hear of it.
    fn wait_for(&self, wanted: u8) -> Result<()> {
        let mut byte = [0u8; 1];
        loop {
            match recv(&self.channel, &mut byte, RecvFlags::empty()) {
                Ok((1.., _)) if byte == [wanted] => return Ok(()),
                Err(Errno::INTR) => {}
                _ => sys::exit_now(127),
            }
        }
    }
}

/// A value that the kernel does not take came with the request.
fn asked_for(error: StepError) -> StepError {
    match Errno::from_raw_os_error(error.errno) {
        Errno::ACCESS | Errno::INVAL | Errno::NOENT | Errno::PERM | Errno::RANGE => {
            error.with_code(Code::InvalidArgument)
        }
        _ => error,
    }
}

/// A step that builds on one that was not in the list.
fn missing(op: &str, target: &str) -> StepError {
    StepError::new(
        Code::Internal,
        op,
        target,
        0,
        format!("{op} \"{target}\": an earlier step is missing"),
    )
}
