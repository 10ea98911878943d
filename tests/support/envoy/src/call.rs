//! Calls a server of `serve.rs`.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use serde::Deserialize;

use crate::{Said, millis};

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Call {
    pub(crate) protocol: Protocol,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// Interface that a link-local address is on.
    #[serde(default)]
    pub(crate) scope: u32,
    /// The source; else the kernel's choice.
    from: Option<IpAddr>,
    /// Milliseconds until silence is an answer.
    timeout: u64,
}

const SCTP: u32 = 132;

pub(crate) fn socket(protocol: Protocol, address: IpAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let (kind, protocol) = match protocol {
        Protocol::Tcp => (SocketType::STREAM, None),
        Protocol::Udp => (SocketType::DGRAM, None),
        Protocol::Sctp => (
            SocketType::STREAM,
            std::num::NonZeroU32::new(SCTP).map(rustix::net::Protocol::from_raw),
        ),
    };
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(family, kind, flags, protocol)?)
}

impl Call {
    fn target(&self) -> SocketAddr {
        let mut target = SocketAddr::new(self.address, self.port);
        if let SocketAddr::V6(address) = &mut target {
            address.set_scope_id(self.scope);
        }
        target
    }

    fn bound(&self) -> io::Result<OwnedFd> {
        let socket = socket(self.protocol, self.address)?;
        if let Some(from) = self.from {
            rustix::net::bind(&socket, &SocketAddr::new(from, 0))?;
        }
        Ok(socket)
    }

    /// A connection, given up after the timeout.
    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let socket = self.bound()?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        match rustix::net::connect(&socket, &self.target()) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let limit = Timespec::try_from(millis(self.timeout)).map_err(io::Error::other)?;
        let mut waited = [PollFd::new(&socket, PollFlags::OUT)];
        if poll(&mut waited, Some(&limit))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sockopt::socket_error(&socket)??;
        rustix::io::ioctl_fionbio(&socket, false)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(millis(self.timeout.max(1))))?;
        Ok(stream)
    }

    fn ask_by_datagram(&self) -> io::Result<String> {
        let socket = UdpSocket::from(self.bound()?);
        let end = Instant::now() + millis(self.timeout);
        socket.connect(self.target())?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let mut buffer = [0; 128];
        loop {
            socket.send(b"?")?;
            match socket.recv(&mut buffer) {
                Ok(length) => return Ok(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn ask_by_stream(&self) -> io::Result<String> {
        first_line(&mut self.connect()?)
    }
}

pub(crate) fn first_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    if line.is_empty() {
        return Err(io::Error::other("closed without a word"));
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

pub(crate) fn call(call: &Call) -> io::Result<Said> {
    let told = match call.protocol {
        Protocol::Udp => call.ask_by_datagram()?,
        Protocol::Tcp | Protocol::Sctp => call.ask_by_stream()?,
    };
    let (server, seen) = told.split_once(' ').unwrap_or(("", &told));
    Ok(Said::from_iter([
        ("server".to_owned(), server.into()),
        ("seen".to_owned(), seen.trim_end().into()),
    ]))
}
