//! Making what is missing of a path, inside the root.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::root::Root;
use crate::{entry, steps};

/// Decides on what is missing of a path. `parent` is the open directory that the walk has come to.
pub trait Absent {
    /// Nothing is at `name`. `last`: it is the path's last name, else a directory is needed. EEXIST,
    /// since somebody was faster, is no failure: the name is looked at again.
    fn make(&mut self, parent: BorrowedFd<'_>, name: &[u8], last: bool) -> Result<(), Errno>;

    /// At `name` is something else where a directory is needed. True if it is one now; else the walk
    /// fails with ENOTDIR.
    fn replace(&mut self, _parent: BorrowedFd<'_>, _name: &[u8]) -> Result<bool, Errno> {
        Ok(false)
    }
}

/// What to make of a path's last name when it is absent; parents are always directories.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Make {
    /// Mode 0755, less the umask.
    Directory,
    /// An empty regular file of mode 0644, less the umask.
    File,
}

impl Absent for Make {
    fn make(&mut self, parent: BorrowedFd<'_>, name: &[u8], last: bool) -> Result<(), Errno> {
        if last && *self == Self::File {
            let mode = Mode::from_raw_mode(0o644);
            return entry::make_node(parent, name, FileType::RegularFile, mode, 0);
        }
        entry::make_dir(parent, name, Mode::from_raw_mode(0o755))
    }
}

impl Root<'_> {
    /// What is at `path`, as `O_PATH`; it is made, with its parents, if absent. A dangling link is made
    /// where it leads to inside the root. What is there already stays as it is, whatever its kind.
    pub fn ensure(&self, path: impl AsRef<[u8]>, make: Make) -> Result<OwnedFd, Errno> {
        let mut make = make;
        self.ensure_by(path, OFlags::PATH, &mut make)
    }

    /// As [`Root::open`]; what is missing is decided by `absent`.
    pub fn ensure_by(
        &self,
        path: impl AsRef<[u8]>,
        flags: OFlags,
        absent: &mut dyn Absent,
    ) -> Result<OwnedFd, Errno> {
        let path = path.as_ref();
        match self.open(path, flags) {
            Err(Errno::NOENT | Errno::NOTDIR) => {
                steps::make(self, path, flags | OFlags::CLOEXEC, absent)
            }
            other => other,
        }
    }
}
