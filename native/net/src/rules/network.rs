//! One network's part of the table: elements of the fixed sets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::table::{self, BRIDGES, INTERNAL, WITHIN};
use crate::address::{Cidr, parse_address};
use crate::error::NetError;
use crate::nft::{Element, Family, Value, Verdict};
use crate::plan::{BridgePlan, Families, check_interface};

/// A bridge's rules, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    bridge: String,
    subnets: Vec<Cidr>,
    masquerade: bool,
    routed: Families,
    sources: Vec<IpAddr>,
    internal: bool,
    icc: bool,
}

/// An element and the set it belongs to.
pub(super) type Placed = (&'static str, Element);

impl Network {
    pub(super) fn parse(plan: &BridgePlan) -> Result<Self, NetError> {
        check_interface(&plan.name)?;
        let subnets = plan.subnets.iter().map(|text| Cidr::parse(text));
        let source = &plan.rules.source_address;
        let sources = [&source.ipv4, &source.ipv6].into_iter().flatten();
        Ok(Self {
            bridge: plan.name.clone(),
            subnets: subnets.collect::<Result<_, _>>()?,
            masquerade: plan.rules.masquerade,
            routed: plan.rules.routed,
            sources: sources
                .map(|text| parse_address(text))
                .collect::<Result<_, _>>()?,
            internal: plan.rules.internal,
            icc: plan.rules.icc,
        })
    }

    pub(super) fn bridge(&self) -> &str {
        &self.bridge
    }

    pub(super) fn is_internal(&self) -> bool {
        self.internal
    }

    pub(super) fn has(&self, family: Family) -> bool {
        let mut subnets = self.subnets.iter();
        subnets.any(|subnet| Family::of(subnet.address) == family)
    }

    pub(super) fn holds(&self, address: IpAddr) -> bool {
        let host = Cidr {
            address,
            prefix: if address.is_ipv4() { 32 } else { 128 },
        };
        self.subnets.iter().any(|subnet| subnet.overlaps(host))
    }

    /// Its containers are reached at their own addresses where they publish ports.
    pub(super) fn leads_to(&self, address: IpAddr) -> bool {
        self.is_routed(Family::of(address)) && self.holds(address)
    }

    fn is_routed(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.routed.ipv4,
            Family::Ipv6 => self.routed.ipv6,
        }
    }

    pub(super) fn elements(&self) -> Vec<Placed> {
        let name = || Value::default().interface(&self.bridge);
        let inner = match (self.icc, self.internal) {
            (true, _) => Verdict::Accept,
            (false, true) => Verdict::Drop,
            (false, false) => Verdict::Goto(table::PUBLISHED),
        };
        let pair = name().interface(&self.bridge);
        let mut placed = vec![
            (BRIDGES.name, Element::Key(name())),
            (WITHIN.name, Element::Verdict(pair, inner)),
        ];
        if self.internal {
            placed.push((INTERNAL.name, Element::Key(name())));
        }
        for subnet in &self.subnets {
            placed.extend(self.of_subnet(*subnet));
        }
        placed
    }

    fn of_subnet(&self, subnet: Cidr) -> Vec<Placed> {
        let family = Family::of(subnet.address);
        let sets = table::sets_of(family);
        let first = Value::default().address(subnet.network());
        let beyond = Value::default().address(beyond(subnet));
        let range = Element::Range {
            first: first.clone(),
            beyond: beyond.clone(),
        };
        let mut placed = vec![(sets.own.name, range.clone())];
        if !self.masquerade || self.is_routed(family) {
            return placed;
        }
        let mut sources = self.sources.iter();
        let source = sources.find(|source| Family::of(**source) == family);
        if let Some(source) = source {
            let data = Value::default().address(*source);
            let mapped = Element::RangePair {
                first,
                beyond,
                data,
            };
            placed.push((sets.source.name, mapped));
        } else {
            placed.push((sets.masked.name, range));
        }
        placed
    }
}

/// The first address after the subnet. (None is behind the last of all, but that one is no
/// network's.)
fn beyond(subnet: Cidr) -> IpAddr {
    match (subnet.network(), subnet.netmask()) {
        (IpAddr::V4(first), IpAddr::V4(mask)) => {
            let last = first.to_bits() | !mask.to_bits();
            Ipv4Addr::from_bits(last.saturating_add(1)).into()
        }
        (IpAddr::V6(first), IpAddr::V6(mask)) => {
            let last = first.to_bits() | !mask.to_bits();
            Ipv6Addr::from_bits(last.saturating_add(1)).into()
        }
        (first, _) => first,
    }
}
