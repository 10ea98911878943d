//! Layers: from a compressed archive, perhaps still being downloaded, to an overlay-ready tree.
//!
//! ```text
//! growing file ─▶ read + sha256 + inflate ─▶ bounded queue ─┬▶ sha256 of the plain stream
//!                 (thread "layer-inflate")                  │  (thread "layer-hash")
//!                                                           └▶ tar reader → tree writer
//!                                                              (thread "layer-tree")
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod commit;
mod error;
mod extraction;
mod remove;
mod source;
#[cfg(test)]
mod testing;

pub use commit::commit;
pub use error::{ErrorKind, LayerError};
pub use extraction::{ExtractOptions, ExtractResult, Extraction};
pub use remove::remove_tree;
