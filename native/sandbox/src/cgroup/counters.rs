//! Reads the texts in which the kernel counts what a container uses. Pure.

use std::collections::BTreeMap;

use super::stats::{BlockIo, Cpu, Network, TICK};

/// "8:0 rbytes=1 wbytes=2 rios=3 …"
pub(super) fn parse_io_stat(text: &str) -> Vec<BlockIo> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((device, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((major, minor)) = parse_device(device) else {
            continue;
        };
        for word in rest.split_ascii_whitespace() {
            let (op, value) = match word.split_once('=') {
                Some(("rbytes", value)) => ("read", value),
                Some(("wbytes", value)) => ("write", value),
                _ => continue,
            };
            let value = value.parse().unwrap_or(0);
            found.push(BlockIo {
                major,
                minor,
                op,
                value,
            });
        }
    }
    found
}

/// "8:0 Read 1", "8:0 Write 2", "8:0 Sync 3", …, "Total 3".
pub(super) fn parse_v1_io(text: &str) -> Vec<BlockIo> {
    let parse = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (major, minor) = parse_device(words.next()?)?;
        let op = match words.next()? {
            "Read" => "read",
            "Write" => "write",
            _ => return None,
        };
        let value = words.next()?.parse().ok()?;
        Some(BlockIo {
            major,
            minor,
            op,
            value,
        })
    };
    text.lines().filter_map(parse).collect()
}

fn parse_device(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The first line of `/proc/stat` without the guests' time, which is in the users' already.
pub(super) fn parse_host_cpu(stat: &str) -> Cpu {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "));
    let ticks = all.unwrap_or_default().split_ascii_whitespace().take(7);
    let ticks: u64 = ticks.filter_map(|word| word.parse::<u64>().ok()).sum();
    let one = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|n| !n.starts_with(' '))
    };
    Cpu {
        system: ticks * TICK,
        online: stat.lines().filter(one).count() as u64,
        ..Cpu::default()
    }
}

/// `/proc/PID/net/dev`, without the loopback.
pub(super) fn parse_networks(dev: &str) -> BTreeMap<String, Network> {
    let parse = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        let n: Vec<u64> = counters
            .split_ascii_whitespace()
            .map(|word| word.parse().unwrap_or(0))
            .collect();
        let at = |index: usize| n.get(index).copied().unwrap_or(0);
        let network = Network {
            rx_bytes: at(0),
            rx_packets: at(1),
            rx_errors: at(2),
            rx_dropped: at(3),
            tx_bytes: at(8),
            tx_packets: at(9),
            tx_errors: at(10),
            tx_dropped: at(11),
        };
        Some((name.trim().to_owned(), network))
    };
    let mut networks: BTreeMap<_, _> = dev.lines().filter_map(parse).collect();
    networks.remove("lo");
    networks
}

/// Lines of a key and a number.
pub(super) fn flat(text: &str) -> BTreeMap<String, u64> {
    let pair = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some((key.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

pub(super) fn value(stat: &BTreeMap<String, u64>, key: &str) -> u64 {
    stat.get(key).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_block_counters_are_read() {
        let read = |minor, op, value| BlockIo {
            major: 8,
            minor,
            op,
            value,
        };
        let v2 = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=0\n";
        let expected = vec![
            read(0, "read", 1),
            read(0, "write", 2),
            read(16, "read", 5),
            read(16, "write", 0),
        ];
        assert_eq!(parse_io_stat(v2), expected);
        let v1 = "8:0 Read 1\n8:0 Write 2\n8:0 Sync 3\n8:16 Read 5\n8:16 Write 0\nTotal 8\n";
        assert_eq!(parse_v1_io(v1), expected);
    }

    #[test]
    fn the_host_is_counted_without_guests() {
        let cpu = parse_host_cpu("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2\ncpu1 1 2\nintr 5\n");
        assert_eq!((cpu.system, cpu.online), (28 * TICK, 2));
    }

    #[test]
    fn the_loopback_is_no_network() {
        let dev = "Inter-| Receive\n face |bytes packets\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\n";
        let networks = parse_networks(dev);
        assert_eq!(networks.len(), 1);
        assert_eq!(
            networks["eth0"],
            Network {
                rx_bytes: 10,
                rx_packets: 1,
                rx_errors: 2,
                rx_dropped: 3,
                tx_bytes: 20,
                tx_packets: 4,
                tx_errors: 5,
                tx_dropped: 6,
            }
        );
    }
}
