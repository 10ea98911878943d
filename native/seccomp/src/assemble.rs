//! Instructions of classic BPF, laid down from the last to the first: so every jump, which may only go
//! forward, knows its distance.

use std::collections::HashMap;

use crate::action::Action;
use crate::error::ProfileError;

/// `struct sock_filter`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

impl Instruction {
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let [c0, c1] = self.code.to_ne_bytes();
        let [k0, k1, k2, k3] = self.k.to_ne_bytes();
        [c0, c1, self.jt, self.jf, k0, k1, k2, k3]
    }
}

pub(crate) mod code {
    pub(crate) const LOAD: u16 = 0x20;
    pub(crate) const AND: u16 = 0x54;
    pub(crate) const JUMP: u16 = 0x05;
    pub(crate) const JUMP_EQUAL: u16 = 0x15;
    pub(crate) const JUMP_GREATER: u16 = 0x25;
    pub(crate) const JUMP_AT_LEAST: u16 = 0x35;
    pub(crate) const RETURN: u16 = 0x06;
}

/// `BPF_MAXINSNS`.
pub(crate) const MAX_INSTRUCTIONS: usize = 4096;

/// An instruction that is laid down already: its distance from the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Label(usize);

#[derive(Default)]
pub(crate) struct Assembler {
    /// The last first.
    reversed: Vec<Instruction>,
    returns: HashMap<Action, Label>,
}

impl Assembler {
    /// Above everything so far. What a load or a mask is laid upon comes after it.
    fn lay(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Result<Label, ProfileError> {
        let label = Label(self.reversed.len());
        if label.0 >= MAX_INSTRUCTIONS {
            return Err(ProfileError::TooLong(MAX_INSTRUCTIONS + 1));
        }
        self.reversed.push(Instruction { code, jt, jf, k });
        Ok(label)
    }

    pub(crate) fn load(&mut self, offset: u32) -> Result<Label, ProfileError> {
        self.lay(code::LOAD, 0, 0, offset)
    }

    pub(crate) fn and(&mut self, mask: u32) -> Result<Label, ProfileError> {
        self.lay(code::AND, 0, 0, mask)
    }

    /// A place that ends with this action, within reach of conditional jumps that come soon.
    pub(crate) fn end(&mut self, action: Action) -> Result<Label, ProfileError> {
        const NEAR: usize = 128;
        if let Some(label) = self.returns.get(&action)
            && self.reversed.len() - label.0 < NEAR
        {
            return Ok(*label);
        }
        let label = self.lay(code::RETURN, 0, 0, action.0)?;
        self.returns.insert(action, label);
        Ok(label)
    }

    /// To one of two places, however far they are.
    pub(crate) fn branch(
        &mut self,
        code: u16,
        k: u32,
        yes: Label,
        no: Label,
    ) -> Result<Label, ProfileError> {
        // Two more instructions may come between.
        let near = |label: Label, len: usize| u8::try_from(len - label.0 + 2).is_ok();
        let len = self.reversed.len();
        let yes = if near(yes, len) { yes } else { self.jump(yes)? };
        let no = if near(no, len) { no } else { self.jump(no)? };
        let (jt, jf) = (self.distance(yes)?, self.distance(no)?);
        self.lay(code, jt, jf, k)
    }

    /// What is laid next goes on at this place.
    pub(crate) fn fall_to(&mut self, to: Label) -> Result<(), ProfileError> {
        if to.0 + 1 != self.reversed.len() {
            self.jump(to)?;
        }
        Ok(())
    }

    fn jump(&mut self, to: Label) -> Result<Label, ProfileError> {
        let skipped = self.reversed.len() - to.0 - 1;
        let skipped = u32::try_from(skipped).map_err(|_| ProfileError::TooLong(skipped))?;
        self.lay(code::JUMP, 0, 0, skipped)
    }

    fn distance(&self, to: Label) -> Result<u8, ProfileError> {
        let skipped = self.reversed.len() - to.0 - 1;
        u8::try_from(skipped).map_err(|_| ProfileError::TooLong(skipped))
    }

    /// The program, which begins with what was laid down last.
    pub(crate) fn finish(mut self) -> Vec<Instruction> {
        self.reversed.reverse();
        self.reversed
    }
}
