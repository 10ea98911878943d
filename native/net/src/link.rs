//! Interfaces: what changes them, as bytes. How each kind is made is in `kinds.rs`.
//! Layouts and numbers: `linux/rtnetlink.h`, `linux/if_link.h`.

use crate::wire::Batch;

pub(crate) const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;

pub(crate) const IFLA_ADDRESS: u16 = 1;
pub(crate) const IFLA_IFNAME: u16 = 3;
pub(crate) const IFLA_MTU: u16 = 4;
pub(crate) const IFLA_LINK: u16 = 5;
pub(crate) const IFLA_MASTER: u16 = 10;
pub(crate) const IFLA_LINKINFO: u16 = 18;
pub(crate) const IFLA_IFALIAS: u16 = 20;
const IFLA_AF_SPEC: u16 = 26;
pub(crate) const IFLA_NET_NS_FD: u16 = 28;
pub(crate) const IFLA_INFO_KIND: u16 = 1;
pub(crate) const IFLA_INFO_DATA: u16 = 2;
const IFLA_INFO_SLAVE_KIND: u16 = 4;
const IFLA_INFO_SLAVE_DATA: u16 = 5;
const IFLA_BRPORT_MODE: u16 = 4;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;

pub(crate) const AF_INET6: u8 = 10;
const IFF_UP: u32 = 1;

/// Length of `struct ifinfomsg`.
pub(crate) const IFINFO: usize = 16;

pub(crate) fn ifinfo(index: u32, up: bool) -> [u8; IFINFO] {
    let mut header = [0; IFINFO];
    let flags = if up { IFF_UP } else { 0 };
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// What becomes of the host's end of a container's wire, beside its creation.
pub(crate) struct Port<'a> {
    pub(crate) name: &'a str,
    /// Its neighbours on the bridge are out of its reach.
    pub(crate) isolated: bool,
    /// Frames may go back where they came from: a container reaches itself by a port that it
    /// publishes also where bridges hand their frames to netfilter, which then leads them back
    /// within the bridge.
    pub(crate) hairpin: bool,
    /// The kernel has IPv6.
    pub(crate) ipv6: bool,
}

impl Port<'_> {
    /// No link-local address of its own: a bridge port has no use for one. Nothing to do is nothing sent.
    pub(crate) fn change(&self, batch: &mut Batch) {
        if !self.isolated && !self.hairpin && !self.ipv6 {
            return;
        }
        let op = "set up bridge port";
        batch.message(op, RTM_NEWLINK, 0, &ifinfo(0, false), |m| {
            m.text(IFLA_IFNAME, self.name);
            if self.isolated || self.hairpin {
                m.nest(IFLA_LINKINFO, |m| {
                    m.text(IFLA_INFO_SLAVE_KIND, "bridge");
                    m.nest(IFLA_INFO_SLAVE_DATA, |m| {
                        m.put(IFLA_BRPORT_MODE, &[u8::from(self.hairpin)]);
                        m.put(IFLA_BRPORT_ISOLATED, &[u8::from(self.isolated)]);
                    });
                });
            }
            if self.ipv6 {
                m.nest(IFLA_AF_SPEC, |m| {
                    m.nest(AF_INET6.into(), |m| {
                        m.put(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE]);
                    });
                });
            }
        });
    }
}

pub(crate) fn set_up(batch: &mut Batch, index: u32, mtu: Option<u32>) {
    set_up_as(batch, index, None, mtu);
}

/// With a hardware address of its own, which most interfaces take only while they are down.
pub(crate) fn set_up_as(batch: &mut Batch, index: u32, mac: Option<[u8; 6]>, mtu: Option<u32>) {
    let op = "bring interface up";
    batch.message(op, RTM_NEWLINK, 0, &ifinfo(index, true), |m| {
        if let Some(mac) = mac {
            m.put(IFLA_ADDRESS, &mac);
        }
        if let Some(mtu) = mtu {
            m.u32(IFLA_MTU, mtu);
        }
    });
}

/// The interface of that name becomes a port of a bridge, or of none any more with 0.
pub(crate) fn join(batch: &mut Batch, name: &str, bridge: u32) {
    let op = "join bridge";
    batch.message(op, RTM_NEWLINK, 0, &ifinfo(0, true), |m| {
        m.text(IFLA_IFNAME, name);
        m.u32(IFLA_MASTER, bridge);
    });
}

/// A word beside the interface for people and for ourselves; at most 255 bytes.
pub(crate) fn set_alias(batch: &mut Batch, name: &str, alias: &str) {
    let op = "mark interface";
    batch.message(op, RTM_NEWLINK, 0, &ifinfo(0, true), |m| {
        m.text(IFLA_IFNAME, name);
        m.put(IFLA_IFALIAS, alias.as_bytes());
    });
}

pub(crate) fn delete(batch: &mut Batch, name: &str) {
    let op = "remove interface";
    batch.message(op, RTM_DELLINK, 0, &ifinfo(0, false), |m| {
        m.text(IFLA_IFNAME, name);
    });
}

pub(crate) fn delete_index(batch: &mut Batch, index: u32) {
    let op = "remove interface";
    batch.message(op, RTM_DELLINK, 0, &ifinfo(index, false), |_| ());
}
