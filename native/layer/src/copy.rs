//! Copying a tree by directory fds, to any depth, never following a link.
//!
//! As in `remove`, only the deepest few directories stay open, and the others are found again by
//! "..". The source is a tree that nobody writes to, so what was listed is what is there.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use crate::dir::OPEN as DIRECTORY;
use crate::error::LayerError;
use crate::xattr;

/// Directories of the stack that stay open, on each side.
const OPEN: usize = 32;

/// Copies what is in `source` into `target`, and gives `target` its owner, mode, attributes and times.
///
/// Hard links are kept if `links`: only where nobody else can move things below `target`.
pub(crate) fn copy_into(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    links: bool,
) -> Result<(), LayerError> {
    let top = target
        .try_clone_to_owned()
        .map_err(|error| LayerError::Io {
            action: "copy the image's directory".into(),
            source: error,
        })?;
    let open = |fd: BorrowedFd<'_>| rustix::fs::openat(fd, c".", DIRECTORY, Mode::empty());
    let frame = open(source)
        .and_then(|source| Ok((source, open(target)?)))
        .and_then(|(source, target)| Frame::new(c"", source, target))
        .map_err(|errno| LayerError::sys("copy", b".", errno))?;
    let mut copy = Copy {
        top,
        links: links.then(HashMap::new),
        stack: vec![frame],
    };
    copy.run()
}

struct Frame {
    name: CString,
    /// Entries that are still to be copied.
    rest: Vec<CString>,
    /// Source and target, unless closed to save fds.
    open: Option<(OwnedFd, OwnedFd)>,
}

impl Frame {
    fn new(name: &CStr, source: OwnedFd, target: OwnedFd) -> Result<Self, Errno> {
        let mut rest = Vec::new();
        for entry in Dir::read_from(&source)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                rest.push(name.to_owned());
            }
        }
        Ok(Self {
            name: name.to_owned(),
            rest,
            open: Some((source, target)),
        })
    }
}

struct Copy {
    top: OwnedFd,
    /// Path of the first name of each file that has several.
    links: Option<HashMap<(u64, u64), Vec<u8>>>,
    stack: Vec<Frame>,
}

impl Copy {
    fn run(&mut self) -> Result<(), LayerError> {
        while let Some(frame) = self.stack.last_mut() {
            let name = frame.rest.pop();
            match &name {
                Some(name) => self.entry(name),
                None => self.leave(),
            }
            .map_err(|errno| LayerError::sys("copy", &self.path_of(name.as_deref()), errno))?;
        }
        Ok(())
    }

    fn path_of(&self, name: Option<&CStr>) -> Vec<u8> {
        let directories = self.stack.iter().skip(1).map(|frame| frame.name.as_c_str());
        let parts: Vec<&[u8]> = directories.chain(name).map(CStr::to_bytes).collect();
        parts.join(&b'/')
    }

    fn entry(&mut self, name: &CStr) -> Result<(), Errno> {
        let Some((source, target)) = self.stack.last().and_then(|frame| frame.open.as_ref()) else {
            return Err(Errno::BADF);
        };
        let stat = rustix::fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            rustix::fs::mkdirat(target, name, Mode::RWXU)?;
            let source = rustix::fs::openat(source, name, DIRECTORY, Mode::empty())?;
            let target = rustix::fs::openat(target, name, DIRECTORY, Mode::empty())?;
            self.enter(Frame::new(name, source, target)?);
            return Ok(());
        }
        let id = (stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino));
        let known = self.links.as_ref().zip(id);
        if let Some(first) = known.and_then(|(links, id)| links.get(&id)) {
            let first = first.as_slice();
            match rustix::fs::linkat(&self.top, first, target, name, AtFlags::empty()) {
                // As many links as the file system takes, or a path too long: a copy does as well.
                Err(Errno::MLINK | Errno::NAMETOOLONG) => {}
                other => return other,
            }
        }
        match kind {
            FileType::RegularFile => file(source, target, name, &stat),
            FileType::Symlink => symlink(source, target, name, &stat),
            _ => node(target, name, kind, &stat),
        }?;
        if let Some(id) = id {
            let path = self.path_of(Some(name));
            self.links.as_mut().map(|links| links.insert(id, path));
        }
        Ok(())
    }

    fn enter(&mut self, frame: Frame) {
        if let Some(index) = self.stack.len().checked_sub(OPEN) {
            self.stack[index].open = None;
        }
        self.stack.push(frame);
    }

    /// All of the last directory is copied.
    fn leave(&mut self) -> Result<(), Errno> {
        let Some(Frame {
            open: Some((source, target)),
            ..
        }) = self.stack.pop()
        else {
            return Err(Errno::BADF);
        };
        if let Some(above) = self.stack.last_mut()
            && above.open.is_none()
        {
            let up = |fd: &OwnedFd| rustix::fs::openat(fd, c"..", DIRECTORY, Mode::empty());
            above.open = Some((up(&source)?, up(&target)?));
        }
        let stat = rustix::fs::fstat(&source)?;
        give(source.as_fd(), target.as_fd(), &stat)
    }
}

fn file(source: &OwnedFd, target: &OwnedFd, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let read = flags | OFlags::RDONLY | OFlags::NONBLOCK;
    let from = rustix::fs::openat(source, name, read, Mode::empty())?;
    let write = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let to = rustix::fs::openat(target, name, write, Mode::RUSR | Mode::WUSR)?;
    let (mut from, mut to) = (File::from(from), File::from(to));
    io::copy(&mut from, &mut to)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    give(from.as_fd(), to.as_fd(), stat)
}

fn symlink(source: &OwnedFd, target: &OwnedFd, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    let to = rustix::fs::readlinkat(source, name, Vec::new())?;
    rustix::fs::symlinkat(to.as_c_str(), target, name)?;
    own(target, name, stat)
}

/// The mode is exact: the thread's umask is 0.
fn node(target: &OwnedFd, name: &CStr, kind: FileType, stat: &Stat) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    rustix::fs::mknodat(target, name, kind, mode, stat.st_rdev)?;
    own(target, name, stat)
}

fn own(target: &OwnedFd, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chownat(target, name, Some(uid), Some(gid), flags)?;
    rustix::fs::utimensat(target, name, &times_of(stat), flags)
}

/// Owner first: it takes the set-id bits and capabilities away. Times last.
pub(crate) fn give(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    stat: &Stat,
) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::fchown(target, Some(uid), Some(gid))?;
    rustix::fs::fchmod(target, Mode::from_raw_mode(stat.st_mode))?;
    attributes(source, target)?;
    rustix::fs::futimens(target, &times_of(stat))
}

fn times_of(stat: &Stat) -> Timestamps {
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

/// Copies the attributes that an image may have; what the file system does not take is left out.
fn attributes(source: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut names = vec![0; 64 * 1024];
    let length = match rustix::fs::flistxattr(source, &mut names[..]) {
        Err(Errno::OPNOTSUPP) | Ok(0) => return Ok(()),
        other => other?,
    };
    let mut value = vec![0; 64 * 1024];
    let listed = names.get(..length).unwrap_or_default();
    for name in listed.split(|byte| *byte == 0).filter(|n| !n.is_empty()) {
        if !xattr::is_of_image(name) {
            continue;
        }
        let length = match rustix::fs::fgetxattr(source, name, &mut value[..]) {
            Err(Errno::NODATA) => continue,
            other => other?,
        };
        let value = value.get(..length).unwrap_or_default();
        match rustix::fs::fsetxattr(target, name, value, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => {}
            other => other?,
        }
    }
    Ok(())
}
