//! AppArmor without its parser: the default profile of containers, as the kernel takes it.
//!
//! ```text
//! profile.rs  what the profile says            pattern.rs  one path pattern as an automaton
//! dfa.rs      automata → one with permissions  table.rs    that as the kernel's tables
//! policy.rs   tables and the rest, serialised  kernel.rs   whether there is AppArmor; loading
//! ```

#![forbid(unsafe_code)]

mod dfa;
mod kernel;
mod pattern;
mod policy;
mod profile;
mod table;

pub use kernel::{LoadError, ensure_default, is_enabled, is_loaded};
pub use profile::{DEFAULT, compile};
