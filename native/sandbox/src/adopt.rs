//! Gives a monitor the connection of a client, so that its output passes no other process.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::{Errno, IoSlice};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg, sockopt,
};

use crate::protocol::{Adoption, frame};

/// Sends [`frame::ADOPT`] on the connection to the monitor. An error means that nothing was sent: so short a
/// message is taken whole or not at all. Only a Unix socket is given away; TLS is spoken over others.
pub fn adopt(
    monitor: BorrowedFd<'_>,
    client: BorrowedFd<'_>,
    adoption: &Adoption,
) -> Result<(), Errno> {
    if sockopt::socket_domain(client)? != AddressFamily::UNIX {
        return Err(Errno::AFNOSUPPORT);
    }
    let payload = postcard::to_allocvec(adoption).map_err(|_| Errno::INVAL)?;
    let header = frame::header(frame::ADOPT, payload.len());
    let fds = [client.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let parts = [IoSlice::new(&header), IoSlice::new(&payload)];
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let sent = rustix::io::retry_on_intr(|| sendmsg(monitor, &parts, &mut control, flags))?;
    if sent == header.len() + payload.len() {
        Ok(())
    } else {
        Err(Errno::IO)
    }
}
