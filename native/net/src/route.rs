//! Addresses and routes: what changes them, as bytes.
//! Layouts and numbers: `linux/rtnetlink.h`, `linux/if_addr.h`.

use std::net::IpAddr;

use crate::address::{Cidr, octets};
use crate::link::AF_INET6;
use crate::wire::{Batch, NLM_F_CREATE, NLM_F_REPLACE};

const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;

pub(crate) const IFA_ADDRESS: u16 = 1;
pub(crate) const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
/// The address is to be used at once, without asking the neighbours whether it is taken.
const IFA_F_NODAD: u8 = 2;

pub(crate) const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
pub(crate) const RT_TABLE_MAIN: u8 = 254;
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_LINK: u8 = 253;
pub(crate) const RTN_UNICAST: u8 = 1;

pub(crate) const AF_INET: u8 = 2;
/// Length of `struct rtmsg`.
pub(crate) const RTMSG: usize = 12;

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

/// Adds the address; one that is there already stays as it is.
pub(crate) fn add_address(batch: &mut Batch, index: u32, cidr: Cidr) {
    let flags = if cidr.is_ipv4() { 0 } else { IFA_F_NODAD };
    let mut header = [family(cidr.address), cidr.prefix, flags, 0, 0, 0, 0, 0];
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

/// Makes the interface the way out, in place of the one there was. A gateway "0.0.0.0" or "::" is none:
/// what leaves is for the link itself to deliver.
pub(crate) fn set_default_route(batch: &mut Batch, index: u32, gateway: IpAddr) {
    let mut header = [0; RTMSG];
    header[0] = family(gateway);
    header[4..8].copy_from_slice(&[RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST]);
    if gateway.is_unspecified() && gateway.is_ipv4() {
        header[6] = RT_SCOPE_LINK;
    }
    let flags = NLM_F_CREATE | NLM_F_REPLACE;
    batch.message("set default route", RTM_NEWROUTE, flags, &header, |m| {
        if !gateway.is_unspecified() {
            m.put(RTA_GATEWAY, &octets(gateway));
        }
        m.u32(RTA_OIF, index);
    });
}
