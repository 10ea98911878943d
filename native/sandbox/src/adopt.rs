//! Gives a monitor the connection of a client, so that its output passes no other process; and the head that
//! the client is to have read before.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{EventfdFlags, eventfd};
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
    check_unix(client)?;
    let payload = postcard::to_allocvec(adoption).map_err(|_| Errno::INVAL)?;
    let header = frame::header(frame::ADOPT, payload.len());
    send_with(monitor, &[&header, &payload], client)
}

/// Sends bytes so that who reads the other end gets them apart from all that follows: the kernel ends a read
/// behind bytes that a descriptor came with. This one is good for nothing, and is closed by the kernel where
/// the reader does not ask for it, as readers of a stream do not. An error means that nothing was sent, as on
/// whatever is no Unix socket.
pub fn send_alone(socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    // Others would send the bytes and drop the descriptor.
    check_unix(socket)?;
    let token = eventfd(0, EventfdFlags::CLOEXEC)?;
    send_with(socket, &[bytes], token.as_fd())
}

fn check_unix(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    match sockopt::socket_domain(socket)? {
        AddressFamily::UNIX => Ok(()),
        _ => Err(Errno::AFNOSUPPORT),
    }
}

/// For so short a message that it is taken whole or not at all.
fn send_with(socket: BorrowedFd<'_>, parts: &[&[u8]], given: BorrowedFd<'_>) -> Result<(), Errno> {
    let fds = [given];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let sent = rustix::io::retry_on_intr(|| sendmsg(socket, &slices, &mut control, flags))?;
    if sent == parts.iter().map(|part| part.len()).sum::<usize>() {
        Ok(())
    } else {
        Err(Errno::IO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::read;
    use rustix::net::{SocketFlags, SocketType, socket, socketpair};

    #[test]
    fn what_is_sent_alone_is_read_alone_and_leaves_no_descriptor() {
        let kind = (AddressFamily::UNIX, SocketType::STREAM);
        let (ours, theirs) = socketpair(kind.0, kind.1, SocketFlags::CLOEXEC, None).unwrap();
        rustix::io::write(&ours, b"before ").unwrap();
        send_alone(ours.as_fd(), b"head").unwrap();
        rustix::io::write(&ours, b"behind").unwrap();
        let mut bytes = [0; 64];
        let mut next = || {
            let size = read(&theirs, &mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..size]).into_owned()
        };
        assert_eq!([next(), next()], ["before head", "behind"]);
    }

    #[test]
    fn nothing_is_sent_alone_where_it_cannot_be() {
        let ours = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        assert_eq!(send_alone(ours.as_fd(), b"head"), Err(Errno::AFNOSUPPORT));
    }
}
