//! Layers: from a compressed archive, perhaps still being downloaded, to an overlay-ready tree.
//!
//! ```text
//! growing file ─▶ read + sha256 + inflate ─▶ bounded queue ─┬▶ sha256 of the plain stream
//!                 (thread "layer-inflate")                  │  (thread "layer-hash")
//!                                                           └▶ tar reader → tree writer
//!                                                              (thread "layer-tree")
//! ```

mod budget;
mod commit;
mod dir;
mod error;
mod extraction;
mod header;
mod inflate;
mod meta;
mod name;
mod pax;
mod pipeline;
mod queue;
mod reader;
mod remove;
mod root;
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

pub use commit::commit;
pub use error::{ErrorKind, LayerError};
pub use extraction::{ExtractOptions, ExtractResult, Extraction};
pub use remove::remove_tree;
pub use usage::tree_size;
