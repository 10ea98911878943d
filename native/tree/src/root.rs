//! Paths inside a root, resolved by the kernel as if the root were "/".

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::error::TreeError;

/// The kernel gives up with EAGAIN when anything is renamed or mounted on the machine while it
/// walks over "..".
const ATTEMPTS: usize = 4096;
/// The longest path, as the kernel has it.
const PATH: usize = 4096;

/// A path as a user typed it, cleaned by its text alone: what Docker does before it resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Components joined by "/", relative to the root; empty for the root itself.
    path: Vec<u8>,
    /// It ended with "/" or "/.": what is meant is what a link there leads to.
    follow: bool,
    /// What an archive of it calls it: its last component, "." for "dir/.", "/" for the root.
    name: Vec<u8>,
}

impl Target {
    pub fn parse(typed: &str) -> Result<Self, TreeError> {
        if typed.len() > PATH || typed.contains('\0') {
            return Err(TreeError::Invalid(format!("invalid path: {typed:?}")));
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in typed.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let is_dot = typed.ends_with("/.") || typed == ".";
        let name = match parts.last() {
            Some(_) | None if is_dot => ".",
            None => "/",
            Some(name) => name,
        };
        Ok(Self {
            path: parts.join("/").into_bytes(),
            follow: is_dot || typed.ends_with('/'),
            name: name.as_bytes().to_vec(),
        })
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// What is at the path, by a descriptor that only names it.
    pub(crate) fn open(&self, root: BorrowedFd<'_>) -> Result<OwnedFd, TreeError> {
        let last = if self.follow {
            OFlags::DIRECTORY
        } else {
            OFlags::NOFOLLOW
        };
        open(root, &self.path, OFlags::PATH | last)
            .map_err(|errno| TreeError::sys("find", &self.path, errno))
    }
}

/// Opens a path below the root, following the container's own links inside the root.
pub(crate) fn open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags, inside)
}

/// Opens a path below a directory that must not lead through any link or onto another mount.
pub(crate) fn open_beneath(
    dir: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    openat2(dir, path, flags | OFlags::NOFOLLOW, beneath)
}

fn openat2(
    dir: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { &b"."[..] } else { path };
    for attempt in 0..ATTEMPTS {
        match rustix::fs::openat2(dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) if attempt % 16 == 15 => std::thread::yield_now(),
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// The directory that `fd` names, for reading. No path is resolved.
pub(crate) fn reopen_dir(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(fd, ".", flags, Mode::empty())
}

/// The very file that `fd` names, for reading; the caller knows it to be a regular one.
pub(crate) fn reopen_file(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(proc_path(fd), flags, Mode::empty())
}

/// For calls that take paths only: leads to the very file that `fd` names.
pub(crate) fn proc_path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

#[cfg(test)]
mod unit {
    use super::Target;

    #[test]
    fn target_is_cleaned_by_its_text_and_keeps_what_its_end_says() {
        let of = |typed: &str| {
            let target = Target::parse(typed).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(target.path()), text(target.name()), target.follow)
        };
        assert_eq!(of("/a/../b/c"), ("b/c".into(), "c".into(), false));
        assert_eq!(of("a/"), ("a".into(), "a".into(), true));
        assert_eq!(of("/a/."), ("a".into(), ".".into(), true));
        assert_eq!(of("/"), (String::new(), "/".into(), true));
        assert_eq!(of("../../x"), ("x".into(), "x".into(), false));
        assert_eq!(of("/."), (String::new(), ".".into(), true));
    }
}
