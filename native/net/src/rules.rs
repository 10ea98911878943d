//! The rules of all networks and published ports: one table, `inet <table>`, of our own.
//!
//! What should stand is kept in memory. A change goes to the kernel as one transaction about what
//! changes; when that is refused because the table is not as we left it, the whole is written anew.
//! `rules/table.rs` has the picture.

mod forward;
mod forwards;
mod gate;
mod loopback;
mod network;
mod round;
mod socket;
mod state;
mod strangers;
mod table;
mod trial;
mod watch;

use serde::Deserialize;

use crate::error::NetError;
use crate::plan::BridgePlan;
use crate::ports::PublishedPort;
use state::with_state;
pub use strangers::ForeignDrop;

#[derive(Clone, Debug, Deserialize)]
pub struct RulesSettings {
    /// Name of the nftables table that holds all our rules.
    pub table: String,
    #[serde(default)]
    pub policy: PublishPolicy,
    /// Switch forwarding on where it is off.
    #[serde(default = "yes")]
    pub forwarding: bool,
}

fn yes() -> bool {
    true
}

/// To whom published ports are open.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum PublishPolicy {
    /// To everybody, whatever the host's own rules say of what comes in.
    #[default]
    Docker,
    /// To whom the host's own rules let in.
    RespectFirewall,
}

/// To be called before any bridge is made; touches nothing of the host.
pub fn configure_rules(settings: RulesSettings) {
    with_state(|state| state.configure(settings));
}

/// The name by which the host tells this daemon's things from those of another.
pub(crate) fn table() -> String {
    with_state(|state| state.table())
}

/// Lets the network of a bridge have the rules of its plan, whatever it had. Switches forwarding
/// on for its families.
pub(crate) fn ensure_network(plan: &BridgePlan) -> Result<(), NetError> {
    with_state(|state| state.ensure_network(plan))
}

/// Takes the rules of a bridge away, with those of the ports that lead to it, and the table with
/// the last of them. Absence is no error.
pub(crate) fn drop_network(bridge: &str) -> Result<(), NetError> {
    with_state(|state| state.drop_network(bridge))
}

/// Publishes ports, all or none. What is published as it is asked for stays; a port that leads
/// elsewhere is a conflict.
pub(crate) fn publish(ports: &[PublishedPort]) -> Result<(), NetError> {
    with_state(|state| state.publish(ports))
}

/// Takes published ports back. Absence is no error.
pub(crate) fn unpublish(ports: &[PublishedPort]) -> Result<(), NetError> {
    with_state(|state| state.unpublish(ports))
}

/// Puts the whole table as it should be, in one transaction, whatever stands there and whatever
/// was known before: for a daemon that takes over.
pub fn reset_rules(bridges: &[BridgePlan], ports: &[PublishedPort]) -> Result<(), NetError> {
    with_state(|state| state.reset(bridges, ports))
}

/// Chains of others that may drop what goes to the bridges and comes from them; without names, to
/// and from all that are known.
pub fn find_foreign_drops(bridges: &[String]) -> Result<Vec<ForeignDrop>, NetError> {
    let (table, known) = with_state(|state| (state.table(), state.bridges()));
    let bridges = if bridges.is_empty() { &known } else { bridges };
    strangers::find(&table, bridges).map_err(|f| NetError::kernel(f.op, "nf_tables", &f.fault, ""))
}

/// As a daemon begins that comes after another.
#[cfg(test)]
pub(crate) fn forget() {
    with_state(|state| *state = state::State::default());
}
