//! Mounts, all by descriptor with the new mount API (Linux 5.12 or later).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags,
};

use super::Result;
use super::root;
use crate::error::{Code, Context, StepError};
use crate::op::{Attrs, FileSystem};
use crate::sys;

/// Mounts what is behind `mount` on the very file that `target` is.
pub(crate) fn attach(
    mount: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
) -> std::result::Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", target, "", flags)
}

pub(crate) fn make_private() -> Result<()> {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", flags).step("make mounts private", "/")
}

/// A mount of a new file system, not attached anywhere yet.
///
/// `source` is what /proc/mounts names as such: a device, or the kind where there is none.
pub(super) fn new_mount(fs: &FileSystem, source: &str) -> Result<OwnedFd> {
    let step = format!("mount {}", fs.kind);
    let context =
        rustix::mount::fsopen(fs.kind.as_str(), FsOpenFlags::FSOPEN_CLOEXEC).step(&step, "")?;
    rustix::mount::fsconfig_set_string(&context, "source", source)
        .map_err(|errno| explain(context.as_fd(), StepError::call(&step, source, errno)))?;
    for (key, value) in &fs.options {
        match value {
            Some(value) => {
                rustix::mount::fsconfig_set_string(&context, key.as_str(), value.as_str())
            }
            None => rustix::mount::fsconfig_set_flag(&context, key.as_str()),
        }
        .map_err(|errno| explain(context.as_fd(), option_error(&step, key, errno)))?;
    }
    mount_context(&context, fs.attrs, &step)
}

pub(super) fn mount_context(context: &OwnedFd, attrs: Attrs, step: &str) -> Result<OwnedFd> {
    rustix::mount::fsconfig_create(context)
        .map_err(|errno| explain(context.as_fd(), StepError::call(step, "", errno)))?;
    let attrs = MountAttrFlags::from_bits_retain(attrs.0);
    rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attrs).step(step, "")
}

/// The engine's own options are sound, so that one which is not taken came with the request.
fn option_error(step: &str, key: &str, errno: Errno) -> StepError {
    let error = StepError::call(step, key, errno);
    match errno {
        Errno::INVAL | Errno::RANGE => error.with_code(Code::InvalidArgument),
        _ => error,
    }
}

/// A file system says on its context what it did not like ("e overlay: …").
pub(super) fn explain(context: BorrowedFd<'_>, mut error: StepError) -> StepError {
    let mut buffer = [0u8; 512];
    if let Ok(length) = rustix::io::read(context, &mut buffer) {
        let said = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        let said = said.trim_end().trim_start_matches("e ");
        if !said.is_empty() {
            error.message = format!("{} ({said})", error.message);
        }
    }
    error
}

/// Mounts a new file system at a path of the container; returns its root.
pub(super) fn mount(
    root: BorrowedFd<'_>,
    target: &str,
    source: &str,
    fs: &FileSystem,
) -> Result<OwnedFd> {
    let mount = new_mount(fs, source).map_err(|mut e| {
        if e.target.is_empty() {
            e.message = e
                .message
                .replacen(&e.op, &format!("{} \"{target}\"", e.op), 1);
            target.clone_into(&mut e.target);
        }
        e
    })?;
    place_new(root, target, mount.as_fd())?;
    Ok(mount)
}

/// Attaches a new file system at a path of the container.
pub(super) fn place_new(root: BorrowedFd<'_>, target: &str, mount: BorrowedFd<'_>) -> Result<()> {
    let place = match target {
        "/proc" | "/sys" | "/dev" => root::ensure_real_directory(root, target)?,
        _ => root::ensure_directory(root, target)?,
    };
    refuse_target(root, place.as_fd(), target)?;
    attach(mount, place.as_fd()).step("mount", target)
}

/// A procfs of this process's pid namespace, mounted nowhere, and found to be just that.
pub(super) fn open_proc(fs: &FileSystem) -> Result<OwnedFd> {
    /// The root of every procfs has this number.
    const ROOT: u64 = 1;
    let proc = new_mount(fs, &fs.kind)?;
    let stat = rustix::fs::fstat(&proc).step("mount proc", "/proc")?;
    if !root::is_proc(proc.as_fd()).step("mount proc", "/proc")? || stat.st_ino != ROOT {
        let text = "mount \"/proc\": what the kernel made is no procfs";
        return Err(StepError::new(Code::Internal, "mount", "/proc", 0, text));
    }
    Ok(proc)
}

/// Files of procfs that may be covered: what tools that fake resources for a container cover. All else
/// in there decides what the container may do.
const COVERABLE: [&str; 9] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/net/dev",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
];

/// Neither the root nor procfs may be covered, however the path leads there.
pub(super) fn refuse_target(
    root: BorrowedFd<'_>,
    place: BorrowedFd<'_>,
    target: &str,
) -> Result<()> {
    let refuse = |why: &str| {
        let text = format!("mount \"{target}\": {why}");
        Err(StepError::new(
            Code::MountConflict,
            "mount",
            target,
            0,
            text,
        ))
    };
    if root::same(root, place).step("mount", target)? {
        return refuse("the target is the container's root");
    }
    if root::is_proc(place).step("mount", target)? && !COVERABLE.contains(&target) {
        return refuse("the target is inside /proc");
    }
    Ok(())
}

/// A copy of the mount that holds `from`, from there on.
pub(crate) fn clone_mount(
    from: BorrowedFd<'_>,
    recursive: bool,
) -> std::result::Result<OwnedFd, Errno> {
    let flags = clone_flags(recursive) | OpenTreeFlags::AT_EMPTY_PATH;
    rustix::mount::open_tree(from, "", flags)
}

/// A copy of the host's mounts at `source`.
pub(super) fn clone_host(source: &str, recursive: bool) -> std::result::Result<OwnedFd, Errno> {
    rustix::mount::open_tree(CWD, source, clone_flags(recursive))
}

fn clone_flags(recursive: bool) -> OpenTreeFlags {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags | OpenTreeFlags::AT_RECURSIVE
    } else {
        flags
    }
}

/// Mounts what `from` is (a file of this mount namespace) over `target` too.
pub(super) fn bind_file(
    from: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
) -> std::result::Result<(), Errno> {
    attach(clone_mount(from, false)?.as_fd(), target)
}

pub(super) fn read_only_path(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    let Some(target) = root::find(root, path)? else {
        return Ok(());
    };
    let copy = clone_mount(target.as_fd(), true).step("make read-only", path)?;
    let read_only = u64::from(Attrs::READ_ONLY.0);
    sys::mount_setattr(copy.as_fd(), true, read_only, 0, 0).step("make read-only", path)?;
    attach(copy.as_fd(), target.as_fd()).step("make read-only", path)
}

pub(crate) fn read_only_root(root: BorrowedFd<'_>) -> Result<()> {
    sys::mount_setattr(root, false, u64::from(Attrs::READ_ONLY.0), 0, 0).step("make read-only", "/")
}

/// Covers a file with the container's `/dev/null`, after checking that it is just that.
pub(super) fn hide_file(root: BorrowedFd<'_>, target: BorrowedFd<'_>, path: &str) -> Result<()> {
    let null = root::open(root, "/dev/null", OFlags::PATH | OFlags::NOFOLLOW).step("mask", path)?;
    let stat = rustix::fs::fstat(&null).step("mask", path)?;
    let is_null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && stat.st_rdev == rustix::fs::makedev(1, 3);
    if !is_null {
        let text = format!("mask \"{path}\": /dev/null in the container is not the null device");
        return Err(StepError::new(Code::MountConflict, "mask", path, 0, text));
    }
    bind_file(null.as_fd(), target).step("mask", path)
}

/// Covers a directory with an empty one: the first time a new one, which is returned; then copies.
pub(super) fn hide_directory(
    empty: Option<BorrowedFd<'_>>,
    target: BorrowedFd<'_>,
    path: &str,
) -> Result<Option<OwnedFd>> {
    if let Some(empty) = empty {
        bind_file(empty, target).step("mask", path)?;
        return Ok(None);
    }
    let attrs = Attrs::PLAIN.with(Attrs::READ_ONLY);
    let options = vec![
        ("mode".to_owned(), Some("755".to_owned())),
        ("nr_inodes".to_owned(), Some("1".to_owned())),
    ];
    let fs = FileSystem {
        kind: "tmpfs".into(),
        options,
        attrs,
    };
    let mount = new_mount(&fs, &fs.kind)?;
    attach(mount.as_fd(), target).step("mask", path)?;
    Ok(Some(mount))
}

/// Swaps the host's root for the container's, and lets go of the host's.
pub(super) fn pivot(root: BorrowedFd<'_>) -> Result<()> {
    rustix::process::fchdir(root).step("enter root", "/")?;
    // New root and place for the old one may be the same directory: the old one then lies on top.
    rustix::process::pivot_root(".", ".").step("pivot root", "/")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).step("leave the host's root", "/")?;
    rustix::process::chdir("/").step("enter root", "/")
}
