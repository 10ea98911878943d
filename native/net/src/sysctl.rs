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

/// A host that forwards IPv6 takes no router's word any more, and forgets the routes it had from
/// one, unless it is told to listen all the same.
pub(crate) fn set_forwarding(ipv6: bool, on: bool) -> Result<(), NetError> {
    if ipv6 && on {
        keep_listening_to_routers()?;
    }
    write(forwarding(ipv6), if on { "1" } else { "0" })
}

fn forwarding(ipv6: bool) -> &'static str {
    if ipv6 {
        "/proc/sys/net/ipv6/conf/all/forwarding"
    } else {
        "/proc/sys/net/ipv4/ip_forward"
    }
}

/// `accept_ra` 1, "unless forwarding", becomes 2, "always".
fn keep_listening_to_routers() -> Result<(), NetError> {
    let path = "/proc/sys/net/ipv6/conf";
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("list settings", path, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed("list settings", path, &error))?;
        let setting = entry.path().join("accept_ra");
        // An interface that is just going away has none.
        if std::fs::read(&setting).is_ok_and(|value| value.starts_with(b"1")) {
            write(&setting.to_string_lossy(), "2")?;
        }
    }
    Ok(())
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
