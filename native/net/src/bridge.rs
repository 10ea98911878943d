//! A bridge with its address, and its end.

use crate::address::{Cidr, octets};
use crate::error::{NetError, NetErrorKind};
use crate::link;
use crate::plan::{BridgePlan, check_interface};
use crate::query::{self, Link};
use crate::socket::{Failure, Netlink};
use crate::wire::Batch;
use crate::{rules, sysctl};

const FEATURE: &str = "the kernel module \"bridge\" is missing";

pub(crate) fn ensure(plan: &BridgePlan) -> Result<(), NetError> {
    check_interface(&plan.name)?;
    let address = plan.addresses.first().map_or("", String::as_str);
    let cidr = Cidr::parse(address)?;
    let refused = |failure: Failure| refused(&plan.name, &failure);
    let socket = Netlink::route().map_err(refused)?;
    let found = find(&socket, &plan.name)?;
    let index = found.as_ref().map_or(0, |link| link.index);
    let addresses = query::all_addresses(&socket).map_err(refused)?;
    if !addresses.contains(&(index, cidr)) {
        check_free(&socket, plan, cidr, index)?;
    }
    let is_new = found.is_none();
    let index = match found {
        Some(link) => link.index,
        None => create(&socket, plan, cidr)?,
    };
    let done = bring_up(&socket, plan, cidr, index).and_then(|()| rules::ensure_network(plan));
    if done.is_err() && is_new {
        // The first error is the one to tell.
        let _ = remove_link(&socket, &plan.name);
    }
    done
}

/// The bridge of that name, if there is an interface of that name at all.
pub(crate) fn find(socket: &Netlink, name: &str) -> Result<Option<Link>, NetError> {
    let link = query::find_link(socket, name).map_err(|failure| refused(name, &failure))?;
    match link {
        Some(link) if link.kind != "bridge" => Err(NetError::new(
            NetErrorKind::Conflict,
            "use bridge",
            name,
            "an interface of that name exists and is no bridge",
        )),
        link => Ok(link),
    }
}

/// Refuses a subnet that a route of this host reaches by another interface. Routes that cover
/// half of all addresses or more (the default, and VPNs' pairs of halves) claim nothing.
fn check_free(socket: &Netlink, plan: &BridgePlan, cidr: Cidr, index: u32) -> Result<(), NetError> {
    let routes = query::all_routes(socket).map_err(|failure| refused(&plan.name, &failure))?;
    let taken = routes.into_iter().find(|(through, route)| {
        route.prefix > 1 && route.overlaps(cidr) && (index == 0 || *through != index)
    });
    let Some((_, route)) = taken else {
        return Ok(());
    };
    Err(NetError::new(
        NetErrorKind::Overlap,
        "set address",
        &plan.name,
        format!("{cidr} overlaps the route {route} of this host"),
    ))
}

/// Gives back the index of the new bridge.
fn create(socket: &Netlink, plan: &BridgePlan, cidr: Cidr) -> Result<u32, NetError> {
    let mut mac = [0x02, 0x42, 0, 0, 0, 0];
    for (to, from) in mac
        .iter_mut()
        .rev()
        .zip(octets(cidr.address).iter().rev())
        .take(4)
    {
        *to = *from;
    }
    let mut batch = Batch::default();
    link::create_bridge(&mut batch, &plan.name, mac);
    let made = socket.run(batch);
    made.map_err(|failure| refused(&plan.name, &failure))?;
    let link = find(socket, &plan.name)?;
    link.map(|link| link.index).ok_or_else(|| {
        let detail = "it vanished at once";
        NetError::new(NetErrorKind::NotFound, "create bridge", &plan.name, detail)
    })
}

fn bring_up(socket: &Netlink, plan: &BridgePlan, cidr: Cidr, index: u32) -> Result<(), NetError> {
    // Before it comes up, so that the host is never reachable by a link-local address.
    sysctl::disable_ipv6(&plan.name)?;
    let mut batch = Batch::default();
    link::set_up(&mut batch, index, Some(plan.mtu));
    link::add_address(&mut batch, index, cidr);
    socket
        .run(batch)
        .map_err(|failure| refused(&plan.name, &failure))
}

pub(crate) fn remove(name: &str) -> Result<(), NetError> {
    check_interface(name)?;
    let socket = Netlink::route().map_err(|failure| refused(name, &failure))?;
    if find(&socket, name)?.is_some() {
        remove_link(&socket, name)?;
    }
    rules::drop_network(name)
}

/// Absence is no error.
pub(crate) fn remove_link(socket: &Netlink, name: &str) -> Result<(), NetError> {
    let mut batch = Batch::default();
    link::delete(&mut batch, name);
    match socket.run(batch) {
        Err(failure) if failure.fault.errno == rustix::io::Errno::NODEV => Ok(()),
        other => other.map_err(|failure| refused(name, &failure)),
    }
}

fn refused(name: &str, failure: &Failure) -> NetError {
    NetError::kernel(failure.op, name, &failure.fault, FEATURE)
}
