//! Named sets and maps: what they hold, and their elements.

use std::net::IpAddr;

use rustix::io::Errno;

use super::{NFPROTO_INET, SUBSYSTEM, Transaction, Verdict};
use crate::address::octets;
use crate::socket::{Failure, Netlink};
use crate::wire::{Attributes, Batch, NLM_F_CREATE, NLM_F_DUMP, attributes, find};

const NEWSET: u16 = SUBSYSTEM << 8 | 9;
const NEWSETELEM: u16 = SUBSYSTEM << 8 | 0xc;
const GETSETELEM: u16 = SUBSYSTEM << 8 | 0xd;
const DELSETELEM: u16 = SUBSYSTEM << 8 | 0xe;
const SET_TABLE: u16 = 1;
const SET_NAME: u16 = 2;
const SET_FLAGS: u16 = 3;
const SET_KEY_TYPE: u16 = 4;
const SET_KEY_LENGTH: u16 = 5;
const SET_DATA_TYPE: u16 = 6;
const SET_DATA_LENGTH: u16 = 7;
const SET_DESCRIPTION: u16 = 9;
const SET_ID: u16 = 10;
const SET_TIMEOUT: u16 = 11;
const SET_USERDATA: u16 = 13;
const FLAG_INTERVAL: u32 = 4;
const FLAG_MAP: u32 = 8;
/// `NFT_SET_TIMEOUT` and `NFT_SET_EVAL`.
const FLAG_BY_PACKETS: u32 = 0x10 | 0x20;
/// How long, in milliseconds, what a packet has added is kept, and how much at most.
const KEPT_MS: u64 = 10_000;
const MOST: u32 = 1 << 16;
const TYPE_VERDICT: u32 = 0xffff_ff00;
const DESCRIPTION_SIZE: u16 = 1;
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;
const ELEMENT_FLAGS: u16 = 3;
const ELEMENT_INTERVAL_END: u32 = 1;
const DATA_VALUE: u16 = 1;
/// Elements in one message; a nest holds 64 KiB, and the longest element takes some 120 bytes.
const CHUNK: usize = 400;

/// A part of a key or of what a map gives for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Family,
    Ipv4,
    Ipv6,
    Protocol,
    Port,
    Interface,
}

impl Field {
    /// The number by which `nft` knows how to print it.
    fn code(self) -> u32 {
        match self {
            Self::Family => 2,
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Interface => 41,
        }
    }

    fn length(self) -> u32 {
        match self {
            Self::Family | Self::Protocol => 1,
            Self::Port => 2,
            Self::Ipv4 => 4,
            Self::Ipv6 | Self::Interface => 16,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    None,
    Verdict,
    Fields(&'static [Field]),
}

/// A set, or a map if it gives something for its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) key: &'static [Field],
    pub(crate) data: Data,
    /// Its keys are ranges that do not overlap.
    pub(crate) interval: bool,
    /// Packets add to it, and what they add goes by itself.
    pub(crate) by_packets: bool,
}

/// One field, or several one behind another, each filled up to four bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Value(Vec<u8>);

impl Value {
    pub(crate) fn byte(self, byte: u8) -> Self {
        self.field(&[byte])
    }

    pub(crate) fn address(self, address: IpAddr) -> Self {
        self.field(&octets(address))
    }

    pub(crate) fn port(self, port: u16) -> Self {
        self.field(&port.to_be_bytes())
    }

    pub(crate) fn interface(self, name: &str) -> Self {
        let mut padded = [0; 16];
        for (to, from) in padded.iter_mut().take(15).zip(name.bytes()) {
            *to = from;
        }
        self.field(&padded)
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        let is_first = self.0.is_empty();
        self.fill_up();
        self.0.extend_from_slice(bytes);
        if !is_first {
            self.fill_up();
        }
        self
    }

    fn fill_up(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Key(Value),
    Range {
        first: Value,
        beyond: Value,
    },
    Verdict(Value, Verdict),
    Pair(Value, Value),
    RangePair {
        first: Value,
        beyond: Value,
        data: Value,
    },
}

impl Transaction<'_> {
    /// Makes the set, or finds it.
    pub(crate) fn add_set(&mut self, set: &Set) {
        self.sets += 1;
        let id = self.sets;
        self.message("create set", NEWSET, NLM_F_CREATE, |m, table| {
            m.text(SET_TABLE, table);
            m.text(SET_NAME, set.name);
            let interval = if set.interval { FLAG_INTERVAL } else { 0 };
            let map = if set.data == Data::None { 0 } else { FLAG_MAP };
            let packets = if set.by_packets { FLAG_BY_PACKETS } else { 0 };
            m.be32(SET_FLAGS, interval | map | packets);
            m.be32(SET_KEY_TYPE, code(set.key));
            m.be32(SET_KEY_LENGTH, length(set.key));
            match set.data {
                Data::None => {}
                Data::Verdict => {
                    m.be32(SET_DATA_TYPE, TYPE_VERDICT);
                    m.be32(SET_DATA_LENGTH, 0);
                }
                Data::Fields(fields) => {
                    m.be32(SET_DATA_TYPE, code(fields));
                    m.be32(SET_DATA_LENGTH, length(fields));
                }
            }
            if set.by_packets {
                m.put(SET_TIMEOUT, &KEPT_MS.to_be_bytes());
                m.nest(SET_DESCRIPTION, |m| m.be32(DESCRIPTION_SIZE, MOST));
            }
            m.be32(SET_ID, id);
            m.put(SET_USERDATA, &byte_order(set.key));
        });
    }

    pub(crate) fn add_elements(&mut self, set: &str, elements: &[Element]) {
        self.elements("add to set", NEWSETELEM, NLM_F_CREATE, set, elements);
    }

    /// An element that is absent voids the transaction.
    pub(crate) fn delete_elements(&mut self, set: &str, elements: &[Element]) {
        self.elements("remove from set", DELSETELEM, 0, set, elements);
    }

    fn elements(
        &mut self,
        op: &'static str,
        kind: u16,
        flags: u16,
        set: &str,
        elements: &[Element],
    ) {
        for chunk in elements.chunks(CHUNK) {
            self.message(op, kind, flags, |m, table| {
                m.text(LIST_TABLE, table);
                m.text(LIST_SET, set);
                m.nest(LIST_ELEMENTS, |m| {
                    for element in chunk {
                        put(m, element);
                    }
                });
            });
        }
    }
}

/// The keys of a set that stands; none if there is no such table or set.
pub(crate) fn keys(socket: &Netlink, table: &str, set: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let mut batch = Batch::default();
    let header = [NFPROTO_INET, 0, 0, 0];
    batch.message("list set", GETSETELEM, NLM_F_DUMP, &header, |m| {
        m.text(LIST_TABLE, table);
        m.text(LIST_SET, set);
    });
    let mut keys = Vec::new();
    let asked = socket.ask(&batch, |_, payload| {
        let elements = payload
            .get(4..)
            .and_then(|rest| find(rest, LIST_ELEMENTS))
            .unwrap_or_default();
        let key = |element| find(find(element, ELEMENT_KEY)?, DATA_VALUE);
        keys.extend(attributes(elements).filter_map(|(_, element)| key(element).map(Vec::from)));
    });
    match asked {
        Err(failure) if failure.fault.errno == Errno::NOENT => Ok(keys),
        other => other.map(|()| keys),
    }
}

/// `nft` packs the codes of several fields into one number.
fn code(fields: &[Field]) -> u32 {
    let pack = |packed, field: &Field| packed << 6 | field.code();
    fields.iter().fold(0, pack)
}

fn length(fields: &[Field]) -> u32 {
    match fields {
        [field] => field.length(),
        fields => fields.iter().map(|f| f.length().next_multiple_of(4)).sum(),
    }
}

/// Without effect on packets: tells `nft` that names of interfaces are no big-endian numbers.
fn byte_order(key: &[Field]) -> [u8; 6] {
    let host = matches!(key, [Field::Interface | Field::Family]);
    [0, 4, if host { 1 } else { 2 }, 0, 0, 0]
}

fn put(m: &mut Attributes<'_>, element: &Element) {
    match element {
        Element::Key(key) => entry(m, key, |_| ()),
        Element::Verdict(key, verdict) => {
            entry(m, key, |m| m.nest(ELEMENT_DATA, |m| verdict.put(m)));
        }
        Element::Pair(key, data) => entry(m, key, |m| put_data(m, data)),
        Element::Range { first, beyond } => {
            entry(m, first, |_| ());
            entry(m, beyond, |m| m.be32(ELEMENT_FLAGS, ELEMENT_INTERVAL_END));
        }
        Element::RangePair {
            first,
            beyond,
            data,
        } => {
            entry(m, first, |m| put_data(m, data));
            entry(m, beyond, |m| m.be32(ELEMENT_FLAGS, ELEMENT_INTERVAL_END));
        }
    }
}

fn put_data(m: &mut Attributes<'_>, data: &Value) {
    m.nest(ELEMENT_DATA, |m| m.put(DATA_VALUE, &data.0));
}

fn entry(m: &mut Attributes<'_>, key: &Value, rest: impl FnOnce(&mut Attributes<'_>)) {
    m.nest(LIST_ELEMENT, |m| {
        m.nest(ELEMENT_KEY, |m| m.put(DATA_VALUE, &key.0));
        rest(m);
    });
}
