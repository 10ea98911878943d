//! Who has which port.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use rustix::io::Errno;

use super::choose::Cursor;
use super::forward;
use super::reserve::{Reservation, reserve};
use super::{PortAddress, PortChange, PortError, PortPlan, Protocol, PublishedPort};
use crate::error::NetError;

/// The published ports of every container.
#[derive(Debug, Default)]
pub(super) struct Table {
    containers: HashMap<String, Vec<Held>>,
    /// Addresses at which a number is ours.
    taken: HashMap<(Protocol, u16), Vec<IpAddr>>,
    cursor: Cursor,
    /// Given back, but their rules could not be withdrawn yet: held until they are.
    owed: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    port: PublishedPort,
    _reservation: Reservation,
}

impl Held {
    fn without_socket(port: PublishedPort) -> Self {
        Self {
            port,
            _reservation: Reservation::absent(),
        }
    }
}

impl Table {
    pub(super) fn change(&mut self, change: &PortChange) -> Result<Vec<PublishedPort>, PortError> {
        let _ = self.settle();
        let before = self.ports(&change.container);
        let withdrawn: Vec<PublishedPort> = before
            .iter()
            .filter(|port| change.remove.contains(port))
            .copied()
            .collect();
        // First the rules: whoever takes a port next must not be led to this container.
        withdraw(&withdrawn)?;
        self.drop_some(&change.container, &withdrawn);
        let result = self.reserve_all(&change.add).and_then(|held| {
            let added: Vec<PublishedPort> = held.iter().map(|each| each.port).collect();
            self.keep(&change.container, held);
            announce(&added).map_err(|error| {
                self.drop_some(&change.container, &added);
                PortError::from(error)
            })
        });
        if let Err(error) = result {
            self.hold_again(&change.container, &withdrawn);
            // The first failure is the one to tell.
            let _ = announce(&withdrawn);
            return Err(error);
        }
        Ok(self.ports(&change.container))
    }

    pub(super) fn release(&mut self, container: &str) -> Result<(), PortError> {
        self.owed
            .extend(self.containers.remove(container).into_iter().flatten());
        Ok(self.settle()?)
    }

    fn settle(&mut self) -> Result<(), NetError> {
        let ports: Vec<PublishedPort> = self.owed.iter().map(|each| each.port).collect();
        withdraw(&ports)?;
        self.owed.clear();
        for port in &ports {
            self.forget(port);
        }
        Ok(())
    }

    pub(super) fn adopt(
        &mut self,
        published: &BTreeMap<String, Vec<PublishedPort>>,
    ) -> Vec<String> {
        let lost = published
            .iter()
            .map(|(container, ports)| self.hold_again(container, ports));
        lost.flatten().collect()
    }

    pub(super) fn ports(&self, container: &str) -> Vec<PublishedPort> {
        let held = self.containers.get(container);
        held.map_or_else(Vec::new, |held| held.iter().map(|each| each.port).collect())
    }

    /// Numbers that were asked for come before those that are searched, which could be the same.
    fn reserve_all(&mut self, plans: &[PortPlan]) -> Result<Vec<Held>, PortError> {
        let mut order: Vec<usize> = (0..plans.len()).collect();
        order.sort_by_key(|&index| breadth(&plans[index]));
        let mut found: Vec<(usize, Vec<Held>)> = Vec::with_capacity(plans.len());
        for index in order {
            match self.reserve_one(&plans[index]) {
                Ok(held) => found.push((index, held)),
                Err(error) => {
                    for each in found.into_iter().flat_map(|(_, held)| held) {
                        self.forget(&each.port);
                    }
                    return Err(error);
                }
            }
        }
        found.sort_by_key(|(index, _)| *index);
        Ok(found.into_iter().flat_map(|(_, held)| held).collect())
    }

    /// One number at every address of the plan.
    fn reserve_one(&mut self, plan: &PortPlan) -> Result<Vec<Held>, PortError> {
        if plan.direct {
            let ports = plan.at.iter().map(|at| published(plan, *at, 0));
            return Ok(ports.map(Held::without_socket).collect());
        }
        let (first, last, candidates) = self.cursor.candidates(plan);
        let mut refused = None;
        for number in candidates {
            match self.try_number(plan, number) {
                Ok(held) => {
                    for each in &held {
                        self.note(&each.port);
                    }
                    self.cursor.used(plan, number);
                    return Ok(held);
                }
                Err(error) if first == last => return Err(error),
                Err(PortError::Taken { .. }) => (),
                Err(error @ PortError::Bind { errno, .. }) => {
                    if errno != Errno::ADDRINUSE {
                        return Err(error);
                    }
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let address = plan
            .at
            .first()
            .map_or(IpAddr::from([0; 4]), |at| at.host_address);
        Err(refused.unwrap_or(PortError::NoneFree {
            address,
            first,
            last,
        }))
    }

    fn try_number(&self, plan: &PortPlan, number: u16) -> Result<Vec<Held>, PortError> {
        let mut held: Vec<Held> = Vec::with_capacity(plan.at.len());
        for at in &plan.at {
            let port = published(plan, *at, number);
            let own = held.iter().map(|each| each.port.host_address);
            let mut others = self.taken.get(&key(&port)).into_iter().flatten().copied();
            if others
                .by_ref()
                .chain(own)
                .any(|address| overlaps(address, port.host_address))
            {
                let address = port.host_address;
                return Err(PortError::Taken {
                    address,
                    port: number,
                });
            }
            let reservation = reserve(port.protocol, port.host_address, number)
                .map_err(|errno| PortError::Bind { port, errno })?;
            held.push(Held {
                port,
                _reservation: reservation,
            });
        }
        Ok(held)
    }

    /// Ports that stay published whatever comes; answers in words what cannot be held.
    fn hold_again(&mut self, container: &str, ports: &[PublishedPort]) -> Vec<String> {
        let mut lost = Vec::new();
        let mut held = Vec::with_capacity(ports.len());
        for &port in ports {
            if port.is_direct() {
                held.push(Held::without_socket(port));
                continue;
            }
            let reservation = reserve(port.protocol, port.host_address, port.host_port)
                .unwrap_or_else(|errno| {
                    lost.push(PortError::Bind { port, errno }.to_string());
                    Reservation::absent()
                });
            self.note(&port);
            held.push(Held {
                port,
                _reservation: reservation,
            });
        }
        self.keep(container, held);
        lost
    }

    fn keep(&mut self, container: &str, held: Vec<Held>) {
        if held.is_empty() {
            return;
        }
        let all = self.containers.entry(container.to_owned()).or_default();
        all.extend(held);
    }

    fn drop_some(&mut self, container: &str, ports: &[PublishedPort]) {
        let gone: HashSet<&PublishedPort> = ports.iter().collect();
        if let Some(held) = self.containers.get_mut(container) {
            held.retain(|each| !gone.contains(&each.port));
            if held.is_empty() {
                self.containers.remove(container);
            }
        }
        for port in ports {
            self.forget(port);
        }
    }

    fn note(&mut self, port: &PublishedPort) {
        self.taken
            .entry(key(port))
            .or_default()
            .push(port.host_address);
    }

    fn forget(&mut self, port: &PublishedPort) {
        if let Some(addresses) = self.taken.get_mut(&key(port)) {
            addresses.retain(|address| *address != port.host_address);
            if addresses.is_empty() {
                self.taken.remove(&key(port));
            }
        }
    }
}

fn published(plan: &PortPlan, at: PortAddress, host_port: u16) -> PublishedPort {
    PublishedPort {
        protocol: plan.protocol,
        host_address: at.host_address,
        host_port,
        container_address: at.container_address,
        container_port: plan.container_port,
    }
}

fn withdraw(ports: &[PublishedPort]) -> Result<(), NetError> {
    if ports.is_empty() {
        return Ok(());
    }
    forward::unpublish(ports)
}

fn announce(ports: &[PublishedPort]) -> Result<(), NetError> {
    if ports.is_empty() {
        return Ok(());
    }
    forward::publish(ports)
}

fn key(port: &PublishedPort) -> (Protocol, u16) {
    (port.protocol, port.host_port)
}

/// How many numbers a plan may get; any at all comes last.
fn breadth(plan: &PortPlan) -> u32 {
    match plan.host_ports {
        _ if plan.direct => 0,
        (0, 0) => u32::MAX,
        (first, last) => u32::from(last.saturating_sub(first)),
    }
}

fn overlaps(one: IpAddr, other: IpAddr) -> bool {
    let same_family = one.is_ipv4() == other.is_ipv4();
    same_family && (one == other || one.is_unspecified() || other.is_unspecified())
}
