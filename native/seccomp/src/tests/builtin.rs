use super::machine::{Input, trace};
use super::{ADMIN, Compiled, DEFAULT_CAPABILITIES, host};
use crate::action::Action;
use crate::arch::{Arch, X32_BIT};
use crate::builtin;
use crate::{Host, KernelVersion};

fn with(capabilities: u64) -> Compiled {
    Compiled::new(&builtin::profile(), capabilities, &host(Arch::X86_64))
}

const NONE: [u64; 6] = [0; 6];
const ALL: [Arch; 3] = [Arch::X86_64, Arch::X86, Arch::X32];

fn args(first: u64) -> [u64; 6] {
    [first, 1, 2, 3, 4, 5]
}

#[test]
fn what_docker_denies_is_denied_on_every_architecture() {
    let compiled = with(DEFAULT_CAPABILITIES);
    let denied = "mount umount2 unshare setns bpf perf_event_open keyctl add_key request_key \
        kexec_load init_module finit_module delete_module open_by_handle_at io_uring_setup \
        io_uring_enter io_uring_register userfaultfd syslog settimeofday clock_settime reboot swapon \
        swapoff acct pivot_root quotactl fsopen fsmount move_mount open_tree mount_setattr iopl ioperm \
        mbind set_mempolicy kcmp pidfd_getfd process_madvise vhangup sethostname fanotify_init";
    for arch in ALL {
        for name in denied.split_whitespace() {
            assert_eq!(compiled.call(arch, name, NONE), Action::DENY, "{name}");
        }
        for name in [
            "read", "execve", "capset", "ptrace", "chroot", "prctl", "futex",
        ] {
            assert_eq!(compiled.call(arch, name, NONE), Action::ALLOW, "{name}");
        }
        assert_eq!(compiled.call(arch, "clone3", NONE), Action::NO_SUCH_CALL);
    }
}

#[test]
fn numbers_above_the_highest_that_is_named_do_not_exist() {
    let compiled = with(DEFAULT_CAPABILITIES);
    for number in [467, 9999, 0x3fff_ffff] {
        for audit in [Arch::X86_64.audit(), Arch::X86.audit()] {
            assert_eq!(compiled.answer(audit, number, NONE), Action::NO_SUCH_CALL);
        }
    }
    let x32 = Arch::X32.audit();
    assert_eq!(
        compiled.answer(x32, X32_BIT + 548, NONE),
        Action::NO_SUCH_CALL
    );
    assert_eq!(compiled.answer(x32, X32_BIT + 511, NONE), Action::DENY);
    assert_eq!(compiled.answer(x32, u32::MAX, NONE), Action::NO_SUCH_CALL);
    // A gap in the table.
    assert_eq!(
        compiled.answer(Arch::X86_64.audit(), 400, NONE),
        Action::DENY
    );
}

#[test]
fn another_architecture_is_killed() {
    let compiled = with(DEFAULT_CAPABILITIES);
    for audit in [0, Arch::Aarch64.audit(), Arch::Arm.audit(), 0xc000_0015] {
        assert_eq!(compiled.answer(audit, 0, NONE), Action::KILL_THREAD);
    }
}

#[test]
fn socket_families_are_judged_by_all_bits() {
    let compiled = with(DEFAULT_CAPABILITIES);
    for arch in ALL {
        for allowed in [1, 2, 10, 16, 17, 37, 39, 41, 45, 0xffff_ffff] {
            assert_eq!(compiled.call(arch, "socket", args(allowed)), Action::ALLOW);
        }
        // The kernel takes the low half for the family.
        for denied in [38, 40, (1 << 32) + 40, (1 << 32) + 38] {
            assert_eq!(compiled.call(arch, "socket", args(denied)), Action::DENY);
        }
    }
}

#[test]
fn personalities_and_namespaces_are_judged_by_their_bits() {
    let compiled = with(DEFAULT_CAPABILITIES);
    for arch in ALL {
        for allowed in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
            assert_eq!(
                compiled.call(arch, "personality", args(allowed)),
                Action::ALLOW
            );
        }
        for denied in [1, 4, 0x4_0000, (1 << 32) + 4] {
            assert_eq!(
                compiled.call(arch, "personality", args(denied)),
                Action::DENY
            );
        }
        assert_eq!(
            compiled.call(arch, "clone", args(0x0120_0011)),
            Action::ALLOW
        );
        for flag in [
            0x2_0000u64,
            0x0200_0000,
            0x0400_0000,
            0x0800_0000,
            0x1000_0000,
            0x2000_0000,
            0x4000_0000,
        ] {
            assert_eq!(
                compiled.call(arch, "clone", args(flag | 0x11)),
                Action::DENY
            );
        }
    }
}

#[test]
fn capabilities_open_their_groups() {
    let admin = with(DEFAULT_CAPABILITIES | ADMIN);
    for name in ["mount", "unshare", "setns", "bpf", "clone3", "syslog"] {
        assert_eq!(
            admin.call(Arch::X86_64, name, NONE),
            Action::ALLOW,
            "{name}"
        );
    }
    assert_eq!(
        admin.call(Arch::X86_64, "clone", args(0x7e02_0000)),
        Action::ALLOW
    );
    assert_eq!(admin.call(Arch::X86_64, "keyctl", NONE), Action::DENY);
    let none = with(0);
    assert_eq!(none.call(Arch::X86_64, "chroot", NONE), Action::DENY);
    let opened = [
        (2, "open_by_handle_at"),
        (16, "init_module"),
        (19, "kcmp"),
        (22, "reboot"),
        (25, "settimeofday"),
        (34, "syslog"),
        (39, "bpf"),
        (38, "perf_event_open"),
    ];
    for (capability, name) in opened {
        assert_eq!(none.call(Arch::X86_64, name, NONE), Action::DENY, "{name}");
        let one = with(1 << capability);
        assert_eq!(one.call(Arch::X86_64, name, NONE), Action::ALLOW, "{name}");
    }
}

#[test]
fn ptrace_needs_a_kernel_that_filters_after_it() {
    let old = Host {
        kernel: KernelVersion { major: 4, minor: 4 },
        ..host(Arch::X86_64)
    };
    let compiled = Compiled::new(&builtin::profile(), DEFAULT_CAPABILITIES, &old);
    assert_eq!(compiled.call(Arch::X86_64, "ptrace", NONE), Action::DENY);
}

#[test]
fn arm_has_its_own_calls_and_numbers() {
    let compiled = Compiled::new(
        &builtin::profile(),
        DEFAULT_CAPABILITIES,
        &host(Arch::Aarch64),
    );
    for (arch, name) in [
        (Arch::Aarch64, "openat"),
        (Arch::Aarch64, "newfstatat"),
        (Arch::Arm, "set_tls"),
        (Arch::Arm, "cacheflush"),
        (Arch::Arm, "open"),
    ] {
        assert_eq!(compiled.call(arch, name, NONE), Action::ALLOW, "{name}");
    }
    assert_eq!(compiled.call(Arch::Aarch64, "mount", NONE), Action::DENY);
    assert_eq!(
        compiled.answer(Arch::Arm.audit(), 9999, NONE),
        Action::NO_SUCH_CALL
    );
    assert_eq!(
        compiled.answer(Arch::X86_64.audit(), 0, NONE),
        Action::KILL_THREAD
    );
}

#[test]
fn a_call_that_is_always_allowed_takes_few_steps_and_no_look_at_its_arguments() {
    let compiled = with(DEFAULT_CAPABILITIES);
    assert!(compiled.program.len() < 700, "{}", compiled.program.len());
    for name in [
        "read",
        "write",
        "futex",
        "getppid",
        "openat",
        "mmap",
        "epoll_wait",
    ] {
        let input = Input {
            number: Arch::X86_64.number(name).expect(name),
            audit: Arch::X86_64.audit(),
            arguments: NONE,
        };
        let (action, steps, asks) = trace(&compiled.program, &input);
        assert_eq!((Action(action), asks), (Action::ALLOW, false));
        assert!(steps <= 12, "{name}: {steps}");
    }
}
