//! Wires between a container and its networks.
//!
//! ```text
//! host, one datagram      for each endpoint: the veth pair (host's end in the bridge and up; made, or
//!                         taken if one was prepared), or the macvlan or ipvlan, at once in the
//!                         container's namespace under its name
//! visit to the container  open a route socket, write the switches of each interface
//! that socket, one more   for each: addresses, up, default routes
//! both                    settle: see `sys::settle`, `query::await_local`
//! ```

use std::os::fd::BorrowedFd;

use rustix::net::netdevice::name_to_index;

use crate::endpoint::Endpoint;
use crate::error::{NetError, NetErrorKind};
use crate::netns::inside;
use crate::plan::{EndpointPlan, LinkPlan};
use crate::query::Link;
use crate::socket::{Failure, Netlink};
use crate::spare::{self, Spare};
use crate::wire::Batch;
use crate::{kinds, link, sys};

pub(crate) fn attach(
    plans: &[EndpointPlan],
    netns: BorrowedFd<'_>,
    spare: Option<Spare>,
) -> Result<(), NetError> {
    match attach_with(plans, netns, spare) {
        // Somebody has taken it away.
        Err(error) if error.op == kinds::TAKE && error.kind == NetErrorKind::NotFound => {
            attach_with(plans, netns, None)
        }
        other => other,
    }
}

fn attach_with(
    plans: &[EndpointPlan],
    netns: BorrowedFd<'_>,
    spare: Option<Spare>,
) -> Result<(), NetError> {
    let endpoints: Vec<_> = plans.iter().map(Endpoint::read).collect::<Result<_, _>>()?;
    let Some(first) = endpoints.first() else {
        return Ok(());
    };
    let host = Netlink::route().map_err(|failure| first.refused(&failure))?;
    let taker = plans.iter().position(spare::fits);
    let places = endpoints.iter().enumerate().map(|(at, endpoint)| {
        Ok(Place {
            endpoint,
            lower: endpoint.find_lower(&host)?,
            spare: spare.filter(|_| taker == Some(at)),
        })
    });
    let places: Vec<_> = places.collect::<Result<_, _>>()?;
    create(&host, &places, netns)?;
    let inside = configure(&places, netns).inspect_err(|_| {
        remove(&host, places.iter(), netns);
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

/// An endpoint, what it hangs on, and the pair that was prepared for it.
struct Place<'a> {
    endpoint: &'a Endpoint<'a>,
    lower: Link,
    spare: Option<Spare>,
}

impl Place<'_> {
    /// The first message makes the interface, or takes it.
    fn create(&self, batch: &mut Batch, netns: BorrowedFd<'_>) {
        match self.spare {
            Some(spare) => self.endpoint.take(batch, &self.lower, spare),
            None => self.endpoint.create(batch, &self.lower, netns),
        }
    }

    fn configure(&self, batch: &mut Batch, inside: &Netlink) -> Result<(), NetError> {
        let (index, taken) = match self.spare {
            Some(spare) => (spare.inner, Some(&self.lower)),
            None => (find_index(inside, self.endpoint.name)?, None),
        };
        self.endpoint.configure(batch, index, taken);
        Ok(())
    }

    /// The error that led here is the one to tell.
    fn remove(&self, host: &Netlink, netns: BorrowedFd<'_>) {
        let _first_error_counts = match self.spare {
            Some(spare) => {
                let mut batch = Batch::default();
                link::delete_index(&mut batch, spare.host);
                host.run(batch).is_ok()
            }
            None => self.endpoint.remove(host, netns).is_ok(),
        };
    }
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
fn create(host: &Netlink, places: &[Place<'_>], netns: BorrowedFd<'_>) -> Result<(), NetError> {
    let mut batch = Batch::default();
    let mut firsts = Vec::new();
    for place in places {
        firsts.push(batch.last_sequence() + 1);
        place.create(&mut batch, netns);
    }
    host.run(batch).map_err(|failure| {
        let is_made = |first: &u32| !failure.refused.contains(first);
        let ours = places.iter().zip(&firsts);
        let ours = ours.filter(|(place, first)| is_made(first) || place.spare.is_some());
        remove(host, ours.map(|(place, _)| place), netns);
        owner(places, &firsts, &failure).refused(&failure)
    })
}

/// Gives back the socket in the container's namespace.
fn configure(places: &[Place<'_>], netns: BorrowedFd<'_>) -> Result<Netlink, NetError> {
    let first = places[0].endpoint;
    let socket = visit(netns, first.label(), || {
        places
            .iter()
            .try_for_each(|place| place.endpoint.switch())?;
        Netlink::route().map_err(|failure| first.refused(&failure))
    })?;
    let mut batch = Batch::default();
    let mut firsts = Vec::new();
    for place in places {
        firsts.push(batch.last_sequence() + 1);
        place.configure(&mut batch, &socket)?;
    }
    match socket.run(batch) {
        Ok(()) => Ok(socket),
        Err(failure) => Err(owner(places, &firsts, &failure).refused(&failure)),
    }
}

/// The endpoint whose message was refused first; `firsts` are the numbers that their messages begin with.
fn owner<'a>(places: &'a [Place<'_>], firsts: &[u32], failure: &Failure) -> &'a Endpoint<'a> {
    let sequence = failure.refused.first().copied().unwrap_or(1);
    let after = firsts.partition_point(|first| *first <= sequence);
    places[after.saturating_sub(1)].endpoint
}

fn remove<'a, 'b: 'a>(
    host: &Netlink,
    places: impl Iterator<Item = &'a Place<'b>>,
    netns: BorrowedFd<'_>,
) {
    places.for_each(|place| place.remove(host, netns));
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
