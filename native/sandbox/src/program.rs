//! The read-only file that monitors are started from.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use paths::entry;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

use crate::error::{Context, StepError};
use crate::op::Attrs;
use crate::sys;

const STEP: &str = "make the monitor's program";
const NAME: &str = "rt-monitor";

/// An executable file with these bytes, on a read-only file system that is mounted nowhere. Whoever reaches it through
/// `/proc/PID/exe` can neither write to it nor change its mode or owner, and every later monitor is started from
/// it. (The seals of a memory file keep its bytes alone: a `chmod` in a container would be the end of all starts.)
pub fn program_from(bytes: &[u8]) -> Result<OwnedFd, StepError> {
    make(bytes).step(STEP, "")
}

fn make(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&context, "source", NAME)?;
    rustix::mount::fsconfig_set_string(&context, "mode", "0500")?;
    rustix::mount::fsconfig_create(&context)?;
    let attrs = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attrs)?;
    let file = entry::create(&mount, NAME, Mode::from_raw_mode(0o500))?;
    write_all(file.as_fd(), bytes)?;
    drop(file);
    let read_only = u64::from(Attrs::READ_ONLY.0);
    unless_busy(|| sys::mount_setattr(mount.as_fd(), false, read_only, 0, 0))?;
    rustix::mount::fsconfig_set_flag(&context, "ro")?;
    unless_busy(|| rustix::mount::fsconfig_reconfigure(&context))?;
    // With its descriptor goes the mount's own place in the world; what is open stays.
    entry::look(&mount, NAME)
}

/// A program that another thread is starting has a copy of the file that was written to, for a moment.
fn unless_busy(mut call: impl FnMut() -> Result<(), Errno>) -> Result<(), Errno> {
    for _ in 0..400 {
        match call() {
            Err(Errno::BUSY) => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
    call()
}

fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = rustix::io::write(file, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use rustix::fs::OFlags;

    use super::*;

    #[test]
    fn neither_bytes_nor_mode_nor_owner_can_be_changed() {
        let Ok(program) = program_from(b"#!/bin/true\n") else {
            // Mounts are root's.
            assert!(!rustix::process::geteuid().is_root());
            return;
        };
        let path = format!("/proc/self/fd/{}", program.as_raw_fd());
        let mode = rustix::fs::chmod(&path, Mode::empty());
        assert_eq!(mode, Err(Errno::ROFS));
        assert_eq!(
            std::os::unix::fs::chown(&path, Some(1), None)
                .expect_err("read-only")
                .raw_os_error(),
            Some(Errno::ROFS.raw_os_error())
        );
        let write = rustix::fs::open(&path, OFlags::WRONLY, Mode::empty());
        assert_eq!(write.expect_err("read-only"), Errno::ROFS);
        assert_eq!(std::fs::read(&path).expect("content"), b"#!/bin/true\n");
    }
}
