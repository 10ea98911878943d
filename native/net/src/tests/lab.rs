//! A host with networks of both families, containers on them, and another host on a wire; and
//! questions asked over real sockets, answered with the source that the server saw.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use super::support::netns;
use crate::address::{Cidr, parse_address};
use crate::kinds::{Inner, create_bridge, create_veth};
use crate::netns::inside;
use crate::ports::{Protocol, PublishedPort};
use crate::socket::Netlink;
use crate::wire::Batch;
use crate::{
    BridgePlan, Families, NetworkRules, SourceAddress, link, query, route, rules, switch, sys,
};

pub(super) const HOST4: &str = "192.0.2.1";
pub(super) const HOST6: &str = "2001:db8::1";
pub(super) const OUTSIDE4: &str = "192.0.2.2";
pub(super) const OUTSIDE6: &str = "2001:db8::2";

/// Long enough for a busy machine, where the answer is to come.
const PATIENCE: Duration = Duration::from_secs(4);
/// Where none is to come.
const SILENCE: Duration = Duration::from_millis(250);

/// Another host, OUTSIDE, on a wire to the thread's namespace, HOST. It knows a way to the
/// containers, so that only rules can keep it from them.
pub(super) fn outside() -> OwnedFd {
    let other = netns();
    wire(&other, "wire", 0, "wire", [2, 0, 0, 0, 0, 9]);
    set_up("wire", &[(HOST4, 24), (HOST6, 64)], &[]);
    let remote = || set_up("wire", &[(OUTSIDE4, 24), (OUTSIDE6, 64)], &[HOST4, HOST6]);
    inside(other.as_fd(), remote).unwrap();
    settle(&["wire"]);
    other
}

pub(crate) const OPEN: NetworkRules = NetworkRules {
    masquerade: true,
    source_address: SourceAddress {
        ipv4: None,
        ipv6: None,
    },
    routed: Families {
        ipv4: false,
        ipv6: false,
    },
    internal: false,
    icc: true,
};

/// The network 172.30.0.0/16, `fd00:30::/64` on the bridge rt30, if `number` is 30.
pub(crate) fn network(number: u8, rules: NetworkRules) -> BridgePlan {
    let (v4, v6) = (address4(number, 1), address6(number, 1));
    let plan = BridgePlan {
        name: bridge(number),
        addresses: vec![format!("{v4}/16"), format!("{v6}/64")],
        subnets: vec![
            format!("172.{number}.0.0/16"),
            format!("fd00:{number}::/64"),
        ],
        mtu: 1500,
        rules,
        wires: Vec::new(),
    };
    rules::ensure_network(&plan).unwrap();
    plan
}

/// Its bridge alone, as somebody else's.
pub(super) fn bridge(number: u8) -> String {
    let name = format!("rt{number}");
    let mut batch = Batch::default();
    create_bridge(&mut batch, &name, [2, 0, 0, 0, 1, number], false);
    Netlink::route().unwrap().run(batch).unwrap();
    let (v4, v6) = (address4(number, 1), address6(number, 1));
    set_up(&name, &[(&v4, 16), (&v6, 64)], &[]);
    name
}

/// 172.30.0.2 and `fd00:30::2` for the second on network 30.
pub(super) fn container(network: u8, number: u8) -> OwnedFd {
    let container = netns();
    join(&container, network, number, "eth0");
    container
}

fn join(container: &OwnedFd, network: u8, number: u8, inner: &str) {
    let bridge = format!("rt{network}");
    let socket = Netlink::route().unwrap();
    let index = query::find_link(&socket, &bridge).unwrap().unwrap().index;
    let host = format!("v{network}-{number}");
    wire(
        container,
        &host,
        index,
        inner,
        [2, 0, 0, 0, network, number],
    );
    let addresses = (address4(network, number), address6(network, number));
    let gateways = (address4(network, 1), address6(network, 1));
    let configure = || {
        super::support::set_loopback_up();
        let gateways = [gateways.0.as_str(), &gateways.1];
        set_up(inner, &[(&addresses.0, 16), (&addresses.1, 64)], &gateways);
    };
    inside(container.as_fd(), configure).unwrap();
    let mut batch = Batch::default();
    let port = link::Port {
        name: &host,
        isolated: false,
        hairpin: switch::bridges_filter(),
        ipv6: true,
    };
    port.change(&mut batch);
    Netlink::route().unwrap().run(batch).unwrap();
    settle(&[&host, &bridge]);
}

pub(super) fn address4(network: u8, number: u8) -> String {
    format!("172.{network}.0.{number}")
}

pub(super) fn address6(network: u8, number: u8) -> String {
    format!("fd00:{network}::{number}")
}

fn wire(other: &OwnedFd, host: &str, bridge: u32, inner: &str, mac: [u8; 6]) {
    let mut batch = Batch::default();
    let inner = Inner {
        name: inner,
        mac: Some(mac),
        mtu: Some(1500),
        netns: other.as_fd(),
    };
    create_veth(&mut batch, host, bridge, &inner);
    Netlink::route().unwrap().run(batch).unwrap();
}

/// More addresses of this host.
pub(super) fn own_address(interface: &str, addresses: &[&str]) {
    let host = |address: &&str| Cidr {
        address: parse_address(address).unwrap(),
        prefix: if address.contains(':') { 128 } else { 32 },
    };
    add_addresses(interface, addresses.iter().map(host).collect());
}

fn add_addresses(interface: &str, addresses: Vec<Cidr>) {
    let socket = Netlink::route().unwrap();
    let index = query::find_link(&socket, interface).unwrap().unwrap();
    let mut batch = Batch::default();
    for address in addresses {
        route::add_address(&mut batch, index.index, address);
    }
    socket.run(batch).unwrap();
}

/// A third host, 198.51.100.2 and `2001:db8:2::2`.
pub(super) fn second_wire(other: &OwnedFd) {
    let (near, far) = (
        [("198.51.100.1", 24), ("2001:db8:2::1", 64)],
        [("198.51.100.2", 24), ("2001:db8:2::2", 64)],
    );
    wire(other, "wire2", 0, "wire", [2, 0, 0, 0, 0, 8]);
    set_up("wire2", &near, &[]);
    let remote = || set_up("wire", &far, &[near[0].0, near[1].0]);
    inside(other.as_fd(), remote).unwrap();
    settle(&["wire2"]);
}

/// Makes the thread's namespace one that sends packets for 127.0.0.1 to `interface`, and hears
/// answers from there.
pub(super) fn loopback_elsewhere(interface: &str) {
    let flush = ["addr", "flush", "dev", "lo"];
    let done = std::process::Command::new("ip").args(flush).status();
    assert!(done.unwrap().success());
    let setting = format!("/proc/sys/net/ipv4/conf/{interface}/route_localnet");
    std::fs::write(setting, "1").unwrap();
}

fn settle(names: &[&str]) {
    let socket = Netlink::route().unwrap();
    for name in names {
        sys::settle(socket.fd(), name);
    }
}

fn set_up(name: &str, addresses: &[(&str, u8)], gateways: &[&str]) {
    let socket = Netlink::route().unwrap();
    let index = query::find_link(&socket, name).unwrap().unwrap().index;
    // Else it is silent for a second, while it makes sure of its link-local address.
    std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/accept_dad"), "0").unwrap();
    let mut batch = Batch::default();
    link::set_up(&mut batch, index, None);
    for (address, prefix) in addresses {
        let address = parse_address(address).unwrap();
        let prefix = *prefix;
        route::add_address(&mut batch, index, Cidr { address, prefix });
    }
    for gateway in gateways {
        route::set_default_route(&mut batch, index, parse_address(gateway).unwrap());
    }
    socket.run(batch).unwrap();
}

pub(super) fn port(protocol: Protocol, host: &str, to: &str) -> PublishedPort {
    PublishedPort {
        protocol,
        host_address: parse_address(host).unwrap(),
        host_port: 8080,
        container_address: parse_address(to).unwrap(),
        container_port: 80,
    }
}

/// Answers, from now on, every question in the namespace (none: the thread's own) with the
/// source it came from.
pub(super) fn serve(of: Option<&OwnedFd>, protocol: Protocol, address: &str, port: u16) {
    let address = SocketAddr::new(parse_address(address).unwrap(), port);
    if protocol == Protocol::Udp {
        let socket = at(of, || UdpSocket::bind(address).unwrap());
        std::thread::spawn(move || {
            let mut word = [0; 64];
            while let Ok((_, peer)) = socket.recv_from(&mut word) {
                let _ = socket.send_to(peer.ip().to_string().as_bytes(), peer);
            }
        });
    } else {
        let listener = at(of, || TcpListener::bind(address).unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let peer = stream.peer_addr().unwrap().ip().to_string();
                let _ = stream.write_all(peer.as_bytes());
            }
        });
    }
}

/// The source that the server sees of a client in that namespace.
pub(super) fn seen(of: Option<&OwnedFd>, protocol: Protocol, host: &str, port: u16) -> String {
    let what = || format!("{host} {port} {protocol:?}");
    ask(of, protocol, host, port, PATIENCE).unwrap_or_else(|error| panic!("{}: {error}", what()))
}

pub(super) fn silent(of: Option<&OwnedFd>, protocol: Protocol, host: &str, port: u16) -> bool {
    ask(of, protocol, host, port, SILENCE).is_err()
}

fn ask(
    of: Option<&OwnedFd>,
    protocol: Protocol,
    host: &str,
    port: u16,
    limit: Duration,
) -> std::io::Result<String> {
    let target = SocketAddr::new(parse_address(host).unwrap(), port);
    if protocol == Protocol::Udp {
        let any: IpAddr = if target.is_ipv4() {
            [0; 4].into()
        } else {
            [0; 16].into()
        };
        let socket = at(of, || UdpSocket::bind((any, 0)))?;
        return ask_datagram(&socket, target, limit);
    }
    let mut stream = at(of, || TcpStream::connect_timeout(&target, limit))?;
    stream.set_read_timeout(Some(limit))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(super) fn ask_datagram(
    socket: &UdpSocket,
    target: SocketAddr,
    limit: Duration,
) -> std::io::Result<String> {
    socket.set_read_timeout(Some(limit))?;
    socket.send_to(b"?", target)?;
    let mut word = [0; 64];
    let (length, peer) = socket.recv_from(&mut word)?;
    assert_eq!(peer, target, "the answer comes from where it was asked");
    Ok(String::from_utf8_lossy(&word[..length]).into_owned())
}

pub(super) fn at<T>(of: Option<&OwnedFd>, work: impl FnOnce() -> T) -> T {
    match of {
        Some(netns) => inside(netns.as_fd(), work).unwrap(),
        None => work(),
    }
}
