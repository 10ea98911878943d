//! Expressions that write into a packet and remember nothing of it.

use std::net::Ipv4Addr;

use super::rule::{DATA_VALUE, EQUAL, FIRST, NETWORK_HEADER, NOT_EQUAL, TRANSPORT_HEADER};
use super::{End, Family, Rule};

const META_OIF: u32 = 5;
const META_PROTOCOL: u32 = 16;
/// The first interface of every namespace.
const LOOPBACK: u32 = 1;
/// The checksum of the internet's protocols.
const CHECKSUM: u32 = 1;

#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Tcp = 6,
    Udp = 17,
}

impl Protocol {
    fn checksum_at(self) -> u32 {
        match self {
            Self::Tcp => 16,
            Self::Udp => 6,
        }
    }
}

impl Rule<'_, '_> {
    /// `oif != lo`
    pub(crate) fn not_by_loopback(&mut self) -> &mut Self {
        self.meta(META_OIF, FIRST)
            .compare(NOT_EQUAL, &LOOPBACK.to_ne_bytes())
    }

    /// `ip daddr ADDRESS PROTOCOL dport PORT PROTOCOL dport set TO`, or the same of source address and port.
    pub(crate) fn change_port(
        &mut self,
        (end, address): (End, Ipv4Addr),
        protocol: Protocol,
        port: u16,
        to: u16,
    ) {
        let (address_at, port_at) = match end {
            End::Source => (12, 0),
            End::Destination => (16, 2),
        };
        self.family(Family::Ipv4)
            .payload(NETWORK_HEADER, address_at, 4, FIRST)
            .compare(EQUAL, &address.octets())
            .meta(META_PROTOCOL, FIRST)
            .compare(EQUAL, &[protocol as u8])
            .payload(TRANSPORT_HEADER, port_at, 2, FIRST)
            .compare(EQUAL, &port.to_be_bytes())
            .expression("immediate", |m| {
                m.be32(1, FIRST);
                m.nest(2, |m| m.put(DATA_VALUE, &to.to_be_bytes()));
            })
            .expression("payload", |m| {
                m.be32(5, FIRST);
                m.be32(2, TRANSPORT_HEADER);
                m.be32(3, port_at);
                m.be32(4, 2);
                m.be32(6, CHECKSUM);
                m.be32(7, protocol.checksum_at());
                m.be32(8, 0);
            });
    }
}
