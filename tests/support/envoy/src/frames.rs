//! Frames as they are on the wire, in hex.

use std::fmt::Write;
use std::io;
use std::time::Instant;

use serde::Deserialize;

use crate::sys::PacketSocket;
use crate::{Said, millis};

#[derive(Deserialize)]
pub(crate) struct Send {
    interface: u32,
    frames: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Listen {
    interface: u32,
    /// Milliseconds.
    time: u64,
    /// Only frames with these bytes.
    containing: String,
    /// Ends early with so many.
    enough: usize,
}

fn bytes_of(hex: &str) -> io::Result<Vec<u8>> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(io::Error::other)?;
            u8::from_str_radix(pair, 16).map_err(io::Error::other)
        })
        .collect()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn send(send: &Send) -> io::Result<Said> {
    let socket = PacketSocket::open(send.interface)?;
    for frame in &send.frames {
        socket.send(&bytes_of(frame)?)?;
    }
    Ok(Said::new())
}

pub(crate) fn listen(listen: &Listen) -> io::Result<Said> {
    let socket = PacketSocket::open(listen.interface)?;
    let end = Instant::now() + millis(listen.time);
    let mut heard: Vec<String> = Vec::new();
    let mut buffer = [0; 2048];
    while heard.len() < listen.enough {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        if let Some(length) = socket.receive(&mut buffer, left)? {
            let frame = hex_of(&buffer[..length]);
            if frame.contains(&listen.containing) {
                heard.push(frame);
            }
        }
    }
    Ok(Said::from_iter([("frames".to_owned(), heard.into())]))
}
