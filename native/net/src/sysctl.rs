//! Switches below /proc/sys/net. They belong to the network namespace of the calling thread.

use std::io::ErrorKind;

use rustix::io::Errno;

use crate::error::{Fault, NetError};

/// Sets IPv4 forwarding for the whole namespace, unless it is on.
pub(crate) fn forward_ipv4() -> Result<(), NetError> {
    let path = "/proc/sys/net/ipv4/ip_forward";
    match std::fs::read(path) {
        Ok(value) if value.starts_with(b"0") => write(path, "1"),
        Ok(_) => Ok(()),
        Err(error) => Err(failed("read setting", path, &error)),
    }
}

/// Switches IPv6 off on one interface. A kernel without IPv6 has nothing to switch.
pub(crate) fn disable_ipv6(interface: &str) -> Result<(), NetError> {
    write(
        &format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"),
        "1",
    )
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
