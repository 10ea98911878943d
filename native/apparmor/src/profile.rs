//! What the default profile says. It allows what capabilities and seccomp leave, but for files of the
//! kernel that would change the host, for mounts, and for processes outside of the container.

use crate::dfa::{Dfa, Patterns};
use crate::pattern::{Bytes, Part, literal, parse};
use crate::policy::{Profile, serialise};
use crate::table::{Accept, pack};

/// Docker's name, so that either engine finds the other's.
pub const DEFAULT: &str = "docker-default";

// Permissions on a file, as they were numbered when the interface was made.
const EXEC: u32 = 0x01;
const WRITE: u32 = 0x02;
const READ: u32 = 0x04;
const APPEND: u32 = 0x08;
const LINK: u32 = 0x10;
const LOCK: u32 = 0x20;
const ALL: u32 = 0x7f;
/// What is executed keeps the profile.
const INHERIT: u32 = 0x200;
/// The target of a link may not allow more than its name does.
const SUBSET: u32 = 0x20;

const W: u32 = WRITE | APPEND;
const WKLX: u32 = W | LOCK | LINK | EXEC;
const RWKLX: u32 = WKLX | READ;

/// Denied, whoever owns it. `/proc/PID` and `/proc/sys/kernel/shm*` stay writable as far as the kernel
/// lets them be, and of `/sys` only the cgroups.
const DENIED: [(&str, u32); 14] = [
    ("/proc/*", W),
    (
        "/proc/{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}/**",
        W,
    ),
    ("/proc/sys/[^k]**", W),
    ("/proc/sys/kernel/{?,??,[^s][^h][^m]**}", W),
    ("/proc/sysrq-trigger", RWKLX),
    ("/proc/kcore", RWKLX),
    ("/sys/[^f]*/**", WKLX),
    ("/sys/f[^s]*/**", WKLX),
    ("/sys/fs/[^c]*/**", WKLX),
    ("/sys/fs/c[^g]*/**", WKLX),
    ("/sys/fs/cg[^r]*/**", WKLX),
    ("/sys/firmware/**", RWKLX),
    ("/sys/devices/virtual/powercap/**", RWKLX),
    ("/sys/kernel/security/**", RWKLX),
];

// Classes of what is not a file: the first byte of what is looked up.
const MOUNT: u8 = 7;
const PTRACE: u8 = 9;
const SIGNAL: u8 = 10;
/// Stands before the class where the kernel compares with the profile of another process.
const LABEL: u8 = 16;

const UNMOUNT: u32 = 0x04;
const TO_MOUNT: u32 = 0x02;
/// Bits of a mark from here on are denied without a word in the log.
const QUIET: u32 = 16;
const TRACE: u32 = 0x02 | 0x04;
const BE_TRACED: u32 = 0x08 | 0x10;
const SEND: u32 = 0x02;
const RECEIVE: u32 = 0x04;
/// The number by which a signal goes that only asks whether somebody is there.
const EXISTS: u8 = 35;

/// The profile in the form that the kernel loads; `peers` are profiles beside "unconfined" whose processes
/// may send signals: the engine's own, should it have one.
pub fn compile(name: &str, peers: &[&str]) -> Vec<u8> {
    serialise(&Profile {
        name,
        policy: policy(name, peers),
        files: files(),
    })
}

fn files() -> Vec<u8> {
    let dfa = file_dfa();
    let accept: Vec<Accept> = (0..dfa.marks.len())
        .map(|state| file_accept(&dfa, state))
        .collect();
    pack(&dfa, &accept)
}

const MARK_FILE: u32 = 1000;
const MARK_LINK: u32 = 1001;

fn file_dfa() -> Dfa {
    let mut patterns = Patterns::new();
    let any = || {
        let mut any = literal("/");
        any.push(Part::Many(Bytes::NAME));
        any
    };
    patterns.add(&any(), MARK_FILE);
    // A link and what it leads to, with a NUL between them.
    let mut link = any();
    link.push(Part::One(Bytes::one(0)));
    link.extend(parse("/**"));
    patterns.add(&link, MARK_LINK);
    for (mark, (pattern, _)) in (0u32..).zip(DENIED) {
        patterns.add(&parse(pattern), mark);
    }
    patterns.determine()
}

/// One half of the word is for the owner of a file, the other for everybody else.
fn file_accept(dfa: &Dfa, state: usize) -> Accept {
    let marks = &dfa.marks[state];
    if marks.contains(&MARK_LINK) {
        return Accept {
            allow: LINK | SUBSET | LINK << 14,
            quiet: 0,
        };
    }
    if !marks.contains(&MARK_FILE) {
        return Accept::default();
    }
    let denied = (0u32..)
        .zip(DENIED)
        .filter(|(mark, _)| marks.contains(mark));
    let denied = denied.fold(0, |all, (_, (_, permissions))| all | permissions);
    let inherit = if denied & EXEC == 0 { INHERIT } else { 0 };
    let allow = ALL & !denied | inherit;
    Accept {
        allow: allow | allow << 14,
        quiet: (denied | denied << 14) << 7,
    }
}

fn policy(name: &str, peers: &[&str]) -> Vec<u8> {
    let dfa = policy_dfa(name, peers);
    let accept = dfa.marks.iter().map(|marks| Accept {
        allow: marks
            .iter()
            .fold(0, |all, mark| all | mark & ((1 << QUIET) - 1)),
        quiet: marks.iter().fold(0, |all, mark| all | mark >> QUIET) << 7,
    });
    pack(&dfa, &accept.collect::<Vec<_>>())
}

/// Here a mark is what it allows, or what it denies quietly. What has no class in here is not looked at.
fn policy_dfa(name: &str, peers: &[&str]) -> Dfa {
    let mut patterns = Patterns::new();
    let mut allow = |class: u8, rest: &[Part], permissions: u32| {
        let mut pattern = vec![Part::One(Bytes::one(class))];
        pattern.extend_from_slice(rest);
        patterns.add(&pattern, permissions);
        if class != MOUNT {
            pattern.insert(0, Part::One(Bytes::one(LABEL)));
            patterns.add(&pattern, permissions);
        }
    };
    let anybody = [Part::One(Bytes::NAME), Part::Many(Bytes::NAME)];
    let any = Part::Many(Bytes::NAME);
    allow(MOUNT, std::slice::from_ref(&any), UNMOUNT);
    // Where, what, its type, and its flags, with a NUL behind each.
    let end = Part::One(Bytes::one(0));
    let mount = [&any, &end, &any, &end, &any, &end, &any].map(Clone::clone);
    allow(MOUNT, &mount, TO_MOUNT << QUIET);
    allow(PTRACE, &anybody, BE_TRACED);
    allow(PTRACE, &literal(name), TRACE | BE_TRACED);
    let signal = |number: Bytes, peer: &[Part]| {
        let mut rest = vec![Part::One(number)];
        rest.extend_from_slice(peer);
        rest
    };
    allow(
        SIGNAL,
        &signal(Bytes::one(EXISTS), &anybody),
        SEND | RECEIVE,
    );
    allow(SIGNAL, &signal(Bytes::NAME, &literal(name)), SEND | RECEIVE);
    for peer in ["unconfined"].iter().chain(peers) {
        allow(SIGNAL, &signal(Bytes::NAME, &literal(peer)), RECEIVE);
    }
    patterns.determine()
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    /// Which of `wanted` is allowed on a path.
    fn allowed(path: &str, wanted: u32) -> u32 {
        static FILES: OnceLock<Dfa> = OnceLock::new();
        let dfa = FILES.get_or_init(file_dfa);
        file_accept(dfa, dfa.state(path.as_bytes())).allow & wanted
    }

    #[test]
    fn ordinary_files_are_open_to_everything() {
        for path in [
            "/",
            "/etc/passwd",
            "/proc",
            "/process/x",
            "/sysfs",
            "/a/proc/x",
            "/dev/null",
        ] {
            assert_eq!(allowed(path, ALL | INHERIT), ALL | INHERIT, "{path}");
        }
        assert_eq!(allowed("", ALL), 0);
        assert_eq!(allowed("relative", ALL), 0);
    }

    #[test]
    fn files_of_the_kernel_are_denied_as_dockers_profile_denies_them() {
        let all = ALL | INHERIT;
        for (path, denied) in [
            ("/proc/uptime", W),
            ("/proc/1", W),
            ("/proc/1/oom_score_adj", 0),
            ("/proc/12345/attr/exec", 0),
            ("/proc/fs/ext4", W),
            ("/proc/irq/1/smp_affinity", W),
            ("/proc/tty/drivers", W),
            ("/proc/sys/vm/panic", W),
            ("/proc/sys/net/core/x", W),
            ("/proc/sys/kernel/panic", W),
            ("/proc/sys/kernel/shmmax", 0),
            ("/proc/sys/kernel/sh", W),
            ("/proc/sysrq-trigger", RWKLX | INHERIT),
            ("/proc/kcore", RWKLX | INHERIT),
            ("/sys/kernel/profiling", WKLX | INHERIT),
            ("/sys/kernel/security/apparmor", RWKLX | INHERIT),
            ("/sys/firmware/efi/x", RWKLX | INHERIT),
            ("/sys/fs/cgroup/x/cgroup.procs", 0),
            ("/sys/fs/bpf/x", WKLX | INHERIT),
            ("/sys/devices/virtual/powercap/x", RWKLX | INHERIT),
        ] {
            assert_eq!(allowed(path, all), all & !denied, "{path}");
        }
    }

    #[test]
    fn a_link_needs_both_its_names() {
        assert_ne!(allowed("/a\0/b", LINK), 0);
        assert_eq!(allowed("/a\0b", LINK), 0);
        assert_eq!(allowed("/proc/kcore", LINK), 0);
    }

    #[test]
    fn only_its_own_processes_are_traced_and_get_signals() {
        let dfa = policy_dfa("p", &["engine"]);
        let allowed = |text: &[u8]| {
            dfa.marks[dfa.state(text)]
                .iter()
                .fold(0, |all, mark| all | mark)
        };
        assert_eq!(allowed(b"\x10\x09p"), TRACE | BE_TRACED);
        assert_eq!(allowed(b"\x10\x09unconfined"), BE_TRACED);
        assert_eq!(allowed(b"\x10\x0a\x09p"), SEND | RECEIVE);
        assert_eq!(allowed(b"\x09p"), TRACE | BE_TRACED);
        assert_eq!(allowed(b"\x09pp"), BE_TRACED);
        assert_eq!(allowed(b"\x09unconfined"), BE_TRACED);
        assert_eq!(allowed(b"\x0a\x09p"), SEND | RECEIVE);
        assert_eq!(allowed(b"\x0a\x09unconfined"), RECEIVE);
        assert_eq!(allowed(b"\x0a\x09engine"), RECEIVE);
        assert_eq!(allowed(b"\x0a\x09other"), 0);
        assert_eq!(allowed(b"\x0a\x23other"), SEND | RECEIVE);
        assert_eq!(allowed(b"\x07/mnt"), UNMOUNT);
        assert_eq!(allowed(b"\x07/mnt\0/dev/sda"), 0);
        assert_eq!(
            allowed(b"\x07/mnt\0/dev/sda\0ext4\0\x01\x09"),
            TO_MOUNT << QUIET
        );
        assert_eq!(dfa.state(b"\x0e"), 0, "networks are not looked at");
    }

    /// Walks packed tables as the kernel does.
    fn walk(tables: &[u8], text: &[u8]) -> usize {
        let word = |at: usize| u32::from_be_bytes(tables[at..at + 4].try_into().expect("word"));
        let half = |at: usize| usize::from(u16::from_be_bytes([tables[at], tables[at + 1]]));
        let mut places = [0; 16];
        let mut at = 24;
        while at < tables.len() {
            places[half(at)] = at + 12;
            let bytes = 12 + half(at + 2) * usize::try_from(word(at + 8)).expect("count");
            at += bytes.next_multiple_of(8);
        }
        let [_, _, base, check, default, _, _, _, next, ..] = places;
        text.iter().fold(1, |state, byte| {
            let base = usize::try_from(word(base + 4 * state)).expect("base");
            let cell = 2 * (base + usize::from(*byte));
            if half(check + cell) == state {
                half(next + cell)
            } else {
                half(default + 2 * state)
            }
        })
    }

    #[test]
    fn the_packed_tables_lead_where_the_automaton_does() {
        let dfa = file_dfa();
        let accept = vec![Accept::default(); dfa.marks.len()];
        let tables = pack(&dfa, &accept);
        assert_eq!(tables.len() % 8, 0);
        for path in [
            "",
            "x",
            "/",
            "/proc",
            "/proc/x",
            "/proc/sys/kernel/shmmax",
            "/proc/1/fd/3",
            "/sys/fs/cgroup/x",
            "/sys/firmware/x",
            "/a\0/b",
            "/a\0",
            "/proc/sysrq-trigger",
            "/\u{ff}\u{80}",
        ] {
            assert_eq!(
                walk(&tables, path.as_bytes()),
                dfa.state(path.as_bytes()),
                "{path:?}"
            );
        }
    }

    #[test]
    fn tables_begin_at_a_multiple_of_eight_whatever_the_name() {
        for name in ["p", "pp", "ppp", "docker-default", "rt-default-profile"] {
            let policy = compile(name, &[]);
            let magic = [0x1b, 0x5e, 0x78, 0x3d];
            let places = policy
                .windows(4)
                .enumerate()
                .filter(|(_, bytes)| *bytes == magic);
            let places: Vec<usize> = places.map(|(at, _)| at).collect();
            assert_eq!(places.len(), 2);
            assert!(places.iter().all(|at| at % 8 == 0), "{places:?}");
            assert!(policy.starts_with(b"\x04\x08\0version\0\x02\x07\x20\x20\0"));
        }
    }
}
