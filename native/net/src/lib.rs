//! The host's side of container networks: bridges, veth pairs, addresses, routes and the rules
//! of our own nftables table, all spoken over netlink; no host program is executed.
//!
//! Every function is synchronous, works on the network namespace of the calling thread, and may
//! be called from any number of threads at once.
//!
//! Netlink is written by hand (`wire.rs`, `socket.rs`): the crates for routes bring an
//! asynchronous stack or a typed model of every message, those for nftables link a C library or
//! model the whole language, and none lets several messages share one system call, which the
//! start of a container wants.

mod address;
mod attach;
mod bridge;
mod endpoint;
mod error;
mod kinds;
mod link;
mod netns;
mod nft;
mod parent;
mod plan;
pub mod ports;
mod query;
mod redirect;
mod route;
mod rules;
mod socket;
mod spare;
mod switch;
mod sys;
mod sysctl;
#[cfg(test)]
mod tests;
mod wire;

use std::os::fd::BorrowedFd;

pub use error::{NetError, NetErrorKind};
pub use plan::*;
pub use redirect::redirect;
pub use rules::{
    ForeignDrop, PublishPolicy, RulesSettings, configure_rules, find_foreign_drops, reset_rules,
};
use socket::{Failure, Netlink};
pub use spare::Spare;

/// Makes the bridge, or finds and mends it, with address, MTU, forwarding and our rules.
///
/// Errors of kind `Overlap` ask for another subnet, `Conflict` for another name.
pub fn ensure_bridge(plan: &BridgePlan) -> Result<(), NetError> {
    bridge::ensure(plan)
}

/// Removes a bridge and its rules, and the table with the last of them. Absence is no error.
pub fn remove_bridge(name: &str) -> Result<(), NetError> {
    bridge::remove(name)
}

/// Gives the namespace behind `netns` its interfaces, with addresses and default routes. On failure
/// nothing is left.
pub fn attach(endpoints: &[EndpointPlan], netns: BorrowedFd<'_>) -> Result<(), NetError> {
    attach::attach(endpoints, netns, None)
}

/// The same for a namespace in which a pair was prepared; it is used, or as useless as before.
pub fn attach_prepared(
    endpoints: &[EndpointPlan],
    netns: BorrowedFd<'_>,
    spare: Spare,
) -> Result<(), NetError> {
    attach::attach(endpoints, netns, Some(spare))
}

/// True if one of the endpoints would use a pair that was prepared.
pub fn can_use_spare(endpoints: &[EndpointPlan]) -> bool {
    endpoints.iter().any(spare::fits)
}

/// Makes a pair ahead of need; it goes with the namespace behind `netns`.
pub fn prepare_spare(netns: BorrowedFd<'_>) -> Result<Spare, NetError> {
    spare::prepare(netns)
}

/// Takes an interface away from the namespace behind `netns`. Absence is no error.
pub fn detach(endpoint: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    attach::detach(endpoint, netns)
}

/// Makes an interface of the namespace behind `netns` the way out, for the families of its gateways.
pub fn set_gateways(endpoint: &EndpointPlan, netns: BorrowedFd<'_>) -> Result<(), NetError> {
    attach::set_gateways(endpoint, netns)
}

/// Makes sure of an interface for macvlans and ipvlans to hang on: one that leads nowhere for an
/// internal network; otherwise one of the host's, a VLAN's being made where it is absent.
pub fn ensure_parent(name: &str, internal: bool) -> Result<(), NetError> {
    parent::ensure(name, internal)
}

/// Takes away what `ensure_parent` made, and nothing else. Absence is no error.
pub fn remove_parent(name: &str) -> Result<(), NetError> {
    parent::remove(name)
}

/// The networks that routes of the main table lead to, as "ADDRESS/PREFIX", those of connected
/// interfaces among them; but for link-local and multicast addresses, which every link has. Routes that cover half of all addresses or more (the default, and VPNs'
/// pairs of halves) are left out, for they claim no subnet.
pub fn list_routes() -> Result<Vec<String>, NetError> {
    let routes = Netlink::route().and_then(|socket| query::all_routes(&socket));
    let claims = routes.map_err(|failure| listing("routes", &failure))?;
    let claims = claims.iter().filter(|(_, route)| route.is_claim());
    Ok(claims.map(|(_, route)| route.to_string()).collect())
}

/// Names of the interfaces that begin with `prefix`; for tests to look with.
#[cfg(test)]
pub(crate) fn list_links(prefix: &str) -> Result<Vec<String>, NetError> {
    let links = Netlink::route().and_then(|socket| query::all_links(&socket));
    let links = links.map_err(|failure| listing(prefix, &failure))?;
    let names = links.into_iter().map(|link| link.name);
    Ok(names.filter(|name| name.starts_with(prefix)).collect())
}

fn listing(target: &str, failure: &Failure) -> NetError {
    NetError::kernel(failure.op, target, &failure.fault, "")
}
