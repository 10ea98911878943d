//! Ways for the host's loopback addresses through a bridge: what the host sends from them to a
//! published port leaves by the bridge with its address, and the answers come back by it. The
//! `guard` of the table keeps everybody else from using them.

use std::net::Ipv6Addr;

use rustix::io::Errno;

use super::network::Network;
use crate::error::NetError;
use crate::link::AF_INET6;
use crate::nft::Family;
use crate::route::{RTA_OIF, RTMSG};
use crate::socket::{Failure, Netlink};
use crate::wire::{Batch, NLM_F_CREATE, NLM_F_EXCL};
use crate::{query, sysctl};

const RTM_NEWROUTE: u16 = 24;
const RTA_DST: u16 = 1;
const RTA_PRIORITY: u16 = 6;
const RT_TABLE_LOCAL: u8 = 255;
const RTPROT_STATIC: u8 = 4;
const RT_SCOPE_HOST: u8 = 254;
const RTN_LOCAL: u8 = 2;
/// Behind the kernel's own route to `::1`, and another one for each bridge.
const METRIC: u32 = 1 << 16;

pub(super) fn open(network: &Network) -> Result<(), NetError> {
    if network.has(Family::Ipv4) {
        sysctl::route_loopback(network.bridge())?;
    }
    if network.has(Family::Ipv6) {
        let refused = |f: Failure| NetError::kernel(f.op, network.bridge(), &f.fault, "");
        let socket = Netlink::route().map_err(refused)?;
        // Absent: the rules come before the bridge (a daemon that takes over makes it again).
        let found = query::find_link(&socket, network.bridge()).map_err(refused)?;
        let added = found.map_or(Ok(()), |link| add_route(&socket, link.index));
        match added {
            Err(failure) if failure.fault.errno == Errno::EXIST => {}
            other => other.map_err(refused)?,
        }
    }
    Ok(())
}

/// `ip -6 route add local ::1 dev BRIDGE table local`: routing of what comes in looks for loopback
/// addresses on the interface it came by alone.
fn add_route(socket: &Netlink, index: u32) -> Result<(), Failure> {
    let mut header = [0; RTMSG];
    header[..2].copy_from_slice(&[AF_INET6, 128]);
    header[4..8].copy_from_slice(&[RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL]);
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    let mut batch = Batch::default();
    batch.message("set loopback route", RTM_NEWROUTE, flags, &header, |m| {
        m.put(RTA_DST, &Ipv6Addr::LOCALHOST.octets());
        m.u32(RTA_OIF, index);
        m.u32(RTA_PRIORITY, METRIC | index);
    });
    socket.run(batch)
}
