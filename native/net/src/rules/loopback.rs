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
const RTM_DELROUTE: u16 = 25;
const RTA_DST: u16 = 1;
const RTA_PRIORITY: u16 = 6;
const RT_TABLE_LOCAL: u8 = 255;
const RTPROT_STATIC: u8 = 4;
const RT_SCOPE_HOST: u8 = 254;
const RTN_LOCAL: u8 = 2;
/// Behind the kernel's own route to `::1`, and another one for each bridge.
const METRIC: u32 = 1 << 16;

/// An internal network publishes nothing, and the host may have no address in it.
pub(super) fn open(network: &Network) -> Result<(), NetError> {
    if network.is_internal() {
        return Ok(());
    }
    if network.has(Family::Ipv4) {
        sysctl::route_loopback(network.bridge(), true)?;
    }
    if network.has(Family::Ipv6) {
        return change_route(network.bridge(), add_route, Errno::EXIST);
    }
    Ok(())
}

/// Before the rules go: a bridge that was there before its network stays, and nothing would guard
/// the host's loopback from whoever is behind it.
pub(super) fn close(network: &Network) -> Result<(), NetError> {
    if network.has(Family::Ipv4) {
        sysctl::route_loopback(network.bridge(), false)?;
    }
    if network.has(Family::Ipv6) {
        return change_route(network.bridge(), delete_route, Errno::SRCH);
    }
    Ok(())
}

/// `done` is how the kernel says that there is nothing to do. Neither is there without the bridge: the
/// rules come before it (a daemon that takes over makes it again), and go after it.
fn change_route(
    bridge: &str,
    change: fn(&Netlink, u32) -> Result<(), Failure>,
    done: Errno,
) -> Result<(), NetError> {
    let refused = |f: Failure| NetError::kernel(f.op, bridge, &f.fault, "");
    let socket = Netlink::route().map_err(refused)?;
    let found = query::find_link(&socket, bridge).map_err(refused)?;
    match found.map_or(Ok(()), |link| change(&socket, link.index)) {
        Err(failure) if failure.fault.errno == done => Ok(()),
        other => other.map_err(refused),
    }
}

/// `ip -6 route add local ::1 dev BRIDGE table local`: routing of what comes in looks for loopback
/// addresses on the interface it came by alone.
fn add_route(socket: &Netlink, index: u32) -> Result<(), Failure> {
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    send_route(socket, ("set loopback route", RTM_NEWROUTE, flags), index)
}

fn delete_route(socket: &Netlink, index: u32) -> Result<(), Failure> {
    send_route(socket, ("take loopback route back", RTM_DELROUTE, 0), index)
}

fn send_route(
    socket: &Netlink,
    (op, kind, flags): (&'static str, u16, u16),
    index: u32,
) -> Result<(), Failure> {
    let mut header = [0; RTMSG];
    header[..2].copy_from_slice(&[AF_INET6, 128]);
    header[4..8].copy_from_slice(&[RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL]);
    let mut batch = Batch::default();
    batch.message(op, kind, flags, &header, |m| {
        m.put(RTA_DST, &Ipv6Addr::LOCALHOST.octets());
        m.u32(RTA_OIF, index);
        m.u32(RTA_PRIORITY, METRIC | index);
    });
    socket.run(batch)
}
