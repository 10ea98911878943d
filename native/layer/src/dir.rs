//! One open directory of the tree, and what it knows of itself.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use paths::entry;
use rustix::fs::{FileType, Stat, Timespec, Timestamps};
use rustix::io::Errno;

/// An open directory of the tree.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    id: (u64, u64),
    /// Entries made in it take its group.
    setgid: Cell<bool>,
    /// The time it shall have in the end.
    mtime: Cell<Timespec>,
    /// Something was made in it since it had that time.
    touched: Cell<bool>,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Dir {
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let stat = rustix::fs::fstat(&fd)?;
        let mtime = Timespec {
            tv_sec: stat.st_mtime,
            tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
        };
        Ok(Self {
            fd,
            id: (stat.st_dev, stat.st_ino),
            setgid: Cell::new(stat.st_mode & 0o2000 != 0),
            mtime: Cell::new(mtime),
            touched: Cell::new(false),
        })
    }

    /// Device and inode.
    pub(crate) fn id(&self) -> (u64, u64) {
        self.id
    }

    pub(crate) fn is_setgid(&self) -> bool {
        self.setgid.get()
    }

    pub(crate) fn set_setgid(&self, setgid: bool) {
        self.setgid.set(setgid);
    }

    /// Says that something is made or removed in it.
    pub(crate) fn touch(&self) {
        self.touched.set(true);
    }

    pub(crate) fn set_mtime(&self, mtime: Timespec) {
        self.mtime.set(mtime);
        self.touched.set(true);
    }

    /// Gives it its time if something was made in it.
    pub(crate) fn restore(&self) -> Result<(), Errno> {
        if !self.touched.replace(false) {
            return Ok(());
        }
        let time = self.mtime.get();
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::futimens(&self.fd, &times)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Most are given their time when they are forgotten, where failing is told.
        let _ = self.restore();
    }
}

/// The mark of overlayfs for a name that lower layers have and this one hides.
pub(crate) fn is_whiteout(parent: impl AsFd, name: &[u8]) -> Result<bool, Errno> {
    Ok(is_whiteout_stat(&entry::stat(parent, name)?))
}

pub(crate) fn is_whiteout_stat(stat: &Stat) -> bool {
    let kind = FileType::from_raw_mode(stat.st_mode);
    kind == FileType::CharacterDevice && stat.st_rdev == 0
}
