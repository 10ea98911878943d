//! Every number that a system call can have, by each of the kernel's doors, with arguments of all ones.
//! The answers say something only beside others; they are not to be asked for by a process with more
//! than a container's ordinary capabilities.

use serde_json::{Map, Value};

#[cfg(target_arch = "x86_64")]
use crate::calls::{X32, tell};
#[cfg(target_arch = "x86_64")]
use crate::sys::Door;

/// Up to what no kernel has yet; x32's own begin at 512.
#[cfg(target_arch = "x86_64")]
const LAST: i64 = 600;

/// Calls that end or stop whoever makes them, and `sync`, for which the whole machine would wait:
/// `rt_sigreturn` (twice, for x32), pause, vfork, exit, vhangup, sync, `exit_group`.
#[cfg(target_arch = "x86_64")]
const NOT_BY_SYSCALL: [i64; 8] = [15, 34, 58, 60, 153, 162, 231, 513];

/// exit, pause, sync, sigsuspend, vhangup, sigreturn, `rt_sigreturn`, vfork,
/// `exit_group`.
#[cfg(target_arch = "x86_64")]
const NOT_BY_INT80: [i64; 9] = [1, 29, 36, 72, 111, 119, 173, 190, 252];

/// `{native, x32, i386}`, each `{number: answer}`; empty on other processors.
#[cfg(target_arch = "x86_64")]
pub(crate) fn all() -> Value {
    let sweep = |door: Door, base: i64, never: &[i64]| -> Value {
        let tried = (0..LAST).filter(|number| !never.contains(number));
        let said = tried.map(|number| {
            let answer = tell(door, base + number, [usize::MAX; 6]);
            (number.to_string(), answer)
        });
        Value::Object(said.collect())
    };
    let mut said = Map::new();
    said.insert("native".into(), sweep(Door::Native, 0, &NOT_BY_SYSCALL));
    said.insert("x32".into(), sweep(Door::Native, X32, &NOT_BY_SYSCALL));
    said.insert("i386".into(), sweep(Door::Int80, 0, &NOT_BY_INT80));
    Value::Object(said)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn all() -> Value {
    Value::Object(Map::new())
}
