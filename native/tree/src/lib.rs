//! Files of a container: archives out of its root and into it, what it changed, and its layer.
//!
//! Everything starts at an open directory, the root, and goes by descriptor: a path is resolved by
//! the kernel as if the root were "/", so that nothing a container does meanwhile, whatever it
//! exchanges for a link, leads out of it. Nothing of the container's is ever executed or loaded.

#![forbid(unsafe_code)]

mod archive;
mod changes;
mod difference;
mod entry;
mod error;
mod header;
mod merged;
mod pack;
mod pipe;
mod receive;
mod stat;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod waste;

pub use archive::archive;
pub use changes::{Change, Layers, changes};
pub use difference::{Change as Difference, difference};
pub use error::{ErrorKind, TreeError};
pub use pack::{Packed, pack};
pub use pipe::{Pipe, PipeReader, PipeWriter};
pub use receive::{Receive, receive};
pub use stat::{PathStat, stat};
pub use target::Target;
pub use waste::{Anatomy, anatomy};
