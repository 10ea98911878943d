//! Calls that i386 can also make by way of another one, which takes their number as its first argument.

use crate::arch::Arch;
use crate::condition::{Condition, Test};

/// include/uapi/linux/net.h, from 1 on.
const SOCKETCALL: [&str; 20] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];

/// include/uapi/linux/ipc.h
const IPC: [(&str, u64); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// Number and condition of the same call by the other way.
pub(crate) fn other_way(arch: Arch, name: &str) -> Option<(u32, Condition)> {
    if arch != Arch::X86 {
        return None;
    }
    // What lies above those bits is a version (ipc), or not looked at (socketcall).
    let first = |mask: u64, value: u64| Condition {
        argument: 0,
        test: Test::Masked { mask, value },
        low: true,
    };
    if let Some(index) = SOCKETCALL.iter().position(|known| *known == name) {
        let call = u64::try_from(index).ok()? + 1;
        return Some((arch.number("socketcall")?, first(0xffff_ffff, call)));
    }
    let (_, call) = IPC.iter().find(|(known, _)| *known == name)?;
    Some((arch.number("ipc")?, first(0xffff, *call)))
}
