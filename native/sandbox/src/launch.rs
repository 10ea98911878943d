//! The daemon's side of a launch.

use std::os::fd::BorrowedFd;

use crate::error::StepError;
use crate::plan::ContainerPlan;

/// A container that stands at its gate.
#[derive(Clone, Copy, Debug)]
pub struct Launched {
    pub monitor_pid: u32,
    pub monitor_start_time: u64,
    /// The container's first process, in the caller's pid namespace.
    pub pid: u32,
    pub pid_start_time: u64,
}

/// Starts a monitor from `monitor_image` (see [`crate::memfd_from`]) which sets the container up
/// and waits at the gate for START on its socket. Blocks for a few milliseconds.
///
/// `wire` runs on the calling thread as soon as the container's first process exists, while that
/// process mounts: (pid, network namespace). It does not run for the network "host".
pub fn launch(
    _plan: &ContainerPlan,
    _monitor_image: BorrowedFd<'_>,
    _wire: impl FnOnce(u32, BorrowedFd<'_>) -> Result<(), StepError>,
) -> Result<Launched, StepError> {
    Err(StepError::new(
        crate::Code::Unavailable,
        "launch",
        "",
        0,
        "launching is not built yet",
    ))
}
