//! A name server's client that is told everything: code, answers, and how long each question took.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Said, millis};

#[derive(Deserialize)]
pub(crate) struct Lookup {
    server: IpAddr,
    /// Each is asked in its turn.
    names: Vec<String>,
    /// Number of the type: 1 is A, 28 AAAA, 12 PTR.
    kind: u16,
    count: usize,
    tcp: bool,
    timeout: u64,
}

const HEADER: usize = 12;

fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(id.to_be_bytes());
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

/// Where a name ends that begins at `at`.
fn after_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn name_at(bytes: &[u8], mut at: usize) -> Option<String> {
    let mut labels: Vec<String> = Vec::new();
    for _ in 0..64 {
        match *bytes.get(at)? {
            0 => return Some(labels.join(".")),
            length if length >= 0xc0 => at = usize::from(number(bytes, at)? & 0x3fff),
            length => {
                let end = at + 1 + usize::from(length);
                labels.push(String::from_utf8_lossy(bytes.get(at + 1..end)?).into_owned());
                at = end;
            }
        }
    }
    None
}

fn answers(bytes: &[u8]) -> Option<Vec<String>> {
    let mut at = after_name(bytes, HEADER)? + 4;
    let mut found = Vec::new();
    for _ in 0..number(bytes, 6)? {
        at = after_name(bytes, at)?;
        let (kind, length) = (number(bytes, at)?, usize::from(number(bytes, at + 8)?));
        let data = bytes.get(at + 10..at + 10 + length)?;
        found.push(match (kind, length) {
            (1, 4) => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
            (28, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
            (5 | 12, _) => name_at(bytes, at + 10)?,
            _ => format!("type {kind}, {length} bytes"),
        });
        at += 10 + length;
    }
    Some(found)
}

fn ask(lookup: &Lookup, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let server = SocketAddr::new(lookup.server, 53);
    let mut buffer = vec![0; 65_535];
    let length = if lookup.tcp {
        let mut stream = TcpStream::connect_timeout(&server, millis(lookup.timeout))?;
        stream.set_read_timeout(Some(millis(lookup.timeout)))?;
        let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), bytes].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let length = usize::from(u16::from_be_bytes(length));
        stream.read_exact(&mut buffer[..length])?;
        length
    } else {
        let any: IpAddr = match server.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(millis(lookup.timeout)))?;
        socket.send(bytes)?;
        socket.recv(&mut buffer)?
    };
    buffer.truncate(length);
    Ok(buffer)
}

pub(crate) fn lookup(lookup: &Lookup) -> io::Result<Said> {
    let mut times: Vec<u64> = Vec::with_capacity(lookup.count);
    let mut replies: Vec<Value> = Vec::with_capacity(lookup.names.len());
    for (turn, name) in lookup.names.iter().cycle().take(lookup.count).enumerate() {
        let id = u16::try_from(turn % 65_536).unwrap_or(0);
        let bytes = question(id, name, lookup.kind);
        let start = Instant::now();
        let reply = ask(lookup, &bytes)?;
        times.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
        if reply.len() < HEADER || reply[..2] != bytes[..2] {
            return Err(io::Error::other("a reply to another question"));
        }
        replies.push(json!({
            "code": reply[3] & 15,
            "truncated": reply[2] & 2 != 0,
            "answers": answers(&reply).ok_or_else(|| io::Error::other("a reply cut short"))?,
        }));
    }
    Ok(Said::from_iter([
        ("times".to_owned(), times.into()),
        ("replies".to_owned(), replies.into()),
    ]))
}
