//! Forwarding of the whole host, which bridges need. Where we are the ones who switch it on, the
//! other interfaces must not forward because of that: the table's set `closed` has the family, and
//! what touches none of our bridges is dropped. The set is also the memory of it, across daemons.

use super::network::{Network, Placed};
use super::table::CLOSED;
use crate::error::NetError;
use crate::nft::{self, Element, Family, Value};
use crate::socket::{Failure, Netlink};
use crate::sysctl;

#[derive(Default)]
pub(super) struct Gate {
    closed: Vec<Family>,
}

impl Gate {
    pub(super) const fn new() -> Self {
        Self { closed: Vec::new() }
    }

    /// The families that the network needs forwarded and nobody forwards yet.
    pub(super) fn look(&self, network: &Network) -> Result<Vec<Family>, NetError> {
        let mut off = Vec::new();
        for family in Family::BOTH {
            let unknown = network.has(family) && !self.closed.contains(&family);
            if unknown && !sysctl::forwards(family == Family::Ipv6)? {
                off.push(family);
            }
        }
        Ok(off)
    }

    pub(super) fn close(&mut self, families: &[Family]) {
        self.closed.extend(families);
    }

    pub(super) fn forget(&mut self, families: &[Family]) {
        self.closed.retain(|family| !families.contains(family));
    }

    /// What an earlier daemon closed, if its table stands.
    pub(super) fn recall(&mut self, table: &str) -> Result<(), Failure> {
        let keys = nft::set::keys(&Netlink::netfilter()?, table, CLOSED.name)?;
        for family in Family::BOTH {
            if keys.contains(&vec![family as u8]) && !self.closed.contains(&family) {
                self.closed.push(family);
            }
        }
        Ok(())
    }

    /// Switches off what we switched on: without our table nothing would keep the gate.
    pub(super) fn restore(&mut self) -> Result<(), NetError> {
        for family in std::mem::take(&mut self.closed) {
            sysctl::set_forwarding(family == Family::Ipv6, false)?;
        }
        Ok(())
    }

    pub(super) fn elements(&self) -> Vec<Placed> {
        self.closed.iter().map(|family| element(*family)).collect()
    }
}

pub(super) fn element(family: Family) -> Placed {
    let key = Value::default().byte(family as u8);
    (CLOSED.name, Element::Key(key))
}

/// Lets packets of the network's families through this host.
pub(super) fn open(network: &Network) -> Result<(), NetError> {
    for family in Family::BOTH {
        if network.has(family) && !sysctl::forwards(family == Family::Ipv6)? {
            sysctl::set_forwarding(family == Family::Ipv6, true)?;
        }
    }
    Ok(())
}
