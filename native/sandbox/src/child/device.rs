//! Device nodes and links in the container's `/dev`, by descriptor, checked after they are made.

use std::os::fd::{AsFd, BorrowedFd};

use paths::{entry, handle, host};
use rustix::fs::{FileType, Gid, Mode, OFlags, Uid, makedev};
use rustix::io::Errno;

use super::{Result, root};
use crate::error::{Code, Context, StepError};
use crate::op::Op;

pub(super) fn make(dev: BorrowedFd<'_>, name: &str, major: u32, minor: u32) -> Result<()> {
    let (kind, number) = (FileType::CharacterDevice, makedev(major, minor));
    let mode = Mode::from_raw_mode(0o666);
    entry::make_node(dev, name, kind, mode, number).step("make device", name)?;
    if root::node(dev, name).step("make device", name)? != (kind, number) {
        let text = format!("make device \"{name}\": something else is in its place");
        return Err(StepError::new(Code::Internal, "make device", name, 0, text));
    }
    Ok(())
}

/// A kernel without `/proc/kcore` has nothing that `/dev/core` could lead to.
pub(super) fn link(dev: BorrowedFd<'_>, name: &str, to: &str) -> Result<()> {
    const CORE: &str = "/proc/kcore";
    if to == CORE && host::open(CORE, OFlags::PATH).err() == Some(Errno::NOENT) {
        return Ok(());
    }
    entry::make_link(dev, name, to).step("make link", name)
}

/// What a node is made as.
struct Node {
    kind: FileType,
    number: u64,
    mode: u32,
    owner: (u32, u32),
}

/// The node that an operation asks for.
pub(super) fn make_by(root: BorrowedFd<'_>, op: &Op) -> Result<()> {
    let Op::Node {
        path,
        block,
        major,
        minor,
        mode,
        uid,
        gid,
    } = op
    else {
        return Err(super::missing("make device", ""));
    };
    let node = Node {
        kind: if *block {
            FileType::BlockDevice
        } else {
            FileType::CharacterDevice
        },
        number: makedev(*major, *minor),
        mode: *mode,
        owner: (*uid, *gid),
    };
    make_node(root, path, &node)
}

/// A node at a path of the root. One that is there already must be the same: a container that starts
/// again finds what it made outside of `/dev`.
fn make_node(root: BorrowedFd<'_>, path: &str, node: &Node) -> Result<()> {
    const STEP: &str = "make device";
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name.is_empty() || name == "." || name == ".." {
        let text = format!("{STEP} \"{path}\": not a name for a device");
        return Err(StepError::new(Code::InvalidArgument, STEP, path, 0, text));
    }
    let directory = if directory.is_empty() { "/" } else { directory };
    let place = root::ensure_directory(root, directory)?;
    let permissions = Mode::from_raw_mode(node.mode & 0o7777);
    let made = entry::make_node(&place, name, node.kind, permissions, node.number);
    absorb_exists(made).step(STEP, path)?;
    if root::node(place.as_fd(), name).step(STEP, path)? != (node.kind, node.number) {
        let text = format!("{STEP} \"{path}\": something else is in its place");
        return Err(StepError::new(Code::MountConflict, STEP, path, 0, text));
    }
    let (uid, gid) = (Uid::from_raw(node.owner.0), Gid::from_raw(node.owner.1));
    entry::set_owner(&place, name, Some(uid), Some(gid)).step(STEP, path)
}

/// Names below the host's `/dev` that are mounts or links of the container's own.
const SKIPPED: [&str; 8] = [
    "pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".udev",
];
const MAX_DEPTH: usize = 8;

/// Copies all device nodes of the host. Runs before the pivot, so "/dev" is the host's.
pub(super) fn make_all(dev: BorrowedFd<'_>) -> Result<()> {
    let devices = root::host_directory("/dev").step("read devices", "/dev")?;
    copy_directory(devices.as_fd(), dev, 0).step("copy devices", "/dev")
}

fn copy_directory(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    depth: usize,
) -> std::result::Result<(), Errno> {
    for name in handle::names(handle::reopen_dir(from)?)? {
        let known = name.to_str().unwrap_or_default();
        if depth == 0 && SKIPPED.contains(&known) {
            continue;
        }
        let name = name.to_bytes();
        let Ok(stat) = entry::stat(from, name) else {
            continue;
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
        match kind {
            FileType::CharacterDevice | FileType::BlockDevice => {
                absorb_exists(entry::make_node(to, name, kind, mode, stat.st_rdev))?;
                let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
                entry::set_owner(to, name, Some(uid), Some(gid))?;
            }
            FileType::Directory if depth < MAX_DEPTH => {
                absorb_exists(entry::make_dir(to, name, Mode::from_raw_mode(0o755)))?;
                let (from, to) = (entry::open_dir(from, name)?, entry::open_dir(to, name)?);
                copy_directory(from.as_fd(), to.as_fd(), depth + 1)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn absorb_exists(made: std::result::Result<(), Errno>) -> std::result::Result<(), Errno> {
    match made {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}
