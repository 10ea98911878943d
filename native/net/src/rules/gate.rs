//! Forwarding of the whole host, which bridges need. Where we are the ones who switch it on, the
//! other interfaces must not forward because of that: the table's set `closed` has the family, and
//! what touches none of our bridges is dropped. But who makes a bridge later (another engine, virtual
//! machines) finds the host forwarding and relies on it: those are let through, all but the bridges
//! that there were, in the set `known`. The sets are also the memory of it, across daemons, and `listening`
//! is nothing else: where `accept_ra` is to be 1 again.

use super::network::{Network, Placed};
use super::table::{BRIDGES, CLOSED, KNOWN, LISTENING, STRANGERS};
use crate::error::NetError;
use crate::nft::{self, Element, Family, Value, Verdict};
use crate::socket::{Failure, Netlink};
use crate::{query, sysctl};

#[derive(Default)]
pub(super) struct Gate {
    closed: Vec<Family>,
    /// Bridges that were there when we closed.
    known: Vec<String>,
    /// Interfaces that took a router's word unless the host forwards, when we closed; they take it always meanwhile.
    listening: Vec<String>,
    /// Forwarding is the administrator's affair alone.
    hands_off: bool,
}

impl Gate {
    pub(super) const fn new() -> Self {
        Self {
            closed: Vec::new(),
            known: Vec::new(),
            listening: Vec::new(),
            hands_off: false,
        }
    }

    pub(super) fn may_open(&mut self, may: bool) {
        self.hands_off = !may;
    }

    /// The families that the network needs forwarded and nobody forwards yet. Notes, if there are
    /// the first such, the bridges that there are, and who listens to routers.
    pub(super) fn look(&mut self, network: &Network) -> Result<Vec<Family>, NetError> {
        let mut off = Vec::new();
        for family in Family::BOTH {
            let known = self.hands_off || self.closed.contains(&family);
            let unknown = network.has(family) && !known;
            if unknown && !sysctl::forwards(family == Family::Ipv6)? {
                off.push(family);
            }
        }
        if self.closed.is_empty() && !off.is_empty() {
            self.known = bridges().map_err(|f| NetError::kernel(f.op, "all", &f.fault, ""))?;
        }
        if off.contains(&Family::Ipv6) {
            self.listening = sysctl::listeners()?;
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
        let socket = Netlink::netfilter()?;
        let keys = nft::set::keys(&socket, table, CLOSED.name)?;
        for family in Family::BOTH {
            if keys.contains(&vec![family as u8]) && !self.closed.contains(&family) {
                self.closed.push(family);
            }
        }
        for (set, names) in [(KNOWN, &mut self.known), (LISTENING, &mut self.listening)] {
            for key in nft::set::keys(&socket, table, set.name)? {
                let name = text(&key);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(())
    }

    /// Switches off what we switched on: without our table nothing would keep the gate. But not for those
    /// who made a bridge since then and found the host forwarding. While the table stands.
    pub(super) fn restore(&mut self, table: &str) -> Result<(), NetError> {
        let closed = std::mem::take(&mut self.closed);
        let told = |f: Failure| NetError::kernel(f.op, "all", &f.fault, "");
        if closed.is_empty() || self.has_newcomers(table).map_err(told)? {
            return Ok(());
        }
        for family in closed {
            sysctl::set_forwarding(family == Family::Ipv6, false)?;
            if family == Family::Ipv6 {
                sysctl::listen_always(&std::mem::take(&mut self.listening), false)?;
            }
        }
        Ok(())
    }

    fn has_newcomers(&self, table: &str) -> Result<bool, Failure> {
        let keys = nft::set::keys(&Netlink::netfilter()?, table, BRIDGES.name)?;
        let ours: Vec<_> = keys.iter().map(|key| text(key)).collect();
        let is_new = |name: &String| !ours.contains(name) && !self.known.contains(name);
        Ok(bridges()?.iter().any(is_new))
    }

    /// Lets packets of the network's families through this host.
    pub(super) fn open(&self, network: &Network) -> Result<(), NetError> {
        for family in Family::BOTH {
            let wanted = network.has(family) && !self.hands_off;
            if !wanted || sysctl::forwards(family == Family::Ipv6)? {
                continue;
            }
            if family == Family::Ipv6 {
                sysctl::listen_always(&sysctl::listeners()?, true)?;
            }
            sysctl::set_forwarding(family == Family::Ipv6, true)?;
        }
        Ok(())
    }

    pub(super) fn elements(&self) -> Vec<Placed> {
        self.elements_of(&self.closed)
    }

    /// What stands for these families being closed.
    pub(super) fn elements_of(&self, families: &[Family]) -> Vec<Placed> {
        if families.is_empty() {
            return Vec::new();
        }
        let closed = families
            .iter()
            .map(|family| (CLOSED.name, Value::default().byte(*family as u8)));
        let known = self.known.iter().flat_map(|name| {
            let key = || Value::default().interface(name);
            let pair = Element::Verdict(key().interface(name), Verdict::Accept);
            [(KNOWN.name, Element::Key(key())), (STRANGERS.name, pair)]
        });
        let listening = self
            .listening
            .iter()
            .filter(|_| families.contains(&Family::Ipv6));
        let listening = listening.map(|name| (LISTENING.name, Value::default().interface(name)));
        closed
            .chain(listening)
            .map(|(set, key)| (set, Element::Key(key)))
            .chain(known)
            .collect()
    }
}

/// A name as a set has it, filled up with zeros.
fn text(key: &[u8]) -> String {
    let name = key.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

fn bridges() -> Result<Vec<String>, Failure> {
    let links = query::all_links(&Netlink::route()?)?;
    let bridges = links.into_iter().filter(|link| link.kind == "bridge");
    Ok(bridges.map(|link| link.name).collect())
}
