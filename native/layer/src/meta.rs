//! Owners, modes, attributes and times of what was made.
//!
//! The order matters: changing the owner clears setuid, setgid and capabilities, so the owner
//! comes first; setting attributes changes nothing but the change time, so the time comes last.

use std::os::fd::{AsFd, BorrowedFd};

use paths::entry;
use rustix::fs::{FileType, Gid, Mode, Timespec, Timestamps, Uid};

use crate::dir::Dir;
use crate::error::LayerError;
use crate::header::Time;
use crate::reader::Meta;
use crate::xattr::{self, Place};

const SETID: u32 = 0o6000;

/// What new entries get by themselves, which need not be set then.
#[derive(Debug)]
pub(crate) struct Defaults {
    uid: u32,
    gid: u32,
    /// Modes of new entries are exact: the thread has an empty umask.
    exact_modes: bool,
    /// Some directory has a default access control list, which new entries take over.
    pub(crate) acls: bool,
}

impl Defaults {
    pub(crate) fn new(exact_modes: bool) -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            exact_modes,
            acls: false,
        }
    }

    fn owns(&self, parent: &Dir, meta: &Meta) -> bool {
        meta.uid == self.uid && meta.gid == self.gid && !parent.is_setgid()
    }

    /// What a regular file or directory made in `parent` with its mode still needs.
    pub(crate) fn missing(&self, parent: &Dir, meta: &Meta) -> Finish {
        Finish {
            owner: !self.owns(parent, meta),
            acls: self.acls,
            mode: meta.mode & SETID != 0 || !self.exact_modes || self.acls || parent.is_setgid(),
        }
    }

    /// A directory; it gets its time when it is forgotten.
    pub(crate) fn finish_dir(
        &mut self,
        dir: &Dir,
        name: &[u8],
        meta: &Meta,
        finish: Finish,
    ) -> Result<(), LayerError> {
        finish.apply(dir.as_fd(), name, meta)?;
        dir.set_setgid(meta.mode & 0o2000 != 0);
        let is_default = |(name, _): &(Vec<u8>, Vec<u8>)| name == xattr::DEFAULT.as_bytes();
        self.acls |= meta.xattrs.iter().any(is_default);
        dir.set_mtime(timespec(meta.mtime));
        Ok(())
    }

    /// A link, fifo or device, or the file behind a hard link: by its name in its directory, never
    /// followed.
    pub(crate) fn finish_node(
        &self,
        parent: &Dir,
        base: &[u8],
        name: &[u8],
        meta: &Meta,
    ) -> Result<(), LayerError> {
        let failed = |verb: &'static str| move |errno| LayerError::sys(verb, name, errno);
        let place = Place::At(parent.as_fd(), base);
        let stat = entry::stat(parent, base).map_err(failed("look at"))?;
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let is_owned = (stat.st_uid, stat.st_gid) == (meta.uid, meta.gid);
        if !is_owned {
            let (uid, gid) = owner(meta);
            entry::set_owner(parent, base, uid, gid).map_err(failed("set the owner of"))?;
        }
        if self.acls && !is_link {
            xattr::remove_acls(place).map_err(failed("set the access of"))?;
        }
        let has_mode = stat.st_mode & 0o7777 == meta.mode && (is_owned || meta.mode & SETID == 0);
        if !is_link && (!has_mode || self.acls) {
            entry::set_mode(parent, base, mode(meta)).map_err(failed("set the mode of"))?;
        }
        xattr::set(place, name, &meta.xattrs)?;
        entry::set_times(parent, base, &times(meta)).map_err(failed("set the time of"))
    }
}

/// What has to be set of a file or directory, since it does not have it by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    owner: bool,
    /// It may have taken over an access control list.
    acls: bool,
    mode: bool,
}

impl Finish {
    #[cfg(test)]
    pub(crate) fn nothing() -> Self {
        Self {
            owner: false,
            acls: false,
            mode: false,
        }
    }

    /// For what was there before.
    pub(crate) fn all(defaults: &Defaults) -> Self {
        Self {
            owner: true,
            acls: defaults.acls,
            mode: true,
        }
    }

    /// A regular file whose data is written.
    pub(crate) fn file(
        self,
        fd: BorrowedFd<'_>,
        name: &[u8],
        meta: &Meta,
    ) -> Result<(), LayerError> {
        self.apply(fd, name, meta)?;
        rustix::fs::futimens(fd, &times(meta))
            .map_err(|errno| LayerError::sys("set the time of", name, errno))
    }

    fn apply(self, fd: BorrowedFd<'_>, name: &[u8], meta: &Meta) -> Result<(), LayerError> {
        let failed = |verb: &'static str| move |errno| LayerError::sys(verb, name, errno);
        if self.owner {
            let (uid, gid) = owner(meta);
            rustix::fs::fchown(fd, uid, gid).map_err(failed("set the owner of"))?;
        }
        if self.acls {
            xattr::remove_acls(Place::Fd(fd)).map_err(failed("set the access of"))?;
        }
        if self.mode {
            rustix::fs::fchmod(fd, mode(meta)).map_err(failed("set the mode of"))?;
        }
        xattr::set(Place::Fd(fd), name, &meta.xattrs)
    }
}

pub(crate) fn mode(meta: &Meta) -> Mode {
    Mode::from_raw_mode(meta.mode)
}

fn owner(meta: &Meta) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)))
}

fn timespec(time: Time) -> Timespec {
    Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanos.into(),
    }
}

/// The time of the last access is that of the last change: archives seldom have it.
fn times(meta: &Meta) -> Timestamps {
    let time = timespec(meta.mtime);
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
