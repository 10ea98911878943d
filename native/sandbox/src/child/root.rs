//! Paths inside the container's root, resolved by the kernel as if the root were "/".
//!
//! Nothing here ever resolves a path of the container by the host's root: each walk is one
//! `openat2`, and what follows goes by descriptor.

use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::Result;
use crate::error::{Context, StepError};

/// The kernel gives up with EAGAIN when anything is renamed or mounted meanwhile.
const ATTEMPTS: usize = 128;
/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

fn openat2(
    dir: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    resolve: ResolveFlags,
) -> std::result::Result<OwnedFd, Errno> {
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Opens a path in the root, following the container's own links inside the root.
pub(crate) fn open(
    root: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    openat2(
        root,
        path,
        flags,
        ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
    )
}

/// Opens below a directory without following links or entering other mounts.
pub(super) fn open_beneath(
    dir: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    openat2(
        dir,
        path,
        flags,
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV,
    )
}

/// Opens below a directory, following its links unless they lead out of it.
pub(crate) fn open_below(
    dir: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
) -> std::result::Result<OwnedFd, Errno> {
    openat2(
        dir,
        path,
        flags,
        ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
    )
}

/// Opens a file of the container for reading if it is a plain one; never waits.
pub(super) fn open_plain_file(
    root: BorrowedFd<'_>,
    path: &str,
) -> std::result::Result<OwnedFd, Errno> {
    let file = open(
        root,
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
    )?;
    if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    Ok(file)
}

/// True for anything of a procfs.
pub(super) fn is_proc(fd: BorrowedFd<'_>) -> std::result::Result<bool, Errno> {
    const PROC_SUPER_MAGIC: u64 = 0x9fa0;
    Ok(u64::try_from(rustix::fs::fstatfs(fd)?.f_type) == Ok(PROC_SUPER_MAGIC))
}

/// The place a path leads to, or none if it is absent.
pub(super) fn find(root: BorrowedFd<'_>, path: &str) -> Result<Option<OwnedFd>> {
    match open(root, path, OFlags::PATH) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(StepError::call("find", path, errno)),
    }
}

/// What to make of the last component when it is absent.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Make {
    Directory,
    File,
}

/// The directory at `path`, made with its parents if absent.
pub(super) fn ensure_directory(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd> {
    ensure(root, path, Make::Directory)
}

/// What is at `path`, made with its parents if absent.
pub(super) fn ensure(root: BorrowedFd<'_>, path: &str, make: Make) -> Result<OwnedFd> {
    match open(root, path, OFlags::PATH) {
        Err(Errno::NOENT) => create(root, path, make).step("make mount point", path),
        other => other.step("open mount point", path),
    }
}

/// Walks component by component, so that a dangling link leads to where its target is made.
fn create(root: BorrowedFd<'_>, path: &str, make: Make) -> std::result::Result<OwnedFd, Errno> {
    let mut rest: VecDeque<String> = path.split('/').map(str::to_owned).collect();
    // The walked path, free of links.
    let mut walked: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                walked.pop();
                continue;
            }
            _ => walked.push(part),
        }
        let last = rest.iter().all(|p| p.is_empty() || p == ".");
        let entry = enter(root, &walked, if last { make } else { Make::Directory })?;
        if FileType::from_raw_mode(rustix::fs::fstat(&entry)?.st_mode) != FileType::Symlink {
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::LOOP);
        }
        let target = rustix::fs::readlinkat(&entry, "", Vec::new())?;
        let target = target.into_string().map_err(|_| Errno::ILSEQ)?;
        walked.pop();
        if target.starts_with('/') {
            walked.clear();
        }
        for part in target.split('/').rev() {
            rest.push_front(part.to_owned());
        }
    }
    walk(root, &walked.join("/"))
}

/// Without following any link.
fn walk(root: BorrowedFd<'_>, path: &str) -> std::result::Result<OwnedFd, Errno> {
    let path = if path.is_empty() { "." } else { path };
    openat2(
        root,
        path,
        OFlags::PATH | OFlags::NOFOLLOW,
        ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
    )
}

/// Opens the last of `parts` (which may be a link), making it if absent.
fn enter(
    root: BorrowedFd<'_>,
    parts: &[String],
    make: Make,
) -> std::result::Result<OwnedFd, Errno> {
    let path = parts.join("/");
    match walk(root, &path) {
        Err(Errno::NOENT) => {}
        other => return other,
    }
    let (name, parents) = parts.split_last().ok_or(Errno::INVAL)?;
    let parent = walk(root, &parents.join("/"))?;
    let created = match make {
        Make::Directory => rustix::fs::mkdirat(&parent, name.as_str(), Mode::from_raw_mode(0o755)),
        Make::File => rustix::fs::mknodat(
            &parent,
            name.as_str(),
            FileType::RegularFile,
            Mode::from_raw_mode(0o644),
            0,
        ),
    };
    match created {
        Ok(()) | Err(Errno::EXIST) => walk(root, &path),
        Err(errno) => Err(errno),
    }
}

/// True if both are the same file.
pub(super) fn same(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> std::result::Result<bool, Errno> {
    let (a, b) = (rustix::fs::fstat(a)?, rustix::fs::fstat(b)?);
    Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

/// A directory in the root that must not be reached through a link: `/proc` and `/sys`.
pub(super) fn ensure_real_directory(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd> {
    let name = path.trim_start_matches('/');
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    match open_beneath(root, name, flags) {
        Err(Errno::NOENT) => {
            rustix::fs::mkdirat(root, name, Mode::from_raw_mode(0o755))
                .step("make mount point", path)?;
            open_beneath(root, name, flags).step("open mount point", path)
        }
        other => other.step("open mount point", path),
    }
}

/// A file of the host, for reading.
pub(super) fn open_host_file(path: &str) -> std::result::Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// A directory of the host.
pub(super) fn host_directory(path: &str) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

/// Type and device number of what a name in a directory is, links not followed.
pub(super) fn node(dir: BorrowedFd<'_>, name: &str) -> std::result::Result<(FileType, u64), Errno> {
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok((FileType::from_raw_mode(stat.st_mode), stat.st_rdev))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn scratch(name: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("rt-root-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("scratch");
        dir
    }

    #[test]
    fn a_dangling_absolute_link_is_made_inside_the_root() {
        let dir = scratch("dangling");
        fs::create_dir(dir.join("var")).expect("var");
        symlink("/run/deep", dir.join("var/run")).expect("link");
        let root = host_directory(dir.to_str().expect("utf-8")).expect("root");
        ensure(root.as_fd(), "/var/run/x", Make::File).expect("made");
        assert!(dir.join("run/deep/x").is_file());
        fs::remove_dir_all(dir).expect("clean up");
    }

    #[test]
    fn dots_do_not_climb_out() {
        let dir = scratch("dots");
        let root = host_directory(dir.to_str().expect("utf-8")).expect("root");
        ensure_directory(root.as_fd(), "/a/../../../b/c").expect("made");
        assert!(dir.join("b/c").is_dir());
        fs::remove_dir_all(dir).expect("clean up");
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let dir = scratch("circle");
        symlink("b", dir.join("a")).expect("link");
        symlink("a", dir.join("b")).expect("link");
        let root = host_directory(dir.to_str().expect("utf-8")).expect("root");
        assert_eq!(
            create(root.as_fd(), "/a/x", Make::File).expect_err("loop"),
            Errno::LOOP
        );
        fs::remove_dir_all(dir).expect("clean up");
    }

    #[test]
    fn a_linked_proc_is_refused() {
        let dir = scratch("proc");
        symlink("/etc", dir.join("proc")).expect("link");
        let root = host_directory(dir.to_str().expect("utf-8")).expect("root");
        assert!(ensure_real_directory(root.as_fd(), "/proc").is_err());
        fs::remove_dir_all(dir).expect("clean up");
    }
}
