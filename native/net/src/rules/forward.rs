//! A published port's part of the table: one element of a map.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::network::Placed;
use super::table;
use crate::nft::{Element, Family, Value};

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Protocol {
    Tcp = 6,
    Udp = 17,
    Sctp = 132,
}

/// A port of this host that leads to a container's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    pub protocol: Protocol,
    /// 0.0.0.0 and :: stand for every address of their family.
    pub host_address: IpAddr,
    pub host_port: u16,
    /// Of the same family.
    pub container_address: IpAddr,
    pub container_port: u16,
}

/// What is published: one thing at most leads from each.
pub(super) type Key = (IpAddr, Protocol, u16);

impl Forward {
    pub(super) fn key(&self) -> Key {
        (self.host_address, self.protocol, self.host_port)
    }

    pub(super) fn element(&self) -> Placed {
        let sets = table::sets_of(Family::of(self.host_address));
        let (set, key) = if self.host_address.is_unspecified() {
            (sets.any.name, Value::default())
        } else {
            let key = Value::default().address(self.host_address);
            (sets.at.name, key)
        };
        let key = key.byte(self.protocol as u8).port(self.host_port);
        let target = Value::default().address(self.container_address);
        (set, Element::Pair(key, target.port(self.container_port)))
    }
}

impl std::fmt::Display for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        let address = std::net::SocketAddr::new(self.host_address, self.host_port);
        write!(f, "{address}/{protocol}")
    }
}
