//! Paths inside the container's root, by [`paths`], with what a step says when they fail.

use std::os::fd::{BorrowedFd, OwnedFd};

pub(super) use paths::Make;
pub(super) use paths::handle::same;
pub(super) use paths::host::{find_dir as host_directory, open_file as open_host_file};
pub(super) use paths::procfs::is_proc;
use paths::{Root, entry};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Result;
use crate::error::Context;

/// Opens a path in the root, following the container's own links inside the root.
pub(crate) fn open(
    root: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    Root::new(root).open(path, flags)
}

/// Opens below a directory without following links or entering other mounts.
pub(super) fn open_beneath(
    dir: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    let root = Root::new(dir).beneath().without_links().on_one_mount();
    root.open(path, flags)
}

/// Opens below a directory, following its links unless they lead out of it.
pub(crate) fn open_below(
    dir: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    Root::new(dir).beneath().open(path, flags)
}

/// The place a path leads to, or none if it is absent.
pub(super) fn find(root: BorrowedFd<'_>, path: &str) -> Result<Option<OwnedFd>> {
    Root::new(root).find(path).step("find", path)
}

/// The directory at `path`, made with its parents if absent.
pub(super) fn ensure_directory(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd> {
    ensure(root, path, Make::Directory)
}

/// What is at `path`, made with its parents if absent.
pub(super) fn ensure(root: BorrowedFd<'_>, path: &str, make: Make) -> Result<OwnedFd> {
    let place = Root::new(root).ensure(path, make);
    place.step("make mount point", path)
}

/// A directory in the root that must not be reached through a link: `/proc` and `/sys`.
pub(super) fn ensure_real_directory(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd> {
    let name = path.trim_start_matches('/');
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    match open_beneath(root, name, flags) {
        Err(Errno::NOENT) => {
            let mode = Mode::from_raw_mode(0o755);
            entry::make_dir(root, name, mode).step("make mount point", path)?;
            open_beneath(root, name, flags).step("open mount point", path)
        }
        other => other.step("open mount point", path),
    }
}

/// Type and device number of what a name in a directory is, links not followed.
pub(super) fn node(dir: BorrowedFd<'_>, name: &str) -> std::result::Result<(FileType, u64), Errno> {
    let stat = entry::stat(dir, name)?;
    Ok((FileType::from_raw_mode(stat.st_mode), stat.st_rdev))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_linked_proc_is_refused() {
        let dir = std::env::temp_dir().join(format!("rt-root-proc-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("scratch");
        symlink("/etc", dir.join("proc")).expect("link");
        let root = host_directory(dir.to_str().expect("utf-8")).expect("root");
        assert!(ensure_real_directory(root.as_fd(), "/proc").is_err());
        fs::remove_dir_all(dir).expect("clean up");
    }
}
