//! The one door to paths that an image or a container can influence.
//!
//! Whoever fills a root can put links, mounts and `..` anywhere in it, and exchange them while we
//! look. So a path is resolved once, by [`Root`], as if the root were the whole file system; what
//! comes out is a descriptor, and all else goes by descriptor: [`entry`] takes one name in an open
//! directory and never follows it, [`handle`] works on the very file that a descriptor names.
//! [`host`] is for paths of the engine's own; which files may use it is a list in `scripts/doors.ts`.
//!
//! Names are bytes. Errors are [`Errno`](rustix::io::Errno); callers say what they were doing.
//! Every descriptor is close-on-exec. No function here waits: none opens a FIFO or a device unless
//! the caller's own flags do.

#![forbid(unsafe_code)]

mod ensure;
pub mod entry;
pub mod handle;
pub mod host;
mod plain;
pub mod procfs;
mod root;
mod steps;
#[cfg(test)]
mod tests;

pub use ensure::{Absent, Make};
pub use root::Root;
