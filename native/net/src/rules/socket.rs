//! The one socket that our changes go through, by which they are told from those of others.

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{RecvFlags, bind, getsockname, recv, sockopt};

use crate::nft::Transaction;
use crate::socket::{Failure, Netlink};

/// A batch is refused that does not fit; 50,000 ports take some 5 MiB.
const ROOM: usize = 16 << 20;

pub(super) struct Own {
    socket: Netlink,
    port: u32,
}

impl Own {
    pub(super) fn open() -> Result<Self, Failure> {
        let socket = Netlink::netfilter()?;
        // Without the right to it the kernel's default is what there is.
        let _ = sockopt::set_socket_send_buffer_size_force(socket.fd(), ROOM);
        let named = bind(socket.fd(), &SocketAddrNetlink::new(0, 0))
            .and_then(|()| getsockname(socket.fd()))
            .and_then(SocketAddrNetlink::try_from);
        let port = named.map_err(|errno| Failure::new("name a netfilter socket", errno))?;
        let port = port.pid();
        Ok(Self { socket, port })
    }

    /// As notices of our changes have it.
    pub(super) fn port(&self) -> u32 {
        self.port
    }

    pub(super) fn send(&self, change: Transaction<'_>) -> Result<(), Failure> {
        self.drain();
        self.socket.run(change.finish())
    }

    /// A transaction that failed may have left more answers than were read.
    fn drain(&self) {
        let mut buffer = [0; 4096];
        loop {
            match recv(self.socket.fd(), &mut buffer, RecvFlags::DONTWAIT) {
                Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(_) => return,
            }
        }
    }
}
