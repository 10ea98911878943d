/**
 * What each system call that the probe makes must answer, written by hand from Docker's default profile.
 * An answer is an error of the kernel's own, caused by arguments that no kernel acts upon: it shows that the
 * call was let through.
 */
import type { Posture } from "./posture.ts";

interface Rule {
  /** Any of these, when the call reaches the kernel. */
  answers: string[];
  /** The profile lets it through: always, with one of these capabilities, or never (none). */
  allowed: true | string[];
  /** What the profile answers instead. */
  denied: string;
  /** Without this capability the kernel itself answers EPERM. */
  demands?: string;
}

type Table = Record<string, Rule>;

function rules(
  allowed: true | string[],
  table: Record<string, string | [answers: string, demands: string]>,
  denied = "EPERM",
): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, row]): [string, Rule] => {
      const [answers, demands] = typeof row === "string" ? [row] : row;
      const own = demands === undefined ? {} : { demands };
      return [name, { answers: answers.split(" "), allowed, denied, ...own }];
    }),
  );
}

export const calls: Table = {
  ...rules(true, {
    adjtimex: "EFAULT",
    cachestat: "EBADF",
    capset: "EFAULT",
    clock_adjtime: "EFAULT",
    clone: "EINVAL",
    close_range: "EINVAL",
    copy_file_range: "EBADF",
    execve: "EFAULT",
    faccessat2: "EINVAL",
    fchmodat2: "EINVAL",
    fchownat: "EFAULT",
    futex_waitv: "EINVAL",
    getxattrat: "EINVAL",
    io_setup: "EFAULT",
    ioprio_set: "EINVAL",
    landlock_create_ruleset: "EINVAL EOPNOTSUPP",
    listmount: "EINVAL",
    membarrier: "EINVAL",
    memfd_create: "EFAULT",
    memfd_secret: "EINVAL",
    mknodat: "EFAULT",
    mlock2: "EINVAL",
    mq_open: "EFAULT",
    mseal: "EINVAL",
    // Not to open what they name: that is open_by_handle_at.
    name_to_handle_at: "EFAULT",
    openat2: "EINVAL",
    pidfd_open: "EINVAL",
    pidfd_send_signal: "EBADF",
    pkey_alloc: "EINVAL",
    prctl: "EINVAL",
    process_mrelease: "EINVAL",
    // Since Linux 4.8 seccomp looks again at what a tracer has changed.
    process_vm_readv: "EINVAL",
    process_vm_writev: "EINVAL",
    ptrace: "ESRCH",
    renameat2: "EINVAL",
    rseq: "EINVAL",
    sched_setattr: "EINVAL",
    seccomp: "EINVAL",
    setresuid: "ok",
    setxattrat: "EINVAL",
    shmget: "EINVAL",
    splice: "EBADF",
    statmount: "EINVAL",
    timerfd_create: "EINVAL",
    "personality 0": "ok",
    "personality 0x8": "ok",
    "personality 0x20000": "ok",
    "personality 0x20008": "ok",
    "personality 0xffffffff": "ok",
    "socket UNIX": "EINVAL",
    "socket INET": "EINVAL",
    "socket INET6": "EINVAL",
    "socket NETLINK": "EINVAL",
    "socket PACKET": "EINVAL",
    "socket XDP": "EINVAL",
    // Of x86-64 only.
    arch_prctl: "EINVAL",
    fork: "ok",
    modify_ldt: "ok",
    "x32 getpid": "ok",
    "x32 ptrace": "ESRCH",
    "i386 getpid": "ok",
    "i386 stat64": "EFAULT",
    "i386 clone": "EINVAL",
    // Its arguments lie in memory, where no filter can look.
    "i386 socketcall": "EFAULT",
  }),
  ...rules([], {
    add_key: "EFAULT",
    io_uring_enter: "EINVAL",
    io_uring_register: "EINVAL EBADF",
    // EPERM where a sysctl of the machine denies it to all.
    io_uring_setup: "EFAULT EPERM",
    // EPERM on a machine that is locked down.
    kexec_file_load: ["EINVAL EPERM", "SYS_BOOT"],
    kexec_load: ["EINVAL EPERM", "SYS_BOOT"],
    keyctl: "EOPNOTSUPP",
    migrate_pages: "ESRCH",
    move_pages: "EINVAL",
    nfsservctl: "ENOSYS",
    "personality 0x28": "ok",
    "personality 0x40000": "ok",
    "personality 0x400000": "ok",
    pivot_root: ["EFAULT", "SYS_ADMIN"],
    request_key: "EFAULT",
    "socket ALG": "EINVAL",
    "socket VSOCK": "EINVAL",
    "socket 2^32+ALG": "EINVAL",
    "socket 2^32+VSOCK": "EINVAL",
    swapoff: ["EFAULT", "SYS_ADMIN"],
    swapon: "EINVAL",
    userfaultfd: "EINVAL",
    _sysctl: "ENOSYS",
    create_module: "ENOSYS",
    get_kernel_syms: "ENOSYS",
    query_module: "ENOSYS",
    sysfs: "EINVAL",
    uselib: "EFAULT",
    ustat: "EINVAL",
    "x32 keyctl": "EOPNOTSUPP",
    "i386 keyctl": "EOPNOTSUPP",
    "i386 socket ALG": "EINVAL",
    "i386 vm86": "EPERM EINVAL EFAULT",
    "i386 vm86old": "EPERM EFAULT",
  }),
  ...rules(["SYS_ADMIN"], {
    "clone NEWCGROUP": "EINVAL",
    "clone NEWIPC": "EINVAL",
    "clone NEWNET": "EINVAL",
    "clone NEWNS": "EINVAL",
    "clone NEWPID": "EINVAL",
    "clone NEWUSER": "EINVAL",
    "clone NEWUTS": "EINVAL",
    "clone 2^32+NEWUSER": "EINVAL",
    fanotify_init: ["EINVAL", "SYS_ADMIN"],
    fsconfig: "EINVAL",
    fsmount: ["EBADF", "SYS_ADMIN"],
    fsopen: ["EFAULT", "SYS_ADMIN"],
    fspick: ["EFAULT", "SYS_ADMIN"],
    lookup_dcookie: ["EINVAL EFAULT", "SYS_ADMIN"],
    lsm_get_self_attr: "EINVAL",
    lsm_list_modules: "EINVAL",
    lsm_set_self_attr: "EINVAL",
    mount: "EFAULT",
    mount_setattr: "EINVAL",
    move_mount: ["EFAULT", "SYS_ADMIN"],
    open_tree: "EFAULT",
    quotactl: "EINVAL",
    quotactl_fd: "EBADF",
    setdomainname: ["EINVAL", "SYS_ADMIN"],
    sethostname: ["EINVAL", "SYS_ADMIN"],
    setns: "EBADF",
    umount2: "EFAULT",
    unshare: "EINVAL",
    "x32 clone NEWUSER": "EINVAL",
    "x32 mount": "EFAULT",
    "x32 unshare": "EINVAL",
    "i386 clone NEWUSER": "EINVAL",
    "i386 mount": "EFAULT",
    "i386 setns": "EBADF",
    "i386 umount": "EFAULT",
    "i386 unshare": "EINVAL",
  }),
  // A C library that is told ENOSYS goes on with clone, whose flags can be looked at.
  ...rules(["SYS_ADMIN"], { clone3: "EINVAL", "i386 clone3": "EINVAL" }, "ENOSYS"),
  ...rules(["SYS_ADMIN", "BPF"], { bpf: "EINVAL EPERM", "i386 bpf": "EINVAL EPERM" }),
  ...rules(["SYS_ADMIN", "PERFMON"], { perf_event_open: "EINVAL" }),
  ...rules(["SYS_ADMIN", "SYSLOG"], { syslog: ["EINVAL", "SYSLOG"] }),
  ...rules(["SYS_CHROOT"], { chroot: "EFAULT" }),
  ...rules(["SYS_PACCT"], { acct: ["EFAULT", "SYS_PACCT"] }),
  ...rules(["SYS_BOOT"], { reboot: ["EINVAL", "SYS_BOOT"] }),
  // Linux 6.13 asks for the capability later than those before.
  ...rules(["DAC_READ_SEARCH"], { open_by_handle_at: "EFAULT EBADF EPERM" }),
  ...rules(["SYS_MODULE"], {
    delete_module: ["EFAULT", "SYS_MODULE"],
    finit_module: ["EINVAL", "SYS_MODULE"],
    init_module: ["ENOEXEC EFAULT", "SYS_MODULE"],
  }),
  ...rules(["SYS_PTRACE"], { kcmp: "ESRCH", pidfd_getfd: "EINVAL", process_madvise: "EINVAL" }),
  ...rules(["SYS_RAWIO"], { ioperm: "EINVAL", iopl: "EINVAL" }),
  ...rules(["SYS_TIME"], {
    clock_settime: "EFAULT",
    settimeofday: "EFAULT",
    "i386 stime": "EFAULT",
  }),
  ...rules(["SYS_NICE"], {
    get_mempolicy: "EINVAL",
    mbind: "EINVAL",
    set_mempolicy: "EINVAL",
    set_mempolicy_home_node: "EINVAL",
  }),
  // Beyond what the profile knows: a program may try what is newer and fall back.
  ...rules(
    [],
    { "number 10000": "ENOSYS", "x32 number 10000": "ENOSYS", "i386 number 10000": "ENOSYS" },
    "ENOSYS",
  ),
};

/**
 * The answers that are right for one call. `outside` is what the same call answers outside of any container,
 * as root: a kernel that lacks it, or the whole way in, answers the same to what is let through.
 */
export function expectAnswers(name: string, posture: Posture, outside: string): string[] {
  const rule = calls[name];
  if (rule === undefined) return [];
  const own = posture.capabilities;
  const has = (capability: string, of = own) => of === "all" || of.includes(capability);
  const opens = (capability: string) => has(capability, posture.profileOf ?? own);
  // int 0x80 itself is missing: there is nothing for a filter to look at.
  if (outside.startsWith("signal")) return [outside];
  if (posture.filtered && rule.allowed !== true && !rule.allowed.some(opens)) return [rule.denied];
  if (outside === "ENOSYS") return ["ENOSYS"];
  const powerless = rule.demands !== undefined && !(has(rule.demands) && posture.uid === 0);
  return powerless ? ["EPERM"] : rule.answers;
}
