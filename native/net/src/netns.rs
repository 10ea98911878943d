//! A short visit of the calling thread to another network namespace.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs `work` inside `netns` and comes back, also from a panic.
///
/// A thread that cannot come back would do its later work in a container's namespace, and threads
/// of a pool are never at an end: the process ends instead. (Containers outlive it.)
pub(crate) fn inside<T>(netns: BorrowedFd<'_>, work: impl FnOnce() -> T) -> Result<T, Errno> {
    let home = File::open("/proc/thread-self/ns/net")
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    enter(netns)?;
    let _way_home = WayHome(home.into());
    Ok(work())
}

fn enter(netns: BorrowedFd<'_>) -> Result<(), Errno> {
    move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))
}

struct WayHome(OwnedFd);

impl Drop for WayHome {
    fn drop(&mut self) {
        if let Err(errno) = enter(self.0.as_fd()) {
            eprintln!("rt: cannot leave a container's network namespace: {errno}");
            std::process::abort();
        }
    }
}
