/// Why a profile cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    #[error("Decoding seccomp profile failed: {0}")]
    Json(String),
    #[error("invalid seccomp profile: unknown action \"{0}\"")]
    Action(String),
    #[error("invalid seccomp profile: unknown operator \"{0}\"")]
    Operator(String),
    #[error("invalid seccomp profile: unknown architecture \"{0}\"")]
    Architecture(String),
    #[error("invalid seccomp profile: unknown flag \"{0}\"")]
    Flag(String),
    #[error("invalid seccomp profile: kernel version \"{0}\" is not of the form \"MAJOR.MINOR\"")]
    Kernel(String),
    #[error("invalid seccomp profile: errno {0} is out of range (0 to 4095)")]
    Errno(u64),
    #[error("invalid seccomp profile: argument {0} does not exist (system calls have 0 to 5)")]
    Argument(u64),
    #[error("invalid seccomp profile: a rule has no system call")]
    NoName,
    #[error(
        "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
    )]
    NameAndNames,
    #[error(
        "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'"
    )]
    TwoArchitectures,
    #[error(
        "invalid seccomp profile: it becomes {0} instructions or more, and the kernel takes 4096"
    )]
    TooLong(usize),
    #[error("seccomp profiles that ask another process ({0}) are not supported by this engine yet")]
    Listener(&'static str),
}

impl ProfileError {
    /// It means something, but not to this engine.
    pub const fn is_unsupported(&self) -> bool {
        matches!(self, Self::Listener(_))
    }
}
