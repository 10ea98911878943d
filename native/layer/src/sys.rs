//! The unsafe part.

use rustix::fs::Mode;
use rustix::thread::UnshareFlags;

/// Gives this thread a umask of its own, 0, so that modes of new entries are exact. False where
/// that is not allowed (a seccomp filter): modes have to be set afterwards then.
pub(crate) fn own_umask() -> bool {
    // SAFETY: CLONE_FS alone makes umask, root and working directory this thread's own. The
    // thread is one of ours, which relies on none of them being shared; fds stay shared.
    let unshared = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS) };
    if unshared.is_ok() {
        rustix::process::umask(Mode::empty());
    }
    unshared.is_ok()
}

/// Gives this thread a mount namespace of its own, from which nothing spreads.
#[cfg(test)]
pub(crate) fn own_mounts() -> Result<(), rustix::io::Errno> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    // SAFETY: as above; CLONE_NEWNS implies CLONE_FS and touches no fd.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
}
