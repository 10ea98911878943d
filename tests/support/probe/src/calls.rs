//! System calls that a container might be denied, each with arguments that no kernel acts upon: what
//! is allowed answers with an error of its own (EFAULT, EBADF, EINVAL …), which tells it from a
//! refusal. Where the kernel asks for a capability first, EPERM may come from it.

use libc as c;
use serde_json::{Map, Value};

use crate::errno;
use crate::sys::{Door, End, call_apart};

struct Call {
    name: &'static str,
    number: i64,
    args: &'static [usize],
}

const fn call(name: &'static str, number: i64, args: &'static [usize]) -> Call {
    Call { name, number, args }
}

/// No descriptor, no process, all flags.
const NONE: usize = usize::MAX;
/// An address where nothing is mapped.
const BAD: usize = 1;
/// A thread needs `CLONE_SIGHAND` too: refused by every kernel before anything is made.
const THREAD: usize = 0x0001_0000;
/// A type of socket that does not exist.
const NO_TYPE: usize = 0x100;

/// What every processor has.
#[rustfmt::skip]
const CALLS: &[Call] = &[
    // Allowed to every container.
    call("adjtimex", c::SYS_adjtimex, &[BAD]),
    call("cachestat", 451, &[NONE, BAD, BAD, NONE]),
    call("capset", c::SYS_capset, &[BAD, BAD]),
    call("chroot", c::SYS_chroot, &[BAD]),
    call("clock_adjtime", c::SYS_clock_adjtime, &[0, BAD]),
    call("clone", c::SYS_clone, &[THREAD]),
    call("close_range", c::SYS_close_range, &[1, 0, 0]),
    call("copy_file_range", c::SYS_copy_file_range, &[NONE, 0, NONE, 0, 0, 0]),
    call("execve", c::SYS_execve, &[BAD]),
    call("faccessat2", c::SYS_faccessat2, &[NONE, BAD, 0, NONE]),
    call("fchmodat2", 452, &[NONE, BAD, 0, NONE]),
    call("fchownat", c::SYS_fchownat, &[NONE, BAD, 0, 0, 0]),
    call("futex_waitv", c::SYS_futex_waitv, &[0, 0, NONE]),
    call("getxattrat", 464, &[NONE, BAD, NONE, BAD, BAD, 0]),
    call("io_setup", c::SYS_io_setup, &[1, BAD]),
    call("ioprio_set", c::SYS_ioprio_set, &[NONE, 0, 0]),
    call("landlock_create_ruleset", c::SYS_landlock_create_ruleset, &[BAD, 0, 0x100]),
    call("listmount", 458, &[BAD, BAD, 0, NONE]),
    call("membarrier", c::SYS_membarrier, &[NONE]),
    call("memfd_create", c::SYS_memfd_create, &[BAD, 0]),
    call("memfd_secret", 447, &[NONE]),
    call("mknodat", c::SYS_mknodat, &[NONE, BAD, 0, 0]),
    call("mlock2", c::SYS_mlock2, &[0, 0, NONE]),
    call("mq_open", c::SYS_mq_open, &[BAD, 0, 0, 0]),
    call("mseal", c::SYS_mseal, &[0, 0, NONE]),
    call("name_to_handle_at", c::SYS_name_to_handle_at, &[NONE, BAD, BAD, BAD, 0]),
    call("openat2", c::SYS_openat2, &[NONE, BAD, BAD, 0]),
    call("pidfd_open", c::SYS_pidfd_open, &[NONE, NONE]),
    call("pidfd_send_signal", c::SYS_pidfd_send_signal, &[NONE, 0, 0, 0]),
    call("pkey_alloc", c::SYS_pkey_alloc, &[NONE, NONE]),
    call("prctl", c::SYS_prctl, &[0x7fff_ffff]),
    call("process_mrelease", c::SYS_process_mrelease, &[NONE, 1]),
    call("process_vm_readv", c::SYS_process_vm_readv, &[NONE, 0, 0, 0, 0, 1]),
    call("process_vm_writev", c::SYS_process_vm_writev, &[NONE, 0, 0, 0, 0, 1]),
    call("ptrace", c::SYS_ptrace, &[9999, NONE, 0, 0]),
    call("renameat2", c::SYS_renameat2, &[NONE, BAD, NONE, BAD, NONE]),
    call("rseq", c::SYS_rseq, &[BAD, 0, NONE]),
    call("sched_setattr", c::SYS_sched_setattr, &[0, 0, NONE]),
    call("seccomp", c::SYS_seccomp, &[9999]),
    call("setresuid", c::SYS_setresuid, &[NONE, NONE, NONE]),
    call("setxattrat", 463, &[NONE, BAD, NONE, BAD, BAD, 0]),
    call("shmget", c::SYS_shmget, &[0, 0, 0]),
    call("splice", c::SYS_splice, &[NONE, 0, NONE, 0, 1, 0]),
    call("statmount", 457, &[BAD, BAD, 0, NONE]),
    call("timerfd_create", c::SYS_timerfd_create, &[NONE, 0]),
    // Arguments decide.
    call("clone NEWNS", c::SYS_clone, &[THREAD | 0x0002_0000]),
    call("clone NEWCGROUP", c::SYS_clone, &[THREAD | 0x0200_0000]),
    call("clone NEWUTS", c::SYS_clone, &[THREAD | 0x0400_0000]),
    call("clone NEWIPC", c::SYS_clone, &[THREAD | 0x0800_0000]),
    call("clone NEWUSER", c::SYS_clone, &[THREAD | 0x1000_0000]),
    call("clone 2^32+NEWUSER", c::SYS_clone, &[(1 << 32) | THREAD | 0x1000_0000]),
    call("clone NEWPID", c::SYS_clone, &[THREAD | 0x2000_0000]),
    call("clone NEWNET", c::SYS_clone, &[THREAD | 0x4000_0000]),
    call("personality 0", c::SYS_personality, &[0]),
    call("personality 0x8", c::SYS_personality, &[0x8]),
    call("personality 0x20000", c::SYS_personality, &[0x2_0000]),
    call("personality 0x20008", c::SYS_personality, &[0x2_0008]),
    call("personality 0xffffffff", c::SYS_personality, &[0xffff_ffff]),
    call("personality 0x40000", c::SYS_personality, &[0x4_0000]),
    call("personality 0x400000", c::SYS_personality, &[0x40_0000]),
    call("personality 0x28", c::SYS_personality, &[0x28]),
    call("socket UNIX", c::SYS_socket, &[1, NO_TYPE, 0]),
    call("socket INET", c::SYS_socket, &[2, NO_TYPE, 0]),
    call("socket INET6", c::SYS_socket, &[10, NO_TYPE, 0]),
    call("socket NETLINK", c::SYS_socket, &[16, NO_TYPE, 0]),
    call("socket PACKET", c::SYS_socket, &[17, NO_TYPE, 0]),
    call("socket ALG", c::SYS_socket, &[38, NO_TYPE, 0]),
    call("socket VSOCK", c::SYS_socket, &[40, NO_TYPE, 0]),
    // The kernel takes the family from the lower half of the argument.
    call("socket 2^32+ALG", c::SYS_socket, &[(1 << 32) + 38, NO_TYPE, 0]),
    call("socket 2^32+VSOCK", c::SYS_socket, &[(1 << 32) + 40, NO_TYPE, 0]),
    call("socket XDP", c::SYS_socket, &[44, NO_TYPE, 0]),
    // Denied, or allowed with a capability.
    call("acct", c::SYS_acct, &[BAD]),
    call("add_key", c::SYS_add_key, &[BAD, 0, 0, 0, 0]),
    call("bpf", c::SYS_bpf, &[0x7fff, BAD, 0]),
    call("clock_settime", c::SYS_clock_settime, &[0, BAD]),
    call("clone3", c::SYS_clone3, &[0, 0]),
    call("delete_module", c::SYS_delete_module, &[BAD, 0]),
    call("fanotify_init", c::SYS_fanotify_init, &[NONE, 0]),
    call("finit_module", c::SYS_finit_module, &[NONE, BAD, NONE]),
    call("fsconfig", c::SYS_fsconfig, &[NONE, 0, 0, 0, 0]),
    call("fsmount", c::SYS_fsmount, &[NONE, 0, 0]),
    call("fsopen", c::SYS_fsopen, &[BAD, 0]),
    call("fspick", c::SYS_fspick, &[NONE, BAD, 0]),
    call("get_mempolicy", c::SYS_get_mempolicy, &[0, 0, 0, 0, NONE]),
    call("init_module", c::SYS_init_module, &[BAD, 0, BAD]),
    call("io_uring_enter", c::SYS_io_uring_enter, &[NONE, 0, 0, 1 << 31]),
    call("io_uring_register", c::SYS_io_uring_register, &[NONE, 0x7fff, 0, 0]),
    call("io_uring_setup", c::SYS_io_uring_setup, &[1, BAD]),
    call("kcmp", c::SYS_kcmp, &[NONE, NONE, 0, 0, 0]),
    call("kexec_file_load", c::SYS_kexec_file_load, &[NONE, NONE, 0, 0, NONE]),
    call("kexec_load", c::SYS_kexec_load, &[0, 0, 0, NONE]),
    call("keyctl", c::SYS_keyctl, &[9999]),
    call("lookup_dcookie", c::SYS_lookup_dcookie, &[NONE, BAD, 0]),
    call("lsm_get_self_attr", 459, &[0, BAD, BAD, NONE]),
    call("lsm_list_modules", 461, &[BAD, BAD, NONE]),
    call("lsm_set_self_attr", 460, &[0, BAD, 0, NONE]),
    call("mbind", c::SYS_mbind, &[0, 0, 0, 0, 0, 0x7fff]),
    call("migrate_pages", c::SYS_migrate_pages, &[0x7fff_ffff, 0, 0, 0]),
    call("mount", c::SYS_mount, &[0, BAD, 0, 0, 0]),
    call("mount_setattr", c::SYS_mount_setattr, &[NONE, BAD, 0, BAD, 0]),
    call("move_mount", c::SYS_move_mount, &[NONE, BAD, NONE, BAD, 0]),
    call("move_pages", c::SYS_move_pages, &[0, 0, 0, 0, 0, 0x7fff]),
    call("nfsservctl", c::SYS_nfsservctl, &[9999]),
    call("open_by_handle_at", c::SYS_open_by_handle_at, &[NONE, BAD, 0]),
    call("open_tree", c::SYS_open_tree, &[NONE, BAD, 0]),
    call("perf_event_open", c::SYS_perf_event_open, &[BAD, 0, NONE, NONE, NONE]),
    call("pidfd_getfd", c::SYS_pidfd_getfd, &[NONE, NONE, 1]),
    call("pivot_root", c::SYS_pivot_root, &[BAD, BAD]),
    call("process_madvise", c::SYS_process_madvise, &[NONE, 0, 0, 0, 1]),
    call("quotactl", c::SYS_quotactl, &[0xff, 0, 0, 0]),
    call("quotactl_fd", c::SYS_quotactl_fd, &[NONE, 0xff, 0, 0]),
    call("reboot", c::SYS_reboot, &[0, 0, 0, 0]),
    call("request_key", c::SYS_request_key, &[BAD, 0, 0, 0]),
    call("set_mempolicy", c::SYS_set_mempolicy, &[0x7fff, 0, 0]),
    call("set_mempolicy_home_node", c::SYS_set_mempolicy_home_node, &[0, 0, 0, 1]),
    call("setdomainname", c::SYS_setdomainname, &[BAD, NONE]),
    call("sethostname", c::SYS_sethostname, &[BAD, NONE]),
    call("setns", c::SYS_setns, &[NONE, 0]),
    call("settimeofday", c::SYS_settimeofday, &[BAD, 0]),
    call("swapoff", c::SYS_swapoff, &[BAD]),
    call("swapon", c::SYS_swapon, &[BAD, 0x7fff_ffff]),
    call("syslog", c::SYS_syslog, &[99, 0, 0]),
    call("umount2", c::SYS_umount2, &[BAD, 0]),
    call("unshare", c::SYS_unshare, &[1]),
    call("userfaultfd", c::SYS_userfaultfd, &[NONE]),
    // Beyond what any kernel has, and the last that the profile knows is far below.
    call("number 10000", 10_000, &[]),
];

#[cfg(target_arch = "x86_64")]
const OWN: &[Call] = &[
    call("arch_prctl", c::SYS_arch_prctl, &[9999, 0]),
    call("fork", c::SYS_fork, &[]),
    call("modify_ldt", c::SYS_modify_ldt, &[0, 0, 0]),
    call("_sysctl", c::SYS__sysctl, &[BAD]),
    call("create_module", 174, &[BAD, 0]),
    call("get_kernel_syms", 177, &[BAD]),
    call("ioperm", c::SYS_ioperm, &[NONE, 1, 1]),
    call("iopl", c::SYS_iopl, &[4]),
    call("query_module", 178, &[BAD, 0, BAD, 0, BAD]),
    call("sysfs", c::SYS_sysfs, &[9, 0, 0]),
    call("uselib", c::SYS_uselib, &[BAD]),
    call("ustat", c::SYS_ustat, &[NONE, BAD]),
    // The same kernel by x32's numbers.
    call("x32 getpid", X32 + c::SYS_getpid, &[]),
    call("x32 ptrace", X32 + 521, &[9999, NONE, 0, 0]),
    call("x32 mount", X32 + c::SYS_mount, &[0, BAD, 0, 0, 0]),
    call("x32 keyctl", X32 + c::SYS_keyctl, &[9999]),
    call("x32 unshare", X32 + c::SYS_unshare, &[1]),
    call(
        "x32 clone NEWUSER",
        X32 + c::SYS_clone,
        &[THREAD | 0x1000_0000],
    ),
    call("x32 number 10000", X32 + 10_000, &[]),
];

#[cfg(target_arch = "x86_64")]
pub(crate) const X32: i64 = 0x4000_0000;

/// By `int 0x80`, with the numbers of 32-bit x86.
#[cfg(target_arch = "x86_64")]
const INT80: &[Call] = &[
    call("i386 getpid", 20, &[]),
    call("i386 stat64", 195, &[BAD, BAD]),
    call("i386 socketcall", 102, &[1, BAD]),
    call("i386 socket ALG", 359, &[38, NO_TYPE, 0]),
    call("i386 clone", 120, &[THREAD]),
    call("i386 clone NEWUSER", 120, &[THREAD | 0x1000_0000]),
    call("i386 clone3", 435, &[0, 0]),
    call("i386 mount", 21, &[0, BAD, 0, 0, 0]),
    call("i386 umount", 22, &[BAD]),
    call("i386 stime", 25, &[BAD]),
    call("i386 vm86old", 113, &[BAD]),
    call("i386 vm86", 166, &[0, 0]),
    call("i386 keyctl", 288, &[9999]),
    call("i386 unshare", 310, &[1]),
    call("i386 setns", 346, &[0xffff_ffff, 0]),
    call("i386 bpf", 357, &[0x7fff, BAD, 0]),
    call("i386 number 10000", 10_000, &[]),
];

fn answer(door: Door, call: &Call) -> Value {
    let mut args = [0; 6];
    args[..call.args.len()].copy_from_slice(call.args);
    tell(door, call.number, args)
}

/// "ok", an error's name, or the signal that came instead of an answer.
pub(crate) fn tell(door: Door, number: i64, args: [usize; 6]) -> Value {
    match call_apart(door, number, args) {
        Ok(End::Ok) => Value::from("ok"),
        Ok(End::Errno(number)) => Value::from(errno::name(number)),
        Ok(End::Signal(number)) => Value::from(format!("signal {number}")),
        Err(e) => Value::from(format!("cannot be tried: {e}")),
    }
}

pub(crate) fn all() -> Value {
    let mut said = Map::new();
    for call in CALLS {
        said.insert(call.name.to_owned(), answer(Door::Native, call));
    }
    #[cfg(target_arch = "x86_64")]
    {
        for call in OWN {
            said.insert(call.name.to_owned(), answer(Door::Native, call));
        }
        for call in INT80 {
            said.insert(call.name.to_owned(), answer(Door::Int80, call));
        }
    }
    Value::Object(said)
}
