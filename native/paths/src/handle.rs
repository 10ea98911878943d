//! The very file that a descriptor names. No path of a root is resolved here.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// How directories are opened to read them and to work in them.
pub const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

pub fn kind(fd: BorrowedFd<'_>) -> Result<FileType, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode))
}

/// Device and inode.
pub fn identity(fd: BorrowedFd<'_>) -> Result<(u64, u64), Errno> {
    let stat = rustix::fs::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// True if both are the same file.
pub fn same(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(identity(a)? == identity(b)?)
}

/// The text of the link that `link` names (`O_PATH | O_NOFOLLOW`).
pub fn link_text(link: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    Ok(rustix::fs::readlinkat(link, c"", Vec::new())?.into_bytes())
}

/// The directory that `fd` names, opened anew for reading.
pub fn reopen_dir(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(fd, c".", DIRECTORY, Mode::empty())
}

/// The directory above, wherever `dir` is by now: callers must know it again by its [`identity`], or
/// nobody else may be able to move `dir`.
pub fn parent(dir: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, c"..", DIRECTORY, Mode::empty())
}

/// The file that `fd` names, opened anew for reading; the caller knows it to be a regular one. Needs
/// `/proc`.
pub fn reopen_file(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(proc_path(fd), flags, Mode::empty())
}

/// The value of an attribute of the file that `fd` names, which may be `O_PATH`; its length, or ERANGE
/// if `value` is too short. Needs `/proc`.
pub fn xattr(fd: BorrowedFd<'_>, name: &[u8], value: &mut [u8]) -> Result<usize, Errno> {
    rustix::fs::getxattr(proc_path(fd), name, value)
}

/// The names of its attributes, each with a NUL behind it, as [`xattr`].
pub fn xattr_names(fd: BorrowedFd<'_>, names: &mut [u8]) -> Result<usize, Errno> {
    rustix::fs::listxattr(proc_path(fd), names)
}

/// For calls that take paths only: leads to the very file that `fd` names. Needs `/proc`.
pub(crate) fn proc_path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Names in a directory, as the file system lists them, without "." and "..".
pub fn names(dir: impl AsFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
