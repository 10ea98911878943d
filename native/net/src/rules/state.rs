//! What should stand, and how it comes to stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::forward;
use super::forwards::Forwards;
use super::gate::Gate;
use super::loopback;
use super::network::{Network, Placed};
use super::socket::Own;
use super::{PublishPolicy, RulesSettings};
use super::{round, table, trial, watch};
use crate::error::{NetError, NetErrorKind};
use crate::nft::{self, Element, Family, Transaction};
use crate::plan::BridgePlan;
use crate::ports::PublishedPort;
use crate::socket::{Failure, Netlink};

const FEATURE: &str = "the kernel lacks nf_tables for inet with nat, masquerade, fib and connection \
                       tracking (modules \"nf_tables\", \"nft_chain_nat\", \"nft_masq\", \"nft_fib_inet\", \
                       \"nft_ct\")";

#[derive(Default)]
pub(super) struct State {
    table: Option<String>,
    policy: PublishPolicy,
    networks: BTreeMap<String, Network>,
    forwards: Forwards,
    gate: Gate,
    /// How many rules were written, while nobody is known to have touched them. What is to stand is
    /// another matter: the table of whatever networks there are.
    stands: Option<usize>,
    socket: Option<Own>,
    /// Said by a process that wants to hear of what others do to the table.
    watch: bool,
}

impl State {
    const fn new() -> Self {
        Self {
            table: None,
            policy: PublishPolicy::Docker,
            networks: BTreeMap::new(),
            forwards: Forwards::new(),
            gate: Gate::new(),
            stands: None,
            socket: None,
            watch: false,
        }
    }

    pub(super) fn configure(&mut self, settings: RulesSettings) {
        self.table = Some(settings.table);
        self.policy = settings.policy;
        self.gate.may_open(settings.forwarding);
        self.watch = true;
    }

    pub(super) fn ensure_network(&mut self, plan: &BridgePlan) -> Result<(), NetError> {
        let network = Network::parse(plan)?;
        if self.stands.is_none() {
            self.recall()?;
        }
        let closed = self.gate.look(&network)?;
        let mut added = self.gate.elements_of(&closed);
        let old = self.networks.get(&plan.name).cloned();
        // Also if nothing changes: this finds out whether the table is there.
        added.extend(network.elements());
        let removed = match &old {
            Some(old) if *old != network => old.elements(),
            _ => Vec::new(),
        };
        self.networks.insert(plan.name.clone(), network.clone());
        self.gate.close(&closed);
        if let Err(error) = self.commit(&removed, &added) {
            self.gate.forget(&closed);
            match old {
                Some(old) => self.networks.insert(plan.name.clone(), old),
                None => self.networks.remove(&plan.name),
            };
            return Err(error);
        }
        open(&self.gate, &network)
    }

    pub(super) fn drop_network(&mut self, bridge: &str) -> Result<(), NetError> {
        let Some(network) = self.networks.get(bridge).cloned() else {
            return Ok(());
        };
        loopback::close(&network)?;
        let leads = |forward: &&PublishedPort| network.holds(forward.container_address);
        let led: Vec<_> = self.forwards.values().filter(leads).copied().collect();
        let mut removed = network.elements();
        removed.extend(self.openings(&led));
        if self.networks.len() == 1 {
            return self.remove();
        }
        self.networks.remove(bridge);
        for port in &led {
            self.forwards.remove(port);
            removed.extend(forward::element(port));
        }
        self.commit(&removed, &[]).inspect_err(|_| {
            self.networks.insert(bridge.to_owned(), network);
            self.forwards.extend(led);
        })
    }

    pub(super) fn publish(&mut self, ports: &[PublishedPort]) -> Result<(), NetError> {
        let mut added = Vec::new();
        let result = ports.iter().try_for_each(|port| {
            match self.forwards.get(port) {
                Some(known) if known == port => {}
                Some(_) => return Err(taken(port)),
                None => {
                    self.forwards.insert(*port);
                    added.push(*port);
                }
            }
            Ok(())
        });
        let mut elements: Vec<_> = added.iter().filter_map(forward::element).collect();
        elements.extend(self.openings(&added));
        let result = result.and_then(|()| self.commit(&[], &elements));
        if result.is_err() {
            for port in &added {
                self.forwards.remove(port);
            }
        }
        result
    }

    pub(super) fn unpublish(&mut self, ports: &[PublishedPort]) -> Result<(), NetError> {
        let mut gone = Vec::new();
        for port in ports {
            if self.forwards.get(port) == Some(port) {
                self.forwards.remove(port);
                gone.push(*port);
            }
        }
        let mut last = gone.clone();
        last.retain(|port| !self.forwards.leads_to(&forward::target(port)));
        let mut removed: Vec<_> = gone.iter().filter_map(forward::element).collect();
        removed.extend(self.openings(&last));
        self.commit(&removed, &[])
            .inspect_err(|_| self.forwards.extend(gone))
    }

    pub(super) fn reset(
        &mut self,
        bridges: &[BridgePlan],
        ports: &[PublishedPort],
    ) -> Result<(), NetError> {
        let named = |plan| {
            Ok((
                Network::parse(plan)?.bridge().to_owned(),
                Network::parse(plan)?,
            ))
        };
        let networks: BTreeMap<_, _> = bridges.iter().map(named).collect::<Result<_, _>>()?;
        if networks.is_empty() {
            return self.remove();
        }
        self.gate
            .recall(&self.table())
            .map_err(|f| self.refused(&f))?;
        for network in networks.values() {
            let closed = self.gate.look(network)?;
            self.gate.close(&closed);
        }
        self.networks = networks;
        self.forwards = Forwards::default();
        self.forwards.extend(ports.iter().copied());
        self.write()?;
        let mut networks = self.networks.values();
        networks.try_for_each(|network| open(&self.gate, network))
    }

    pub(super) fn remove(&mut self) -> Result<(), NetError> {
        for network in self.networks.values() {
            loopback::close(network)?;
        }
        // What stands if this breaks off, nobody knows; what is wanted is forgotten at the end alone.
        self.stands = None;
        self.gate
            .recall(&self.table())
            .map_err(|f| self.refused(&f))?;
        let table = self.table();
        self.gate.restore(&table)?;
        self.drop_trial()?;
        let mut change = Transaction::new(&table);
        change.delete_table();
        match self.send(change) {
            Err(failure) if failure.fault.errno == Errno::NOENT => {}
            other => other.map_err(|failure| self.refused(&failure))?,
        }
        self.networks.clear();
        self.forwards = Forwards::default();
        Ok(())
    }

    /// What lets others reach containers of routed networks that publish these ports.
    fn openings(&self, ports: &[PublishedPort]) -> Vec<Placed> {
        let is_routed = |port: &&PublishedPort| {
            let mut networks = self.networks.values();
            networks.any(|network| network.leads_to(port.container_address))
        };
        let targets: BTreeSet<_> = ports
            .iter()
            .filter(is_routed)
            .map(forward::target)
            .collect();
        targets.into_iter().map(forward::opening).collect()
    }

    /// What stands of `respect-firewall`, if anything does.
    fn drop_trial(&mut self) -> Result<(), NetError> {
        let table = self.table();
        for family in Family::BOTH {
            let mut change = Transaction::new(&table);
            change.turn_to(family);
            change.delete_table();
            match self.send(change) {
                Err(failure) if failure.fault.errno == Errno::NOENT => {}
                other => other.map_err(|failure| self.refused(&failure))?,
            }
        }
        round::remove(&table)
    }

    /// What only the table of an earlier daemon knows.
    fn recall(&mut self) -> Result<(), NetError> {
        let recalled = self.gate.recall(&self.table());
        recalled.map_err(|failure| self.refused(&failure))
    }

    fn commit(&mut self, removed: &[Placed], added: &[Placed]) -> Result<(), NetError> {
        if self.networks.is_empty() {
            return Ok(());
        }
        if self.stands.is_none() {
            return self.write();
        }
        if removed.is_empty() && added.is_empty() {
            return Ok(());
        }
        let table = self.table();
        let mut change = Transaction::new(&table);
        for (set, elements) in by_set(removed) {
            change.delete_elements(set, &elements);
        }
        for (set, elements) in by_set(added) {
            change.add_elements(set, &elements);
        }
        // What is refused here may be due to a stranger's hand in our table.
        self.send(change).or_else(|_| self.write())
    }

    /// The whole table anew.
    fn write(&mut self) -> Result<(), NetError> {
        let written = self.build();
        self.stands = written.as_ref().ok().copied();
        written.map(drop)
    }

    /// How many rules it has then.
    fn build(&mut self) -> Result<usize, NetError> {
        let table = self.table();
        let round = match self.policy {
            PublishPolicy::RespectFirewall => Some(round::ensure(&table)?),
            PublishPolicy::Docker if self.stands.is_none() => {
                self.drop_trial()?;
                None
            }
            PublishPolicy::Docker => None,
        };
        let mut change = Transaction::new(&table);
        if let Some(earlier) = earlier_table(&table).filter(|_| self.stands.is_none()) {
            change.drop_ip_table(&earlier);
        }
        change.add_table();
        change.delete_table();
        change.add_table();
        table::build(&mut change, round.as_ref());
        let mut all: Vec<Placed> = self.gate.elements();
        all.extend(self.networks.values().flat_map(Network::elements));
        all.extend(self.forwards.values().filter_map(forward::element));
        let ports: Vec<_> = self.forwards.values().copied().collect();
        all.extend(self.openings(&ports));
        for (set, elements) in by_set(&all) {
            change.add_elements(set, &elements);
        }
        if let Some(round) = &round {
            trial::build_copiers(&mut change, round);
        }
        let rules = change.rules();
        let written = self.send(change);
        written.map_err(|failure| self.refused(&failure))?;
        Ok(rules)
    }

    /// Writes the table anew that a stranger took or emptied, or that could not be written before;
    /// unless it is only to be feared and all of it stands.
    pub(super) fn mend(&mut self, sure: bool) -> Result<(), NetError> {
        if self.networks.is_empty() {
            return Ok(());
        }
        let count = || nft::count_rules(&Netlink::netfilter()?, &self.table());
        if !sure && self.stands.is_some() && count().ok() == self.stands {
            return Ok(());
        }
        self.write()
    }

    fn send(&mut self, change: Transaction<'_>) -> Result<(), Failure> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => Own::open()?,
        };
        self.socket.insert(socket).send(change)
    }

    pub(super) fn bridges(&self) -> Vec<String> {
        self.networks.keys().cloned().collect()
    }

    /// What a watch needs to know, once there is something to watch; asked for once.
    pub(super) fn take_watch(&mut self) -> Option<(String, u32)> {
        let port = self.socket.as_ref().filter(|_| self.watch)?.port();
        self.watch = false;
        Some((self.table(), port))
    }

    pub(super) fn table(&self) -> String {
        self.table.clone().unwrap_or_else(|| "rt-networks".into())
    }

    fn refused(&self, failure: &Failure) -> NetError {
        NetError::kernel(failure.op, &self.table(), &failure.fault, FEATURE)
    }
}

/// What is to be switched on once the rules stand.
fn open(gate: &Gate, network: &Network) -> Result<(), NetError> {
    gate.open(network)?;
    loopback::open(network)
}

/// The table in which earlier versions had the rules of the default bridge: it would go on to drop
/// what comes in for ports, which they did not publish.
fn earlier_table(table: &str) -> Option<String> {
    table
        .contains("-networks")
        .then(|| table.replacen("-networks", "", 1))
}

fn by_set(placed: &[Placed]) -> BTreeMap<&'static str, Vec<Element>> {
    let mut sets = BTreeMap::<_, Vec<_>>::new();
    for (set, element) in placed {
        sets.entry(*set).or_default().push(element.clone());
    }
    sets
}

fn taken(port: &PublishedPort) -> NetError {
    let detail = "it leads elsewhere already";
    NetError::new(NetErrorKind::Conflict, "publish", &port.to_string(), detail)
}

/// The rules of this process. (In tests of this thread, as network namespaces are.)
pub(super) fn with_state<T>(act: impl FnOnce(&mut State) -> T) -> T {
    let place = place();
    let mut state = place.lock().unwrap_or_else(PoisonError::into_inner);
    let result = act(&mut state);
    if let Some((table, port)) = state.take_watch()
        && let Err(errno) = watch::start(place, table, port)
    {
        eprintln!("rt: cannot watch the rules: {errno}");
    }
    result
}

#[cfg(not(test))]
fn place() -> &'static Mutex<State> {
    static STATE: Mutex<State> = Mutex::new(State::new());
    &STATE
}

#[cfg(test)]
fn place() -> &'static Mutex<State> {
    thread_local!(static STATE: &'static Mutex<State> = Box::leak(Box::new(Mutex::new(State::new()))));
    STATE.with(|state| *state)
}
