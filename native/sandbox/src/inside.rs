//! The root of a container for work on its files from outside: one open directory.
//!
//! A running container's is that of its first process, with all that is mounted in it. A stopped
//! one's is mounted as at its start, in a mount namespace that the calling thread makes for itself:
//! nobody else sees it, and it ends with the thread. So a thread may open one root, and must end
//! after its work.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, UnmountFlags};
use rustix::process::{Pid, PidfdFlags};
use serde::Deserialize;

use crate::child::tree::{self, Tree};
use crate::child::{mount, rootfs, user};
use crate::error::{Code, Context, StepError};
use crate::op::{Overlay, ReadOnly};
use crate::plan::{PlannedMount, Propagation, RootfsPlan};
use crate::sys;

type Result<T> = std::result::Result<T, StepError>;

/// Where a container's root is to be found.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Place {
    #[serde(rename_all = "camelCase")]
    Running {
        pid: i32,
        monitor_pid: i32,
    },
    Stopped(StoppedRoot),
}

#[derive(Debug, Deserialize)]
pub struct StoppedRoot {
    pub rootfs: RootfsPlan,
    /// Those that are of the host or of an image; others are empty while nothing runs.
    pub mounts: Vec<PlannedMount>,
}

/// An open root; what is mounted for it is taken down when this is dropped.
#[derive(Debug)]
pub struct Inside {
    root: Option<OwnedFd>,
    /// Keeps the mounts of a container that ends meanwhile in their places.
    _namespace: Option<OwnedFd>,
    mounted_at: Option<String>,
}

impl AsFd for Inside {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // The root is taken by drop alone.
        self.root.as_ref().map_or(CWD, AsFd::as_fd)
    }
}

impl Inside {
    /// The root with everything that is mounted in it.
    pub fn open(place: &Place) -> Result<Self> {
        match place {
            Place::Running { pid, monitor_pid } => Self::running(*pid, *monitor_pid, false),
            Place::Stopped(stopped) => Self::stopped(&stopped.rootfs, &stopped.mounts),
        }
    }

    /// The root's own file system alone: image and writable layer.
    pub fn open_bare(place: &Place) -> Result<Self> {
        match place {
            Place::Running { pid, monitor_pid } => Self::running(*pid, *monitor_pid, true),
            Place::Stopped(stopped) => Self::stopped(&stopped.rootfs, &[]),
        }
    }

    /// uid and gid of a user, by the container's own files.
    pub fn find_user(&self, user: &str) -> Result<(u32, u32)> {
        let found = user::find(self.as_fd(), user, &[])?;
        Ok((found.uid, found.gid))
    }

    fn running(pid: i32, monitor_pid: i32, bare: bool) -> Result<Self> {
        const STEP: &str = "open the container's root";
        let gone = || {
            let text = "the container has stopped";
            StepError::new(Code::Conflict, STEP, "", 0, text)
        };
        let process = Pid::from_raw(pid).ok_or_else(gone)?;
        let pidfd = rustix::process::pidfd_open(process, PidfdFlags::empty());
        let pidfd = pidfd.map_err(|_| gone())?;
        let open = |name: &str, flags: OFlags| {
            let path = format!("/proc/{pid}/{name}");
            match paths::host::open(path, flags) {
                Err(Errno::NOENT | Errno::SRCH) => Err(gone()),
                other => other.step(STEP, name),
            }
        };
        let root = open("root", OFlags::PATH | OFlags::DIRECTORY)?;
        let namespace = open("ns/mnt", OFlags::RDONLY)?;
        // The number is that of the monitor's child, and still was when all was open.
        if parent_of(pid) != Some(monitor_pid) || has_ended(&pidfd) {
            return Err(gone());
        }
        let root = if bare {
            clone_alone(&root, &namespace)?
        } else {
            root
        };
        Ok(Self {
            root: Some(root),
            _namespace: Some(namespace),
            mounted_at: None,
        })
    }

    fn stopped(rootfs: &RootfsPlan, mounts: &[PlannedMount]) -> Result<Self> {
        sys::unshare_mounts().step("unshare mounts", "")?;
        mount::make_private()?;
        let at = rootfs.upper.clone();
        let mut trees = Vec::new();
        for planned in mounts {
            trees.extend(Placed::open(planned, &at)?);
        }
        let root = rootfs::mount(&Overlay {
            lower: rootfs.lower.clone(),
            upper: rootfs.upper.clone(),
            work: rootfs.work.clone(),
            at: at.clone(),
        })?;
        let inside = Self {
            root: Some(root),
            _namespace: None,
            mounted_at: Some(at),
        };
        for placed in &trees {
            placed.place(inside.as_fd())?;
        }
        if rootfs.readonly {
            mount::read_only_root(inside.as_fd())?;
        }
        Ok(inside)
    }
}

/// A tree and where it goes.
struct Placed<'a> {
    tree: Tree,
    target: &'a str,
    readonly: ReadOnly,
}

impl<'a> Placed<'a> {
    /// None for a file system that is made at each start. `at` is a directory to mount on for a moment.
    fn open(planned: &'a PlannedMount, at: &str) -> Result<Option<Self>> {
        let (tree, target, readonly) = match planned {
            PlannedMount::Bind {
                source,
                subpath,
                target,
                readonly,
                recursive,
                id_map,
                ..
            } => {
                let tree = tree::open(source, subpath.as_deref(), *recursive, id_map.as_ref())?;
                let readonly = if *readonly {
                    ReadOnly::Recursive
                } else {
                    ReadOnly::No
                };
                (tree, target, readonly)
            }
            PlannedMount::Image {
                lower,
                subpath,
                target,
            } => {
                let tree = tree::open_image(lower, subpath.as_deref(), at)?;
                (tree, target, ReadOnly::Recursive)
            }
            PlannedMount::Tmpfs { .. } | PlannedMount::Device { .. } => return Ok(None),
        };
        Ok(Some(Self {
            tree,
            target,
            readonly,
        }))
    }

    fn place(&self, root: BorrowedFd<'_>) -> Result<()> {
        let propagation = Propagation::Rprivate;
        tree::place(root, &self.tree, self.target, self.readonly, propagation)
    }
}

impl Drop for Inside {
    /// The overlay is let go at once, so that the next start finds its directories free.
    fn drop(&mut self) {
        drop(self.root.take());
        if let Some(at) = &self.mounted_at {
            let _ends_with_the_thread = rustix::mount::unmount(at.as_str(), UnmountFlags::DETACH);
        }
    }
}

/// A copy of the mount without those on top of it: taken inside the container's mount namespace,
/// since the kernel copies the caller's mounts only. Nothing is resolved by path in there.
fn clone_alone(root: &OwnedFd, namespace: &OwnedFd) -> Result<OwnedFd> {
    const STEP: &str = "copy the root mount";
    sys::unshare_fs().step(STEP, "")?;
    let own = paths::host::open_file("/proc/thread-self/ns/mnt").step(STEP, "")?;
    sys::enter_mounts(namespace.as_fd()).step(STEP, "")?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let copy = rustix::mount::open_tree(root, "", flags);
    sys::enter_mounts(own.as_fd()).step(STEP, "")?;
    copy.step(STEP, "")
}

fn has_ended(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let now = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    !matches!(poll(&mut fds, Some(&now)), Ok(0))
}

/// The fourth field of `/proc/PID/stat`; the second may hold anything, in parentheses.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
