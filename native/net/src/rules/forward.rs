//! A published port's part of the table: one element of a map, and one of a set where its container is
//! reached directly too.

use std::net::IpAddr;

use super::network::Placed;
use super::table;
use crate::nft::{Element, Family, Value};
use crate::ports::{Protocol, PublishedPort};

/// An address with a protocol's number and port.
pub(super) type Key = (IpAddr, u8, u16);

/// Where a port is published: of the host, or directly. Of what is published, one thing at most leads from each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Host(Key),
    Direct(Key),
}

pub(super) fn source(port: &PublishedPort) -> Source {
    if port.is_direct() {
        return Source::Direct(target(port));
    }
    Source::Host((port.host_address, number(port.protocol), port.host_port))
}

fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

/// None for one that is reached at its container's own address alone.
pub(super) fn element(port: &PublishedPort) -> Option<Placed> {
    if port.is_direct() {
        return None;
    }
    let sets = table::sets_of(Family::of(port.host_address));
    let (set, key) = if port.host_address.is_unspecified() {
        (sets.any.name, Value::default())
    } else {
        (sets.at.name, Value::default().address(port.host_address))
    };
    let key = key.byte(number(port.protocol)).port(port.host_port);
    let target = Value::default().address(port.container_address);
    Some((set, Element::Pair(key, target.port(port.container_port))))
}

/// Where a published port leads to.
pub(super) fn target(port: &PublishedPort) -> Key {
    (
        port.container_address,
        number(port.protocol),
        port.container_port,
    )
}

/// Lets others reach it by its own address.
pub(super) fn opening((address, protocol, port): Key) -> Placed {
    let key = Value::default().address(address).byte(protocol).port(port);
    let sets = table::sets_of(Family::of(address));
    (sets.open.name, Element::Key(key))
}
