//! Answers as bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::message::{Code, HEADER, INTERNET, LONGEST_QUERY, Query, flag, kind};

/// Seconds that an answer may be kept; Docker's.
const LIFETIME: u32 = 600;
/// What every asker takes over UDP.
const LEAST: u16 = 512;
/// What a message can have over TCP.
const MOST: u16 = u16::MAX;
/// Points to the name in the question.
const NAME: [u8; 2] = [0xc0, 12];

/// What we say of ourselves to those who speak EDNS.
const EDNS: [u8; 11] = {
    let [high, low] = LONGEST_QUERY
        .to_be_bytes()
        .last_chunk::<2>()
        .copied()
        .unwrap();
    [
        0,
        0,
        kind::OPT.to_be_bytes()[1],
        high,
        low,
        0,
        0,
        0,
        0,
        0,
        0,
    ]
};

/// The data of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// Without the last dot.
    Name(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// How long an answer may be.
fn room(query: &Query<'_>, transport: Transport) -> usize {
    usize::from(match transport {
        Transport::Udp => query.takes.unwrap_or(LEAST).max(LEAST),
        Transport::Tcp => MOST,
    })
}

/// As many records as there is room for; fewer are marked so, and the asker comes again by TCP.
pub(crate) fn answer(query: &Query<'_>, records: &[Record], transport: Transport) -> Vec<u8> {
    let edns: &[u8] = if query.takes.is_some() { &EDNS } else { &[] };
    let room = room(query, transport) - edns.len();
    let mut bytes = header(query.id, query.flags, Code::Fine);
    bytes.extend_from_slice(query.question);
    let mut count = 0u16;
    for record in records {
        let before = bytes.len();
        push(&mut bytes, record);
        if bytes.len() > room || count == u16::MAX {
            bytes.truncate(before);
            mark_truncated(&mut bytes);
            break;
        }
        count += 1;
    }
    bytes.extend_from_slice(edns);
    set(&mut bytes, 4, 1);
    set(&mut bytes, 6, count);
    set(&mut bytes, 10, u16::from(!edns.is_empty()));
    bytes
}

/// The question and a code.
pub(crate) fn failure(query: &Query<'_>, code: Code) -> Vec<u8> {
    let mut bytes = header(query.id, query.flags, code);
    bytes.extend_from_slice(query.question);
    set(&mut bytes, 4, 1);
    if query.takes.is_some() {
        bytes.extend_from_slice(&EDNS);
        set(&mut bytes, 10, 1);
    }
    bytes
}

/// A header alone.
pub(crate) fn refusal(id: u16, flags: u16, code: Code) -> Vec<u8> {
    header(id, flags, code)
}

fn header(id: u16, flags: u16, code: Code) -> Vec<u8> {
    let kept = flags & (flag::OPERATION | flag::RECURSION_DESIRED);
    let flags = kept | flag::ANSWER | flag::RECURSION_AVAILABLE | code as u16;
    let mut bytes = vec![0; HEADER];
    set(&mut bytes, 0, id);
    set(&mut bytes, 2, flags);
    bytes
}

fn mark_truncated(bytes: &mut [u8]) {
    let [high, _] = flag::TRUNCATED.to_be_bytes();
    if let Some(byte) = bytes.get_mut(2) {
        *byte |= high;
    }
}

fn set(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

fn push(bytes: &mut Vec<u8>, record: &Record) {
    let (kind, data) = match record {
        Record::V4(address) => (kind::A, address.octets().to_vec()),
        Record::V6(address) => (kind::AAAA, address.octets().to_vec()),
        Record::Name(name) => (kind::PTR, wire_name(name)),
    };
    bytes.extend_from_slice(&NAME);
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&INTERNET.to_be_bytes());
    bytes.extend_from_slice(&LIFETIME.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(&data);
}

/// Labels that are too long are cut: names of containers have no bound of their own.
fn wire_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        if bytes.len() + label.len() + 2 > 255 {
            break;
        }
        bytes.push(u8::try_from(label.len()).unwrap_or(0));
        bytes.extend_from_slice(label);
    }
    bytes.push(0);
    bytes
}
