//! One name in an open directory. It is never followed: of a link, the link itself is meant.
//!
//! A name of more than one component, "." and ".." are refused with EINVAL by all of these, so that
//! none of them can leave the directory. All else is as the system call says.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use crate::handle;

fn check(name: &[u8]) -> Result<&[u8], Errno> {
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    Ok(name)
}

/// Opens what is there. A link gives ELOOP, or itself with `O_PATH`. Creates nothing.
pub fn open(dir: impl AsFd, name: impl AsRef<[u8]>, flags: OFlags) -> Result<OwnedFd, Errno> {
    if flags.intersects(OFlags::CREATE | OFlags::TMPFILE.difference(OFlags::DIRECTORY)) {
        return Err(Errno::INVAL);
    }
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, check(name.as_ref())?, flags, Mode::empty())
}

/// What is there, by a descriptor that only names it (`O_PATH`).
pub fn look(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<OwnedFd, Errno> {
    open(dir, name, OFlags::PATH)
}

/// The directory that is there, for reading. ENOTDIR or ELOOP for anything else, links included.
pub fn open_dir(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<OwnedFd, Errno> {
    open(dir, name, handle::DIRECTORY)
}

/// A new regular file, for writing.
pub fn create(dir: impl AsFd, name: impl AsRef<[u8]>, mode: Mode) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    rustix::fs::openat(dir, check(name.as_ref())?, flags | OFlags::CLOEXEC, mode)
}

pub fn stat(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<Stat, Errno> {
    rustix::fs::statat(dir, check(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW)
}

pub fn kind(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(stat(dir, name)?.st_mode))
}

/// The text of a link; none if it is something else.
pub fn read_link(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Errno> {
    match rustix::fs::readlinkat(dir, check(name.as_ref())?, Vec::new()) {
        Ok(text) => Ok(Some(text.into_bytes())),
        Err(Errno::INVAL) => Ok(None),
        Err(errno) => Err(errno),
    }
}

pub fn make_dir(dir: impl AsFd, name: impl AsRef<[u8]>, mode: Mode) -> Result<(), Errno> {
    rustix::fs::mkdirat(dir, check(name.as_ref())?, mode)
}

/// A device, FIFO or empty regular file; `device` counts for devices only.
pub fn make_node(
    dir: impl AsFd,
    name: impl AsRef<[u8]>,
    kind: FileType,
    mode: Mode,
    device: u64,
) -> Result<(), Errno> {
    rustix::fs::mknodat(dir, check(name.as_ref())?, kind, mode, device)
}

/// A link with any text.
pub fn make_link(
    dir: impl AsFd,
    name: impl AsRef<[u8]>,
    text: impl AsRef<[u8]>,
) -> Result<(), Errno> {
    rustix::fs::symlinkat(text.as_ref(), dir, check(name.as_ref())?)
}

/// Another name for what is at `from_name`, which may be a link.
pub fn make_hard_link(
    from: impl AsFd,
    from_name: impl AsRef<[u8]>,
    dir: impl AsFd,
    name: impl AsRef<[u8]>,
) -> Result<(), Errno> {
    let (from_name, name) = (check(from_name.as_ref())?, check(name.as_ref())?);
    rustix::fs::linkat(from, from_name, dir, name, AtFlags::empty())
}

pub fn rename(
    from: impl AsFd,
    from_name: impl AsRef<[u8]>,
    dir: impl AsFd,
    name: impl AsRef<[u8]>,
) -> Result<(), Errno> {
    let (from_name, name) = (check(from_name.as_ref())?, check(name.as_ref())?);
    rustix::fs::renameat_with(from, from_name, dir, name, RenameFlags::empty())
}

/// Anything but a directory.
pub fn remove_file(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<(), Errno> {
    rustix::fs::unlinkat(dir, check(name.as_ref())?, AtFlags::empty())
}

/// An empty directory.
pub fn remove_dir(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<(), Errno> {
    rustix::fs::unlinkat(dir, check(name.as_ref())?, AtFlags::REMOVEDIR)
}

pub fn set_owner(
    dir: impl AsFd,
    name: impl AsRef<[u8]>,
    uid: Option<Uid>,
    gid: Option<Gid>,
) -> Result<(), Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chownat(dir, check(name.as_ref())?, uid, gid, flags)
}

/// ELOOP for a link. By a descriptor of the very file, since fchmodat(2) can leave links alone only
/// from Linux 6.6 on; needs `/proc`.
pub fn set_mode(dir: impl AsFd, name: impl AsRef<[u8]>, mode: Mode) -> Result<(), Errno> {
    let file = look(dir, name)?;
    if handle::kind(file.as_fd())? == FileType::Symlink {
        return Err(Errno::LOOP);
    }
    rustix::fs::chmod(handle::proc_path(file.as_fd()), mode)
}

pub fn set_times(dir: impl AsFd, name: impl AsRef<[u8]>, times: &Timestamps) -> Result<(), Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(dir, check(name.as_ref())?, times, flags)
}

/// Sets an attribute; needs `/proc`.
pub fn set_xattr(
    dir: impl AsFd,
    name: impl AsRef<[u8]>,
    attribute: &[u8],
    value: &[u8],
) -> Result<(), Errno> {
    let path = proc_path(dir, name)?;
    rustix::fs::lsetxattr(path, attribute, value, XattrFlags::empty())
}

/// Removes an attribute; ENODATA if there is none. Needs `/proc`.
pub fn remove_xattr(dir: impl AsFd, name: impl AsRef<[u8]>, attribute: &[u8]) -> Result<(), Errno> {
    rustix::fs::lremovexattr(proc_path(dir, name)?, attribute)
}

/// For calls that take paths only and do not follow the last name.
fn proc_path(dir: impl AsFd, name: impl AsRef<[u8]>) -> Result<Vec<u8>, Errno> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(check(name.as_ref())?);
    Ok(path)
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn entry_takes_one_name_only() {
        for name in ["", ".", "..", "a/b", "/", "/etc", "a/", "../x"] {
            assert_eq!(look(CWD, name).err(), Some(Errno::INVAL), "{name}");
            assert_eq!(make_dir(CWD, name, Mode::RWXU), Err(Errno::INVAL), "{name}");
            assert_eq!(rename(CWD, "x", CWD, name), Err(Errno::INVAL), "{name}");
            assert_eq!(
                make_hard_link(CWD, name, CWD, "x"),
                Err(Errno::INVAL),
                "{name}"
            );
        }
        assert_eq!(
            open(CWD, "new", OFlags::CREATE | OFlags::WRONLY).err(),
            Some(Errno::INVAL)
        );
    }
}
