//! Switches of one interface, below /proc/sys/net. They are those of the calling thread's network
//! namespace: the kernel looks them up for whoever opens, by whatever path.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::OnceLock;

use rustix::io::Errno;

use crate::error::{Fault, NetError};

/// The kernel knows IPv6.
pub(crate) fn has_ipv6() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| Path::new("/proc/sys/net/ipv6").exists())
}

/// Bridges hand their frames to netfilter as if they were routed (`br_netfilter`); for IPv4, and
/// who has it on has it on for IPv6 too.
pub(crate) fn bridges_filter() -> bool {
    let read = std::fs::read("/proc/sys/net/bridge/bridge-nf-call-iptables");
    read.is_ok_and(|value| value.starts_with(b"1"))
}

/// There is what could hand them over, for a bridge that is told to.
pub(crate) fn can_filter() -> bool {
    Path::new("/proc/sys/net/bridge").exists()
}

/// `bridges_filter` for IPv6 alone. What comes back to `::1` through a bridge gets its address there then,
/// too early: from an interface other than the loopback the kernel takes nothing for `::1`.
pub(crate) fn bridges_filter_ipv6() -> bool {
    let read = std::fs::read("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
    read.is_ok_and(|value| value.starts_with(b"1"))
}

/// A switch of one interface and what it is to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    /// Below /proc.
    path: String,
    value: String,
    /// Asked for by name; one of our own may be absent where the kernel is older or smaller.
    asked: bool,
}

impl Switch {
    /// `name` with dots, as sysctl(8) writes it: `net.ipv4.conf.eth0.arp_notify`. The interface's own
    /// name may hold dots too. No other place can be named.
    pub(crate) fn parse(interface: &str, name: &str, value: &str) -> Result<Self, NetError> {
        let known = || {
            // An interface of this name could not be told from the switches for all.
            let own = !["all", "default"].contains(&interface);
            let rest = name.strip_prefix("net.").filter(|_| own)?;
            let (family, rest) = rest.split_once('.')?;
            let (table, rest) = rest.split_once('.')?;
            let switch = rest.strip_prefix(interface)?.strip_prefix('.')?;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            let fits = ["ipv4", "ipv6", "mpls"].contains(&family)
                && ["conf", "neigh"].contains(&table)
                && !switch.is_empty()
                && switch.bytes().all(plain);
            fits.then(|| format!("sys/net/{family}/{table}/{interface}/{switch}"))
        };
        let detail = format!("expected net.ipv4.conf.{interface}.NAME, or ipv6 or neigh there");
        let path = known().ok_or_else(|| NetError::invalid("use sysctl", name, &detail))?;
        Ok(Self {
            path,
            value: value.to_owned(),
            asked: true,
        })
    }

    fn own(path: String, value: &str) -> Self {
        let value = value.to_owned();
        let asked = false;
        Self { path, value, asked }
    }

    pub(crate) fn write(&self) -> Result<(), NetError> {
        let proc = paths::host::find_dir("/proc");
        let value = self.value.as_bytes();
        match proc.and_then(|proc| paths::procfs::write(proc.as_fd(), &self.path, value)) {
            Err(Errno::NOENT) if !self.asked => Ok(()),
            other => other.map_err(|errno| {
                NetError::kernel("write setting", &self.path, &Fault::from(errno), "")
            }),
        }
    }
}

/// IPv6 of an interface is wholly on or wholly off. Where it is on, addresses serve at once, without
/// asking the neighbours first; and on a bridge of ours no neighbour may play the router.
pub(crate) fn for_family(interface: &str, ipv6: bool, on_bridge: bool) -> Vec<Switch> {
    let own =
        |name: &str, value| Switch::own(format!("sys/net/ipv6/conf/{interface}/{name}"), value);
    if !ipv6 {
        return vec![own("disable_ipv6", "1")];
    }
    let mut switches = vec![own("disable_ipv6", "0"), own("accept_dad", "0")];
    if on_bridge {
        switches.push(own("accept_ra", "0"));
    }
    switches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sysctl_names_a_switch_of_its_interface_and_nothing_else() {
        let path = |interface, name| Switch::parse(interface, name, "1").map(|s| s.path);
        assert_eq!(
            path("eth0", "net.ipv4.conf.eth0.log_martians").unwrap(),
            "sys/net/ipv4/conf/eth0/log_martians"
        );
        assert_eq!(
            path("eth0.10", "net.ipv6.neigh.eth0.10.gc_stale_time").unwrap(),
            "sys/net/ipv6/neigh/eth0.10/gc_stale_time"
        );
        for name in [
            "net.ipv4.conf.eth1.log_martians",
            "net.ipv4.conf.all.log_martians",
            "net.ipv4.conf.eth0.",
            "net.ipv4.conf.eth0.a/b",
            "net.ipv4.conf.eth0.a.b",
            "net.ipv4.conf.eth0...",
            "net.ipv4.ip_forward",
            "net.core.conf.eth0.x",
            "kernel.hostname",
            "",
        ] {
            assert!(path("eth0", name).is_err(), "{name}");
        }
        assert!(path("all", "net.ipv4.conf.all.log_martians").is_err());
    }
}
