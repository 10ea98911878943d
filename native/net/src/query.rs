//! What stands in a network namespace: interfaces, addresses and routes, read from the kernel.
//! Layouts and numbers: `linux/rtnetlink.h`, `linux/if_link.h`, `linux/if_addr.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rustix::io::Errno;

use crate::address::Cidr;
use crate::kinds;
use crate::link::{
    AF_INET6, IFINFO, IFLA_IFALIAS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK,
    IFLA_LINKINFO, IFLA_MTU, ifinfo,
};
use crate::route::{AF_INET, IFA_ADDRESS, IFA_LOCAL, RT_TABLE_MAIN, RTA_OIF, RTMSG, RTN_UNICAST};
use crate::socket::{Failure, Netlink};
use crate::wire::{Batch, NLM_F_DUMP, find, read_u32, text_of};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const IFLA_EXT_MASK: u16 = 29;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
const RTA_DST: u16 = 1;
const RTN_LOCAL: u8 = 2;
/// Length of `struct ifaddrmsg`.
const IFADDR: usize = 8;

/// What we want to know of an interface.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mtu: u32,
    /// "bridge", "veth" …; empty for hardware and the loopback.
    pub(crate) kind: String,
    /// Index of what it hangs on, in the namespace of that; 0 for none.
    pub(crate) lower: u32,
    pub(crate) alias: String,
    /// A bridge that hands its frames to netfilter, whatever the switch for all says.
    pub(crate) filters: bool,
}

fn parse_link(payload: &[u8]) -> Option<Link> {
    let attributes = payload.get(IFINFO..)?;
    let info = find(attributes, IFLA_LINKINFO).unwrap_or_default();
    let kind = find(info, IFLA_INFO_KIND).map_or("", text_of);
    let data = find(info, IFLA_INFO_DATA).unwrap_or_default();
    let is_on = |switch: &u16| find(data, *switch) == Some(&[1]);
    Some(Link {
        index: read_u32(payload, 4)?,
        name: text_of(find(attributes, IFLA_IFNAME)?).to_owned(),
        mtu: read_u32(find(attributes, IFLA_MTU)?, 0)?,
        kind: kind.to_owned(),
        filters: kind == "bridge" && kinds::BRIDGE_FILTERS.iter().all(is_on),
        lower: find(attributes, IFLA_LINK)
            .and_then(|value| read_u32(value, 0))
            .unwrap_or(0),
        alias: find(attributes, IFLA_IFALIAS)
            .map_or("", text_of)
            .to_owned(),
    })
}

pub(crate) fn find_link(socket: &Netlink, name: &str) -> Result<Option<Link>, Failure> {
    let mut batch = Batch::default();
    let op = "look up interface";
    batch.message(op, RTM_GETLINK, 0, &ifinfo(0, false), |m| {
        m.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        m.text(IFLA_IFNAME, name);
    });
    let mut link = None;
    match socket.ask(&batch, |_, payload| link = parse_link(payload)) {
        Err(failure) if failure.fault.errno == Errno::NODEV => Ok(None),
        other => other.map(|()| link),
    }
}

pub(crate) fn all_links(socket: &Netlink) -> Result<Vec<Link>, Failure> {
    let mut batch = Batch::default();
    let op = "list interfaces";
    batch.message(op, RTM_GETLINK, NLM_F_DUMP, &ifinfo(0, false), |m| {
        m.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    });
    let mut links = Vec::new();
    socket.ask(&batch, |_, payload| links.extend(parse_link(payload)))?;
    Ok(links)
}

/// The addresses of all interfaces, each with the interface's index.
pub(crate) fn all_addresses(socket: &Netlink) -> Result<Vec<(u32, Cidr)>, Failure> {
    let mut batch = Batch::default();
    let header = [0; IFADDR];
    batch.message("list addresses", RTM_GETADDR, NLM_F_DUMP, &header, |_| ());
    let mut addresses = Vec::new();
    socket.ask(&batch, |_, payload| {
        addresses.extend(parse_address(payload));
    })?;
    Ok(addresses)
}

fn parse_address(payload: &[u8]) -> Option<(u32, Cidr)> {
    let attributes = payload.get(IFADDR..)?;
    // IPv6 has the second alone, unless the interface is a tunnel's.
    let value = find(attributes, IFA_LOCAL).or_else(|| find(attributes, IFA_ADDRESS))?;
    let cidr = Cidr {
        address: read_address(value)?,
        prefix: payload[1],
    };
    Some((read_u32(payload, 4)?, cidr))
}

/// The unicast routes of the main table, each with its interface's index (0 if it has many).
pub(crate) fn all_routes(socket: &Netlink) -> Result<Vec<(u32, Cidr)>, Failure> {
    let mut batch = Batch::default();
    let header = [0; RTMSG];
    batch.message("list routes", RTM_GETROUTE, NLM_F_DUMP, &header, |_| ());
    let mut routes = Vec::new();
    socket.ask(&batch, |_, payload| routes.extend(parse_route(payload)))?;
    Ok(routes)
}

fn parse_route(payload: &[u8]) -> Option<(u32, Cidr)> {
    let attributes = payload.get(RTMSG..)?;
    if payload[4] != RT_TABLE_MAIN || payload[7] != RTN_UNICAST {
        return None;
    }
    let address = match (payload[0], find(attributes, RTA_DST)) {
        (_, Some(value)) => read_address(value)?,
        (AF_INET, None) => Ipv4Addr::UNSPECIFIED.into(),
        (AF_INET6, None) => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    let index = find(attributes, RTA_OIF).and_then(|value| read_u32(value, 0));
    let cidr = Cidr {
        address,
        prefix: payload[1],
    };
    Some((index.unwrap_or(0), cidr))
}

fn read_address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(value).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(value).ok()?)),
        _ => None,
    }
}

/// Waits until the namespace takes what is sent to an IPv6 address of its own. A new one is known at once,
/// and what is sent from it leaves; but the kernel makes the route for what comes back in a worker, some
/// tens of microseconds later, and an answer before that would be lost.
pub(crate) fn await_local(socket: &Netlink, address: IpAddr) {
    const STEP: Duration = Duration::from_micros(50);
    const STEPS: u32 = 1000;
    for _ in 0..STEPS {
        match is_local(socket, address) {
            Ok(false) => std::thread::sleep(STEP),
            Ok(true) | Err(_) => return,
        }
    }
}

fn is_local(socket: &Netlink, address: IpAddr) -> Result<bool, Failure> {
    let IpAddr::V6(address) = address else {
        return Ok(true);
    };
    let mut header = [0; RTMSG];
    header[..2].copy_from_slice(&[AF_INET6, 128]);
    let mut batch = Batch::default();
    batch.message("look up route", RTM_GETROUTE, 0, &header, |m| {
        m.put(RTA_DST, &address.octets());
    });
    let mut is_local = false;
    socket.ask(&batch, |_, payload| {
        is_local = payload.get(7) == Some(&RTN_LOCAL);
    })?;
    Ok(is_local)
}
