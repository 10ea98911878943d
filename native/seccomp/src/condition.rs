//! Comparisons of one argument of a system call, unsigned.

use crate::action::shown;
use crate::error::ProfileError;

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Test {
    Equal(u64),
    NotEqual(u64),
    Less(u64),
    AtMost(u64),
    Greater(u64),
    AtLeast(u64),
    /// The bits of `mask` are those of `value`.
    Masked {
        mask: u64,
        value: u64,
    },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Condition {
    /// 0 to 5.
    pub(crate) argument: u8,
    pub(crate) test: Test,
    /// The low 32 bits of argument and values alone.
    pub(crate) low: bool,
}

impl Condition {
    /// The same for an architecture of 32 bits, where libseccomp looks at no more: so that a profile's -1 is
    /// the -1 of its programs, and what a 64-bit register holds above them (x32) counts no more than to
    /// the kernel.
    pub(crate) fn narrowed(&self) -> Self {
        const LOW: u64 = 0xffff_ffff;
        let test = match self.test {
            Test::Equal(value) => Test::Equal(value & LOW),
            Test::NotEqual(value) => Test::NotEqual(value & LOW),
            Test::Less(value) => Test::Less(value & LOW),
            Test::AtMost(value) => Test::AtMost(value & LOW),
            Test::Greater(value) => Test::Greater(value & LOW),
            Test::AtLeast(value) => Test::AtLeast(value & LOW),
            Test::Masked { mask, value } => Test::Masked {
                mask: mask & LOW,
                value: value & LOW,
            },
        };
        Self {
            test,
            low: true,
            ..*self
        }
    }

    pub(crate) fn parse(
        index: u64,
        operator: &str,
        value: u64,
        two: u64,
    ) -> Result<Self, ProfileError> {
        let argument = u8::try_from(index).ok().filter(|index| *index < 6);
        let argument = argument.ok_or(ProfileError::Argument(index))?;
        let test = match operator {
            "SCMP_CMP_EQ" => Test::Equal(value),
            "SCMP_CMP_NE" => Test::NotEqual(value),
            "SCMP_CMP_LT" => Test::Less(value),
            "SCMP_CMP_LE" => Test::AtMost(value),
            "SCMP_CMP_GT" => Test::Greater(value),
            "SCMP_CMP_GE" => Test::AtLeast(value),
            "SCMP_CMP_MASKED_EQ" => Test::Masked {
                mask: value,
                value: two & value,
            },
            _ => return Err(ProfileError::Operator(shown(operator))),
        };
        Ok(Self {
            argument,
            test,
            low: false,
        })
    }

    #[cfg(test)]
    pub(crate) fn holds(&self, arguments: &[u64; 6]) -> bool {
        let whole = arguments[usize::from(self.argument)];
        let found = if self.low { whole & 0xffff_ffff } else { whole };
        match self.test {
            Test::Equal(value) => found == value,
            Test::NotEqual(value) => found != value,
            Test::Less(value) => found < value,
            Test::AtMost(value) => found <= value,
            Test::Greater(value) => found > value,
            Test::AtLeast(value) => found >= value,
            Test::Masked { mask, value } => found & mask == value,
        }
    }
}
