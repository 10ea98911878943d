//! Netlink messages as bytes: a builder for batches of requests and a walker over answers.
//! Layouts: `linux/netlink.h`; numbers are in host order unless a function says otherwise.

use crate::error::Fault;
use rustix::io::Errno;

pub(crate) const NLM_F_REQUEST: u16 = 0x1;
pub(crate) const NLM_F_ACK: u16 = 0x4;
pub(crate) const NLM_F_REPLACE: u16 = 0x100;
pub(crate) const NLM_F_EXCL: u16 = 0x200;
pub(crate) const NLM_F_DUMP: u16 = 0x300;
pub(crate) const NLM_F_CREATE: u16 = 0x400;
pub(crate) const NLM_F_APPEND: u16 = 0x800;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSGERR_ATTR_MSG: u16 = 1;
pub(crate) const NLA_F_NESTED: u16 = 0x8000;
const NLA_TYPE_MASK: u16 = 0x3fff;
/// Length of `struct nlmsghdr`, and of what an error repeats of the request.
const HEADER: usize = 16;

/// Requests that go to the kernel in one system call, each with the words that an error starts
/// with. The kernel works through them in order; a failed one does not stop those after it.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    ops: Vec<&'static str>,
    last: usize,
    awaited: Option<u32>,
}

impl Batch {
    /// Adds a request. Sequence numbers count from 1.
    pub(crate) fn message(
        &mut self,
        op: &'static str,
        kind: u16,
        flags: u16,
        header: &[u8],
        fill: impl FnOnce(&mut Attributes<'_>),
    ) {
        let start = self.bytes.len();
        self.last = start;
        self.ops.push(op);
        let sequence = self.last_sequence();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes
            .extend_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(header);
        pad(&mut self.bytes);
        fill(&mut Attributes {
            bytes: &mut self.bytes,
        });
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// Asks for an answer to the message added last, even if it succeeds.
    pub(crate) fn acknowledge(&mut self) {
        if let Some(flags) = self.bytes.get_mut(self.last + 6..self.last + 8) {
            let old = u16::from_ne_bytes([flags[0], flags[1]]);
            flags.copy_from_slice(&(old | NLM_F_ACK).to_ne_bytes());
            self.awaited = Some(self.last_sequence());
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn last_sequence(&self) -> u32 {
        u32::try_from(self.ops.len()).unwrap_or(u32::MAX)
    }

    /// The message whose answer ends the exchange; none if nothing was to be acknowledged.
    pub(crate) fn awaited(&self) -> Option<u32> {
        self.awaited
    }

    pub(crate) fn op(&self, sequence: u32) -> &'static str {
        let index = (sequence as usize).wrapping_sub(1);
        self.ops.get(index).copied().unwrap_or("talk to the kernel")
    }
}

/// The attributes of one message, or of one nest.
pub(crate) struct Attributes<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Attributes<'_> {
    pub(crate) fn put(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        pad(self.bytes);
    }

    pub(crate) fn u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_ne_bytes());
    }

    /// In network order, as all numbers of nftables are.
    pub(crate) fn be32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_be_bytes());
    }

    /// With the closing zero byte.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.put(kind, &bytes);
    }

    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) {
        self.nest_with(kind, &[], fill);
    }

    /// A nest that begins with a fixed header, as `VETH_INFO_PEER` does.
    pub(crate) fn nest_with(
        &mut self,
        kind: u16,
        header: &[u8],
        fill: impl FnOnce(&mut Attributes<'_>),
    ) {
        let start = self.bytes.len();
        self.put(kind | NLA_F_NESTED, header);
        fill(&mut Attributes { bytes: self.bytes });
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// One answer of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    Ack,
    Failed(Fault),
    /// The end of a dump. (One that breaks off ends with an errno, which makes it `Failed`.)
    Done,
    Data {
        kind: u16,
        payload: &'a [u8],
    },
}

/// Splits a datagram into answers with their sequence numbers. A broken rest is left out.
pub(crate) fn answers(mut bytes: &[u8]) -> impl Iterator<Item = (u32, Answer<'_>)> {
    std::iter::from_fn(move || {
        let length = read_u32(bytes, 0)? as usize;
        let (kind, flags) = (read_u16(bytes, 4)?, read_u16(bytes, 6)?);
        let sequence = read_u32(bytes, 8)?;
        let payload = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        let answer = match kind {
            NLMSG_ERROR => failure(payload, flags).map_or(Answer::Ack, Answer::Failed),
            NLMSG_DONE => failure(payload, 0).map_or(Answer::Done, Answer::Failed),
            _ => Answer::Data { kind, payload },
        };
        Some((sequence, answer))
    })
}

fn failure(payload: &[u8], flags: u16) -> Option<Fault> {
    let code = read_u32(payload, 0)?.cast_signed();
    if code == 0 {
        return None;
    }
    let text = if flags & NLM_F_ACK_TLVS == 0 {
        ""
    } else {
        let rest = payload.get(4 + HEADER..).unwrap_or_default();
        find(rest, NLMSGERR_ATTR_MSG).map_or("", text_of)
    };
    Some(Fault {
        errno: Errno::from_raw_os_error(-code),
        text: text.to_owned(),
    })
}

/// Walks over attributes as (type, value).
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(read_u16(bytes, 0)?);
        let kind = read_u16(bytes, 2)? & NLA_TYPE_MASK;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

pub(crate) fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(k, value)| (k == kind).then_some(value))
}

/// A string attribute without its closing zero; empty if it is no UTF-8.
pub(crate) fn text_of(value: &[u8]) -> &str {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    std::str::from_utf8(&value[..end]).unwrap_or_default()
}

pub(crate) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(raw.try_into().ok()?))
}

pub(crate) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let raw = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(raw.try_into().ok()?))
}

#[cfg(test)]
#[path = "wire_test.rs"]
mod tests;
