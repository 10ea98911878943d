//! A network namespace made ahead of need: to make one takes the kernel longer than anything else of a
//! launch. The monitor lives in it from then on, and the container's first process is born into it.
//! It has no socket there but those of its resolver
//! (`names.rs`).

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sandbox::{Context, StepError, sys};

const CLONE_NEWNET: u64 = 0x4000_0000;

/// The host's namespace, to go back to.
pub(crate) struct Prepared(OwnedFd);

/// None where that is not possible; then the child makes the namespace, and says why it cannot.
pub(crate) fn prepare() -> Option<Prepared> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let host = rustix::fs::open("/proc/self/ns/net", flags, Mode::empty()).ok()?;
    sys::unshare_network().ok()?;
    // As far as it goes: the child brings it up if it is not.
    let kind = (AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC);
    if let Ok(socket) = socket_with(kind.0, kind.1, kind.2, None) {
        let _child_will = sys::loopback_up(socket.as_fd());
    }
    Some(Prepared(host))
}

/// The flags for clone3 in place of `flags`, with this process where the child is to be born; and the host's
/// namespace, if that is another.
pub(crate) fn settle(
    prepared: Option<Prepared>,
    flags: u64,
) -> Result<(u64, Option<OwnedFd>), StepError> {
    let Some(Prepared(host)) = prepared else {
        return Ok((flags, None));
    };
    if flags & CLONE_NEWNET == 0 {
        move_into_link_name_space(host.as_fd(), Some(LinkNameSpaceType::Network))
            .step("return to the host's network", "")?;
        return Ok((flags, None));
    }
    Ok((flags & !CLONE_NEWNET, Some(host)))
}
