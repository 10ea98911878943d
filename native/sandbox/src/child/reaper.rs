//! `--init`: PID 1 that passes signals on to the program and reaps what is orphaned.

use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal};

use super::Result;
use crate::error::Context;
use crate::sys::{self, SignalQueue};

/// Forks; returns in the child, which goes on to become the program. The parent never returns: it
/// ends with the program's status.
pub(super) fn split() -> Result<()> {
    // So that orphans come here even where this is not PID 1 of a namespace.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .step("become reaper", "")?;
    let signals = SignalQueue::block_all();
    // The child's are gone with execve.
    let _named = rustix::thread::set_name(c"rt-init");
    sys::set_command_line(b"rt-init");
    let (closed, held) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("make pipe", "")?;
    if let Some(program) = sys::fork().step("fork", "")? {
        // The channel to the monitor must close when the program runs.
        sys::close_from(3);
        sys::exit_now(reap(program, &signals));
    }
    // The program finds the reaper as it is going to be, with nothing open.
    drop(held);
    let _end = rustix::io::read(&closed, &mut [0u8; 1]);
    drop(closed);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .step("tie to reaper", "")?;
    // A group of its own, in front of the terminal, so that ^C reaches the program once: by the
    // terminal, not from the reaper as well. Changing it needs SIGTTOU blocked, as it still is.
    rustix::process::setpgid(None, None).step("make process group", "")?;
    let stdin = rustix::stdio::stdin();
    if rustix::termios::isatty(stdin) {
        let own: Pid = rustix::process::getpid();
        match rustix::termios::tcsetpgrp(stdin, own) {
            // The terminal is not this session's.
            Ok(()) | Err(Errno::NOTTY) => {}
            Err(errno) => return Err(errno).step("take terminal", ""),
        }
    }
    sys::default_signals();
    Ok(())
}

fn reap(program: i32, signals: &SignalQueue) -> i32 {
    loop {
        let signal = signals.next();
        if signal != Signal::CHILD.as_raw() {
            let _gone = sys::kill(program, signal);
            continue;
        }
        while let Ok(Some((pid, status))) = sys::reap_any(false) {
            if pid == program {
                return status;
            }
        }
    }
}
