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

mod error;
mod plan;

pub use error::{NetError, NetErrorKind};
pub use plan::{BridgePlan, EndpointPlan};

use std::os::fd::BorrowedFd;

/// Makes the bridge, or finds and mends it, with address, MTU, forwarding and our rules.
pub fn ensure_bridge(plan: &BridgePlan) -> Result<(), NetError> {
    plan::check_interface(&plan.name)?;
    Err(unbuilt(&plan.name))
}

/// Removes a bridge and its rules, and the table with the last of them. Absence is no error.
pub fn remove_bridge(name: &str, _table: &str) -> Result<(), NetError> {
    Err(unbuilt(name))
}

/// Gives the namespace behind `netns` an interface "eth0" on the bridge, with address and default
/// route. On failure nothing is left on the host.
pub fn attach(endpoint: &EndpointPlan, _netns: BorrowedFd<'_>) -> Result<(), NetError> {
    Err(unbuilt(&endpoint.host_interface))
}

/// Removes the host's end of a veth pair, and with it the other. Absence is no error.
pub fn detach(host_interface: &str) -> Result<(), NetError> {
    Err(unbuilt(host_interface))
}

/// IPv4 routes of the main table, as "a.b.c.d/n".
pub fn list_routes() -> Result<Vec<String>, NetError> {
    Err(unbuilt("routes"))
}

/// Names of the interfaces that begin with `prefix`.
pub fn list_links(prefix: &str) -> Result<Vec<String>, NetError> {
    Err(unbuilt(prefix))
}

fn unbuilt(target: &str) -> NetError {
    NetError::new(
        NetErrorKind::Unsupported,
        "set up network",
        target,
        "not built yet",
    )
}
