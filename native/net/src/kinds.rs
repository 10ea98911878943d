//! Each kind of interface, as it is made: one message with everything the kernel takes at that time.
//! Layouts and numbers: `linux/if_link.h`, `linux/veth.h`.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::link::{
    IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO,
    IFLA_MASTER, IFLA_MTU, IFLA_NET_NS_FD, RTM_NEWLINK, ifinfo,
};
use crate::plan::{IpvlanFlag, IpvlanMode, MacvlanMode};
use crate::wire::{Attributes, Batch, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};

const RTM_NEWLINKPROP: u16 = 108;
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const VETH_INFO_PEER: u16 = 1;
const IFLA_MACVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_FLAGS: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
pub(crate) const TAKE: &str = "use prepared veth pair";
/// `IFLA_BR_NF_CALL_IPTABLES` and `IFLA_BR_NF_CALL_IP6TABLES`
pub(crate) const BRIDGE_FILTERS: [u16; 2] = [36, 37];

/// The end of a wire that a container gets: it is made in `netns`, under its own name at once.
pub(crate) struct Inner<'a> {
    pub(crate) name: &'a str,
    pub(crate) mac: Option<[u8; 6]>,
    /// None leaves it to the kernel.
    pub(crate) mtu: Option<u32>,
    pub(crate) netns: BorrowedFd<'a>,
}

impl Inner<'_> {
    fn fill(&self, m: &mut Attributes<'_>) {
        m.text(IFLA_IFNAME, self.name);
        if let Some(mac) = &self.mac {
            m.put(IFLA_ADDRESS, mac);
        }
        if let Some(mtu) = self.mtu {
            m.u32(IFLA_MTU, mtu);
        }
        m.u32(IFLA_NET_NS_FD, self.netns.as_raw_fd().cast_unsigned());
    }
}

/// A veth pair. The host's end comes up at once if it is a port of a bridge (0: of none); the peer
/// cannot, for veth refuses it as long as the pair is not complete.
pub(crate) fn create_veth(batch: &mut Batch, host: &str, bridge: u32, inner: &Inner<'_>) {
    create(batch, "create veth pair", bridge != 0, |m| {
        m.text(IFLA_IFNAME, host);
        if let Some(mtu) = inner.mtu {
            m.u32(IFLA_MTU, mtu);
        }
        if bridge != 0 {
            m.u32(IFLA_MASTER, bridge);
        }
        one_queue(m);
        kind(m, "veth", |m| {
            m.nest_with(VETH_INFO_PEER, &ifinfo(0, false), |m| {
                inner.fill(m);
                one_queue(m);
            });
        });
    });
}

/// What is left to do for the host's end of a pair that was prepared; errors begin with [`TAKE`]. It gets
/// its name as a second one: to change the first, the kernel waits until nobody is reading it.
pub(crate) fn take_veth(batch: &mut Batch, index: u32, host: &str, bridge: u32, mtu: u32) {
    let flags = NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;
    batch.message(TAKE, RTM_NEWLINKPROP, flags, &ifinfo(index, false), |m| {
        m.nest(IFLA_PROP_LIST, |m| m.text(IFLA_ALT_IFNAME, host));
    });
    batch.message(TAKE, RTM_NEWLINK, 0, &ifinfo(index, true), |m| {
        m.u32(IFLA_MTU, mtu);
        m.u32(IFLA_MASTER, bridge);
    });
}

/// Several queues would cost memory and, at each start, time, for nothing.
fn one_queue(m: &mut Attributes<'_>) {
    m.u32(IFLA_NUM_TX_QUEUES, 1);
    m.u32(IFLA_NUM_RX_QUEUES, 1);
}

pub(crate) fn create_macvlan(batch: &mut Batch, parent: u32, mode: MacvlanMode, inner: &Inner<'_>) {
    let number: u32 = match mode {
        MacvlanMode::Private => 1,
        MacvlanMode::Vepa => 2,
        MacvlanMode::Bridge => 4,
        MacvlanMode::Passthru => 8,
    };
    create(batch, "create macvlan on", false, |m| {
        m.u32(IFLA_LINK, parent);
        inner.fill(m);
        kind(m, "macvlan", |m| m.u32(IFLA_MACVLAN_MODE, number));
    });
}

pub(crate) fn create_ipvlan(
    batch: &mut Batch,
    parent: u32,
    (mode, flag): (IpvlanMode, IpvlanFlag),
    inner: &Inner<'_>,
) {
    let mode: u16 = match mode {
        IpvlanMode::L2 => 0,
        IpvlanMode::L3 => 1,
        IpvlanMode::L3s => 2,
    };
    let flag: u16 = match flag {
        IpvlanFlag::Bridge => 0,
        IpvlanFlag::Private => 1,
        IpvlanFlag::Vepa => 2,
    };
    create(batch, "create ipvlan on", false, |m| {
        m.u32(IFLA_LINK, parent);
        inner.fill(m);
        kind(m, "ipvlan", |m| {
            m.put(IFLA_IPVLAN_MODE, &mode.to_ne_bytes());
            m.put(IFLA_IPVLAN_FLAGS, &flag.to_ne_bytes());
        });
    });
}

/// An empty bridge. A hardware address that is set stays when ports come and go. `filtered`: it hands
/// its frames to netfilter where the kernel can (`br_netfilter`), whatever is said of all bridges.
pub(crate) fn create_bridge(batch: &mut Batch, name: &str, mac: [u8; 6], filtered: bool) {
    create(batch, "create bridge", false, |m| {
        m.text(IFLA_IFNAME, name);
        m.put(IFLA_ADDRESS, &mac);
        kind(m, "bridge", |m| {
            if filtered {
                filter(m);
            }
        });
    });
}

/// Has a bridge hand its frames to netfilter, whatever the switch for all says.
pub(crate) fn have_bridge_filter(batch: &mut Batch, index: u32) {
    let op = "set up bridge";
    batch.message(op, RTM_NEWLINK, 0, &ifinfo(index, false), |m| {
        kind(m, "bridge", filter);
    });
}

fn filter(m: &mut Attributes<'_>) {
    for switch in BRIDGE_FILTERS {
        m.put(switch, &[1]);
    }
}

/// An interface for the frames of one VLAN of another interface.
pub(crate) fn create_vlan(batch: &mut Batch, name: &str, parent: u32, id: u16) {
    create(batch, "create VLAN interface", false, |m| {
        m.text(IFLA_IFNAME, name);
        m.u32(IFLA_LINK, parent);
        kind(m, "vlan", |m| m.put(IFLA_VLAN_ID, &id.to_ne_bytes()));
    });
}

/// An interface that leads nowhere.
pub(crate) fn create_dummy(batch: &mut Batch, name: &str) {
    create(batch, "create dummy interface", false, |m| {
        m.text(IFLA_IFNAME, name);
        m.nest(IFLA_LINKINFO, |m| m.text(IFLA_INFO_KIND, "dummy"));
    });
}

fn create(batch: &mut Batch, op: &'static str, up: bool, fill: impl FnOnce(&mut Attributes<'_>)) {
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    batch.message(op, RTM_NEWLINK, flags, &ifinfo(0, up), fill);
}

fn kind(m: &mut Attributes<'_>, name: &str, data: impl FnOnce(&mut Attributes<'_>)) {
    m.nest(IFLA_LINKINFO, |m| {
        m.text(IFLA_INFO_KIND, name);
        m.nest(IFLA_INFO_DATA, data);
    });
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;
    use crate::link::IFINFO;
    use crate::wire::{find, read_u16, read_u32, text_of};

    /// What follows the headers of the only message.
    fn attributes_of(fill: impl FnOnce(&mut Batch, &Inner<'_>)) -> Vec<u8> {
        let netns = File::open("/proc/thread-self/ns/net").unwrap();
        let inner = Inner {
            name: "eth1",
            mac: None,
            mtu: Some(1400),
            netns: netns.as_fd(),
        };
        let mut batch = Batch::default();
        fill(&mut batch, &inner);
        batch.bytes()[16 + IFINFO..].to_vec()
    }

    fn data_of<'a>(attributes: &'a [u8], kind: &str) -> &'a [u8] {
        let info = find(attributes, IFLA_LINKINFO).unwrap();
        assert_eq!(text_of(find(info, IFLA_INFO_KIND).unwrap()), kind);
        find(info, IFLA_INFO_DATA).unwrap()
    }

    /// Kernels without the drivers cannot say whether we speak to them rightly.
    #[test]
    fn an_ipvlan_names_its_parent_mode_and_flag() {
        let pair = (IpvlanMode::L3s, IpvlanFlag::Private);
        let bytes = attributes_of(|batch, inner| create_ipvlan(batch, 7, pair, inner));
        assert_eq!(read_u32(find(&bytes, IFLA_LINK).unwrap(), 0), Some(7));
        assert_eq!(text_of(find(&bytes, IFLA_IFNAME).unwrap()), "eth1");
        assert_eq!(read_u32(find(&bytes, IFLA_MTU).unwrap(), 0), Some(1400));
        assert!(find(&bytes, IFLA_NET_NS_FD).is_some());
        let data = data_of(&bytes, "ipvlan");
        let number = |kind| find(data, kind).and_then(|value| read_u16(value, 0));
        assert_eq!(number(IFLA_IPVLAN_MODE), Some(2));
        assert_eq!(number(IFLA_IPVLAN_FLAGS), Some(1));
    }

    #[test]
    fn a_vlan_names_its_parent_and_number() {
        let bytes = attributes_of(|batch, _| create_vlan(batch, "eth0.10", 7, 10));
        assert_eq!(read_u32(find(&bytes, IFLA_LINK).unwrap(), 0), Some(7));
        let value = find(data_of(&bytes, "vlan"), IFLA_VLAN_ID).unwrap();
        assert_eq!(value, 10u16.to_ne_bytes());
    }

    #[test]
    fn every_mode_of_a_macvlan_has_the_kernels_number() {
        let modes = [
            (MacvlanMode::Private, 1),
            (MacvlanMode::Vepa, 2),
            (MacvlanMode::Bridge, 4),
            (MacvlanMode::Passthru, 8),
        ];
        for (mode, number) in modes {
            let bytes = attributes_of(|batch, inner| create_macvlan(batch, 7, mode, inner));
            let value = find(data_of(&bytes, "macvlan"), IFLA_MACVLAN_MODE).unwrap();
            assert_eq!(read_u32(value, 0), Some(number));
        }
    }
}
