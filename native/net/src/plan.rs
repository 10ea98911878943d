//! What the caller decides before anything is done; spelled as in `src/native-types/`.

use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::error::NetError;

/// A bridge that stands for one network on the host.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgePlan {
    /// Interface name, 1 to 15 bytes.
    pub name: String,
    /// The gateway with its prefix, "172.17.0.1/16".
    pub address: String,
    /// Name of the nftables table that holds all our rules.
    pub table: String,
    /// Packets that leave the bridge for elsewhere carry the host's address.
    pub masquerade: bool,
    /// Bytes; containers on the bridge inherit it.
    pub mtu: u32,
}

/// One container's place on a bridge.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointPlan {
    pub bridge: String,
    /// Name of the host's end of the veth pair, 1 to 15 bytes.
    pub host_interface: String,
    /// "172.17.0.2/16"
    pub address: String,
    pub gateway: String,
    /// "02:42:ac:11:00:02"
    pub mac: String,
}

/// An IPv4 address and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    pub(crate) address: Ipv4Addr,
    pub(crate) prefix: u8,
}

impl Cidr {
    pub(crate) fn parse(text: &str) -> Result<Self, NetError> {
        let bad = || NetError::invalid("parse address", text, "expected a.b.c.d/n");
        let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
        let prefix = prefix.parse().ok().filter(|n| *n <= 32).ok_or_else(bad)?;
        Ok(Self {
            address: parse_address(address)?,
            prefix,
        })
    }

    pub(crate) fn mask(self) -> u32 {
        u32::MAX
            .checked_shl(32 - u32::from(self.prefix))
            .unwrap_or(0)
    }

    pub(crate) fn network(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() & self.mask())
    }

    pub(crate) fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())
    }

    /// True if some address belongs to both networks.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        let mask = self.mask() & other.mask();
        self.address.to_bits() & mask == other.address.to_bits() & mask
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

pub(crate) fn parse_address(text: &str) -> Result<Ipv4Addr, NetError> {
    text.parse()
        .map_err(|_| NetError::invalid("parse address", text, "expected a.b.c.d"))
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

/// An interface name as the kernel takes it (`dev_valid_name`): 1 to 15 bytes, no '/', ':', blank.
pub(crate) fn check_interface(name: &str) -> Result<(), NetError> {
    let odd = |b: u8| b == b'/' || b == b':' || b == 0 || b.is_ascii_whitespace();
    if name.is_empty() || name.len() > 15 || name == "." || name == ".." || name.bytes().any(odd) {
        return Err(NetError::invalid(
            "check interface name",
            name,
            "expected 1 to 15 bytes without blanks, '/' and ':'",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cidr_knows_its_network_and_broadcast() {
        let cidr = Cidr::parse("172.17.0.1/16").unwrap();
        assert_eq!(cidr.network(), Ipv4Addr::new(172, 17, 0, 0));
        assert_eq!(cidr.broadcast(), Ipv4Addr::new(172, 17, 255, 255));
        assert_eq!(Cidr::parse("0.0.0.0/0").unwrap().mask(), 0);
    }

    #[test]
    fn networks_overlap_when_one_holds_the_other() {
        let overlap = |a, b| Cidr::parse(a).unwrap().overlaps(Cidr::parse(b).unwrap());
        assert!(overlap("172.17.0.1/16", "172.17.9.0/24"));
        assert!(overlap("172.17.9.0/24", "172.16.0.0/12"));
        assert!(!overlap("172.17.0.1/16", "172.18.0.0/16"));
    }

    #[test]
    fn malformed_words_are_refused_with_their_text() {
        for text in ["172.17.0.1", "172.17.0.1/33", "x/8", "1.2.3.4/"] {
            assert!(
                Cidr::parse(text)
                    .unwrap_err()
                    .to_string()
                    .contains(text.split('/').next().unwrap())
            );
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
        for name in ["", "sixteen-bytes-xx", "a b", "a/b", "."] {
            assert!(check_interface(name).is_err(), "{name}");
        }
    }
}
