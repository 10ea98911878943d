//! Seccomp profiles in Docker's format, and the classic BPF programs that the kernel runs for them.
//!
//! ```text
//!  JSON ──▶ Profile ──┐                       ┌─▶ decide()   the meaning, for tests
//!           (profile) ├─▶ Policy ─────────────┤
//!  builtin() ─────────┘   (policy: for one    └─▶ Filter     the program, for the kernel
//!           (builtin)      host and set of        (compile)
//!                          capabilities)
//! ```
//! Pure: what is known of the host comes in as [`Host`]. The reasons are in `docs/design/seccomp.md`.

mod action;
mod arch;
mod assemble;
mod builtin;
mod cache;
mod capability;
mod compile;
mod condition;
mod error;
mod kernel;
mod multiplex;
mod policy;
mod profile;
#[cfg(test)]
mod tests;

pub use arch::Arch;
pub use cache::compiled;
pub use error::ProfileError;
pub use kernel::KernelVersion;

/// What a profile's conditions are about, beside the capabilities.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Host {
    /// That of this program and of the kernel.
    pub arch: Arch,
    pub kernel: KernelVersion,
}

/// What is given to seccomp(2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    /// `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
    /// `struct sock_filter`, 8 bytes each, in this machine's byte order.
    pub program: Vec<u8>,
}

/// A profile for a set of capabilities; without a text the built-in one. None where the profile says that
/// nothing is filtered.
pub fn compile(
    text: Option<&str>,
    capabilities: u64,
    host: &Host,
) -> Result<Option<Filter>, ProfileError> {
    let profile = match text {
        Some(text) => profile::Profile::parse(text)?,
        None => builtin::profile(),
    };
    if profile.is_empty() {
        return Ok(None);
    }
    let policy = policy::Policy::new(&profile, capabilities, host)?;
    let program = compile::program(&policy)?;
    Ok(Some(Filter {
        flags: profile.flags,
        program: program.iter().flat_map(|i| i.to_bytes()).collect(),
    }))
}
