//! Why a port cannot be published, in Docker's words: scripts match on them.

use std::net::IpAddr;

use rustix::io::Errno;

use super::PublishedPort;
use crate::error::{NetError, describe};

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// By another container of ours.
    #[error("Bind for {address}:{port} failed: port is already allocated")]
    Taken { address: IpAddr, port: u16 },
    /// The host refuses, mostly because another program has it.
    #[error("failed to bind host port for {port}: {}", describe(*errno))]
    Bind { port: PublishedPort, errno: Errno },
    #[error("Bind for {address}:{first}-{last} failed: all ports are allocated")]
    NoneFree {
        address: IpAddr,
        first: u16,
        last: u16,
    },
    #[error(transparent)]
    Rules(#[from] NetError),
}

impl PortError {
    /// A program that is none of ours has the port.
    pub fn is_strangers(&self) -> bool {
        matches!(self, Self::Bind { errno, .. } if *errno == Errno::ADDRINUSE)
    }
}

impl PortError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Bind { errno, .. } if *errno == Errno::MFILE => Some(
                "each published port takes a descriptor: let the daemon have more open files \
                 (RLIMIT_NOFILE)",
            ),
            _ => None,
        }
    }
}
