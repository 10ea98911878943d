//! A port of the host, held by a socket that nobody can connect to.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};

use super::Protocol;

/// A held port. Without a socket where the host does not know the protocol: then no program of
/// the host can take it either.
#[derive(Debug)]
pub(super) struct Reservation {
    _socket: Option<OwnedFd>,
}

impl Reservation {
    /// For a port that is published although somebody else holds it, or at no address of the host's.
    pub(super) fn absent() -> Self {
        Self { _socket: None }
    }
}

pub(super) fn reserve(
    protocol: Protocol,
    address: IpAddr,
    port: u16,
) -> Result<Reservation, Errno> {
    let address = SocketAddr::new(address, port);
    match bound(protocol, &address, false) {
        // Connections of a server that has ended may linger for a minute. A port can be shared
        // with them, but with no program that listens or does without this option.
        Err(Errno::ADDRINUSE) if protocol == Protocol::Tcp => bound(protocol, &address, true),
        other => other,
    }
}

fn bound(protocol: Protocol, address: &SocketAddr, reuse: bool) -> Result<Reservation, Errno> {
    let socket = match open(protocol, address) {
        Ok(socket) => socket,
        Err(Errno::PROTONOSUPPORT) => return Ok(Reservation::absent()),
        Err(errno) => return Err(errno),
    };
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if reuse {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, address)?;
    if reuse {
        // From here on nobody may share it with us.
        sockopt::set_socket_reuseaddr(&socket, false)?;
    }
    Ok(Reservation {
        _socket: Some(socket),
    })
}

fn open(protocol: Protocol, address: &SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let (kind, wire) = match protocol {
        Protocol::Tcp => (SocketType::STREAM, ipproto::TCP),
        Protocol::Udp => (SocketType::DGRAM, ipproto::UDP),
        Protocol::Sctp => (SocketType::STREAM, ipproto::SCTP),
    };
    socket_with(family, kind, SocketFlags::CLOEXEC, Some(wire))
}
