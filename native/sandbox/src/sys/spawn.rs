//! Starting a program that is nobody's child from a large process with many threads.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;

use rustix::io::Errno;

use super::{Result, Vector, last_errno};

/// What [`spawn_orphan`] gives the new program: `fds[i]` becomes descriptor `i`.
pub struct Orphan<'a> {
    pub image: BorrowedFd<'a>,
    pub argv: &'a Vector<'a>,
    pub env: &'a Vector<'a>,
    pub fds: &'a [RawFd],
}

struct SpawnState<'a> {
    orphan: &'a Orphan<'a>,
    inner_stack: *mut c_void,
    /// The first descriptor above those of the program.
    above: c_int,
    pid: c_int,
    errno: c_int,
}

/// Starts a program that is nobody's child: the intermediate that starts it ends at once, so the
/// kernel gives the program to init. Both steps share this process's memory (as `vfork` does), so
/// the cost does not grow with it. Returns the program's pid.
///
/// `fds` and the image must all be above `fds.len()`, so that no copy overwrites one still needed.
pub fn spawn_orphan(orphan: &Orphan<'_>) -> Result<u32> {
    const STACK: usize = 64 * 1024;
    let above = c_int::try_from(orphan.fds.len()).map_err(|_| Errno::INVAL)?;
    if orphan.fds.iter().any(|fd| *fd <= above) || orphan.image.as_raw_fd() <= above {
        return Err(Errno::INVAL);
    }
    // One allocation for both stacks, which grow downwards; u128 for their alignment of 16.
    let mut stacks = vec![0u128; 2 * STACK / size_of::<u128>()];
    let base: *mut u8 = stacks.as_mut_ptr().cast();
    let mut state = SpawnState {
        orphan,
        inner_stack: base.wrapping_add(STACK).cast(),
        above,
        pid: -1,
        errno: 0,
    };
    let argument: *mut c_void = (&raw mut state).cast();
    // SAFETY: CLONE_VFORK suspends this thread until the intermediate has ended, so `state` and
    // `stacks` outlive their use. All signals are blocked meanwhile, so that no handler of this
    // process runs in a child that shares its memory. exit_signal 0: no SIGCHLD disturbs the host
    // program, and only __WCLONE reaps the intermediate.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK;
        let pid = libc::clone(
            intermediate,
            base.wrapping_add(2 * STACK).cast(),
            flags,
            argument,
        );
        let failed = (pid < 0).then(last_errno);
        if pid > 0 {
            let mut status = 0;
            while libc::waitpid(pid, &raw mut status, libc::__WCLONE) < 0
                && last_errno() == Errno::INTR
            {}
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const old, ptr::null_mut());
        if let Some(errno) = failed {
            return Err(errno);
        }
    }
    if state.errno != 0 {
        return Err(Errno::from_raw_os_error(state.errno));
    }
    u32::try_from(state.pid).map_err(|_| Errno::AGAIN)
}

extern "C" fn intermediate(argument: *mut c_void) -> c_int {
    // SAFETY: `argument` is the SpawnState on the stack of `spawn_orphan`, which is suspended; the
    // inner clone suspends this function in turn until the program runs or has failed. SIGCHLD is
    // what init expects of the child it inherits.
    unsafe {
        let state: *mut SpawnState<'_> = argument.cast();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let pid = libc::clone(become_program, (*state).inner_stack, flags, argument);
        if pid < 0 {
            (*state).errno = *libc::__errno_location();
        }
        (*state).pid = pid;
    }
    0
}

extern "C" fn become_program(argument: *mut c_void) -> c_int {
    // SAFETY: as in `intermediate`. Only system calls are made here. The descriptor table is a copy
    // (no CLONE_FILES), the vectors are NULL-terminated, the empty path names `image` itself.
    unsafe {
        let state: *mut SpawnState<'_> = argument.cast();
        let orphan = (*state).orphan;
        for (to, from) in (0..).zip(orphan.fds) {
            if libc::dup2(*from, to) < 0 {
                (*state).errno = *libc::__errno_location();
                return 127;
            }
        }
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=libc::SIGRTMAX() {
            libc::sigaction(signal, &raw const default, ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        let (argv, env) = (orphan.argv.pointers.as_ptr(), orphan.env.pointers.as_ptr());
        // The kernel lets the parent go on before it closes what is close-on-exec: closed here, no copy
        // of any other descriptor is left when `spawn_orphan` returns. (Kernels before 5.9 cannot.)
        let above = (*state).above;
        let image = libc::dup3(orphan.image.as_raw_fd(), above, libc::O_CLOEXEC);
        if image < 0 {
            (*state).errno = *libc::__errno_location();
            return 127;
        }
        libc::syscall(libc::SYS_close_range, above + 1, libc::c_uint::MAX, 0);
        libc::syscall(
            libc::SYS_execveat,
            image,
            c"".as_ptr(),
            argv,
            env,
            libc::AT_EMPTY_PATH,
        );
        (*state).errno = *libc::__errno_location();
    }
    127
}
