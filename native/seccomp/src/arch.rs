//! Architectures as a filter sees them, and the numbers that system calls have there.

use std::collections::HashMap;
use std::sync::OnceLock;

use syscalls::{aarch64, arm, x86, x86_64};

/// Names of libseccomp for architectures that are never met beside ours: profiles list them all.
pub(crate) fn is_foreign(name: &str) -> bool {
    const FOREIGN: [&str; 19] = [
        "LOONGARCH64",
        "M68K",
        "MIPS",
        "MIPS64",
        "MIPS64N32",
        "MIPSEL",
        "MIPSEL64",
        "MIPSEL64N32",
        "NATIVE",
        "PARISC",
        "PARISC64",
        "PPC",
        "PPC64",
        "PPC64LE",
        "RISCV64",
        "S390",
        "S390X",
        "SH",
        "SHEB",
    ];
    name.strip_prefix("SCMP_ARCH_")
        .is_some_and(|name| FOREIGN.contains(&name))
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Arch {
    X86_64,
    X86,
    X32,
    Aarch64,
    Arm,
}

/// Set in the number of every system call of x32, which the kernel reports as `x86_64`.
pub(crate) const X32_BIT: u32 = 0x4000_0000;

/// Above the tables: calls that arm has for itself.
const ARM_PRIVATE: u32 = 0x000f_0000;

impl Arch {
    /// That of this program.
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Self = Self::X86_64;
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Self = Self::Aarch64;

    /// As libseccomp spells it; None for all others, see [`is_foreign`].
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "SCMP_ARCH_X86_64" => Some(Self::X86_64),
            "SCMP_ARCH_X86" => Some(Self::X86),
            "SCMP_ARCH_X32" => Some(Self::X32),
            "SCMP_ARCH_AARCH64" => Some(Self::Aarch64),
            "SCMP_ARCH_ARM" => Some(Self::Arm),
            _ => None,
        }
    }

    /// As conditions of a profile spell it.
    pub(crate) const fn condition_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::X86 => "x86",
            Self::X32 => "x32",
            Self::Aarch64 => "arm64",
            Self::Arm => "arm",
        }
    }

    pub(crate) const fn is_narrow(self) -> bool {
        matches!(self, Self::X86 | Self::X32 | Self::Arm)
    }

    /// What the kernel takes it for.
    pub(crate) const fn kernels(self) -> Self {
        match self {
            Self::X32 => Self::X86_64,
            other => other,
        }
    }

    /// `AUDIT_ARCH_*`, what a filter finds in its input.
    pub(crate) const fn audit(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
            Self::Arm => 0x4000_0028,
        }
    }

    /// The number of a system call, as a filter sees it; None where it does not exist.
    pub(crate) fn number(self, name: &str) -> Option<u32> {
        match self {
            Self::X32 => x32_number(name).map(|number| number | X32_BIT),
            Self::Arm => arm_private(name).or_else(|| self.listed(name)),
            // The tables' crate has the kernel's inner name for 79.
            Self::Aarch64 if name == "newfstatat" => Some(79),
            _ => self.listed(name),
        }
    }

    /// By a table of the `syscalls` crate, turned round: profiles may hold very many names.
    fn listed(self, name: &str) -> Option<u32> {
        static TABLES: [OnceLock<HashMap<&str, u32>>; 4] = [const { OnceLock::new() }; 4];
        macro_rules! table {
            ($index:literal, $arch:ident) => {
                TABLES[$index].get_or_init(|| {
                    let numbers = 0..=$arch::Sysno::last().id();
                    let numbers = numbers.filter_map(|id| usize::try_from(id).ok());
                    let calls = numbers.filter_map($arch::Sysno::new);
                    calls
                        .filter_map(|call| Some((call.name(), u32::try_from(call.id()).ok()?)))
                        .collect()
                })
            };
        }
        let table = match self {
            Self::X86_64 | Self::X32 => table!(0, x86_64),
            Self::X86 => table!(1, x86),
            Self::Aarch64 => table!(2, aarch64),
            Self::Arm => table!(3, arm),
        };
        table.get(name).copied()
    }

    /// Whether the number lies in a table that grows with the kernel.
    pub(crate) const fn is_in_table(self, number: u32) -> bool {
        !matches!(self, Self::Arm) || number < ARM_PRIVATE
    }
}

/// arch/arm/include/uapi/asm/unistd.h, and a name for 341 that other architectures have.
fn arm_private(name: &str) -> Option<u32> {
    match name {
        "breakpoint" => Some(ARM_PRIVATE + 1),
        "cacheflush" => Some(ARM_PRIVATE + 2),
        "usr26" => Some(ARM_PRIVATE + 3),
        "usr32" => Some(ARM_PRIVATE + 4),
        "set_tls" => Some(ARM_PRIVATE + 5),
        "sync_file_range2" => Some(341),
        _ => None,
    }
}

/// Those with a number of their own, from 512 on (`syscall_64.tbl`: "x32").
const X32_OWN: [&str; 36] = [
    "rt_sigaction",
    "rt_sigreturn",
    "ioctl",
    "readv",
    "writev",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "execve",
    "ptrace",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigqueueinfo",
    "sigaltstack",
    "timer_create",
    "mq_notify",
    "kexec_load",
    "waitid",
    "set_robust_list",
    "get_robust_list",
    "vmsplice",
    "move_pages",
    "preadv",
    "pwritev",
    "rt_tgsigqueueinfo",
    "recvmmsg",
    "sendmmsg",
    "process_vm_readv",
    "process_vm_writev",
    "setsockopt",
    "getsockopt",
    "io_setup",
    "io_submit",
    "execveat",
    "preadv2",
    "pwritev2",
];

/// Those that it has not at all (`syscall_64.tbl`: "64" without an "x32" of the same name).
const X32_ABSENT: [&str; 15] = [
    "_sysctl",
    "create_module",
    "epoll_ctl_old",
    "epoll_wait_old",
    "get_kernel_syms",
    "get_thread_area",
    "map_shadow_stack",
    "nfsservctl",
    "query_module",
    "set_thread_area",
    "uprobe",
    "uretprobe",
    "uselib",
    "vserver",
    "security",
];

fn x32_number(name: &str) -> Option<u32> {
    const FIRST_OWN: u32 = 512;
    if let Some(index) = X32_OWN.iter().position(|own| *own == name) {
        return Some(FIRST_OWN + u32::try_from(index).ok()?);
    }
    if X32_ABSENT.contains(&name) {
        return None;
    }
    Arch::X32.listed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_kernels() {
        let known = [
            (Arch::X86_64, "read", Some(0)),
            (Arch::X86_64, "clone3", Some(435)),
            (Arch::X86_64, "file_setattr", Some(469)),
            (Arch::X86_64, "socketcall", None),
            (Arch::X86, "socketcall", Some(102)),
            (Arch::X86, "umount", Some(22)),
            (Arch::X86, "clock_gettime64", Some(403)),
            (Arch::X32, "read", Some(X32_BIT)),
            (Arch::X32, "ioctl", Some(X32_BIT + 514)),
            (Arch::X32, "pwritev2", Some(X32_BIT + 547)),
            (Arch::X32, "uselib", None),
            (Arch::Aarch64, "openat", Some(56)),
            (Arch::Aarch64, "open", None),
            (Arch::Aarch64, "newfstatat", Some(79)),
            (Arch::Arm, "openat", Some(322)),
            (Arch::Arm, "set_tls", Some(0x000f_0005)),
            (Arch::Arm, "sync_file_range2", Some(341)),
            (Arch::Arm, "arm_sync_file_range", Some(341)),
            (Arch::X86_64, "no_such_call", None),
        ];
        for (arch, name, number) in known {
            assert_eq!(arch.number(name), number, "{arch:?} {name}");
        }
    }
}
