//! The expressions of one rule, in the order in which the kernel runs them. A register is 4 bytes
//! wide here; longer values lie in several, as the fields of a key lie one behind another.

use crate::wire::Attributes;

const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
pub(super) const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;

const REGISTER_VERDICT: u32 = 0;
/// `NFT_REG32_00`.
pub(super) const FIRST: u32 = 8;
pub(super) const META_IIFNAME: u32 = 6;
pub(super) const META_OIFNAME: u32 = 7;
const META_NFPROTO: u32 = 15;
pub(super) const META_L4PROTO: u32 = 16;
const META_IIFKIND: u32 = 26;
const META_OIFKIND: u32 = 27;
/// `NFT_LOOKUP_F_INV`
const NOT_IN: u32 = 1;
pub(super) const CT_STATE: u32 = 0;
const CT_STATUS: u32 = 2;
const CT_ESTABLISHED: u32 = 1 << 1;
const CT_RELATED: u32 = 1 << 2;
const IPS_DST_NAT: u32 = 1 << 5;
pub(super) const NETWORK_HEADER: u32 = 1;
pub(super) const TRANSPORT_HEADER: u32 = 2;
const FIB_RESULT_ADDRTYPE: u32 = 3;
const FIB_DADDR: u32 = 1 << 1;
const RTN_LOCAL: u32 = 2;
pub(super) const EQUAL: u32 = 0;
pub(super) const NOT_EQUAL: u32 = 1;
const NAT_SNAT: u32 = 0;
const NAT_DNAT: u32 = 1;

/// Of a packet in a table that has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Family {
    Ipv4 = 2,
    Ipv6 = 10,
}

impl Family {
    pub(crate) const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    pub(crate) fn of(address: std::net::IpAddr) -> Self {
        match address {
            std::net::IpAddr::V4(_) => Self::Ipv4,
            std::net::IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// Offsets of source and destination, and length of an address.
    pub(super) fn layout(self) -> (u32, u32, u32) {
        match self {
            Self::Ipv4 => (12, 16, 4),
            Self::Ipv6 => (8, 24, 16),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum End {
    Source,
    Destination,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Drop,
    Accept,
    Return,
    Jump(&'static str),
    Goto(&'static str),
}

impl Verdict {
    pub(crate) const ACCEPT: u32 = 1;

    pub(crate) fn put(self, m: &mut Attributes<'_>) {
        let (code, chain) = match self {
            Self::Drop => (0, None),
            Self::Accept => (Self::ACCEPT.cast_signed(), None),
            Self::Jump(chain) => (-3, Some(chain)),
            Self::Goto(chain) => (-4, Some(chain)),
            Self::Return => (-5, None),
        };
        m.nest(DATA_VERDICT, |m| {
            m.be32(VERDICT_CODE, code.cast_unsigned());
            if let Some(chain) = chain {
                m.text(VERDICT_CHAIN, chain);
            }
        });
    }
}

pub(crate) struct Rule<'a, 'b> {
    list: &'a mut Attributes<'b>,
}

impl<'a, 'b> Rule<'a, 'b> {
    pub(super) fn new(list: &'a mut Attributes<'b>) -> Self {
        Self { list }
    }

    /// `iifname @SET`
    pub(crate) fn coming_by(&mut self, set: &str) -> &mut Self {
        self.meta(META_IIFNAME, FIRST).lookup(set, None)
    }

    /// `oifname @SET`
    pub(crate) fn going_by(&mut self, set: &str) -> &mut Self {
        self.meta(META_OIFNAME, FIRST).lookup(set, None)
    }

    /// `meta iifkind "bridge" iifname != @SET`
    pub(crate) fn coming_by_other_bridge(&mut self, set: &str) -> &mut Self {
        self.other_bridge(META_IIFKIND, META_IIFNAME, set)
    }

    /// `meta oifkind "bridge" oifname != @SET`
    pub(crate) fn going_by_other_bridge(&mut self, set: &str) -> &mut Self {
        self.other_bridge(META_OIFKIND, META_OIFNAME, set)
    }

    fn other_bridge(&mut self, kind: u32, name: u32, set: &str) -> &mut Self {
        self.meta(kind, FIRST)
            .compare(EQUAL, b"bridge\0\0\0\0\0\0\0\0\0\0");
        self.meta(name, FIRST).expression("lookup", |m| {
            m.text(1, set);
            m.be32(2, FIRST);
            m.be32(5, NOT_IN);
        })
    }

    /// `iifname NAME`
    pub(crate) fn coming_from(&mut self, interface: &str) -> &mut Self {
        let mut padded = [0; 16];
        for (to, from) in padded.iter_mut().take(15).zip(interface.bytes()) {
            *to = from;
        }
        self.meta(META_IIFNAME, FIRST).compare(EQUAL, &padded)
    }

    /// `iifname . oifname vmap @MAP`
    pub(crate) fn between(&mut self, map: &str) {
        self.meta(META_IIFNAME, FIRST).meta(META_OIFNAME, FIRST + 4);
        self.lookup(map, Some(REGISTER_VERDICT));
    }

    /// `meta nfproto FAMILY`
    pub(crate) fn family(&mut self, family: Family) -> &mut Self {
        self.meta(META_NFPROTO, FIRST)
            .compare(EQUAL, &[family as u8])
    }

    /// `meta nfproto @SET`
    pub(crate) fn family_in(&mut self, set: &str) -> &mut Self {
        self.meta(META_NFPROTO, FIRST).lookup(set, None)
    }

    /// `ip saddr @SET`
    pub(crate) fn source_in(&mut self, family: Family, set: &str) -> &mut Self {
        self.family(family).source(family).lookup(set, None)
    }

    /// `ip saddr` or `daddr 127.0.0.0/8`, `ip6 saddr` or `daddr ::1`
    pub(crate) fn loopback(&mut self, family: Family, end: End) -> &mut Self {
        let (source, destination, length) = family.layout();
        let offset = match end {
            End::Source => source,
            End::Destination => destination,
        };
        let all = std::net::Ipv6Addr::LOCALHOST.octets();
        let (length, value) = match family {
            Family::Ipv4 => (1, &[127][..]),
            Family::Ipv6 => (length, &all[..]),
        };
        self.family(family)
            .payload(NETWORK_HEADER, offset, length, FIRST)
            .compare(EQUAL, value)
    }

    /// `ct state established,related`
    pub(crate) fn answered(&mut self) -> &mut Self {
        self.ct_bits(CT_STATE, CT_ESTABLISHED | CT_RELATED)
    }

    /// `ct status dnat`
    pub(crate) fn redirected(&mut self) -> &mut Self {
        self.ct_bits(CT_STATUS, IPS_DST_NAT)
    }

    /// `fib daddr type != local`
    pub(crate) fn not_to_this_host(&mut self) -> &mut Self {
        self.expression("fib", |m| {
            m.be32(1, FIRST);
            m.be32(2, FIB_RESULT_ADDRTYPE);
            m.be32(3, FIB_DADDR);
        });
        self.compare(NOT_EQUAL, &RTN_LOCAL.to_ne_bytes())
    }

    /// `dnat to [ip daddr .] meta l4proto . th dport map @MAP`
    pub(crate) fn redirect(&mut self, family: Family, with_address: bool, map: &str) {
        self.published(family, with_address, map);
        let (_, _, length) = family.layout();
        self.nat(NAT_DNAT, family, Some(FIRST + length / 4));
    }

    /// Goes on where the packet's destination is a key of the map, whose value is in the first
    /// registers then.
    pub(crate) fn published(&mut self, family: Family, with_address: bool, map: &str) -> &mut Self {
        self.family(family);
        let mut at = FIRST;
        if with_address {
            let (_, offset, length) = family.layout();
            self.payload(NETWORK_HEADER, offset, length, at);
            at += length / 4;
        }
        self.meta(META_L4PROTO, at)
            .payload(TRANSPORT_HEADER, 2, 2, at + 1)
            .lookup(map, Some(FIRST))
    }

    /// `ip daddr . meta l4proto . th dport @SET`
    pub(crate) fn port_in(&mut self, family: Family, set: &str) -> &mut Self {
        let (_, offset, length) = family.layout();
        self.family(family)
            .payload(NETWORK_HEADER, offset, length, FIRST)
            .meta(META_L4PROTO, FIRST + length / 4)
            .payload(TRANSPORT_HEADER, 2, 2, FIRST + length / 4 + 1)
            .lookup(set, None)
    }

    /// `snat to ip saddr map @MAP`
    pub(crate) fn leave_as(&mut self, family: Family, map: &str) {
        self.family(family).source(family);
        self.lookup(map, Some(FIRST));
        self.nat(NAT_SNAT, family, None);
    }

    pub(crate) fn masquerade(&mut self) {
        self.expression("masq", |_| ());
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        self.expression("immediate", |m| {
            m.be32(1, REGISTER_VERDICT);
            m.nest(2, |m| verdict.put(m));
        });
    }

    fn source(&mut self, family: Family) -> &mut Self {
        let (offset, _, length) = family.layout();
        self.payload(NETWORK_HEADER, offset, length, FIRST)
    }

    pub(super) fn meta(&mut self, key: u32, register: u32) -> &mut Self {
        self.expression("meta", |m| {
            m.be32(1, register);
            m.be32(2, key);
        })
    }

    pub(super) fn payload(
        &mut self,
        header: u32,
        offset: u32,
        length: u32,
        register: u32,
    ) -> &mut Self {
        self.expression("payload", |m| {
            m.be32(1, register);
            m.be32(2, header);
            m.be32(3, offset);
            m.be32(4, length);
        })
    }

    pub(super) fn lookup(&mut self, set: &str, into: Option<u32>) -> &mut Self {
        self.expression("lookup", |m| {
            m.text(1, set);
            m.be32(2, FIRST);
            if let Some(register) = into {
                m.be32(3, register);
            }
        })
    }

    fn nat(&mut self, kind: u32, family: Family, port: Option<u32>) {
        self.expression("nat", |m| {
            m.be32(1, kind);
            m.be32(2, u32::from(family as u8));
            m.be32(3, FIRST);
            if let Some(register) = port {
                m.be32(5, register);
            }
        });
    }

    pub(super) fn ct_bits(&mut self, key: u32, bits: u32) -> &mut Self {
        self.expression("ct", |m| {
            m.be32(1, FIRST);
            m.be32(2, key);
        });
        self.expression("bitwise", |m| {
            m.be32(1, FIRST);
            m.be32(2, FIRST);
            m.be32(3, 4);
            m.nest(4, |m| m.put(DATA_VALUE, &bits.to_ne_bytes()));
            m.nest(5, |m| m.put(DATA_VALUE, &[0; 4]));
        });
        self.compare(NOT_EQUAL, &[0; 4])
    }

    pub(super) fn compare(&mut self, comparison: u32, value: &[u8]) -> &mut Self {
        self.expression("cmp", |m| {
            m.be32(1, FIRST);
            m.be32(2, comparison);
            m.nest(3, |m| m.put(DATA_VALUE, value));
        })
    }

    pub(super) fn expression(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut Attributes<'_>),
    ) -> &mut Self {
        self.list.nest(LIST_ELEMENT, |m| {
            m.text(EXPRESSION_NAME, name);
            m.nest(EXPRESSION_DATA, fill);
        });
        self
    }
}
