//! What the standard library has no words for. All unsafe code of this program is here.

use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The entry point that `#![no_main]` asks for; arguments reach `std::env::args` without it.
// SAFETY: the one symbol of this name in the program, called once by the C start-up code.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    crate::start()
}

/// By which of the kernel's doors a system call is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    Native,
    /// `int 0x80`, with the numbers of 32-bit x86.
    #[cfg(target_arch = "x86_64")]
    Int80,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Ok,
    Errno(i32),
    Signal(i32),
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Makes a call in a child of its own, which ends with what it answered: should it succeed, nothing
/// of this process has changed.
pub(crate) fn call_apart(door: Door, number: i64, args: [usize; 6]) -> io::Result<End> {
    // SAFETY: this process has one thread, so the child may go on as any program does.
    let pid = check(unsafe { libc::fork() })?;
    if pid == 0 {
        let answer = enter(door, number, args);
        let failed = -4095..0;
        let status = if failed.contains(&answer) { -answer } else { 0 };
        // SAFETY: ends the child without running what belongs to its parent.
        unsafe { libc::_exit(c_int::try_from(status).unwrap_or(255)) };
    }
    let mut status = 0;
    loop {
        // SAFETY: status is a live integer for the time of the call.
        match check(unsafe { libc::waitpid(pid, &raw mut status, 0) }) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
            Ok(_) => break,
        }
    }
    Ok(if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        match libc::WEXITSTATUS(status) {
            0 => End::Ok,
            errno => End::Errno(errno),
        }
    })
}

#[cfg(target_arch = "x86_64")]
fn enter(door: Door, number: i64, args: [usize; 6]) -> i64 {
    let answer: i64;
    match door {
        // SAFETY: the arguments are chosen so that no kernel reads or writes memory of this process;
        // all registers that the instruction changes are named.
        Door::Native => unsafe {
            std::arch::asm!("syscall",
                inlateout("rax") number => answer,
                in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
                in("r10") args[3], in("r8") args[4], in("r9") args[5],
                lateout("rcx") _, lateout("r11") _);
        },
        // SAFETY: as above. rbx, which the compiler keeps for itself, is put back; of rax, a 32-bit
        // answer is extended below. r8 to r11 are cleared by some kernels.
        Door::Int80 => unsafe {
            let low: u64;
            std::arch::asm!("xchg rbx, {first}", "int 0x80", "xchg rbx, {first}",
                first = inout(reg) args[0] => _,
                inlateout("rax") number => low,
                in("rcx") args[1], in("rdx") args[2], in("rsi") args[3], in("rdi") args[4],
                lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _);
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
            {
                answer = i64::from(low as u32 as i32);
            }
        },
    }
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn enter(_door: Door, number: i64, args: [usize; 6]) -> i64 {
    // SAFETY: the arguments are chosen so that no kernel reads or writes memory of this process.
    let answer =
        unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) };
    if answer == -1 {
        -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(1))
    } else {
        answer
    }
}

/// prctl with one argument and no memory.
pub(crate) fn prctl(option: c_int, argument: c_ulong) -> io::Result<c_int> {
    // SAFETY: the options that are asked for take integers.
    check(unsafe { libc::prctl(option, argument, 0, 0, 0) })
}

/// `PR_GET_PDEATHSIG`: the signal that the parent's end would send.
pub(crate) fn parent_death_signal() -> io::Result<c_int> {
    let mut signal = 0;
    // SAFETY: signal is a live integer, which the kernel writes.
    check(unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) })?;
    Ok(signal)
}

/// Soft and hard value.
pub(crate) fn limit(resource: u32) -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: limit is live and of the type that the kernel writes.
    check(unsafe { libc::getrlimit(resource, &raw mut limit) })?;
    Ok((limit.rlim_cur, limit.rlim_max))
}

/// Real, effective and saved.
pub(crate) fn user_ids() -> [u32; 3] {
    let mut ids = [0; 3];
    let [real, effective, saved] = &mut ids;
    // SAFETY: three live integers, which the kernel writes.
    unsafe { libc::getresuid(real, effective, saved) };
    ids
}

/// Real, effective and saved.
pub(crate) fn group_ids() -> [u32; 3] {
    let mut ids = [0; 3];
    let [real, effective, saved] = &mut ids;
    // SAFETY: three live integers, which the kernel writes.
    unsafe { libc::getresgid(real, effective, saved) };
    ids
}

/// Process, parent, process group and session.
pub(crate) fn relations() -> [c_int; 4] {
    // SAFETY: none of them takes memory or can fail for the caller itself.
    unsafe {
        [
            libc::getpid(),
            libc::getppid(),
            libc::getpgid(0),
            libc::getsid(0),
        ]
    }
}

/// Sets it and puts it back: there is no other way to read it.
pub(crate) fn umask() -> u32 {
    // SAFETY: neither takes memory.
    unsafe {
        let mask = libc::umask(0);
        libc::umask(mask);
        mask
    }
}

/// What `access(2)` says; `mode` is `R_OK`, `W_OK` or `X_OK`.
pub(crate) fn access(path: &Path, mode: c_int) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: path ends with a NUL and lives through the call.
    check(unsafe { libc::access(path.as_ptr(), mode) }).map(|_| ())
}

pub(crate) fn make_node(path: &Path, mode: u32, device: (u32, u32)) -> io::Result<()> {
    let path = c_path(path)?;
    let device = libc::makedev(device.0, device.1);
    // SAFETY: path ends with a NUL and lives through the call.
    check(unsafe { libc::mknod(path.as_ptr(), mode, device) }).map(|_| ())
}

/// The number and the description of the session keyring.
pub(crate) fn session_keyring() -> io::Result<(i64, String)> {
    const GET_KEYRING_ID: usize = 0;
    const DESCRIBE: usize = 6;
    const SESSION: i32 = -3;
    // SAFETY: takes integers only.
    let id = unsafe { libc::syscall(libc::SYS_keyctl, GET_KEYRING_ID, SESSION, 0) };
    if id < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut text = [0u8; 512];
    // SAFETY: the buffer is live and its length is told; the kernel ends what it writes with a NUL.
    let length = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            DESCRIBE,
            id,
            text.as_mut_ptr(),
            text.len(),
        )
    };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    let words = CStr::from_bytes_until_nul(&text).map_err(io::Error::other)?;
    Ok((id, words.to_string_lossy().into_owned()))
}

/// Returns when SIGTERM arrives; reaps whatever becomes a child meanwhile.
pub(crate) fn wait_for_term() {
    // SAFETY: the set is live; a blocked signal stays pending until sigwait takes it, so that none
    // is lost, and waitpid takes no memory.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        loop {
            let mut signal = 0;
            if libc::sigwait(&raw const set, &raw mut signal) == 0 && signal == libc::SIGTERM {
                return;
            }
            while libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) > 0 {}
        }
    }
}
