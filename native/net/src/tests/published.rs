//! What leads to a published port, and what does not.

use std::os::fd::OwnedFd;

use super::lab::{
    HOST4, HOST6, OPEN, OUTSIDE4, OUTSIDE6, address4, address6, at, container, loopback_elsewhere,
    network, outside, port, seen, serve, silent,
};
use super::support::on_a_host;
use crate::ports::Protocol::{self, Tcp, Udp};
use crate::rules;

/// A container, 172.30.0.2, whose port 80 is published as 8080 at the addresses, for TCP and UDP.
fn published(at4: &str, at6: &str) -> OwnedFd {
    network(30, OPEN);
    let web = container(30, 2);
    for protocol in [Tcp, Udp] {
        let (to4, to6) = (address4(30, 2), address6(30, 2));
        serve(Some(&web), protocol, &to4, 80);
        serve(Some(&web), protocol, &to6, 80);
        let ports = [port(protocol, at4, &to4), port(protocol, at6, &to6)];
        rules::publish(&ports).unwrap();
    }
    web
}

fn everywhere() -> OwnedFd {
    published("0.0.0.0", "::")
}

#[test]
fn from_outside_with_the_clients_true_source_address() {
    on_a_host(|| {
        let other = outside();
        let _web = everywhere();
        for protocol in [Tcp, Udp] {
            assert_eq!(seen(Some(&other), protocol, HOST4, 8080), OUTSIDE4);
            assert_eq!(seen(Some(&other), protocol, HOST6, 8080), OUTSIDE6);
            assert!(silent(Some(&other), protocol, HOST4, 80));
        }
    });
}

#[test]
fn from_the_host_by_each_of_its_addresses_and_by_loopback() {
    on_a_host(|| {
        without_bridge_netfilter();
        let _other = outside();
        let _web = everywhere();
        for protocol in [Tcp, Udp] {
            assert_eq!(seen(None, protocol, HOST4, 8080), HOST4);
            assert_eq!(seen(None, protocol, HOST6, 8080), HOST6);
            for loopback in ["127.0.0.1", "127.9.9.9", &address4(30, 1)] {
                assert_eq!(seen(None, protocol, loopback, 8080), address4(30, 1));
            }
            for loopback in ["::1", &address6(30, 1)] {
                assert_eq!(seen(None, protocol, loopback, 8080), address6(30, 1));
            }
        }
    });
}

/// A container reaches itself, its neighbours and other networks by the host's addresses; the
/// answer must go back through the host, so that the server sees the bridge.
#[test]
fn from_containers_by_the_hosts_addresses() {
    on_a_host(reach_by_the_hosts_addresses);
}

#[test]
fn from_containers_by_the_hosts_addresses_where_bridges_do_not_filter() {
    on_a_host(|| {
        without_bridge_netfilter();
        reach_by_the_hosts_addresses();
    });
}

fn reach_by_the_hosts_addresses() {
    let _other = outside();
    let web = everywhere();
    let neighbour = container(30, 3);
    network(31, OPEN);
    let stranger = container(31, 2);
    for from in [&web, &neighbour, &stranger] {
        for protocol in [Tcp, Udp] {
            for host in [HOST4, &address4(30, 1), &address4(31, 1)] {
                assert_eq!(seen(Some(from), protocol, host, 8080), address4(30, 1));
            }
            for host in [HOST6, &address6(30, 1)] {
                assert_eq!(seen(Some(from), protocol, host, 8080), address6(30, 1));
            }
        }
    }
}

#[test]
fn at_one_address_beside_another_container_at_all_of_them() {
    on_a_host(|| {
        let other = outside();
        let _web = everywhere();
        let second = container(30, 3);
        let (to4, to6) = (address4(30, 3), address6(30, 3));
        for (host, to) in [(HOST4, &to4), (HOST6, &to6)] {
            rules::publish(&[port(Tcp, host, to)]).unwrap();
        }
        let told = |host: &str| {
            at(Some(&other), || std::net::TcpStream::connect((host, 8080)))
                .map(|stream| stream.peer_addr().unwrap())
                .map_err(|error| error.kind())
        };
        // Nobody listens there, so that a refusal says which container was asked.
        assert_eq!(told(HOST4), Err(std::io::ErrorKind::ConnectionRefused));
        assert_eq!(told(HOST6), Err(std::io::ErrorKind::ConnectionRefused));
        serve(Some(&second), Tcp, &to4, 80);
        assert_eq!(seen(Some(&other), Tcp, HOST4, 8080), OUTSIDE4);
        assert_eq!(seen(None, Tcp, "127.0.0.1", 8080), address4(30, 1));
        assert_eq!(seen(Some(&other), Udp, HOST4, 8080), OUTSIDE4);
    });
}

/// The other host sends packets for 127.0.0.1 to this one, as any neighbour on a wire can.
#[test]
fn at_loopback_for_the_host_alone() {
    on_a_host(|| {
        let other = outside();
        without_bridge_netfilter();
        let web = published("127.0.0.1", "::1");
        for protocol in [Tcp, Udp] {
            assert_eq!(seen(None, protocol, "127.0.0.1", 8080), address4(30, 1));
            assert_eq!(seen(None, protocol, "::1", 8080), address6(30, 1));
            for host in [HOST4, HOST6] {
                assert!(silent(Some(&other), protocol, host, 8080), "{host}");
                assert!(silent(Some(&web), protocol, host, 8080), "{host}");
            }
        }
        at(Some(&other), || loopback_elsewhere("wire"));
        at(Some(&web), || loopback_elsewhere("eth0"));
        for from in [&other, &web] {
            for (protocol, host) in [(Tcp, "127.0.0.1"), (Udp, "127.0.0.1"), (Tcp, "::1")] {
                assert!(silent(Some(from), protocol, host, 8080), "{host}");
            }
        }
    });
}

#[test]
fn no_longer_once_it_was_withdrawn() {
    on_a_host(|| {
        let other = outside();
        let _web = everywhere();
        assert_eq!(seen(Some(&other), Tcp, HOST4, 8080), OUTSIDE4);
        rules::unpublish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
        assert!(silent(Some(&other), Tcp, HOST4, 8080));
        assert_eq!(seen(Some(&other), Udp, HOST4, 8080), OUTSIDE4);
        assert_eq!(seen(Some(&other), Tcp, HOST6, 8080), OUTSIDE6);
        rules::unpublish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
    });
}

#[test]
fn not_twice() {
    on_a_host(|| {
        let _web = everywhere();
        let ours = port(Tcp, "0.0.0.0", &address4(30, 2));
        let theirs = port(Tcp, "0.0.0.0", &address4(30, 3));
        let fresh = port(Protocol::Sctp, "0.0.0.0", &address4(30, 3));
        rules::publish(&[ours]).unwrap();
        let error = rules::publish(&[fresh, theirs]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "publish \"0.0.0.0:8080:172.30.0.3:80/tcp\": it leads elsewhere already"
        );
        rules::publish(&[port(Protocol::Sctp, "0.0.0.0", &address4(30, 2))]).unwrap();
    });
}

/// Where bridges hand their frames to netfilter, answers for `::1` are dropped before they are the
/// host's; see docs/design/rules.md.
fn without_bridge_netfilter() {
    for tables in ["iptables", "ip6tables"] {
        let setting = format!("/proc/sys/net/bridge/bridge-nf-call-{tables}");
        if std::fs::exists(&setting).unwrap() {
            std::fs::write(&setting, "0").unwrap();
        }
    }
}
