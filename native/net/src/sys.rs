//! The system calls that rustix has no safe name for.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Asks the kernel to put a sentence into its refusals, and not to repeat our requests in them.
/// Kernels before 4.12 cannot; their refusals are bare numbers, which is no error.
pub(crate) fn ask_for_reasons(socket: BorrowedFd<'_>) {
    let on: libc::c_int = 1;
    for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
        // SAFETY: `on` outlives the call, which reads four bytes of it; the descriptor is
        // borrowed, so it is open.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_NETLINK,
                option,
                (&raw const on).cast(),
                4,
            );
        }
    }
}

/// Makes the kernel act at once on a carrier that came or went.
///
/// veth reports its carrier to a worker ("linkwatch"); until that ran, the host's end drops what
/// it is given and the bridge keeps the port blocked, so that a container's first packet could be
/// lost and its connection wait a second. Since Linux 6.8 a question for the state of the link
/// does the worker's part for this interface first. On older kernels, and on failure, the worker
/// does it, some tens of microseconds later.
pub(crate) fn settle(socket: BorrowedFd<'_>, interface: &str) {
    const ETHTOOL_GLINK: u32 = 0x0a;
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    let mut question = [ETHTOOL_GLINK, 0];
    // SAFETY: all-zero bytes are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    for (to, from) in room.zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = question.as_mut_ptr().cast();
    // SAFETY: `request` holds a terminated name and points to a `struct ethtool_value`; both
    // outlive the call. The descriptor is borrowed, so it is open.
    unsafe {
        libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request);
    }
}

/// Gives the calling thread a network namespace of its own.
#[cfg(test)]
pub(crate) fn unshare_network() -> Result<(), rustix::io::Errno> {
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    // SAFETY: the danger of this call lies in an unshared table of descriptors, which stays shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}
