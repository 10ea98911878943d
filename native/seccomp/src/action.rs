//! What happens to a system call: the values that a filter returns, see seccomp(2).

use crate::error::ProfileError;

/// `SECCOMP_RET_*` with its data.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Action(pub(crate) u32);

const ERRNO: u32 = 0x0005_0000;
const TRACE: u32 = 0x7ff0_0000;
const EPERM: u64 = 1;
const MAX_ERRNO: u64 = 4095;

impl Action {
    pub(crate) const KILL_THREAD: Self = Self(0);
    pub(crate) const KILL_PROCESS: Self = Self(0x8000_0000);
    pub(crate) const TRAP: Self = Self(0x0003_0000);
    pub(crate) const LOG: Self = Self(0x7ffc_0000);
    pub(crate) const ALLOW: Self = Self(0x7fff_0000);
    /// EPERM.
    pub(crate) const DENY: Self = Self(ERRNO | 1);
    /// ENOSYS.
    pub(crate) const NO_SUCH_CALL: Self = Self(ERRNO | 0x26);

    /// The name as in libseccomp, with the errno that some of them carry.
    pub(crate) fn parse(name: &str, errno: Option<u64>) -> Result<Self, ProfileError> {
        let with_data = |base: u32| {
            let errno = errno.unwrap_or(EPERM);
            let data = u32::try_from(errno).ok().filter(|_| errno <= MAX_ERRNO);
            let data = data.ok_or(ProfileError::Errno(errno))?;
            Ok(Self(base | data))
        };
        match name {
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Ok(Self::KILL_THREAD),
            "SCMP_ACT_KILL_PROCESS" => Ok(Self::KILL_PROCESS),
            "SCMP_ACT_TRAP" => Ok(Self::TRAP),
            "SCMP_ACT_ERRNO" => with_data(ERRNO),
            "SCMP_ACT_TRACE" => with_data(TRACE),
            "SCMP_ACT_LOG" => Ok(Self::LOG),
            "SCMP_ACT_ALLOW" => Ok(Self::ALLOW),
            "SCMP_ACT_NOTIFY" => Err(ProfileError::Listener("SCMP_ACT_NOTIFY")),
            _ => Err(ProfileError::Action(shown(name))),
        }
    }

    /// A default like this lets new system calls through; any other makes them look absent, as runc has it.
    pub(crate) const fn is_permissive(self) -> bool {
        self.0 == Self::ALLOW.0 || self.0 == Self::LOG.0 || self.0 & 0xffff_0000 == TRACE
    }
}

/// Foreign words in an error: as much as fits a sentence.
pub(crate) fn shown(word: &str) -> String {
    let plain = word.chars().take(64).flat_map(char::escape_debug);
    plain.collect()
}
