//! Container set-up: everything is decided first (plan → operations), then done (operations → child).
//!
//! The daemon's addon calls [`launch`]; the monitor reads what it decided and runs it.

#![deny(unsafe_code)]

mod adopt;
mod build;
pub mod cgroup;
pub mod child;
mod error;
mod host;
mod image;
mod inside;
mod launch;
pub mod op;
pub mod plan;
mod program;
pub mod protocol;
mod share;
mod spawner;
mod starting;
#[allow(unsafe_code)]
pub mod sys;
mod whole;

pub use adopt::{adopt, send_alone};
pub use build::{CgroupView, build, build_exec, check_seccomp};
pub use error::{Code, Context, StepError, reason};
pub use host::{HostFacts, host_facts};
pub use image::{Table, directory_in, image_tree};
pub use inside::{Inside, Place, StoppedRoot};
pub use launch::{IdleMonitor, Launched, launch, launch_on};
pub use program::program_from;
pub use share::open_network;
pub use starting::while_nothing_starts;
