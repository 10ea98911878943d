//! The sockets of a resolver: those that containers ask at, and those by which servers are asked.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with, sockopt,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::names::Upstream;
use crate::reply::Transport;

/// Where every container asks.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
/// The port that is meant; ours are others, so that programs may have it.
pub const PORT: u16 = 53;
/// Ours are the first that are free from here: above those that the kernel gives to clients, and used by nobody.
const FIRST_PORT: u16 = 61_053;
const TRIES: u16 = 64;
const BACKLOG: i32 = 64;

/// Bound at [`ADDRESS`], in the network namespace of the calling thread.
#[derive(Debug)]
pub struct Listening {
    pub(crate) udp: OwnedFd,
    pub(crate) tcp: OwnedFd,
    /// Of both.
    pub port: u16,
}

impl Listening {
    /// At a port of our own; packets for [`PORT`] have to be sent there.
    pub fn open() -> Result<Self, Errno> {
        let mut last = Errno::ADDRINUSE;
        for port in FIRST_PORT..FIRST_PORT + TRIES {
            match Self::open_at(port) {
                Err(Errno::ADDRINUSE) => {}
                Err(errno) => last = errno,
                opened => return opened,
            }
        }
        Err(last)
    }

    /// At [`PORT`] itself, for kernels that cannot send packets elsewhere.
    pub fn open_plain() -> Result<Self, Errno> {
        Self::open_at(PORT)
    }

    fn open_at(port: u16) -> Result<Self, Errno> {
        let address = SocketAddrV4::new(ADDRESS, port);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let udp = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
        bind(&udp, &address)?;
        let tcp = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        // Connections of a resolver that was here before may still be on their way out.
        sockopt::set_socket_reuseaddr(&tcp, true)?;
        bind(&tcp, &address)?;
        listen(&tcp, BACKLOG)?;
        Ok(Self { udp, tcp, port })
    }
}

/// The two network namespaces that servers are asked from.
pub struct Places {
    /// The container's, in which this process is.
    here: OwnedFd,
    /// None: servers that the host alone reaches are not asked.
    host: Option<OwnedFd>,
    /// There was no way back, so that nobody may be asked any more.
    is_lost: bool,
}

impl Places {
    /// `host` is the host's network namespace; the calling thread is in the container's.
    pub fn new(host: Option<OwnedFd>) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self {
            here: rustix::fs::open("/proc/thread-self/ns/net", flags, Mode::empty())?,
            host,
            is_lost: false,
        })
    }

    /// A socket towards a server; over TCP it may be still connecting.
    pub(crate) fn connect(
        &mut self,
        server: &Upstream,
        transport: Transport,
    ) -> Result<OwnedFd, Errno> {
        if self.is_lost {
            return Err(Errno::NETUNREACH);
        }
        if !server.by_host {
            return connect_here(server, transport);
        }
        let host = self.host.as_ref().ok_or(Errno::NETUNREACH)?;
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(host.as_fd(), kind)?;
        let connected = connect_here(server, transport);
        self.is_lost = move_into_link_name_space(self.here.as_fd(), kind).is_err();
        connected
    }
}

fn connect_here(server: &Upstream, transport: Transport) -> Result<OwnedFd, Errno> {
    let family = if server.address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let kind = match transport {
        Transport::Udp => SocketType::DGRAM,
        Transport::Tcp => SocketType::STREAM,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, kind, flags, None)?;
    match connect(&socket, &server.address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(errno) => Err(errno),
    }
}
