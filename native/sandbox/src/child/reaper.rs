//! `--init`: the first process stays behind as a reaper, and the program is its child.

use rustix::process::Signal;

use super::Result;
use crate::error::Context;
use crate::sys::{self, SignalQueue};

/// Returns in the child, which goes on to the program. The parent forwards every signal, reaps
/// whatever is left to it, and ends as the program ends.
pub(super) fn split() -> Result<()> {
    let signals = SignalQueue::block_all();
    let Some(program) = sys::fork().step("fork", "")? else {
        sys::reset_signals();
        return rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .step("tie to init", "");
    };
    // The channel among them: it has to close when the program runs.
    sys::close_from(3);
    loop {
        let signal = signals.next();
        if signal == Signal::CHILD.as_raw() {
            reap(program);
        } else {
            let _already_gone = sys::kill(program, signal);
        }
    }
}

fn reap(program: i32) {
    while let Ok(Some((pid, code))) = sys::reap_any(false) {
        if pid == program {
            sys::exit_now(code);
        }
    }
}
