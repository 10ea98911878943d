//! The numbers that a plan may get, in the order in which they are tried.

use std::collections::HashMap;

use super::{PortPlan, Protocol};

/// The kernel's own range for ports that nobody chose.
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// The kernel's default of it.
const FALLBACK: (u16, u16) = (32768, 60999);

/// Goes round: a port that was given back is used again as late as possible.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    last: HashMap<Protocol, u16>,
}

impl Cursor {
    /// The first and last number that the plan may get, and all of them in their order.
    pub(super) fn candidates(
        &self,
        plan: &PortPlan,
    ) -> (u16, u16, impl Iterator<Item = u16> + use<>) {
        let (first, last) = match plan.host_ports {
            (0, 0) => dynamic_range(),
            range => range,
        };
        let begin = match (plan.host_ports, self.last.get(&plan.protocol)) {
            ((0, 0), Some(&port)) if port >= first && port < last => port + 1,
            _ => first,
        };
        (first, last, (begin..=last).chain(first..begin))
    }

    pub(super) fn used(&mut self, plan: &PortPlan, port: u16) {
        if plan.host_ports == (0, 0) {
            self.last.insert(plan.protocol, port);
        }
    }
}

fn dynamic_range() -> (u16, u16) {
    std::fs::read_to_string(RANGE)
        .ok()
        .and_then(|text| parse_range(&text))
        .unwrap_or(FALLBACK)
}

/// "32768\t60999\n"
fn parse_range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_whitespace().map(str::parse);
    let range = (words.next()?.ok()?, words.next()?.ok()?);
    (range.0 > 0 && range.0 <= range.1).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(host_ports: (u16, u16)) -> PortPlan {
        PortPlan {
            protocol: Protocol::Tcp,
            host_ports,
            container_port: 80,
            at: Vec::new(),
            direct: false,
        }
    }

    #[test]
    fn a_range_begins_at_its_first_port_each_time() {
        let mut cursor = Cursor::default();
        let range = plan((8000, 8002));
        cursor.used(&range, 8000);
        let (first, last, ports) = cursor.candidates(&range);
        assert_eq!((first, last), (8000, 8002));
        assert_eq!(ports.collect::<Vec<_>>(), [8000, 8001, 8002]);
    }

    #[test]
    fn free_choice_goes_round_from_the_port_that_was_used_last() {
        let mut cursor = Cursor::default();
        let free = plan((0, 0));
        let (first, last, _) = cursor.candidates(&free);
        cursor.used(&free, first);
        let ports: Vec<u16> = cursor.candidates(&free).2.collect();
        assert_eq!(ports.first(), Some(&(first + 1)));
        assert_eq!(ports.last(), Some(&first));
        assert_eq!(ports.len(), usize::from(last - first) + 1);
        cursor.used(&free, last);
        assert_eq!(cursor.candidates(&free).2.next(), Some(first));
    }

    #[test]
    fn the_kernels_range_is_read_as_it_is_written() {
        assert_eq!(parse_range("32768\t60999\n"), Some((32768, 60999)));
        assert_eq!(parse_range(""), None);
        assert_eq!(parse_range("7 6"), None);
    }
}
