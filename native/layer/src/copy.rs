//! Copying a tree by directory fds, to any depth, never following a link.
//!
//! As in `remove`, only the deepest few directories stay open, and the others are found again by
//! "..", the target's checked by device and inode. The source is a tree that nobody writes to, so
//! what was listed is what is there.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use paths::{Root, entry, handle};
use rustix::fs::{FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use crate::error::LayerError;
use crate::holes::copy_file;
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
    let frame = handle::reopen_dir(source)
        .and_then(|source| Frame::new(b"", source, handle::reopen_dir(target)?))
        .map_err(|errno| LayerError::sys("copy", b".", errno))?;
    let mut copy = Copy {
        top,
        links: links.then(HashMap::new),
        stack: vec![frame],
    };
    copy.run()
}

struct Frame {
    name: Vec<u8>,
    /// Entries that are still to be copied.
    rest: Vec<CString>,
    /// Source and target, unless closed to save fds.
    open: Option<(OwnedFd, OwnedFd)>,
    /// The target's device and inode, known once it was closed.
    id: Option<(u64, u64)>,
}

impl Frame {
    fn new(name: &[u8], source: OwnedFd, target: OwnedFd) -> Result<Self, Errno> {
        Ok(Self {
            name: name.to_owned(),
            rest: handle::names(&source)?,
            open: Some((source, target)),
            id: None,
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
            let name = name.as_deref().map(CStr::to_bytes);
            match name {
                Some(name) => self.entry(name),
                None => self.leave(),
            }
            .map_err(|errno| LayerError::sys("copy", &self.path_of(name), errno))?;
        }
        Ok(())
    }

    fn path_of(&self, name: Option<&[u8]>) -> Vec<u8> {
        let directories = self.stack.iter().skip(1).map(|frame| &frame.name[..]);
        let parts: Vec<&[u8]> = directories.chain(name).collect();
        parts.join(&b'/')
    }

    fn entry(&mut self, name: &[u8]) -> Result<(), Errno> {
        let Some((source, target)) = self.stack.last().and_then(|frame| frame.open.as_ref()) else {
            return Err(Errno::BADF);
        };
        let stat = entry::stat(source, name)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            entry::make_dir(target, name, Mode::RWXU)?;
            let source = entry::open_dir(source, name)?;
            let target = entry::open_dir(target, name)?;
            return self.enter(Frame::new(name, source, target)?);
        }
        let id = (stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino));
        let known = self.links.as_ref().zip(id);
        if let Some(first) = known.and_then(|(links, id)| links.get(&id)) {
            match link(&self.top, first, target, name) {
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

    fn enter(&mut self, frame: Frame) -> Result<(), Errno> {
        if let Some(index) = self.stack.len().checked_sub(OPEN) {
            let far = &mut self.stack[index];
            if let Some((_, target)) = far.open.take() {
                far.id = Some(handle::identity(target.as_fd())?);
            }
        }
        self.stack.push(frame);
        Ok(())
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
            let up = handle::parent(target.as_fd())?;
            // Somebody who shares the target has moved the directory away.
            if above.id != Some(handle::identity(up.as_fd())?) {
                return Err(Errno::STALE);
            }
            above.open = Some((handle::parent(source.as_fd())?, up));
        }
        let stat = rustix::fs::fstat(&source)?;
        give(source.as_fd(), target.as_fd(), &stat)
    }
}

/// `first` is a path below `top`, which leads through no link.
fn link(top: &OwnedFd, first: &[u8], target: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    let slash = first.iter().rposition(|byte| *byte == b'/');
    let (above, base) = slash.map_or((&b""[..], first), |at| (&first[..at], &first[at + 1..]));
    let top = Root::new(top.as_fd()).beneath().without_links();
    let above = top.open(above, OFlags::PATH | OFlags::DIRECTORY)?;
    entry::make_hard_link(&above, base, target, name)
}

fn file(source: &OwnedFd, target: &OwnedFd, name: &[u8], stat: &Stat) -> Result<(), Errno> {
    let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let from = entry::open(source, name, read)?;
    let to = entry::create(target, name, Mode::RUSR | Mode::WUSR)?;
    let (mut from, mut to) = (File::from(from), File::from(to));
    copy_file(&mut from, &mut to)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    give(from.as_fd(), to.as_fd(), stat)
}

fn symlink(source: &OwnedFd, target: &OwnedFd, name: &[u8], stat: &Stat) -> Result<(), Errno> {
    let to = entry::read_link(source, name)?.ok_or(Errno::INVAL)?;
    entry::make_link(target, name, to)?;
    own(target, name, stat)
}

/// The mode is exact: the thread's umask is 0.
fn node(target: &OwnedFd, name: &[u8], kind: FileType, stat: &Stat) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    entry::make_node(target, name, kind, mode, stat.st_rdev)?;
    own(target, name, stat)
}

fn own(target: &OwnedFd, name: &[u8], stat: &Stat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    entry::set_owner(target, name, Some(uid), Some(gid))?;
    entry::set_times(target, name, &times_of(stat))
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

#[cfg(test)]
mod tests {
    use std::fs;

    use paths::host;

    use super::*;
    use crate::testing::TempDir;

    /// More than stay open.
    const DEEP: usize = OPEN + 9;

    fn open(path: &std::path::Path) -> OwnedFd {
        host::open_dir(path).unwrap()
    }

    /// As a container does that shares the directory which is being filled.
    #[test]
    fn copy_does_not_climb_out_of_a_directory_that_is_moved_away() {
        let temp = TempDir::new();
        let [source, target, outside] = ["source", "target", "outside"].map(|name| {
            let path = temp.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        });
        let mut below = source.clone();
        for _ in 0..DEEP {
            fs::write(below.join("file"), "of the image").unwrap();
            below.push("d");
            fs::create_dir(&below).unwrap();
        }
        let mut copy = Copy {
            top: open(&target),
            links: None,
            stack: vec![Frame::new(b"", open(&source), open(&target)).unwrap()],
        };
        for _ in 0..DEEP {
            let frame = copy.stack.last_mut().unwrap();
            frame.rest.retain(|name| name.as_c_str() != c"d");
            copy.entry(b"d").unwrap();
        }
        let closed = copy.stack.iter().take_while(|frame| frame.open.is_none());
        let moved = target.join(["d"].repeat(closed.count()).join("/"));
        fs::rename(moved, outside.join("moved")).unwrap();
        let error = copy.run().unwrap_err();
        assert!(error.to_string().contains("copy"), "{error}");
        let left: Vec<_> = fs::read_dir(&outside).unwrap().collect();
        assert_eq!(left.len(), 1, "the copy went on outside: {left:?}");
    }
}
