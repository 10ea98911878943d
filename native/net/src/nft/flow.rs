//! Expressions about whole flows: which are new, which were seen, and copies of their packets.

use std::net::IpAddr;

use super::rule::{
    CT_STATE, DATA_VALUE, EQUAL, FIRST, META_L4PROTO, NETWORK_HEADER, TRANSPORT_HEADER,
};
use super::{Family, Rule};
use crate::address::octets;

const CT_MARK: u32 = 3;
const CT_NEW: u32 = 1 << 3;

impl Rule<'_, '_> {
    /// `ct state new`
    pub(crate) fn first_of_flow(&mut self) -> &mut Self {
        self.ct_bits(CT_STATE, CT_NEW)
    }

    /// `ct mark set NUMBER`
    pub(crate) fn mark_flow(&mut self, mark: u32) -> &mut Self {
        self.load(&mark.to_ne_bytes(), FIRST).expression("ct", |m| {
            m.be32(2, CT_MARK);
            m.be32(4, FIRST);
        })
    }

    /// `ct mark NUMBER`
    pub(crate) fn marked(&mut self, mark: u32) -> &mut Self {
        self.expression("ct", |m| {
            m.be32(1, FIRST);
            m.be32(2, CT_MARK);
        });
        self.compare(EQUAL, &mark.to_ne_bytes())
    }

    /// `ip saddr . ip daddr . meta l4proto . th sport . th dport @SET`
    pub(crate) fn flow_in(&mut self, family: Family, set: &str) -> &mut Self {
        self.flow(family).lookup(set, None)
    }

    /// `add @SET { ip saddr . ip daddr . meta l4proto . th sport . th dport }`
    pub(crate) fn add_flow(&mut self, family: Family, set: &str) {
        const ADD: u32 = 0;
        self.flow(family).expression("dynset", |m| {
            m.text(1, set);
            m.be32(3, ADD);
            m.be32(4, FIRST);
        });
    }

    /// `dup to ADDRESS device INTERFACE`, in a table of the family alone.
    pub(crate) fn copy_to(&mut self, address: IpAddr, interface: u32) -> &mut Self {
        let (to, through) = (FIRST, FIRST + 4);
        self.load(&octets(address), to)
            .load(&interface.to_ne_bytes(), through)
            .expression("dup", |m| {
                m.be32(1, to);
                m.be32(2, through);
            })
    }

    fn load(&mut self, value: &[u8], register: u32) -> &mut Self {
        self.expression("immediate", |m| {
            m.be32(1, register);
            m.nest(2, |m| m.put(DATA_VALUE, value));
        })
    }

    fn flow(&mut self, family: Family) -> &mut Self {
        let (source, destination, length) = family.layout();
        let step = length / 4;
        self.family(family)
            .payload(NETWORK_HEADER, source, length, FIRST)
            .payload(NETWORK_HEADER, destination, length, FIRST + step)
            .meta(META_L4PROTO, FIRST + 2 * step)
            .payload(TRANSPORT_HEADER, 0, 2, FIRST + 2 * step + 1)
            .payload(TRANSPORT_HEADER, 2, 2, FIRST + 2 * step + 2)
    }
}
