//! A server that tells its name and whom it sees: "web 192.0.2.7". On a connection it echoes from then on.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use rustix::net::sockopt;
use serde::Deserialize;

use crate::Said;
use crate::call::{Protocol, socket};

#[derive(Deserialize)]
pub(crate) struct Place {
    /// What it calls itself.
    name: String,
    protocol: Protocol,
    address: IpAddr,
    /// 0 for any.
    port: u16,
}

pub(crate) fn serve(place: &Place) -> io::Result<Said> {
    let socket = socket(place.protocol, place.address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if place.address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &SocketAddr::new(place.address, place.port))?;
    let name = place.name.clone();
    let port = if place.protocol == Protocol::Udp {
        let socket = UdpSocket::from(socket);
        let port = socket.local_addr()?.port();
        std::thread::spawn(move || answer_datagrams(&name, &socket));
        port
    } else {
        rustix::net::listen(&socket, 1024)?;
        let listener = TcpListener::from(socket);
        let port = listener.local_addr()?.port();
        std::thread::spawn(move || answer_connections(&name, &listener));
        port
    };
    Ok(Said::from_iter([("port".to_owned(), port.into())]))
}

fn answer_datagrams(name: &str, socket: &UdpSocket) {
    let mut buffer = [0; 128];
    loop {
        // An error here is a caller that has gone; the next may still come.
        if let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(format!("{name} {}", peer.ip()).as_bytes(), peer);
        }
    }
}

fn answer_connections(name: &str, listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let name = name.to_owned();
        let spawned = std::thread::Builder::new()
            .stack_size(128 << 10)
            .spawn(move || converse(&name, stream));
        drop(spawned);
    }
}

fn converse(name: &str, mut stream: TcpStream) -> io::Result<()> {
    let peer = stream.peer_addr()?.ip();
    stream.set_nodelay(true)?;
    stream.write_all(format!("{name} {peer}\n").as_bytes())?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}
