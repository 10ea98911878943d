//! What the libraries have no words for. All unsafe code of this program is here.

/// Attaches to a process and lets go of it again; true if that was allowed.
pub(crate) fn can_trace(pid: i32) -> bool {
    // SAFETY: no memory of this process is involved; the tracee is stopped, since only then it can be let go of: its
    // end would wait for this process otherwise.
    unsafe {
        if libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) != 0 {
            return false;
        }
        libc::ptrace(libc::PTRACE_INTERRUPT, pid, 0, 0);
        libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL);
        libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0);
    }
    true
}

/// Every process goes on doing the same, whether it could make another or not.
pub(crate) fn fork_for_ever() -> ! {
    loop {
        // SAFETY: this process has one thread, so the child may go on as any program does.
        unsafe { libc::fork() };
    }
}
