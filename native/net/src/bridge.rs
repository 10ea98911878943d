//! A bridge with its addresses, and its end. One that we made bears a mark: somebody else's, which a
//! network may be told to use, keeps its settings and is never removed.

use rustix::io::Errno;

use crate::address::{Cidr, octets};
use crate::endpoint;
use crate::error::{NetError, NetErrorKind};
use crate::kinds;
use crate::link;
use crate::plan::{BridgePlan, check_interface};
use crate::query::{self, Link};
use crate::route;
use crate::rules;
use crate::socket::{Failure, Netlink};
use crate::switch::{self, Switch};
use crate::wire::Batch;

const FEATURE: &str = "the kernel module \"bridge\" is missing";
/// The router of every IPv6 link that we make.
const LINK_LOCAL: &str = "fe80::1/64";

/// A plan whose words have been understood.
struct Wanted<'a> {
    name: &'a str,
    /// The host's own.
    addresses: Vec<Cidr>,
    /// The host is in the network by IPv6.
    ipv6: bool,
    mtu: u32,
    /// Containers of the network may reach each other.
    icc: bool,
}

impl<'a> Wanted<'a> {
    fn read(plan: &'a BridgePlan) -> Result<Self, NetError> {
        check_interface(&plan.name)?;
        let texts = plan.addresses.iter();
        let mut addresses: Vec<_> = texts
            .map(|text| Cidr::parse(text))
            .collect::<Result<_, _>>()?;
        let ipv6 = addresses.iter().any(|address| !address.is_ipv4());
        if ipv6 {
            addresses.push(Cidr::parse(LINK_LOCAL)?);
        }
        Ok(Self {
            name: &plan.name,
            addresses,
            ipv6,
            mtu: plan.mtu,
            icc: plan.rules.icc,
        })
    }

    fn refused(&self, failure: &Failure) -> NetError {
        refused(self.name, failure)
    }
}

pub(crate) fn ensure(plan: &BridgePlan) -> Result<(), NetError> {
    let wanted = Wanted::read(plan)?;
    let told = |failure: Failure| wanted.refused(&failure);
    let socket = Netlink::route().map_err(told)?;
    let found = find(&socket, wanted.name)?;
    let index = found.as_ref().map_or(0, |link| link.index);
    let present = query::all_addresses(&socket).map_err(told)?;
    for address in &wanted.addresses {
        if !present.contains(&(index, *address)) {
            check_free(&socket, &wanted, *address, index)?;
        }
    }
    let is_new = found.is_none();
    let link = found.map_or_else(|| create(&socket, &wanted), Ok)?;
    let done = bring_up(&socket, &wanted, &link).and_then(|()| rules::ensure_network(plan));
    if done.is_err() && is_new {
        // The first error is the one to tell.
        let _ = remove_link(&socket, wanted.name);
    }
    done?;
    if is_new {
        let mtu = wanted.mtu;
        rejoin(&socket, plan, &Link { mtu, ..link }).map_err(told)?;
    }
    Ok(())
}

/// A wire that is gone as well is left out; one that cannot be kept apart stays off the bridge.
fn rejoin(socket: &Netlink, plan: &BridgePlan, bridge: &Link) -> Result<(), Failure> {
    let mut joined = Ok(());
    for wire in &plan.wires {
        let mut batch = Batch::default();
        link::join(&mut batch, wire, bridge.index);
        endpoint::change_port(&mut batch, wire, !plan.rules.icc, bridge);
        match socket.run(batch) {
            Ok(()) => {}
            Err(failure) if failure.fault.errno == Errno::NODEV => {}
            Err(failure) => {
                let mut batch = Batch::default();
                link::join(&mut batch, wire, 0);
                // The first error is the one to tell.
                let _ = socket.run(batch);
                joined = joined.and(Err(failure));
            }
        }
    }
    joined
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

/// Refuses a subnet that a route of this host reaches by another interface.
fn check_free(
    socket: &Netlink,
    wanted: &Wanted<'_>,
    address: Cidr,
    index: u32,
) -> Result<(), NetError> {
    let routes = query::all_routes(socket).map_err(|failure| wanted.refused(&failure))?;
    let taken = routes.into_iter().find(|(through, route)| {
        route.is_claim() && route.overlaps(address) && (index == 0 || *through != index)
    });
    let Some((_, route)) = taken else {
        return Ok(());
    };
    Err(NetError::new(
        NetErrorKind::Overlap,
        "set address",
        wanted.name,
        format!("{address} overlaps the route {route} of this host"),
    ))
}

fn create(socket: &Netlink, wanted: &Wanted<'_>) -> Result<Link, NetError> {
    let mut batch = Batch::default();
    // Containers that are kept apart by rules stay so, whatever becomes of the switch.
    let filtered = !wanted.icc && switch::bridges_filter();
    kinds::create_bridge(&mut batch, wanted.name, mac_of(wanted), filtered);
    link::set_alias(&mut batch, wanted.name, &mark());
    socket
        .run(batch)
        .map_err(|failure| wanted.refused(&failure))?;
    find(socket, wanted.name)?.ok_or_else(|| {
        let detail = "it vanished at once";
        NetError::new(NetErrorKind::NotFound, "create bridge", wanted.name, detail)
    })
}

/// Locally administered, from the first address.
fn mac_of(wanted: &Wanted<'_>) -> [u8; 6] {
    let bytes = wanted.addresses.first().map(|cidr| octets(cidr.address));
    let mut mac = [0x02, 0x42, 0, 0, 0, 1];
    let last = bytes.iter().flatten().rev();
    for (to, from) in mac.iter_mut().rev().zip(last).take(4) {
        *to = *from;
    }
    mac
}

/// No bridge of the host's.
pub(crate) fn is_ours(link: &Link) -> bool {
    link.alias == mark()
}

fn mark() -> String {
    format!("rt bridge of {}", rules::table())
}

/// IPv6 is switched before the bridge comes up, so that the host is never reachable by a link-local
/// address where it is off.
fn bring_up(socket: &Netlink, wanted: &Wanted<'_>, link: &Link) -> Result<(), NetError> {
    let is_ours = is_ours(link);
    if is_ours || wanted.ipv6 {
        let switches = switch::for_family(wanted.name, wanted.ipv6, is_ours);
        switches.iter().try_for_each(Switch::write)?;
    }
    let mut batch = Batch::default();
    link::set_up(&mut batch, link.index, is_ours.then_some(wanted.mtu));
    for address in &wanted.addresses {
        route::add_address(&mut batch, link.index, *address);
    }
    socket
        .run(batch)
        .map_err(|failure| wanted.refused(&failure))?;
    for cidr in &wanted.addresses {
        query::await_local(socket, cidr.address);
    }
    Ok(())
}

pub(crate) fn remove(name: &str) -> Result<(), NetError> {
    check_interface(name)?;
    let socket = Netlink::route().map_err(|failure| refused(name, &failure))?;
    let found = find(&socket, name)?;
    if found.is_some_and(|link| is_ours(&link)) {
        remove_link(&socket, name)?;
    }
    rules::drop_network(name)
}

/// Absence is no error.
pub(crate) fn remove_link(socket: &Netlink, name: &str) -> Result<(), NetError> {
    let mut batch = Batch::default();
    link::delete(&mut batch, name);
    match socket.run(batch) {
        Err(failure) if failure.fault.errno == Errno::NODEV => Ok(()),
        other => other.map_err(|failure| refused(name, &failure)),
    }
}

fn refused(name: &str, failure: &Failure) -> NetError {
    NetError::kernel(failure.op, name, &failure.fault, FEATURE)
}
