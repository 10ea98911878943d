//! The system calls that no crate wraps safely.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// None in the child. The child of a process with threads may allocate (the C library sees to it), but
/// must not wait for them.
pub(crate) fn fork() -> Result<Option<i32>, Errno> {
    // SAFETY: the caller's child uses nothing that another thread could hold but the allocator, which
    // fork(3) leaves usable, and ends in `exit_now`.
    match unsafe { libc::fork() } {
        0 => Ok(None),
        pid @ 1.. => Ok(Some(pid)),
        _ => Err(Errno::from_raw_os_error(
            std::io::Error::last_os_error().raw_os_error().unwrap_or(0),
        )),
    }
}

/// Closes every descriptor but one.
pub(crate) fn close_others(kept: BorrowedFd<'_>) {
    let kept = libc::c_uint::try_from(kept.as_raw_fd()).unwrap_or(0);
    for (first, last) in [
        (0, kept.checked_sub(1)),
        (kept + 1, Some(libc::c_uint::MAX)),
    ] {
        if let Some(last) = last {
            // SAFETY: called first in a forked child, which uses `kept` and what it opens afterwards,
            // and never returns to code that owns the others.
            unsafe {
                libc::syscall(libc::SYS_close_range, first, last, 0);
            }
        }
    }
}

/// Ends the process without running what was registered for its end.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions.
    unsafe { libc::_exit(status) }
}
