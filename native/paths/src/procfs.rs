//! Files of a procfs, known to be such: whatever is mounted over parts of it, a write meant for the
//! kernel reaches the kernel (CVE-2025-52881).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::root::Root;

/// `f_type` of a procfs: statfs(2).
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// True for anything of a procfs.
pub fn is_proc(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(u64::try_from(rustix::fs::fstatfs(fd)?.f_type) == Ok(PROC_SUPER_MAGIC))
}

/// Opens a file below the root of a procfs: through no link, onto no other mount. EXDEV if it is not
/// one of a procfs.
pub fn open(proc: BorrowedFd<'_>, path: impl AsRef<[u8]>, flags: OFlags) -> Result<OwnedFd, Errno> {
    let root = Root::new(proc).beneath().without_links().on_one_mount();
    let file = root.open(path, flags)?;
    if is_proc(file.as_fd())? {
        Ok(file)
    } else {
        Err(Errno::XDEV)
    }
}

/// Writes a setting in one call, since the kernel takes each call for a whole value.
pub fn write(proc: BorrowedFd<'_>, path: impl AsRef<[u8]>, value: &[u8]) -> Result<(), Errno> {
    write_to(open(proc, path, OFlags::WRONLY)?.as_fd(), value)
}

/// As [`write`], to a file that is open. EXDEV if it is not one of a procfs: there a value for the
/// kernel would be lost, or worse.
pub fn write_to(file: BorrowedFd<'_>, value: &[u8]) -> Result<(), Errno> {
    if is_proc(file)? {
        rustix::io::write(file, value).map(drop)
    } else {
        Err(Errno::XDEV)
    }
}
