//! Packet sockets. All unsafe code of this program is here.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub(crate) struct PacketSocket(OwnedFd);

const ALL: u16 = 0x0003;

impl PacketSocket {
    /// All frames of one interface, both ways.
    pub(crate) fn open(interface: u32) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: makes a descriptor, touches no memory.
        let raw = unsafe { libc::socket(libc::AF_PACKET, kind, i32::from(ALL.to_be())) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        // SAFETY: all bytes zero are a valid address of this kind.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
        address.sll_protocol = ALL.to_be();
        address.sll_ifindex = i32::try_from(interface).map_err(io::Error::other)?;
        let length =
            libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
        // SAFETY: the address lives through the call, and has the length that is told.
        let bound = unsafe { libc::bind(raw, (&raw const address).cast(), length) };
        if bound < 0 {
            return Err(io::Error::last_os_error());
        }
        debug_assert_eq!(socket.as_raw_fd(), raw);
        Ok(Self(socket))
    }

    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        rustix::net::send(&self.0, frame, rustix::net::SendFlags::empty())?;
        Ok(())
    }

    /// The length of the next frame; nothing if none comes in time.
    pub(crate) fn receive(&self, buffer: &mut [u8], within: Duration) -> io::Result<Option<usize>> {
        let limit = Timespec::try_from(within).map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit))? == 0 {
            return Ok(None);
        }
        Ok(Some(rustix::io::read(&self.0, buffer)?))
    }
}
