//! Switches below /proc/sys/net. They belong to the network namespace of the calling thread.

use std::io::ErrorKind;

use rustix::io::Errno;

use crate::error::{Fault, NetError};

/// Whether the whole namespace forwards. One without IPv6 has nothing to switch: true.
pub(crate) fn forwards(ipv6: bool) -> Result<bool, NetError> {
    let path = forwarding(ipv6);
    match std::fs::read(path) {
        Ok(value) => Ok(!value.starts_with(b"0")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(failed("read setting", path, &error)),
    }
}

/// See `listeners` for IPv6.
pub(crate) fn set_forwarding(ipv6: bool, on: bool) -> Result<(), NetError> {
    write(forwarding(ipv6), if on { "1" } else { "0" })
}

fn forwarding(ipv6: bool) -> &'static str {
    if ipv6 {
        "/proc/sys/net/ipv6/conf/all/forwarding"
    } else {
        "/proc/sys/net/ipv4/ip_forward"
    }
}

const IPV6: &str = "/proc/sys/net/ipv6/conf";

/// Interfaces that take a router's word unless this host forwards: `accept_ra` is 1. A host that forwards IPv6
/// forgets the routes that it had by such an interface.
pub(crate) fn listeners() -> Result<Vec<String>, NetError> {
    let refused = |error: std::io::Error| failed("list settings", IPV6, &error);
    let entries = match std::fs::read_dir(IPV6) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(refused)?.file_name().into_string();
        names.extend(name.ok().filter(|name| accepts(name, "1")));
    }
    Ok(names)
}

/// Whether these interfaces take a router's word although this host forwards (`accept_ra` 2), of those that
/// take it at all. One that is gone has nothing to set.
pub(crate) fn listen_always(interfaces: &[String], always: bool) -> Result<(), NetError> {
    let (from, to) = if always { ("1", "2") } else { ("2", "1") };
    for name in interfaces.iter().filter(|name| accepts(name, from)) {
        write(&accept_ra(name), to)?;
    }
    Ok(())
}

/// An interface that is just going away has none.
fn accepts(interface: &str, value: &str) -> bool {
    std::fs::read_to_string(accept_ra(interface)).is_ok_and(|found| found.trim_end() == value)
}

fn accept_ra(interface: &str) -> String {
    format!("{IPV6}/{interface}/accept_ra")
}

/// Whether the host's 127.0.0.0/8 may speak through an interface.
pub(crate) fn route_loopback(interface: &str, on: bool) -> Result<(), NetError> {
    let path = format!("/proc/sys/net/ipv4/conf/{interface}/route_localnet");
    write(&path, if on { "1" } else { "0" })
}

/// Takes in, and passes on, what has its way back by any interface.
pub(crate) fn accept_all(interface: &str) -> Result<(), NetError> {
    for (setting, value) in [("rp_filter", "2"), ("forwarding", "1")] {
        let path = format!("/proc/sys/net/ipv4/conf/{interface}/{setting}");
        write(&path, value)?;
    }
    Ok(())
}

/// Also where new interfaces have none.
pub(crate) fn enable_ipv6(interface: &str) -> Result<(), NetError> {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
    write(&path, "0")
}

fn write(path: &str, value: &str) -> Result<(), NetError> {
    // No truncation and no creation: these are not files.
    let opened = std::fs::OpenOptions::new().write(true).open(path);
    match opened.and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes())) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("write setting", path, &error)),
        Ok(()) => Ok(()),
    }
}

fn failed(op: &'static str, path: &str, error: &std::io::Error) -> NetError {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    NetError::kernel(op, path, &Fault::from(errno), "")
}
