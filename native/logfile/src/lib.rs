//! The logs of containers: files that the monitor writes and rotates, and the daemon reads.
//!
//! ```text
//! writer.rs  what a program says → records        reader.rs   files → what a client is sent
//! queue.rs   mode=non-blocking                    chain.rs    the files of a log, in order
//! files.rs   appending, rotation                  tail.rs     the last records, from the end
//! gzip.rs    compression, in a child
//!           json.rs  local.rs  the two formats        time.rs  RFC 3339
//! ```
//! A log is one current file at `path` and rotated ones beside it, `path.1` the newest; compressed
//! they are called `path.1.gz`. Only the writer renames. A reader that follows knows its place by the
//! inode of the file it has open, which a compressed file carries in its gzip header.

mod chain;
mod files;
mod gzip;
mod json;
mod local;
mod queue;
mod reader;
mod record;
mod sys;
mod tail;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod time;
mod writer;

pub use reader::{ReadOptions, Reader};
pub use record::{Format, Stream};
pub use writer::{Settings, Writer};
