//! Which devices a container may use: Docker's defaults, as a BPF program (v2) and as text (v1).

use crate::plan::{DeviceKind, DevicePlan, DeviceRule};

/// One allowed device; everything else is denied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    pub kind: Kind,
    /// None: any.
    pub major: Option<u32>,
    pub minor: Option<u32>,
    /// Any of `MKNOD | READ | WRITE`.
    pub access: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    All = 0,
    Block = 1,
    Char = 2,
}

const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;
const ALL: u32 = MKNOD | READ | WRITE;

/// Docker's defaults: any node may be made (it cannot be opened), and these may be used.
pub(super) const DEFAULTS: [Rule; 11] = [
    device(1, 3),
    device(1, 5),
    device(1, 7),
    device(1, 8),
    device(1, 9),
    device(5, 0),
    device(5, 1),
    device(5, 2),
    Rule {
        kind: Kind::Char,
        major: Some(136),
        minor: None,
        access: ALL,
    },
    Rule {
        kind: Kind::Char,
        major: None,
        minor: None,
        access: MKNOD,
    },
    Rule {
        kind: Kind::Block,
        major: None,
        minor: None,
        access: MKNOD,
    },
];

const fn device(major: u32, minor: u32) -> Rule {
    Rule {
        kind: Kind::Char,
        major: Some(major),
        minor: Some(minor),
        access: ALL,
    }
}

/// What a container may use: the defaults, the devices it was given, and the rules added to them.
pub(super) fn rules(devices: &[DevicePlan], added: &[DeviceRule]) -> Vec<Rule> {
    let given = devices.iter().map(|device| Rule {
        kind: kind_of(device.kind),
        major: Some(device.major),
        minor: Some(device.minor),
        access: access_of(&device.access),
    });
    let added = added.iter().map(|rule| Rule {
        kind: kind_of(rule.kind),
        major: rule.major,
        minor: rule.minor,
        access: access_of(&rule.access),
    });
    DEFAULTS.into_iter().chain(given).chain(added).collect()
}

fn kind_of(kind: DeviceKind) -> Kind {
    match kind {
        DeviceKind::All => Kind::All,
        DeviceKind::Block => Kind::Block,
        DeviceKind::Char => Kind::Char,
    }
}

fn access_of(letters: &str) -> u32 {
    let bit = |c| match c {
        'r' => READ,
        'w' => WRITE,
        'm' => MKNOD,
        _ => 0,
    };
    letters.chars().map(bit).fold(0, |all, bit| all | bit)
}

/// The line for `devices.allow` of v1.
pub(super) fn v1_line(rule: &Rule) -> String {
    let kind = match rule.kind {
        Kind::All => 'a',
        Kind::Block => 'b',
        Kind::Char => 'c',
    };
    let number = |n: Option<u32>| n.map_or_else(|| "*".to_owned(), |n| n.to_string());
    let letters = [(READ, 'r'), (WRITE, 'w'), (MKNOD, 'm')];
    let access: String = letters
        .iter()
        .filter(|(bit, _)| rule.access & bit != 0)
        .map(|(_, c)| c)
        .collect();
    format!(
        "{kind} {}:{} {access}",
        number(rule.major),
        number(rule.minor)
    )
}

/// A device program: for each rule, "if it matches return 1"; at the end "return 0".
///
/// The context is `struct bpf_cgroup_dev_ctx`: access << 16 | type, major, minor.
pub(super) fn program(rules: &[Rule]) -> Vec<u64> {
    let mut code = vec![
        load(2, 1, 0),
        // r3 = access, r2 = type
        alu(Alu::Move, 3, Source::Register(2)),
        alu(Alu::ShiftRight, 3, Source::Value(16)),
        alu(Alu::And, 2, Source::Value(0xffff)),
        load(4, 1, 4),
        load(5, 1, 8),
    ];
    for rule in rules {
        code.extend(one_rule(rule));
    }
    code.extend([alu(Alu::Move, 0, Source::Value(0)), exit()]);
    code
}

fn one_rule(rule: &Rule) -> Vec<u64> {
    let mut tests = Vec::new();
    if rule.kind != Kind::All {
        tests.push((2, rule.kind as u32));
    }
    tests.extend(rule.major.map(|n| (4, n)));
    tests.extend(rule.minor.map(|n| (5, n)));
    let mut body = Vec::new();
    if rule.access != ALL {
        // r6 = asked for beyond what is allowed; must be nothing.
        body.push(alu(Alu::Move, 6, Source::Register(3)));
        body.push(alu(Alu::And, 6, Source::Value(ALL & !rule.access)));
        tests.push((6, 0));
    }
    // Each failed test jumps behind the two instructions of "return 1".
    let count = tests.len();
    for (index, (register, value)) in tests.into_iter().enumerate() {
        let skip = i16::try_from(count - index - 1 + 2).unwrap_or(i16::MAX);
        body.push(jump_unless_equal(register, value, skip));
    }
    body.extend([alu(Alu::Move, 0, Source::Value(1)), exit()]);
    body
}

#[derive(Clone, Copy)]
enum Alu {
    And = 0x50,
    ShiftRight = 0x70,
    Move = 0xb0,
}

#[derive(Clone, Copy)]
enum Source {
    Register(u8),
    Value(u32),
}

/// `struct bpf_insn` as one little-endian word: code, dst | src << 4, offset, immediate.
fn instruction(code: u8, dst: u8, src: u8, offset: i16, immediate: u32) -> u64 {
    let low = [code, dst | (src << 4)];
    let bytes = [&low[..], &offset.to_le_bytes(), &immediate.to_le_bytes()].concat();
    bytes.try_into().map_or(0, u64::from_ne_bytes)
}

/// dst = *(u32 *)(src + offset)
fn load(dst: u8, src: u8, offset: i16) -> u64 {
    const LDX_MEM_W: u8 = 0x61;
    instruction(LDX_MEM_W, dst, src, offset, 0)
}

/// 32-bit arithmetic.
fn alu(op: Alu, dst: u8, source: Source) -> u64 {
    const ALU: u8 = 0x04;
    const BY_REGISTER: u8 = 0x08;
    match source {
        Source::Register(src) => instruction(ALU | BY_REGISTER | op as u8, dst, src, 0, 0),
        Source::Value(value) => instruction(ALU | op as u8, dst, 0, 0, value),
    }
}

fn jump_unless_equal(register: u8, value: u32, skip: i16) -> u64 {
    const JMP32_JNE_K: u8 = 0x56;
    instruction(JMP32_JNE_K, register, 0, skip, value)
}

fn exit() -> u64 {
    instruction(0x95, 0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program of the few instructions used here.
    fn run(code: &[u64], kind: u32, access: u32, major: u32, minor: u32) -> u64 {
        let context = [access << 16 | kind, major, minor];
        let (mut r, mut pc) = ([0u64; 11], 0usize);
        loop {
            let [op, regs, o1, o2, i1, i2, i3, i4] = code[pc].to_ne_bytes();
            let (dst, src) = (usize::from(regs & 15), usize::from(regs >> 4));
            let offset = i16::from_le_bytes([o1, o2]);
            let value = u64::from(u32::from_le_bytes([i1, i2, i3, i4]));
            pc += 1;
            match op {
                0x61 => r[dst] = u64::from(context[usize::try_from(offset).expect("offset") / 4]),
                0xbc => r[dst] = r[src],
                0xb4 => r[dst] = value,
                0x54 => r[dst] &= value,
                0x74 => r[dst] >>= value,
                0x56 if r[dst] != value => pc += usize::try_from(offset).expect("forward"),
                0x56 => {}
                0x95 => return r[0],
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    #[test]
    fn the_program_allows_the_defaults_and_nothing_else() {
        let code = program(&DEFAULTS);
        assert_eq!(run(&code, 2, READ | WRITE, 1, 3), 1, "/dev/null");
        assert_eq!(run(&code, 2, READ, 136, 7), 1, "a pts");
        assert_eq!(run(&code, 2, READ, 1, 1), 0, "/dev/mem");
        assert_eq!(run(&code, 1, MKNOD, 8, 0), 1, "a node of a disk");
        assert_eq!(run(&code, 1, READ, 8, 0), 0, "a disk");
        assert_eq!(run(&code, 1, READ | MKNOD, 8, 0), 0, "a disk, with mknod");
        assert_eq!(run(&code, 1, READ, 1, 3), 0, "block 1:3 is not /dev/null");
    }

    #[test]
    fn given_devices_and_rules_are_allowed_as_far_as_they_say() {
        let given = DevicePlan {
            path: "/dev/x".into(),
            kind: DeviceKind::Block,
            major: 7,
            minor: 1,
            mode: 0o600,
            uid: 0,
            gid: 0,
            access: "r".into(),
        };
        let added = DeviceRule {
            kind: DeviceKind::Char,
            major: Some(10),
            minor: None,
            access: "rw".into(),
        };
        let code = program(&rules(&[given], &[added]));
        assert_eq!(run(&code, 1, READ, 7, 1), 1, "the given device, to read");
        assert_eq!(run(&code, 1, WRITE, 7, 1), 0, "the given device, to write");
        assert_eq!(run(&code, 1, READ, 7, 2), 0, "its neighbour");
        assert_eq!(run(&code, 2, READ | WRITE, 10, 229), 1, "by the rule");
        let all = DeviceRule {
            kind: DeviceKind::All,
            major: None,
            minor: None,
            access: "rwm".into(),
        };
        assert_eq!(run(&program(&rules(&[], &[all])), 1, ALL, 8, 0), 1, "any");
    }

    #[test]
    fn v1_lines_are_spelt_as_the_kernel_wants_them() {
        assert_eq!(v1_line(&DEFAULTS[0]), "c 1:3 rwm");
        assert_eq!(v1_line(&DEFAULTS[8]), "c 136:* rwm");
        assert_eq!(v1_line(&DEFAULTS[10]), "b *:* m");
    }
}
