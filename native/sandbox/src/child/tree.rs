//! Trees that a container is shown: of the host, of an image, or of a file system made for it. They are
//! opened first and mounted later, by [`place`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, UnmountFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::root::{self, Make};
use super::{Result, idmap, mount};
use crate::error::{Code, Context, StepError};
use crate::image::{Table, beneath, image_tree};
use crate::op::{Attrs, FileSystem, Op, ReadOnly};
use crate::plan::{IdMap, Propagation};
use crate::sys;

/// A tree that is not mounted anywhere yet.
pub(crate) struct Tree {
    fd: OwnedFd,
    directory: bool,
}

impl Tree {
    fn new(fd: OwnedFd, source: &str) -> Result<Self> {
        let directory = is_directory(fd.as_fd()).step("bind", source)?;
        Ok(Self { fd, directory })
    }
}

/// The tree that an operation asks for.
pub(super) fn open_by(op: &Op) -> Result<Tree> {
    match op {
        Op::OpenTree {
            source,
            subpath,
            recursive,
            id_map,
        } => open(source, subpath.as_deref(), *recursive, id_map.as_ref()),
        Op::OpenImage { lower, subpath, at } => open_image(lower, subpath.as_deref(), at),
        Op::OpenDevice {
            device,
            fs,
            network_of,
        } => open_device(device, fs, *network_of),
        _ => Err(super::missing("open tree", "")),
    }
}

/// Takes a copy of the mounts at `source`, or at `subpath` below it.
pub(crate) fn open(
    source: &str,
    subpath: Option<&str>,
    recursive: bool,
    map: Option<&IdMap>,
) -> Result<Tree> {
    let fd = match subpath {
        None => mount::clone_host(source, recursive).map_err(|errno| absent(source, errno))?,
        Some(path) => {
            let whole = root::host_directory(source).map_err(|errno| absent(source, errno))?;
            let part =
                beneath(whole.as_fd(), path).map_err(|errno| no_subpath(source, path, errno))?;
            mount::clone_mount(part.as_fd(), recursive).step("bind", source)?
        }
    };
    if let Some(map) = map {
        idmap::apply(fd.as_fd(), source, recursive, map)?;
    }
    Tree::new(fd, source)
}

fn absent(source: &str, errno: Errno) -> StepError {
    if !matches!(errno, Errno::NOENT | Errno::NOTDIR) {
        return StepError::call("bind", source, errno);
    }
    let text = format!("bind source path does not exist: {source}");
    StepError::new(
        Code::MountConflict,
        "bind",
        source,
        errno.raw_os_error(),
        text,
    )
}

fn no_subpath(source: &str, path: &str, errno: Errno) -> StepError {
    let why = match errno {
        Errno::XDEV => "it leads out of the volume".to_owned(),
        errno => crate::error::reason(errno),
    };
    let text = format!("cannot access path {source}/{path}: {why}");
    let number = errno.raw_os_error();
    StepError::new(Code::MountConflict, "bind", path, number, text)
}

/// The layers of an image as a read-only tree, or what is at `subpath` in it. `at` is a directory of the
/// host to mount on for a moment; this mount namespace must be the container's alone by now.
pub(crate) fn open_image(lower: &[String], subpath: Option<&str>, at: &str) -> Result<Tree> {
    const STEP: &str = "mount image";
    let whole = image_tree(lower, at, Table::Own)?;
    let Some(path) = subpath else {
        return Tree::new(whole, STEP);
    };
    // Only what is mounted can be cloned in part.
    let place = root::host_directory(at).step(STEP, at)?;
    mount::attach(whole.as_fd(), place.as_fd()).step(STEP, at)?;
    let part = beneath(whole.as_fd(), path)
        .map_err(|errno| no_subpath("image", path, errno))
        .and_then(|part| mount::clone_mount(part.as_fd(), false).step(STEP, path));
    rustix::mount::unmount(at, UnmountFlags::DETACH).step(STEP, at)?;
    Tree::new(part?, path)
}

/// A file system of its own on a device, a server or memory. One that is reached by network is reached
/// from the network namespace of the process `network_of`.
pub(super) fn open_device(device: &str, fs: &FileSystem, network_of: Option<u32>) -> Result<Tree> {
    let step = format!("mount {}", fs.kind);
    let home = match network_of {
        None => None,
        Some(pid) => Some(enter_network(&format!("/proc/{pid}/ns/net")).step(&step, device)?),
    };
    let mounted =
        mount::new_mount(fs, device).map_err(|error| unmountable(error, device, &fs.kind));
    if let Some(home) = home {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(home.as_fd(), network).step(&step, device)?;
    }
    Tree::new(mounted?, device)
}

/// Returns the namespace that was left.
fn enter_network(path: &str) -> std::result::Result<OwnedFd, Errno> {
    let home = root::open_host_file("/proc/self/ns/net")?;
    let other = root::open_host_file(path)?;
    move_into_link_name_space(other.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(home)
}

fn unmountable(error: StepError, device: &str, kind: &str) -> StepError {
    let why = if error.errno == Errno::NODEV.raw_os_error() {
        format!("this kernel has no file system \"{kind}\"")
    } else {
        error.message.clone()
    };
    let message = format!("failed to mount local volume: mount {device} (type {kind}): {why}");
    StepError { message, ..error }.with_code(Code::MountConflict)
}

/// Takes a copy of the mount at `path` in another mount namespace, and comes back. Only a process that is
/// in there may copy its mounts. No link of that container's is followed, and nothing is executed.
pub(super) fn tree_of(namespace: BorrowedFd<'_>, path: &str) -> Result<Tree> {
    const STEP: &str = "share memory";
    let own = root::open_host_file("/proc/self/ns/mnt").step(STEP, path)?;
    let root = root::host_directory("/").step(STEP, "/")?;
    let kind = Some(LinkNameSpaceType::Mount);
    move_into_link_name_space(namespace, kind).step(STEP, path)?;
    let taken = copy_here(path).step(STEP, path);
    move_into_link_name_space(own.as_fd(), kind).step(STEP, path)?;
    // The way back leads to the root of the namespace, which need not be where this process was.
    rustix::process::fchdir(&root).step(STEP, "/")?;
    rustix::process::chroot(".").step(STEP, "/")?;
    taken
}

fn copy_here(path: &str) -> std::result::Result<Tree, Errno> {
    let top = root::host_directory("/")?;
    let links = paths::Root::new(top.as_fd()).without_links();
    let place = links.open(path, OFlags::PATH | OFlags::DIRECTORY)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let fd = rustix::mount::open_tree(&place, "", flags)?;
    Ok(Tree {
        fd,
        directory: true,
    })
}

/// Mounts a tree at a path of the container.
pub(crate) fn place(
    root: BorrowedFd<'_>,
    tree: &Tree,
    target: &str,
    readonly: ReadOnly,
    propagation: Propagation,
) -> Result<()> {
    let make = if tree.directory {
        Make::Directory
    } else {
        Make::File
    };
    let place = root::ensure(root, target, make)?;
    mount::refuse_target(root, place.as_fd(), target)?;
    if is_directory(place.as_fd()).step("bind", target)? != tree.directory {
        let text = format!(
            "mount \"{target}\": one of source and target is a directory, the other is not"
        );
        return Err(StepError::new(Code::MountConflict, "bind", target, 0, text));
    }
    let (kind, recursive) = match propagation {
        Propagation::Private => (libc::MS_PRIVATE, false),
        Propagation::Rprivate => (libc::MS_PRIVATE, true),
        Propagation::Shared => (libc::MS_SHARED, false),
        Propagation::Rshared => (libc::MS_SHARED, true),
        Propagation::Slave => (libc::MS_SLAVE, false),
        Propagation::Rslave => (libc::MS_SLAVE, true),
    };
    let tree = tree.fd.as_fd();
    if readonly != ReadOnly::No {
        let set = u64::from(Attrs::READ_ONLY.0);
        let below = readonly == ReadOnly::Recursive;
        sys::mount_setattr(tree, below, set, 0, 0).step("bind", target)?;
    }
    sys::mount_setattr(tree, recursive, 0, 0, kind).step("bind", target)?;
    mount::attach(tree, place.as_fd()).step("bind", target)
}

fn is_directory(fd: BorrowedFd<'_>) -> std::result::Result<bool, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == FileType::Directory)
}
