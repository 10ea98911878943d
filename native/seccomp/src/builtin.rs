//! The profile of containers that ask for none: Docker's, for the architectures that we know.
//!
//! What is not named is denied with EPERM, or ENOSYS where it is newer than all that is named. The facts are
//! those of Docker 29; a difference is said where it is.

use crate::action::Action;
use crate::arch::Arch;
use crate::condition::{Condition, Test};
use crate::kernel::KernelVersion;
use crate::profile::{Arches, FLAG_SPEC_ALLOW, Group, Guard, Profile};

pub(crate) fn profile() -> Profile {
    let mut groups = vec![
        allow(ALWAYS),
        Group {
            includes: Guard {
                kernel: Some(KernelVersion { major: 4, minor: 8 }),
                ..Guard::default()
            },
            // Before that release a tracer could change a call after the filter had seen it.
            ..allow("process_vm_readv process_vm_writev ptrace")
        },
        Group {
            alternatives: families(),
            ..allow("socket")
        },
        Group {
            alternatives: PERSONALITIES.map(|p| vec![first(Test::Equal(p))]).to_vec(),
            ..allow("personality")
        },
    ];
    groups.extend(ARCHITECTURES.iter().map(|(arches, names)| Group {
        includes: Guard {
            arches: words(arches),
            ..Guard::default()
        },
        ..allow(names)
    }));
    groups.extend(CAPABILITIES.iter().map(|(capability, names)| Group {
        includes: with(capability),
        ..allow(names)
    }));
    groups.extend(without_admin());
    Profile {
        default: Some(Action::DENY),
        arches: Arches::Map(vec![
            (Arch::X86_64, vec![Arch::X86, Arch::X32]),
            (Arch::Aarch64, vec![Arch::Arm]),
        ]),
        flags: FLAG_SPEC_ALLOW,
        groups,
    }
}

/// New namespaces are for administrators. The flags of clone3 are in memory, where no filter sees them: as if
/// the kernel did not have it, so that the C library falls back to clone.
fn without_admin() -> [Group; 2] {
    const NEW_NAMESPACES: u64 = 0x7e02_0000;
    let flags = Test::Masked {
        mask: NEW_NAMESPACES,
        value: 0,
    };
    [
        Group {
            alternatives: vec![vec![first(flags)]],
            excludes: with("CAP_SYS_ADMIN"),
            ..allow("clone")
        },
        Group {
            action: Action::NO_SUCH_CALL,
            excludes: with("CAP_SYS_ADMIN"),
            ..allow("clone3")
        },
    ]
}

/// All but `AF_ALG` (38) and `AF_VSOCK` (40). The kernel looks at 32 bits and a filter at 64, so a family
/// with more bits than that is none of those allowed.
fn families() -> Vec<Vec<Condition>> {
    const HIGHEST: u64 = 0xffff_ffff;
    vec![
        vec![first(Test::Less(38))],
        vec![first(Test::Equal(39))],
        vec![first(Test::Greater(40)), first(Test::AtMost(HIGHEST))],
    ]
}

/// `PER_LINUX`, `PER_LINUX32`, both with `UNAME26`, and the question which it is.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const fn first(test: Test) -> Condition {
    Condition {
        argument: 0,
        test,
        low: false,
    }
}

fn allow(names: &str) -> Group {
    Group {
        names: words(names),
        action: Action::ALLOW,
        alternatives: Vec::new(),
        includes: Guard::default(),
        excludes: Guard::default(),
    }
}

fn with(capability: &str) -> Guard {
    Guard {
        capabilities: vec![capability.to_owned()],
        ..Guard::default()
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Of the host.
const ARCHITECTURES: [(&str, &str); 3] = [
    (
        "arm arm64",
        "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
    ),
    ("amd64 x32", "arch_prctl"),
    ("amd64 x32 x86", "modify_ldt"),
];

const CAPABILITIES: [(&str, &str); 14] = [
    ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
    (
        "CAP_SYS_ADMIN",
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie
         lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree
         perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2
         unshare",
    ),
    ("CAP_SYS_BOOT", "reboot"),
    ("CAP_SYS_CHROOT", "chroot"),
    ("CAP_SYS_MODULE", "delete_module init_module finit_module"),
    ("CAP_SYS_PACCT", "acct"),
    (
        "CAP_SYS_PTRACE",
        "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
    ),
    ("CAP_SYS_RAWIO", "iopl ioperm"),
    ("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
    ("CAP_SYS_TTY_CONFIG", "vhangup"),
    (
        "CAP_SYS_NICE",
        "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    ),
    ("CAP_SYSLOG", "syslog"),
    ("CAP_BPF", "bpf"),
    ("CAP_PERFMON", "perf_event_open"),
];

const ALWAYS: &str = "
    accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown
    chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect
    copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
    exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir
    fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
    flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64
    fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv
    futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64
    getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer
    getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32
    getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
    getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
    io_setup io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule
    landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen
    listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat
    lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat
    mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open
    mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap
    mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at
    nanosleep newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe
    pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv
    preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read
    readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
    remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall rmdir
    rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
    semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list
    set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
    setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid
    setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid
    setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd
    signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64
    statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
    timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
    timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat
    uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write
    writev
";
