//! Runs classic BPF as the kernel does for seccomp: the checks of `bpf_check_classic` and
//! `seccomp_check_filter`, and the instructions that we use.

use crate::assemble::{Instruction, MAX_INSTRUCTIONS, code};

/// `struct seccomp_data`.
pub(super) struct Input {
    pub(super) number: u32,
    pub(super) audit: u32,
    pub(super) arguments: [u64; 6],
}

impl Input {
    fn word(&self, offset: u32) -> u32 {
        let half = |value: u64, high: bool| {
            u32::try_from(if high {
                value >> 32
            } else {
                value & 0xffff_ffff
            })
            .expect("half")
        };
        match offset {
            0 => self.number,
            4 => self.audit,
            16..64 if offset.is_multiple_of(4) => {
                let index = usize::try_from((offset - 16) / 8).expect("index");
                half(self.arguments[index], offset % 8 == 4)
            }
            _ => panic!("load from {offset}"),
        }
    }
}

/// Everything jumps forward and inside, and ends with a return.
pub(super) fn check(program: &[Instruction]) {
    assert!(!program.is_empty() && program.len() <= MAX_INSTRUCTIONS);
    for (at, instruction) in program.iter().enumerate() {
        let reaches = |skipped: u32| {
            let to = at + 1 + usize::try_from(skipped).expect("distance");
            assert!(
                to < program.len(),
                "{at}: {instruction:?} leaves the program"
            );
        };
        match instruction.code {
            code::JUMP => reaches(instruction.k),
            code::JUMP_EQUAL | code::JUMP_GREATER | code::JUMP_AT_LEAST => {
                reaches(instruction.jt.into());
                reaches(instruction.jf.into());
            }
            code::LOAD => assert!(instruction.k < 64 && instruction.k.is_multiple_of(4)),
            code::AND | code::RETURN => {}
            other => panic!("{at}: unknown code {other:#x}"),
        }
    }
    assert_eq!(program.last().expect("last").code, code::RETURN);
}

/// The value returned.
pub(super) fn run(program: &[Instruction], input: &Input) -> u32 {
    trace(program, input).0
}

/// The value, how many instructions that took, and whether an argument was looked at.
pub(super) fn trace(program: &[Instruction], input: &Input) -> (u32, usize, bool) {
    let (mut accumulator, mut at, mut asks) = (0, 0, false);
    for steps in 1..=program.len() {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            code::LOAD => {
                asks |= k >= 16;
                accumulator = input.word(k);
            }
            code::AND => accumulator &= k,
            code::JUMP => at += usize::try_from(k).expect("distance"),
            code::JUMP_EQUAL => branch(accumulator == k),
            code::JUMP_GREATER => branch(accumulator > k),
            code::JUMP_AT_LEAST => branch(accumulator >= k),
            code::RETURN => return (k, steps, asks),
            other => panic!("unknown code {other:#x}"),
        }
    }
    panic!("the program does not end")
}
