//! Flows of datagrams that the kernel remembers (conntrack). Whoever keeps sending keeps a flow
//! alive, and a flow keeps the way that it took first: past a port that was published meanwhile,
//! or to a container that is gone. Connections have ends, and are left alone.
//! Numbers: `linux/netfilter/nfnetlink_conntrack.h`.

use std::collections::HashMap;
use std::net::{IpAddr, UdpSocket};

use super::{Protocol, PublishedPort};
use crate::socket::{Failure, Netlink};
use crate::wire::{Attributes, Batch, NLM_F_DUMP, find};

const SUBSYSTEM: u16 = 1;
const GET: u16 = SUBSYSTEM << 8 | 1;
const DELETE: u16 = SUBSYSTEM << 8 | 2;
const TUPLE_ORIG: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const ID: u16 = 12;
const ZONE: u16 = 18;
const FILTER: u16 = 25;
const FILTER_ORIG_FLAGS: u16 = 1;
const FILTER_PROTOCOL: u32 = 1 << 3;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTO: u16 = 2;
const IP_V4: [u16; 2] = [1, 2];
const IP_V6: [u16; 2] = [3, 4];
const PROTO_NUMBER: u16 = 1;
const PROTO_PORTS: [u16; 2] = [2, 3];
/// Length of `struct nfgenmsg`.
const HEADER: usize = 4;

/// Some 64 KiB: a socket takes a few times as much in one call.
const AT_ONCE: usize = 500;

/// Lets flows go that take another way than to these ports, which are published now.
pub(super) fn turn_to(ports: &[PublishedPort]) {
    let mut locals = HashMap::new();
    forget(ports, |flow, port| {
        !port.is_direct()
            && !flow.leads_to(port)
            && is_at(port.host_address, flow.target.0, &mut locals)
    });
}

/// Lets flows go that lead to the containers of these ports, which are published no more.
pub(super) fn turn_from(ports: &[PublishedPort]) {
    forget(ports, Flow::leads_to);
}

/// An address and a port.
type Place = (IpAddr, u16);

struct Flow {
    protocol: u8,
    target: Place,
    /// Who answers.
    server: Place,
    /// By which the kernel finds it again: attributes of a message.
    handle: Vec<(u16, Vec<u8>)>,
}

impl Flow {
    fn leads_to(&self, port: &PublishedPort) -> bool {
        self.server == (port.container_address, port.container_port)
    }
}

/// A kernel without this table, or without its netlink door, remembers what it likes.
fn forget(ports: &[PublishedPort], mut is_stale: impl FnMut(&Flow, &PublishedPort) -> bool) {
    for protocol in [Protocol::Udp, Protocol::Sctp] {
        for family in [libc::AF_INET, libc::AF_INET6] {
            let family = u8::try_from(family).unwrap_or(0);
            let own: HashMap<u16, Vec<&PublishedPort>> = by_number(ports, protocol, family);
            if own.is_empty() {
                continue;
            }
            let stale = |flow: &Flow| {
                let ports = own.get(&flow.target.1).into_iter().flatten();
                ports.into_iter().any(|port| is_stale(flow, port))
            };
            let _ = forget_some(number(protocol), family, stale);
        }
    }
}

fn by_number(
    ports: &[PublishedPort],
    protocol: Protocol,
    family: u8,
) -> HashMap<u16, Vec<&PublishedPort>> {
    let is_six = i32::from(family) == libc::AF_INET6;
    let mut found = HashMap::<u16, Vec<&PublishedPort>>::new();
    let own = ports.iter().filter(|port| port.protocol == protocol);
    for port in own.filter(|port| port.host_address.is_ipv6() == is_six) {
        let number = if port.is_direct() {
            port.container_port
        } else {
            port.host_port
        };
        found.entry(number).or_default().push(port);
    }
    found
}

fn forget_some(
    protocol: u8,
    family: u8,
    mut is_stale: impl FnMut(&Flow) -> bool,
) -> Result<(), Failure> {
    let socket = Netlink::netfilter()?;
    let mut question = Batch::default();
    let header = [family, 0, 0, 0];
    question.message("list flows", GET, NLM_F_DUMP, &header, |m| {
        only(m, protocol);
    });
    let mut stale = Vec::new();
    socket.ask(&question, |_, payload| {
        let flow = payload.get(HEADER..).and_then(parse);
        // Kernels before 5.8 tell all flows.
        stale.extend(flow.filter(|flow| flow.protocol == protocol && is_stale(flow)));
    })?;
    for flows in stale.chunks(AT_ONCE) {
        // One that ended meanwhile fails, and stops none of the others.
        let _ = Netlink::netfilter()?.run(forgetting(flows, &header));
    }
    Ok(())
}

fn forgetting(flows: &[Flow], header: &[u8]) -> Batch {
    let mut changes = Batch::default();
    for flow in flows {
        changes.message("forget flow", DELETE, 0, header, |m| {
            for (kind, value) in &flow.handle {
                m.put(*kind, value);
            }
        });
    }
    changes
}

fn only(m: &mut Attributes<'_>, protocol: u8) {
    m.nest(TUPLE_ORIG, |m| {
        m.nest(TUPLE_PROTO, |m| m.put(PROTO_NUMBER, &[protocol]));
    });
    m.nest(FILTER, |m| m.u32(FILTER_ORIG_FLAGS, FILTER_PROTOCOL));
}

fn parse(attributes: &[u8]) -> Option<Flow> {
    const NESTED: u16 = 0x8000;
    let original = find(attributes, TUPLE_ORIG)?;
    let mut handle = vec![(TUPLE_ORIG | NESTED, original.to_vec())];
    for kind in [ID, ZONE] {
        handle.extend(find(attributes, kind).map(|value| (kind, value.to_vec())));
    }
    Some(Flow {
        protocol: *find(find(original, TUPLE_PROTO)?, PROTO_NUMBER)?.first()?,
        target: place(original, 1)?,
        server: place(find(attributes, TUPLE_REPLY)?, 0)?,
        handle,
    })
}

/// The source (0) or the destination (1) of a tuple.
fn place(tuple: &[u8], side: usize) -> Option<Place> {
    let addresses = find(tuple, TUPLE_IP)?;
    let address = if let Some(value) = find(addresses, IP_V4[side]) {
        IpAddr::from(<[u8; 4]>::try_from(value).ok()?)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(find(addresses, IP_V6[side])?).ok()?)
    };
    let port = find(find(tuple, TUPLE_PROTO)?, PROTO_PORTS[side])?;
    Some((address, u16::from_be_bytes(port.try_into().ok()?)))
}

fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

/// True if what was sent to `target` was sent to `host`: what only passes through is no business
/// of ours.
fn is_at(host: IpAddr, target: IpAddr, locals: &mut HashMap<IpAddr, bool>) -> bool {
    if !host.is_unspecified() {
        return host == target;
    }
    *locals
        .entry(target)
        .or_insert_with(|| UdpSocket::bind((target, 0)).is_ok())
}
