//! Interfaces, addresses and routes: what changes them, as bytes.
//! Layouts and numbers: `linux/rtnetlink.h`, `linux/if_link.h`, `linux/veth.h`.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::address::{Cidr, octets};
use crate::wire::{Attributes, Batch, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;

const IFLA_ADDRESS: u16 = 1;
pub(crate) const IFLA_IFNAME: u16 = 3;
pub(crate) const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
pub(crate) const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
pub(crate) const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;

pub(crate) const IFA_ADDRESS: u16 = 1;
pub(crate) const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
/// The address is to be used at once, without asking the neighbours whether it is taken.
const IFA_F_NODAD: u8 = 2;

pub(crate) const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
pub(crate) const RT_TABLE_MAIN: u8 = 254;
const RTPROT_BOOT: u8 = 3;
pub(crate) const RTN_UNICAST: u8 = 1;

pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;
const IFF_UP: u32 = 1;
const LOOPBACK_INDEX: u32 = 1;

/// Lengths of `struct ifinfomsg` and `rtmsg`.
pub(crate) const IFINFO: usize = 16;
pub(crate) const RTMSG: usize = 12;

pub(crate) fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

pub(crate) fn ifinfo(index: u32, up: bool) -> [u8; IFINFO] {
    let mut header = [0; IFINFO];
    let flags = if up { IFF_UP } else { 0 };
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// Both ends of a veth pair: the host's in this namespace, the container's in `netns`.
pub(crate) struct VethPair<'a> {
    pub(crate) host: &'a str,
    pub(crate) bridge: u32,
    pub(crate) inner: &'a str,
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u32,
    pub(crate) netns: BorrowedFd<'a>,
}

impl VethPair<'_> {
    /// Creation with everything the kernel takes at that time. The host's end comes up at once;
    /// the peer cannot, for veth refuses it as long as the pair is not complete.
    pub(crate) fn create(&self, batch: &mut Batch) {
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        let op = "create veth pair";
        batch.message(op, RTM_NEWLINK, flags, &ifinfo(0, true), |m| {
            m.text(IFLA_IFNAME, self.host);
            m.u32(IFLA_MTU, self.mtu);
            m.u32(IFLA_MASTER, self.bridge);
            one_queue(m);
            m.nest(IFLA_LINKINFO, |m| {
                m.text(IFLA_INFO_KIND, "veth");
                m.nest(IFLA_INFO_DATA, |m| {
                    m.nest_with(VETH_INFO_PEER, &ifinfo(0, false), |m| self.peer(m));
                });
            });
        });
    }

    fn peer(&self, m: &mut Attributes<'_>) {
        m.text(IFLA_IFNAME, self.inner);
        m.put(IFLA_ADDRESS, &self.mac);
        m.u32(IFLA_MTU, self.mtu);
        one_queue(m);
        m.u32(IFLA_NET_NS_FD, self.netns.as_raw_fd().cast_unsigned());
    }
}

fn one_queue(m: &mut Attributes<'_>) {
    m.u32(IFLA_NUM_TX_QUEUES, 1);
    m.u32(IFLA_NUM_RX_QUEUES, 1);
}

/// An empty bridge. A hardware address that is set stays when ports come and go.
pub(crate) fn create_bridge(batch: &mut Batch, name: &str, mac: [u8; 6]) {
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    let op = "create bridge";
    batch.message(op, RTM_NEWLINK, flags, &ifinfo(0, false), |m| {
        m.text(IFLA_IFNAME, name);
        m.put(IFLA_ADDRESS, &mac);
        m.nest(IFLA_LINKINFO, |m| m.text(IFLA_INFO_KIND, "bridge"));
    });
}

/// No link-local address of its own: a bridge port has no use for one.
pub(crate) fn no_link_local(batch: &mut Batch, name: &str) {
    let op = "keep IPv6 off";
    batch.message(op, RTM_NEWLINK, 0, &ifinfo(0, false), |m| {
        m.text(IFLA_IFNAME, name);
        m.nest(IFLA_AF_SPEC, |m| {
            m.nest(AF_INET6.into(), |m| {
                m.put(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE]);
            });
        });
    });
}

pub(crate) fn set_up(batch: &mut Batch, index: u32, mtu: Option<u32>) {
    let op = "bring interface up";
    batch.message(op, RTM_NEWLINK, 0, &ifinfo(index, true), |m| {
        if let Some(mtu) = mtu {
            m.u32(IFLA_MTU, mtu);
        }
    });
}

pub(crate) fn set_loopback_up(batch: &mut Batch) {
    set_up(batch, LOOPBACK_INDEX, None);
}

pub(crate) fn delete(batch: &mut Batch, name: &str) {
    let op = "remove interface";
    batch.message(op, RTM_DELLINK, 0, &ifinfo(0, false), |m| {
        m.text(IFLA_IFNAME, name);
    });
}

/// Adds the address; one that is there already stays as it is.
pub(crate) fn add_address(batch: &mut Batch, index: u32, cidr: Cidr) {
    let mut header = [family(cidr.address), cidr.prefix, 0, 0, 0, 0, 0, 0];
    if !cidr.is_ipv4() {
        header[2] = IFA_F_NODAD;
    }
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    let flags = NLM_F_CREATE | NLM_F_REPLACE;
    batch.message("set address", RTM_NEWADDR, flags, &header, |m| {
        m.put(IFA_LOCAL, &octets(cidr.address));
        m.put(IFA_ADDRESS, &octets(cidr.address));
        if let Some(broadcast) = cidr.broadcast() {
            m.put(IFA_BROADCAST, &broadcast.octets());
        }
    });
}

pub(crate) fn add_default_route(batch: &mut Batch, index: u32, gateway: IpAddr) {
    let mut header = [0; RTMSG];
    header[0] = family(gateway);
    header[4..8].copy_from_slice(&[RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST]);
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    batch.message("set default route", RTM_NEWROUTE, flags, &header, |m| {
        m.put(RTA_GATEWAY, &octets(gateway));
        m.u32(RTA_OIF, index);
    });
}
