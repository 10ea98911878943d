//! The system calls that neither std nor rustix offers. The only unsafe code of this crate.

mod bpf;
mod pages;
mod seccomp;
mod spawn;

pub use bpf::{bpf_attach_device_program, bpf_load_device_program};
pub use pages::{drop_code_pages, drop_program_pages};
pub use seccomp::{has_seccomp, load_filter};
pub use spawn::{Orphan, spawn_orphan};

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::io::Errno;

type Result<T> = std::result::Result<T, Errno>;

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

fn check(ret: libc::c_long) -> Result<libc::c_long> {
    if ret < 0 { Err(last_errno()) } else { Ok(ret) }
}

/// A descriptor this process was started with.
///
/// Must be called at most once for each number, before anything else opens descriptors.
pub fn inherited(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: F_SETFD takes no pointer; it fails with EBADF when the number is not open.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }.into())?;
    // SAFETY: the number is open (checked above) and the caller promises to claim it only once.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A copy of a descriptor that others in this process hold, by its number.
pub fn copied(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes no pointer; it fails with EBADF when the number is not open.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) }.into())?;
    let copy = RawFd::try_from(copy).map_err(|_| Errno::BADF)?;
    // SAFETY: the call has just made it, and for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Closes every descriptor from `first` up.
///
/// For the start of the monitor and for the reaper, which own nothing there any more.
pub fn close_from(first: c_uint) {
    // SAFETY: no pointer; callers keep no owned descriptor with a number from `first` up.
    unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, 0) };
}

/// Sets close-on-exec on every descriptor from `first` up (Linux 5.11; before, walks the table).
pub fn cloexec_from(first: c_uint) {
    // SAFETY: no pointer; close-on-exec changes nothing for code that does not exec.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if ret == 0 {
        return;
    }
    for fd in first..4096 {
        // SAFETY: no pointer; an unused number fails with EBADF.
        unsafe { libc::fcntl(fd.cast_signed(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// The constant in libc is cut to 32 bits.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

/// Which side of [`clone3`] this is.
pub enum Cloned {
    Parent { pid: u32, pidfd: OwnedFd },
    Child,
}

/// `clone3` without shared memory or signal handlers, with a pidfd, perhaps into a cgroup v2 directory.
///
/// The caller must be single-threaded: the child goes on with a copy of its memory.
pub fn clone3(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Cloned> {
    let mut pidfd: c_int = -1;
    // SAFETY: clone_args is plain integers, for which zero is valid.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags | CLONE_CLEAR_SIGHAND | u64::from(libc::CLONE_PIDFD.cast_unsigned());
    args.pidfd = ptr::from_mut(&mut pidfd) as u64;
    args.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(cgroup.as_raw_fd().cast_unsigned());
    }
    // SAFETY: `args` and `pidfd` live on this stack; no CLONE_VM, so the child has its own copy of
    // both, and the calling process has one thread (kept by the caller).
    let ret = check(unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of_val(&args)) })?;
    if ret == 0 {
        return Ok(Cloned::Child);
    }
    // SAFETY: the kernel has stored a new descriptor that nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Cloned::Parent {
        pid: u32::try_from(ret).unwrap_or(0),
        pidfd,
    })
}

/// Ends this process at once: no destructors, no buffers.
#[allow(clippy::exit)]
pub fn exit_now(status: i32) -> ! {
    // SAFETY: takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}

/// `mount_setattr(2)`: attributes to set and clear, and a propagation type (0 to keep).
pub fn mount_setattr(
    fd: BorrowedFd<'_>,
    recursive: bool,
    set: u64,
    clear: u64,
    propagation: u64,
) -> Result<()> {
    let attr = libc::mount_attr {
        attr_set: set,
        attr_clr: clear,
        propagation,
        userns_fd: 0,
    };
    set_attr(fd, recursive, &attr)
}

/// Shows the owners of a tree that is not mounted yet as this user namespace maps them.
pub fn mount_idmap(fd: BorrowedFd<'_>, recursive: bool, map: BorrowedFd<'_>) -> Result<()> {
    let attr = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: u64::from(map.as_raw_fd().cast_unsigned()),
    };
    set_attr(fd, recursive, &attr)
}

fn set_attr(fd: BorrowedFd<'_>, recursive: bool, attr: &libc::mount_attr) -> Result<()> {
    let mut flags = libc::AT_EMPTY_PATH;
    if recursive {
        flags |= libc::AT_RECURSIVE;
    }
    // SAFETY: the path is a C literal, `attr` lives for the call and its size is passed.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(attr),
            size_of_val(attr),
        )
    };
    check(ret).map(drop)
}

/// Joins the namespaces of a process but for that of pids, see setns(2): a process is born into its pid
/// namespace, for which see [`pids_of`].
pub fn join_namespaces(pidfd: BorrowedFd<'_>) -> Result<()> {
    const NEW_TIME: c_int = 0x80;
    let flags = libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    // SAFETY: no pointer; the caller has one thread and shares nothing of its file system state.
    let join = |flags| check(unsafe { libc::setns(pidfd.as_raw_fd(), flags) }.into()).map(drop);
    match join(flags | NEW_TIME) {
        // A kernel without namespaces for clocks.
        Err(Errno::INVAL) => join(flags),
        other => other,
    }
}

/// From now on children are born into the pid namespace of this process (a pidfd) or of this file.
pub fn pids_of(namespace: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointer; the calling process itself stays where it is.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWPID) }.into()).map(drop)
}

/// Moves this process into a new cgroup namespace.
pub fn unshare_cgroup() -> Result<()> {
    // SAFETY: no pointer; no memory, descriptor or thread is unshared.
    check(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }.into()).map(drop)
}

/// Gives this thread a mount namespace of its own. Not undone: the thread must end after its work.
pub fn unshare_mounts() -> Result<()> {
    // SAFETY: no pointer; the thread's root, directory and umask become its own, descriptors and
    // memory stay shared.
    check(unsafe { libc::unshare(libc::CLONE_FS | libc::CLONE_NEWNS) }.into()).map(drop)
}

/// Gives this thread a root, directory and umask of its own, so that it may change namespaces.
pub fn unshare_fs() -> Result<()> {
    // SAFETY: as above.
    check(unsafe { libc::unshare(libc::CLONE_FS) }.into()).map(drop)
}

/// Moves this thread into a mount namespace.
pub fn enter_mounts(namespace: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointer; the descriptor is open for as long as it is borrowed.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNS) }.into()).map(drop)
}

/// Moves this process into a new network namespace.
pub fn unshare_network() -> Result<()> {
    // SAFETY: no pointer; sockets that are open stay in the namespace they were made in.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) }.into()).map(drop)
}

/// Joins a new, anonymous session keyring.
pub fn new_session_keyring() -> Result<()> {
    let join: c_ulong = libc::KEYCTL_JOIN_SESSION_KEYRING.into();
    // SAFETY: a null name asks for an anonymous keyring.
    check(unsafe { libc::syscall(libc::SYS_keyctl, join, ptr::null::<c_char>()) }).map(drop)
}

/// Unblocks all signals and gives SIGPIPE, which std ignores, its default action back. All others
/// have theirs: [`clone3`] takes handlers away, and [`spawn_orphan`] what was ignored before.
pub fn default_signals() {
    // SAFETY: a zeroed sigaction is SIG_DFL with an empty mask.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, &raw const default, ptr::null_mut());
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// NULL-terminated argument vector that borrows its strings.
pub struct Vector<'a> {
    pointers: Vec<*const c_char>,
    _strings: &'a [CString],
}

impl<'a> Vector<'a> {
    pub fn new(strings: &'a [CString]) -> Self {
        let ends = std::iter::once(ptr::null());
        Self {
            pointers: strings.iter().map(|s| s.as_ptr()).chain(ends).collect(),
            _strings: strings,
        }
    }
}

/// Replaces this program; returns only on failure.
pub fn execve(path: &CStr, argv: &Vector<'_>, env: &Vector<'_>) -> Errno {
    // SAFETY: both vectors are NULL-terminated and borrow strings that outlive the call.
    unsafe { libc::execve(path.as_ptr(), argv.pointers.as_ptr(), env.pointers.as_ptr()) };
    last_errno()
}

/// Shows `text` as this process's command line, as far as there is room: the place of its arguments is
/// the kernel's to choose, and it tells it in `/proc/self/stat`. Nothing happens where that is not told.
pub fn set_command_line(text: &[u8]) {
    // Fields 48 and 49, counted behind the name, which may hold anything but ends with the last ")".
    let described = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = described.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut bounds = fields.split_ascii_whitespace().skip(45);
    let mut next = || bounds.next().and_then(|n| n.parse::<usize>().ok());
    let (Some(start), Some(end)) = (next(), next()) else {
        return;
    };
    // Without the last byte, whose NUL tells the kernel that the arguments are where they were.
    let room = end.saturating_sub(start).saturating_sub(1);
    if start == 0 || room < text.len() {
        return;
    }
    let place: *mut u8 = ptr::with_exposed_provenance_mut(start);
    // SAFETY: the kernel laid the arguments of this program out from `start` to `end`, on its writable
    // stack; std has copied none of them and nobody reads them any more in this process.
    unsafe {
        ptr::write_bytes(place, 0, room);
        ptr::copy_nonoverlapping(text.as_ptr(), place, text.len());
    }
}

/// Plain fork, for the reaper. The caller must be single-threaded. None in the child.
pub fn fork() -> Result<Option<i32>> {
    // SAFETY: one thread (kept by the caller), so the child may go on with a copy of everything.
    let pid = unsafe { libc::fork() };
    check(pid.into())?;
    Ok((pid != 0).then_some(pid))
}

/// Blocks all signals, and returns the next one that arrives.
pub struct SignalQueue(libc::sigset_t);

impl SignalQueue {
    pub fn block_all() -> Self {
        // SAFETY: the set is initialised by sigfillset before it is used.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
            Self(all)
        }
    }

    pub fn next(&self) -> i32 {
        loop {
            // SAFETY: the set is initialised; a null info is allowed.
            let signal = unsafe { libc::sigwaitinfo(&raw const self.0, ptr::null_mut()) };
            if signal > 0 {
                return signal;
            }
        }
    }
}

/// `kill(2)` with a signal that need not have a name.
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: no pointer.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// `pidfd_send_signal(2)` with a signal that need not have a name; 0 probes.
pub fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: i32) -> Result<()> {
    let none = ptr::null::<c_void>();
    // SAFETY: a null info means the kernel fills it as kill(2) does.
    check(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            none,
            0,
        )
    })
    .map(drop)
}

/// Reaps any child: (pid, exit code as Docker counts: status, or 128 + signal).
pub fn reap_any(block: bool) -> Result<Option<(i32, i32)>> {
    let mut status: c_int = 0;
    let flags = if block { 0 } else { libc::WNOHANG };
    // SAFETY: `status` lives for the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
    check(pid.into())?;
    let code = if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status)
    } else {
        libc::WEXITSTATUS(status)
    };
    Ok((pid != 0).then_some((pid, code)))
}

/// Sets the flag UP of `lo` in this network namespace.
pub fn loopback_up(socket: BorrowedFd<'_>) -> Result<()> {
    const UP: i16 = 1;
    // SAFETY: ifreq is plain data, for which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = UP;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which lives for the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) }.into())
        .map(drop)
}

/// Sets one resource limit by its number; `libc::RLIM_INFINITY` for none.
pub fn set_rlimit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit64 {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: pid 0 is this process, `limit` lives for the call, no old value is asked for.
    check(unsafe { libc::prlimit64(0, resource, &raw const limit, ptr::null_mut()) }.into())
        .map(drop)
}

/// Gives free heap back to the kernel.
pub fn trim_heap() {
    // SAFETY: takes no pointer, and releases only what the allocator holds free.
    unsafe { libc::malloc_trim(0) };
}
