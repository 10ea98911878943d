//! Addresses of both families, with prefixes, and hardware addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::NetError;

/// An address and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

impl Cidr {
    pub(crate) fn parse(text: &str) -> Result<Self, NetError> {
        let bad = || NetError::invalid("parse address", text, "expected ADDRESS/PREFIX");
        let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
        let address = parse_address(address)?;
        let within = |prefix: &u8| *prefix <= width(address);
        let prefix = prefix.parse().ok().filter(within).ok_or_else(bad)?;
        Ok(Self { address, prefix })
    }

    pub(crate) fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// The bits of the prefix, in the family's width.
    fn mask(self) -> u128 {
        let free = width(self.address) - self.prefix;
        let all = u128::MAX >> (128 - u32::from(width(self.address)));
        all & u128::MAX.checked_shl(u32::from(free)).unwrap_or(0)
    }

    /// As an address: 255.255.0.0.
    pub(crate) fn netmask(self) -> IpAddr {
        self.like(self.mask())
    }

    pub(crate) fn network(self) -> IpAddr {
        self.like(bits(self.address) & self.mask())
    }

    /// None where the family or the prefix has none.
    pub(crate) fn broadcast(self) -> Option<Ipv4Addr> {
        let all = bits(self.address) | !self.mask();
        match self.like(all) {
            IpAddr::V4(address) if self.prefix < 31 => Some(address),
            _ => None,
        }
    }

    /// False for what says nothing of who has a subnet: half of all addresses or more (the default, and
    /// VPNs' pairs of halves), and what every IPv6 link has.
    pub(crate) fn is_claim(self) -> bool {
        let everywhere = match self.address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => address.is_unicast_link_local() || address.is_multicast(),
        };
        self.prefix > 1 && !everywhere
    }

    /// True if some address belongs to both networks.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        let mask = self.mask() & other.mask();
        self.is_ipv4() == other.is_ipv4() && bits(self.address) & mask == bits(other.address) & mask
    }

    fn like(self, bits: u128) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => Ipv4Addr::from_bits(low_half(bits)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
        }
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the bits that are wanted")]
fn low_half(bits: u128) -> u32 {
    bits as u32
}

/// In network order, as the kernel takes them.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

pub(crate) fn parse_address(text: &str) -> Result<IpAddr, NetError> {
    text.parse()
        .map_err(|_| NetError::invalid("parse address", text, "expected an IP address"))
}

pub(crate) fn parse_mac(text: &str) -> Result<[u8; 6], NetError> {
    let bad = || NetError::invalid("parse hardware address", text, "expected six hex pairs");
    let mut mac = [0; 6];
    let mut pairs = text.split(':');
    for byte in &mut mac {
        let pair = pairs.next().filter(|p| p.len() == 2).ok_or_else(bad)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    if pairs.next().is_some() || mac[0] & 1 != 0 {
        return Err(bad());
    }
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn a_cidr_knows_its_network_mask_and_broadcast() {
        let plain = cidr("172.17.0.1/16");
        assert_eq!(plain.network().to_string(), "172.17.0.0");
        assert_eq!(plain.netmask().to_string(), "255.255.0.0");
        assert_eq!(plain.broadcast().unwrap().to_string(), "172.17.255.255");
        assert_eq!(cidr("0.0.0.0/0").mask(), 0);
        assert_eq!(cidr("10.0.0.0/31").broadcast(), None);
        let long = cidr("fd00:1::9/64");
        assert_eq!(long.network().to_string(), "fd00:1::");
        assert_eq!(long.netmask().to_string(), "ffff:ffff:ffff:ffff::");
        assert_eq!(long.broadcast(), None);
        assert_eq!(cidr("::/0").mask(), 0);
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        let overlap = |a, b| cidr(a).overlaps(cidr(b));
        assert!(overlap("172.17.0.1/16", "172.17.9.0/24"));
        assert!(overlap("172.17.9.0/24", "172.16.0.0/12"));
        assert!(!overlap("172.17.0.1/16", "172.18.0.0/16"));
        assert!(overlap("fd00::/48", "fd00:0:0:9::/64"));
        assert!(!overlap("::/0", "0.0.0.0/0"));
    }

    #[test]
    fn malformed_words_are_refused_with_their_text() {
        for text in ["172.17.0.1", "172.17.0.1/33", "x/8", "1.2.3.4/", "::1/129"] {
            let error = Cidr::parse(text).unwrap_err().to_string();
            assert!(error.contains(text.split('/').next().unwrap()), "{error}");
        }
        for text in [
            "02:42:ac:11:00",
            "02:42:ac:11:00:02:03",
            "2:42:ac:11:00:02",
            "03:42:ac:11:00:02",
            "+2:42:ac:11:00:0g",
        ] {
            assert!(parse_mac(text).is_err(), "{text}");
        }
    }
}
