//! Paths of the host: the engine's own directories and files of the kernel. Never one that an image,
//! a container or an archive has named. The lint in `scripts/doors.ts` lists who may use this.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

/// Opens what is there; creates nothing.
pub fn open(path: impl Arg, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags.difference(OFlags::CREATE) | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

/// A file, for reading.
pub fn open_file(path: impl Arg) -> Result<OwnedFd, Errno> {
    open(path, OFlags::RDONLY)
}

/// A directory, as `O_PATH`.
pub fn find_dir(path: impl Arg) -> Result<OwnedFd, Errno> {
    open(path, OFlags::PATH | OFlags::DIRECTORY)
}

/// A directory, for reading; its last name must not be a link.
pub fn open_dir(path: impl Arg) -> Result<OwnedFd, Errno> {
    open(path, crate::handle::DIRECTORY)
}
