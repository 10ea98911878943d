//! Control groups on v2 ("unified"), on v1 controllers beside a v2 tree ("hybrid"), and on v1 alone.
//!
//! On a hybrid host a container lives in the v2 tree: joining it costs nothing (clone3 does it),
//! while the first join of a v1 controller costs 7–16 ms (the kernel waits for an RCU grace
//! period). A v1 controller is therefore joined only for a limit that was asked for.

mod block;
mod counters;
mod create;
mod device;
mod freeze;
mod layout;
mod processes;
mod remove;
mod reserve;
mod resources;
mod settings;
mod stats;
mod update;

pub use create::{Created, Devices, create};
pub use device::Rule;
pub use freeze::{freeze, is_frozen};
pub use layout::{Hierarchy, Layout, prepare_parent};
pub use processes::{Process, ProcessList, list_processes};
pub use remove::{OomNews, OomSource, remove};
pub use reserve::retire;
pub use stats::{Sample, read_stats};
pub use update::update;
