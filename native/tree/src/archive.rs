//! A path of a root, and all below it, as an archive.

use std::ffi::CString;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use paths::{entry, handle};
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::entry::Archiver;
use crate::error::TreeError;
use crate::stat::{PathStat, describe};
use crate::target::Target;

/// A directory on the way down: what is left to do in it.
struct Level {
    dir: OwnedFd,
    /// As the archive names it.
    name: Vec<u8>,
    /// In reverse order, to be popped.
    rest: Vec<Vec<u8>>,
}

/// Writes what is at `target` and all below it. `found` is told what it is before anything is
/// written. A directory's entries are named after its last component, or after `name`; if that is
/// empty, the directory itself is left out.
pub fn archive(
    root: BorrowedFd<'_>,
    target: &Target,
    name: Option<&[u8]>,
    found: impl FnOnce(PathStat),
    out: &mut dyn Write,
) -> Result<(), TreeError> {
    let fd = target.open(root)?;
    found(describe(root, target, &fd)?);
    let name = name.unwrap_or_else(|| target.name());
    let mut archiver = Archiver::new(out);
    let mut levels: Vec<Level> = Vec::new();
    if let Some(level) = enter(&mut archiver, &fd, name.to_vec())? {
        levels.push(level);
    }
    drop(fd);
    while let Some(level) = levels.last_mut() {
        let Some(base) = level.rest.pop() else {
            levels.pop();
            continue;
        };
        let name = join(&level.name, &base);
        let fd = match entry::look(&level.dir, &base) {
            // Gone since the directory was read.
            Err(Errno::NOENT) => continue,
            other => other.map_err(|errno| TreeError::sys("read", &name, errno))?,
        };
        if let Some(level) = enter(&mut archiver, &fd, name)? {
            levels.push(level);
        }
    }
    archiver.finish()
}

/// Writes one entry; a directory is a level to go through.
fn enter(
    archiver: &mut Archiver<'_>,
    fd: &OwnedFd,
    name: Vec<u8>,
) -> Result<Option<Level>, TreeError> {
    let stat = if name.is_empty() {
        rustix::fs::fstat(fd).map_err(|errno| TreeError::sys("read", b"/", errno))?
    } else {
        archiver.add(&name, fd)?
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok(None);
    }
    let failed = |errno| TreeError::sys("read", &name, errno);
    let dir = handle::reopen_dir(fd.as_fd()).map_err(failed)?;
    let mut rest = list(&dir).map_err(failed)?;
    rest.reverse();
    Ok(Some(Level { dir, name, rest }))
}

/// Names in a directory, sorted.
pub(crate) fn list(dir: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let names = handle::names(dir)?.into_iter();
    let mut names: Vec<Vec<u8>> = names.map(CString::into_bytes).collect();
    names.sort_unstable();
    Ok(names)
}

pub(crate) fn join(dir: &[u8], base: &[u8]) -> Vec<u8> {
    match dir {
        b"" => base.to_vec(),
        b"/" => [b"/", base].concat(),
        _ => [dir, b"/", base].concat(),
    }
}
