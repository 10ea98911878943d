//! One container's wires to its bridges.
//!
//! ```text
//! host, one datagram      veth pair (host's end in the bridge and up), no link-local
//! visit to the container  open a route socket, switch IPv6 off on eth0
//! that socket, one more   loopback up, address, eth0 up, default route
//! host                    settle: see `sys::settle`
//! ```

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::netdevice::name_to_index;

use crate::address::{Cidr, parse_address, parse_mac};
use crate::bridge;
use crate::error::{NetError, NetErrorKind};
use crate::link::{self, VethPair};
use crate::netns::inside;
use crate::plan::{EndpointPlan, LinkPlan, check_interface};
use crate::query::Link;
use crate::socket::{Failure, Netlink};
use crate::wire::Batch;
use crate::{sys, sysctl};

const FEATURE: &str = "the kernel module \"veth\" is missing";

/// A plan whose words have been understood.
struct Endpoint<'a> {
    host: &'a str,
    bridge: &'a str,
    inner: &'a str,
    mac: [u8; 6],
    addresses: Vec<Cidr>,
    gateways: Vec<IpAddr>,
    netns: BorrowedFd<'a>,
}

impl<'a> Endpoint<'a> {
    fn read(plan: &'a EndpointPlan, netns: BorrowedFd<'a>) -> Result<Self, NetError> {
        let LinkPlan::Bridge {
            bridge,
            host_interface,
        } = &plan.link
        else {
            let detail = "macvlan and ipvlan are not done yet";
            let kind = NetErrorKind::Unsupported;
            return Err(NetError::new(kind, "attach", &plan.interface, detail));
        };
        check_interface(host_interface)?;
        check_interface(&plan.interface)?;
        let addresses = plan.addresses.iter().map(|text| Cidr::parse(text));
        let gateways = plan.gateways.iter().map(|text| parse_address(text));
        Ok(Self {
            host: host_interface,
            bridge,
            inner: &plan.interface,
            mac: parse_mac(&plan.mac)?,
            addresses: addresses.collect::<Result<_, _>>()?,
            gateways: gateways.collect::<Result<_, _>>()?,
            netns,
        })
    }
}

pub(crate) fn attach(plans: &[EndpointPlan], netns: BorrowedFd<'_>) -> Result<(), NetError> {
    for (done, plan) in plans.iter().enumerate() {
        if let Err(error) = attach_one(plan, netns) {
            for plan in &plans[..done] {
                // The first error is the one to tell.
                let _ = detach(plan, netns);
            }
            return Err(error);
        }
    }
    Ok(())
}

pub(crate) fn detach(plan: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    let endpoint = Endpoint::read(plan, netns)?;
    let socket = Netlink::route().map_err(|failure| endpoint.refused(&failure))?;
    bridge::remove_link(&socket, endpoint.host)
}

fn attach_one(plan: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    let endpoint = Endpoint::read(plan, netns)?;
    let socket = Netlink::route().map_err(|failure| endpoint.refused(&failure))?;
    let found = bridge::find(&socket, endpoint.bridge)?;
    let bridge = found.ok_or_else(|| {
        let (kind, detail) = (NetErrorKind::NotFound, "no such bridge");
        NetError::new(kind, "use bridge", endpoint.bridge, detail)
    })?;
    endpoint.connect(&socket, &bridge)?;
    let configured = endpoint.configure();
    if configured.is_err() {
        // The first error is the one to tell.
        let _ = bridge::remove_link(&socket, endpoint.host);
        return configured;
    }
    sys::settle(socket.fd(), endpoint.host);
    sys::settle(socket.fd(), endpoint.bridge);
    Ok(())
}

impl Endpoint<'_> {
    fn connect(&self, socket: &Netlink, bridge: &Link) -> Result<(), NetError> {
        let mut batch = Batch::default();
        let pair = VethPair {
            host: self.host,
            bridge: bridge.index,
            inner: self.inner,
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
            sysctl::disable_ipv6(self.inner)?;
            Ok(socket)
        });
        let enter = "enter the network namespace of";
        let socket =
            visit.map_err(|errno| NetError::kernel(enter, self.host, &errno.into(), ""))??;
        let index = name_to_index(socket.fd().as_fd(), self.inner).map_err(|errno| {
            NetError::kernel("look up interface", self.inner, &errno.into(), "")
        })?;
        let mut batch = Batch::default();
        link::set_loopback_up(&mut batch);
        for address in &self.addresses {
            link::add_address(&mut batch, index, *address);
        }
        link::set_up(&mut batch, index, None);
        for gateway in &self.gateways {
            link::add_default_route(&mut batch, index, *gateway);
        }
        socket.run(batch).map_err(|failure| self.refused(&failure))
    }

    fn refused(&self, failure: &Failure) -> NetError {
        NetError::kernel(failure.op, self.host, &failure.fault, FEATURE)
    }
}
