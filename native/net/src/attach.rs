//! Wires between a container and its networks.
//!
//! ```text
//! host, one datagram      for each endpoint: the veth pair (host's end in the bridge and up), or the
//!                         macvlan or ipvlan, at once in the container's namespace under its name
//! visit to the container  open a route socket, write the switches of each interface
//! that socket, one more   for each: addresses, up, default routes
//! both                    settle: see `sys::settle`, `query::await_local`
//! ```

use std::os::fd::BorrowedFd;

use rustix::net::netdevice::name_to_index;

use crate::endpoint::Endpoint;
use crate::error::NetError;
use crate::netns::inside;
use crate::plan::{EndpointPlan, LinkPlan};
use crate::query::Link;
use crate::socket::{Failure, Netlink};
use crate::sys;
use crate::wire::Batch;

pub(crate) fn attach(plans: &[EndpointPlan], netns: BorrowedFd<'_>) -> Result<(), NetError> {
    let endpoints: Vec<_> = plans.iter().map(Endpoint::read).collect::<Result<_, _>>()?;
    let Some(first) = endpoints.first() else {
        return Ok(());
    };
    let host = Netlink::route().map_err(|failure| first.refused(&failure))?;
    let lowers = endpoints.iter().map(|endpoint| endpoint.find_lower(&host));
    let lowers: Vec<_> = lowers.collect::<Result<_, _>>()?;
    create(&host, &endpoints, &lowers, netns)?;
    let inside = configure(&endpoints, netns).inspect_err(|_| {
        remove(&host, endpoints.iter(), netns);
    })?;
    for endpoint in &endpoints {
        if let LinkPlan::Bridge { bridge, .. } = endpoint.link {
            sys::settle(host.fd(), endpoint.label());
            sys::settle(host.fd(), bridge);
        }
        endpoint.settle(&inside);
    }
    Ok(())
}

pub(crate) fn detach(plan: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    let endpoint = Endpoint::read(plan)?;
    let host = Netlink::route().map_err(|failure| endpoint.refused(&failure))?;
    endpoint.remove(&host, netns)
}

pub(crate) fn set_gateways(plan: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    let endpoint = Endpoint::read(plan)?;
    let socket = visit(netns, endpoint.name, || {
        Netlink::route().map_err(|failure| endpoint.refused(&failure))
    })?;
    let mut batch = Batch::default();
    endpoint.route(&mut batch, find_index(&socket, endpoint.name)?);
    socket
        .run(batch)
        .map_err(|failure| endpoint.refused(&failure))
}

/// On failure what was made goes again, and nothing else: an interface that was in the way is not ours.
fn create(
    host: &Netlink,
    endpoints: &[Endpoint<'_>],
    lowers: &[Link],
    netns: BorrowedFd<'_>,
) -> Result<(), NetError> {
    let mut batch = Batch::default();
    let mut firsts = Vec::new();
    for (endpoint, lower) in endpoints.iter().zip(lowers) {
        firsts.push(batch.last_sequence() + 1);
        endpoint.create(&mut batch, lower, netns);
    }
    host.run(batch).map_err(|failure| {
        let is_made = |first: &u32| !failure.refused.contains(first);
        let made = endpoints.iter().zip(&firsts);
        let made = made.filter(|(_, first)| is_made(first));
        remove(host, made.map(|(endpoint, _)| endpoint), netns);
        owner(endpoints, &firsts, &failure).refused(&failure)
    })
}

/// Gives back the socket in the container's namespace.
fn configure(endpoints: &[Endpoint<'_>], netns: BorrowedFd<'_>) -> Result<Netlink, NetError> {
    let first = &endpoints[0];
    let socket = visit(netns, first.label(), || {
        endpoints.iter().try_for_each(Endpoint::switch)?;
        Netlink::route().map_err(|failure| first.refused(&failure))
    })?;
    let mut batch = Batch::default();
    let mut firsts = Vec::new();
    for endpoint in endpoints {
        firsts.push(batch.last_sequence() + 1);
        endpoint.configure(&mut batch, find_index(&socket, endpoint.name)?);
    }
    match socket.run(batch) {
        Ok(()) => Ok(socket),
        Err(failure) => Err(owner(endpoints, &firsts, &failure).refused(&failure)),
    }
}

/// The endpoint whose message was refused first; `firsts` are the numbers that their messages begin with.
fn owner<'a, 'b>(
    endpoints: &'a [Endpoint<'b>],
    firsts: &[u32],
    failure: &Failure,
) -> &'a Endpoint<'b> {
    let sequence = failure.refused.first().copied().unwrap_or(1);
    let after = firsts.partition_point(|first| *first <= sequence);
    &endpoints[after.saturating_sub(1)]
}

/// The error that led here is the one to tell.
fn remove<'a, 'b: 'a>(
    host: &Netlink,
    endpoints: impl Iterator<Item = &'a Endpoint<'b>>,
    netns: BorrowedFd<'_>,
) {
    for endpoint in endpoints {
        let _first_error_counts = endpoint.remove(host, netns);
    }
}

pub(crate) fn visit<T>(
    netns: BorrowedFd<'_>,
    target: &str,
    work: impl FnOnce() -> Result<T, NetError>,
) -> Result<T, NetError> {
    let enter = "enter the network namespace of";
    inside(netns, work).map_err(|errno| NetError::kernel(enter, target, &errno.into(), ""))?
}

fn find_index(socket: &Netlink, name: &str) -> Result<u32, NetError> {
    name_to_index(socket.fd(), name)
        .map_err(|errno| NetError::kernel("look up interface", name, &errno.into(), ""))
}
