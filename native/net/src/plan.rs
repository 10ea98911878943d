//! What the caller decides before anything is done; spelled as in `src/native-types/net.ts`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::NetError;

/// A bridge that stands for one network on the host.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgePlan {
    /// Interface name, 1 to 15 bytes.
    pub name: String,
    /// The host's own, each with its prefix, "172.17.0.1/16".
    pub addresses: Vec<String>,
    /// What belongs to the network, "172.17.0.0/16".
    pub subnets: Vec<String>,
    /// Bytes; containers on the bridge inherit it.
    pub mtu: u32,
    pub rules: NetworkRules,
    /// The host's ends of the wires of containers, which hang on it again if it has to be made: somebody has
    /// removed it under them.
    #[serde(default)]
    pub wires: Vec<String>,
}

/// Who may reach whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkRules {
    /// Packets that leave the bridge for elsewhere carry the host's address.
    pub masquerade: bool,
    /// That address, where it is not the one of the interface they leave by.
    #[serde(default)]
    pub source_address: SourceAddress,
    /// Others know the way to the network: nothing is masqueraded, and published ports are reached at
    /// the containers' own addresses too.
    #[serde(default)]
    pub routed: Families,
    pub internal: bool,
    pub icc: bool,
}

/// What holds for one family, and need not for the other.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Families {
    pub ipv4: bool,
    pub ipv6: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct SourceAddress {
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
}

/// One interface of a container.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointPlan {
    pub link: LinkPlan,
    /// In the container, "eth0".
    pub interface: String,
    /// Each with its prefix.
    pub addresses: Vec<String>,
    /// Default routes, at most one for each family.
    pub gateways: Vec<String>,
    /// "02:42:ac:11:00:02", or "" to leave it to the kernel.
    pub mac: String,
    /// False: not even a link-local address.
    pub ipv6: bool,
    /// Below /proc/sys, with dots for slashes, the interface among them.
    pub sysctls: BTreeMap<String, String>,
}

/// What an interface of a container hangs on.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum LinkPlan {
    #[serde(rename_all = "camelCase")]
    Bridge {
        bridge: String,
        /// The host's end of the veth pair, 1 to 15 bytes.
        host_interface: String,
        /// Out of the reach of its neighbours.
        #[serde(default)]
        isolated: bool,
    },
    Macvlan {
        parent: String,
        mode: MacvlanMode,
        /// Bytes; 0 is that of the parent.
        #[serde(default)]
        mtu: u32,
    },
    Ipvlan {
        parent: String,
        mode: IpvlanMode,
        flag: IpvlanFlag,
        #[serde(default)]
        mtu: u32,
    },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    Bridge,
    Private,
    Vepa,
    Passthru,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanMode {
    L2,
    L3,
    L3s,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanFlag {
    Bridge,
    Private,
    Vepa,
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
    fn names_that_the_kernel_refuses_are_refused() {
        for name in ["", "sixteen-bytes-xx", "a b", "a/b", "."] {
            assert!(check_interface(name).is_err(), "{name}");
        }
    }

    #[test]
    fn endpoints_are_spelled_as_the_daemon_spells_them() {
        let read = |link: &str| {
            let text = format!(
                r#"{{"link":{link},"interface":"eth1","addresses":["fd00::2/64"],"gateways":[],"mac":"","ipv6":true,"sysctls":{{}}}}"#
            );
            serde_json::from_str::<EndpointPlan>(&text).unwrap().link
        };
        let LinkPlan::Bridge { host_interface, .. } =
            read(r#"{"kind":"bridge","bridge":"rt0","hostInterface":"veth1"}"#)
        else {
            panic!("no bridge");
        };
        assert_eq!(host_interface, "veth1");
        assert!(matches!(
            read(r#"{"kind":"macvlan","parent":"eth0","mode":"passthru"}"#),
            LinkPlan::Macvlan {
                mode: MacvlanMode::Passthru,
                ..
            }
        ));
        assert!(matches!(
            read(r#"{"kind":"ipvlan","parent":"eth0","mode":"l3s","flag":"vepa"}"#),
            LinkPlan::Ipvlan {
                mode: IpvlanMode::L3s,
                flag: IpvlanFlag::Vepa,
                ..
            }
        ));
    }
}
