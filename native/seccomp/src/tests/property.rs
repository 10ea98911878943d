//! Random profiles, random calls: program and meaning never differ (`Compiled::answer` compares them).

use super::{Compiled, host};
use crate::action::Action;
use crate::arch::{Arch, X32_BIT};
use crate::condition::{Condition, Test};
use crate::profile::{Arches, Group, Guard, Profile};

/// `SplitMix64`: the same numbers at every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("end")).expect("below")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Near each other and near the edges of the halves, so that comparisons are decided by either.
    fn value(&mut self) -> u64 {
        let bases = [0, 1 << 31, 1 << 32, u64::MAX, 0xffff_ffff, 5 << 32, 1 << 63];
        let base = self.pick(&bases);
        base.wrapping_add(self.next() % 5).wrapping_sub(2)
    }

    fn condition(&mut self) -> Condition {
        let (value, mask) = (self.value(), self.value());
        let test = match self.below(7) {
            0 => Test::Equal(value),
            1 => Test::NotEqual(value),
            2 => Test::Less(value),
            3 => Test::AtMost(value),
            4 => Test::Greater(value),
            5 => Test::AtLeast(value),
            _ => Test::Masked {
                mask,
                value: value & mask,
            },
        };
        let argument = u8::try_from(self.below(3)).expect("argument");
        Condition {
            argument,
            test,
            low: false,
        }
    }

    fn action(&mut self) -> Action {
        let deny = Action(0x0005_0000 | u32::try_from(self.below(3)).expect("errno"));
        self.pick(&[
            Action::ALLOW,
            Action::LOG,
            Action::TRAP,
            Action::KILL_PROCESS,
            deny,
        ])
    }

    fn group(&mut self) -> Group {
        let names = (0..=self.below(6)).map(|_| self.pick(&NAMES).to_owned());
        let names = names.collect();
        let alternatives =
            (0..self.below(4)).map(|_| (0..=self.below(3)).map(|_| self.condition()).collect());
        Group {
            names,
            alternatives: alternatives.collect(),
            action: self.action(),
            includes: Guard::default(),
            excludes: Guard::default(),
        }
    }

    fn profile(&mut self) -> Profile {
        let arches = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Arm, Arch::Aarch64];
        let arches = (0..self.below(4)).map(|_| self.pick(&arches)).collect();
        let default = self.action();
        let groups = (0..self.below(40)).map(|_| self.group()).collect();
        Profile {
            default: Some(default),
            arches: Arches::These(arches),
            flags: 0,
            groups,
        }
    }
}

const NAMES: [&str; 24] = [
    "read",
    "write",
    "open",
    "close",
    "stat",
    "ioctl",
    "execve",
    "socket",
    "clone",
    "clone3",
    "mkdir",
    "rmdir",
    "personality",
    "set_tls",
    "pwritev2",
    "mseal",
    "openat",
    "socketcall",
    "futex",
    "uselib",
    "io_setup",
    "waitid",
    "prctl",
    "nothing_of_the_kind",
];

fn try_calls(random: &mut Random, compiled: &Compiled, calls: usize) {
    const NUMBERS: [u32; 4] = [0, 512, 0x000f_0000, 400];
    for _ in 0..calls {
        let arch = random.pick(&[Arch::X86_64, Arch::X86, Arch::X32, Arch::Arm, Arch::Aarch64]);
        let any = random.pick(&NUMBERS) + u32::try_from(random.below(500)).expect("number");
        let number = match random.below(8) {
            0 => any,
            1 => any | X32_BIT,
            2 => random.pick(&[u32::MAX, 1 << 31, X32_BIT - 1, u32::MAX - 1]),
            _ => arch.number(random.pick(&NAMES)).unwrap_or(any),
        };
        let arguments = std::array::from_fn(|_| random.value());
        compiled.answer(arch.audit(), number, arguments);
    }
}

#[test]
fn programs_answer_what_their_profiles_mean() {
    let mut random = Random(1);
    for round in 0..400 {
        let profile = random.profile();
        let native = if round % 4 == 0 {
            Arch::Aarch64
        } else {
            Arch::X86_64
        };
        let compiled = Compiled::new(&profile, 0, &host(native));
        try_calls(&mut random, &compiled, 250);
    }
}

#[test]
fn jumps_beyond_255_instructions_arrive() {
    let mut random = Random(2);
    for size in [60, 150, 250] {
        let groups = (0..size).map(|_| Group {
            names: vec![random.pick(&NAMES).to_owned()],
            alternatives: vec![vec![random.condition(), random.condition()]],
            ..random.group()
        });
        let profile = Profile {
            default: Some(Action::DENY),
            arches: Arches::These(vec![Arch::X86, Arch::X32]),
            flags: 0,
            groups: groups.collect(),
        };
        let compiled = Compiled::new(&profile, 0, &host(Arch::X86_64));
        assert!(compiled.program.len() > 255);
        try_calls(&mut random, &compiled, 5_000);
    }
}

#[test]
fn every_number_of_the_builtin_profile_agrees() {
    let mut random = Random(3);
    for native in [Arch::X86_64, Arch::Aarch64] {
        for capabilities in [0, super::DEFAULT_CAPABILITIES, super::ADMIN, u64::MAX] {
            let compiled = Compiled::new(&crate::builtin::profile(), capabilities, &host(native));
            for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm] {
                let base = if arch == Arch::X32 { X32_BIT } else { 0 };
                for number in 0..700 {
                    let arguments = std::array::from_fn(|_| random.value());
                    compiled.answer(arch.audit(), base | number, arguments);
                }
            }
        }
    }
}

/// Cuts, doubles and changes bytes of a profile that has everything in it.
fn damage(random: &mut Random, text: &str) -> Vec<u8> {
    const BYTES: &[u8] = b"\"{}[],:0-9e\\\0\xff\x1bnull";
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let from = random.below(bytes.len());
        let to = bytes.len().min(from + random.below(20));
        let piece = bytes[from..to].to_vec();
        match random.below(4) {
            0 => drop(bytes.drain(from..to)),
            1 => drop(bytes.splice(from..from, piece)),
            2 => bytes[from] = random.pick(BYTES),
            _ => bytes.insert(from, random.pick(BYTES)),
        }
        if bytes.is_empty() {
            return bytes;
        }
    }
    bytes
}

#[test]
fn damaged_profiles_are_refused_or_become_programs_that_the_kernel_takes() {
    const TEXT: &str = r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"flags":[],"archMap":
        [{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}],
        "syscalls":[{"names":["read","socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":18446744073709551615,
        "valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}],"includes":{"caps":["CAP_SYS_ADMIN"],"minKernel":"4.8"},
        "excludes":{"arches":["s390"]}},{"name":"clone3","action":"SCMP_ACT_ERRNO","errnoRet":38}]}"#;
    let mut random = Random(4);
    let mut compiled = 0;
    for _ in 0..20_000 {
        let bytes = damage(&mut random, TEXT);
        let Ok(text) = std::str::from_utf8(&bytes) else {
            continue;
        };
        let Ok(profile) = Profile::parse(text).inspect_err(|error| {
            let words = error.to_string();
            assert!(
                words.len() < 500 && !words.contains(char::is_control),
                "{words}"
            );
        }) else {
            continue;
        };
        if !profile.is_empty() {
            compiled += 1;
            let compiled = Compiled::new(&profile, u64::MAX, &host(Arch::X86_64));
            try_calls(&mut random, &compiled, 10);
        }
    }
    assert!(compiled > 1000, "{compiled}");
}

#[test]
fn very_many_names_are_read_in_little_time() {
    let names: Vec<String> = (0..300_000).map(|n| format!("\"call_{n}\"")).collect();
    let text = format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":[{}],"action":"SCMP_ACT_ERRNO"}}]}}"#,
        names.join(",")
    );
    let began = std::time::Instant::now();
    assert!(crate::compile(Some(&text), 0, &host(Arch::X86_64)).is_ok());
    assert!(began.elapsed().as_secs() < 5);
}
