//! All published ports, and how many of them lead to each port of a container.

use std::collections::BTreeMap;

use super::forward::{self, Key, Source};
use crate::ports::PublishedPort;

#[derive(Default)]
pub(super) struct Forwards {
    ports: BTreeMap<Source, PublishedPort>,
    /// A port of a container can be published at several of the host's.
    targets: BTreeMap<Key, usize>,
}

impl Forwards {
    pub(super) const fn new() -> Self {
        Self {
            ports: BTreeMap::new(),
            targets: BTreeMap::new(),
        }
    }

    /// What leads from there already.
    pub(super) fn get(&self, port: &PublishedPort) -> Option<&PublishedPort> {
        self.ports.get(&forward::source(port))
    }

    pub(super) fn leads_to(&self, target: &Key) -> bool {
        self.targets.contains_key(target)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &PublishedPort> {
        self.ports.values()
    }

    pub(super) fn insert(&mut self, port: PublishedPort) {
        self.remove(&port);
        *self.targets.entry(forward::target(&port)).or_default() += 1;
        self.ports.insert(forward::source(&port), port);
    }

    pub(super) fn remove(&mut self, port: &PublishedPort) {
        let Some(gone) = self.ports.remove(&forward::source(port)) else {
            return;
        };
        let target = forward::target(&gone);
        if let Some(count) = self.targets.get_mut(&target) {
            *count -= 1;
            if *count == 0 {
                self.targets.remove(&target);
            }
        }
    }
}

impl Extend<PublishedPort> for Forwards {
    fn extend<T: IntoIterator<Item = PublishedPort>>(&mut self, ports: T) {
        for port in ports {
            self.insert(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Protocol;

    fn port(host_port: u16) -> PublishedPort {
        PublishedPort {
            protocol: Protocol::Tcp,
            host_address: [0; 4].into(),
            host_port,
            container_address: [172, 17, 0, 2].into(),
            container_port: 80,
        }
    }

    #[test]
    fn a_target_is_led_to_until_the_last_that_leads_there_goes() {
        let mut forwards = Forwards::default();
        let target = forward::target(&port(1));
        forwards.extend([port(1), port(2), port(2)]);
        for gone in [1, 1] {
            forwards.remove(&port(gone));
            assert!(forwards.leads_to(&target));
        }
        forwards.remove(&port(2));
        assert!(!forwards.leads_to(&target));
        assert_eq!(forwards.values().count(), 0);
    }
}
