//! One container's wire to its bridge.
//!
//! ```text
//! host, one datagram      veth pair (host's end in the bridge and up), no link-local
//! visit to the container  open a route socket, switch IPv6 off on eth0
//! that socket, one more   loopback up, address, eth0 up, default route
//! host                    settle: see `sys::settle`
//! ```

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::netdevice::name_to_index;

use crate::bridge;
use crate::error::{NetError, NetErrorKind};
use crate::link::{self, VethPair};
use crate::netns::inside;
use crate::plan::{Cidr, EndpointPlan, check_interface, parse_address, parse_mac};
use crate::query::Link;
use crate::socket::{Failure, Netlink};
use crate::wire::Batch;
use crate::{sys, sysctl};

const FEATURE: &str = "the kernel module \"veth\" is missing";
const INNER: &str = "eth0";

/// A plan whose words have been understood.
struct Endpoint<'a> {
    host: &'a str,
    mac: [u8; 6],
    cidr: Cidr,
    gateway: Ipv4Addr,
    netns: BorrowedFd<'a>,
}

pub(crate) fn attach(plan: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    check_interface(&plan.host_interface)?;
    let endpoint = Endpoint {
        host: &plan.host_interface,
        mac: parse_mac(&plan.mac)?,
        cidr: Cidr::parse(&plan.address)?,
        gateway: parse_address(&plan.gateway)?,
        netns,
    };
    let socket = Netlink::route().map_err(|failure| endpoint.refused(&failure))?;
    let found = bridge::find(&socket, &plan.bridge)?;
    let bridge = found.ok_or_else(|| {
        let detail = "no such bridge";
        NetError::new(NetErrorKind::NotFound, "use bridge", &plan.bridge, detail)
    })?;
    endpoint.connect(&socket, &bridge)?;
    let configured = endpoint.configure();
    if configured.is_err() {
        // The first error is the one to tell.
        let _ = bridge::remove_link(&socket, endpoint.host);
        return configured;
    }
    sys::settle(socket.fd(), endpoint.host);
    sys::settle(socket.fd(), &plan.bridge);
    Ok(())
}

impl Endpoint<'_> {
    fn connect(&self, socket: &Netlink, bridge: &Link) -> Result<(), NetError> {
        let mut batch = Batch::default();
        let pair = VethPair {
            host: self.host,
            bridge: bridge.index,
            inner: INNER,
            mac: self.mac,
            mtu: bridge.mtu,
            netns: self.netns,
        };
        pair.create(&mut batch);
        link::no_link_local(&mut batch, self.host);
        socket.run(batch).map_err(|failure| self.refused(&failure))
    }

    fn configure(&self) -> Result<(), NetError> {
        let visit = inside(self.netns, || -> Result<Netlink, NetError> {
            let socket = Netlink::route().map_err(|failure| self.refused(&failure))?;
            sysctl::disable_ipv6(INNER)?;
            Ok(socket)
        });
        let enter = "enter the network namespace of";
        let socket =
            visit.map_err(|errno| NetError::kernel(enter, self.host, &errno.into(), ""))??;
        let index = name_to_index(socket.fd().as_fd(), INNER)
            .map_err(|errno| NetError::kernel("look up interface", INNER, &errno.into(), ""))?;
        let mut batch = Batch::default();
        link::set_loopback_up(&mut batch);
        link::add_address(&mut batch, index, self.cidr);
        link::set_up(&mut batch, index, None);
        link::add_default_route(&mut batch, index, self.gateway);
        socket.run(batch).map_err(|failure| self.refused(&failure))
    }

    fn refused(&self, failure: &Failure) -> NetError {
        NetError::kernel(failure.op, self.host, &failure.fault, FEATURE)
    }
}
