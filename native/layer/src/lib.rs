//! Layers: from a compressed archive, perhaps still being downloaded, to an overlay-ready tree.
//!
//! ```text
//! growing file ─▶ read + sha256 + inflate ─▶ bounded queue ─┬▶ sha256 of the plain stream
//!                 (thread "layer-inflate")                  │  (thread "layer-hash")
//!                                                           └▶ tar reader → tree writer
//!                                                              (thread "layer-tree")
//!                                                                 └▶ small files
//!                                                                    (thread "layer-files")
//! ```

mod bodies;
mod budget;
mod commit;
mod compare;
mod copy;
mod copy_up;
mod dir;
mod error;
mod extraction;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod header;
mod holes;
mod inflate;
mod meta;
mod name;
mod pax;
mod pipeline;
mod queue;
mod reader;
mod remove;
mod root;
mod send;
mod source;
mod sparse;
mod sys;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod usage;
mod xattr;

/// The tar reader and its rules, for those who unpack an archive into a tree that is in use.
pub mod tar {
    pub use crate::error::quote;
    pub use crate::header::Time;
    pub use crate::inflate::Plain;
    pub use crate::name::Name;
    pub use crate::reader::{Entry, Kind, Meta, Reader, Stream};
    pub use crate::remove::remove_at;
    pub use crate::sparse::Segment;
    pub use crate::tree::fill;
    pub use crate::xattr::{Place, check as check_xattrs, set as set_xattrs};
}

pub use commit::commit;
pub use compare::{Attributes, attributes, compare_trees, same_content};
pub use copy_up::{copy_up, copy_up_to, finish_copy_up};
pub use error::{ErrorKind, LayerError};
pub use extraction::{ExtractOptions, ExtractResult, Extraction};
pub use remove::remove_tree;
pub use send::Sending;
pub use usage::{Usage, tree_usage};
