//! Published ports: which of the host's are ours, held by sockets of this process, and for whom.
//!
//! A port is bound and never listened on, so that no other program takes it while its packets go
//! past the socket, to the container (`rules.rs`). Should our rules be gone, a client is refused
//! rather than left to wait. The sockets end with this process: ports are published further
//! without it, and `adopt` takes them up.

mod choose;
mod error;
mod flows;
mod forward;
mod reserve;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub use error::PortError;
use table::Table;

/// A port of a container that is to be reached by addresses of the host.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortPlan {
    pub protocol: Protocol,
    /// Both ends included; zeros leave the choice to us.
    pub host_ports: (u16, u16),
    pub container_port: u16,
    /// One number is taken at all of them.
    pub at: Vec<PortAddress>,
    /// At the container's own address alone, for a network that others know the way to: no number of the host's.
    #[serde(default)]
    pub direct: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// Both of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortAddress {
    /// Unspecified stands for every address of its family.
    pub host_address: IpAddr,
    pub container_address: IpAddr,
}

/// A port as it was published, at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedPort {
    pub protocol: Protocol,
    pub host_address: IpAddr,
    /// 0: at the container's own address alone.
    pub host_port: u16,
    pub container_address: IpAddr,
    pub container_port: u16,
}

impl PublishedPort {
    pub(crate) fn is_direct(&self) -> bool {
        self.host_port == 0
    }
}

/// As Docker writes it: "0.0.0.0:8080:172.17.0.2:80/tcp".
impl fmt::Display for PublishedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [host, container] =
            [self.host_address, self.container_address].map(|address| match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            });
        let (host_port, port, protocol) =
            (self.host_port, self.container_port, self.protocol.name());
        write!(f, "{host}:{host_port}:{container}:{port}/{protocol}")
    }
}

/// What changes of a container's ports.
#[derive(Clone, Debug, Deserialize)]
pub struct PortChange {
    pub container: String,
    /// Goes first, so that what it leaves can be taken.
    pub remove: Vec<PublishedPort>,
    pub add: Vec<PortPlan>,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn with_table<T>(work: impl FnOnce(&mut Table) -> T) -> T {
    work(&mut TABLE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Publishes and withdraws ports of one container, all of it or nothing; answers all that it has
/// published then.
pub fn publish(change: &PortChange) -> Result<Vec<PublishedPort>, PortError> {
    with_table(|table| table.change(change))
}

/// Withdraws every port of a container. One that has none is no error.
pub fn unpublish(container: &str) -> Result<(), PortError> {
    with_table(|table| table.release(container))
}

/// Holds what an earlier process has published, whose rules still stand; answers, one sentence
/// each, what somebody else holds by now, which stays published all the same.
pub fn adopt(published: &BTreeMap<String, Vec<PublishedPort>>) -> Vec<String> {
    with_table(|table| table.adopt(published))
}
