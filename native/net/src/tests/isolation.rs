//! What must not reach a container, and what a container must not reach.

use super::lab::{
    HOST4, HOST6, OPEN, OUTSIDE4, OUTSIDE6, address4, address6, at, bridge, container,
    loopback_elsewhere, network, outside, own_address, port, second_wire, seen, serve, silent,
};
use super::support::{TABLE, delete_table, netns, on_a_host};
use crate::ports::Protocol::{Tcp, Udp};
use crate::{NetworkRules, SourceAddress, rules};

fn both(network: u8, number: u8) -> [String; 2] {
    [address4(network, number), address6(network, number)]
}

#[test]
fn networks_do_not_reach_each_other_and_other_hosts_reach_none() {
    on_a_host(|| {
        let other = outside();
        network(30, OPEN);
        network(31, OPEN);
        let (web, stranger) = (container(30, 2), container(31, 2));
        let neighbour = container(30, 3);
        for address in both(30, 2) {
            serve(Some(&web), Tcp, &address, 80);
            serve(Some(&web), Udp, &address, 80);
            // That it is published elsewhere opens nothing here.
            let host = if address.contains(':') {
                "::"
            } else {
                "0.0.0.0"
            };
            rules::publish(&[port(Tcp, host, &address)]).unwrap();
            for protocol in [Tcp, Udp] {
                assert!(silent(Some(&other), protocol, &address, 80));
                assert!(silent(Some(&stranger), protocol, &address, 80));
            }
            let from = if address.contains(':') {
                address6(30, 3)
            } else {
                address4(30, 3)
            };
            assert_eq!(seen(Some(&neighbour), Tcp, &address, 80), from);
            seen(None, Tcp, &address, 80);
        }
        delete_table(TABLE);
        assert_eq!(seen(Some(&other), Tcp, &address4(30, 2), 80), OUTSIDE4);
        assert_eq!(seen(Some(&other), Tcp, &address6(30, 2), 80), OUTSIDE6);
    });
}

#[test]
fn an_internal_network_has_the_host_and_nothing_else() {
    on_a_host(|| {
        let other = outside();
        let internal = NetworkRules {
            internal: true,
            ..OPEN
        };
        network(30, internal);
        network(31, OPEN);
        let (web, neighbour, stranger) = (container(30, 2), container(30, 3), container(31, 2));
        for (inner, outer, host) in [
            (address4(30, 2), OUTSIDE4, HOST4),
            (address6(30, 2), OUTSIDE6, HOST6),
        ] {
            serve(Some(&web), Tcp, &inner, 80);
            serve(Some(&other), Tcp, outer, 80);
            serve(None, Tcp, host, 81);
            seen(Some(&neighbour), Tcp, &inner, 80);
            seen(None, Tcp, &inner, 80);
            seen(Some(&web), Tcp, host, 81);
            seen(Some(&stranger), Tcp, outer, 80);
            assert!(silent(Some(&web), Tcp, outer, 80));
            assert!(silent(Some(&other), Tcp, &inner, 80));
            assert!(silent(Some(&stranger), Tcp, &inner, 80));
        }
        // Nor by a port that another network publishes.
        serve(Some(&stranger), Tcp, &address4(31, 2), 80);
        rules::publish(&[port(Tcp, "0.0.0.0", &address4(31, 2))]).unwrap();
        seen(Some(&other), Tcp, HOST4, 8080);
        assert!(silent(Some(&web), Tcp, HOST4, 8080));
    });
}

/// Within the bridge the ports are isolated; what goes by way of the host is the rules' part.
#[test]
fn without_icc_containers_reach_each_other_by_published_ports_alone() {
    on_a_host(|| {
        let _other = outside();
        network(30, NetworkRules { icc: false, ..OPEN });
        let (web, neighbour) = (container(30, 2), container(30, 3));
        for address in both(30, 2) {
            serve(Some(&web), Tcp, &address, 80);
        }
        rules::publish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
        by_the_gateway(&neighbour, &address4(30, 2));
        assert!(silent(Some(&neighbour), Tcp, &address4(30, 2), 80));
        assert_eq!(seen(Some(&neighbour), Tcp, HOST4, 8080), address4(30, 1));
    });
}

/// Lets a container send what is for its neighbour to the host, as one that may change its routes
/// can.
fn by_the_gateway(container: &std::os::fd::OwnedFd, neighbour: &str) {
    let gateway = address4(30, 1);
    let done = at(Some(container), || {
        let arguments = ["route", "add", neighbour, "via", &gateway];
        std::process::Command::new("ip").args(arguments).status()
    });
    assert!(done.unwrap().success());
}

/// As CVE-2020-8558 had it: a container sends packets for 127.0.0.1 to the host.
#[test]
fn the_hosts_loopback_is_out_of_reach_for_containers() {
    on_a_host(|| {
        network(30, OPEN);
        let web = container(30, 2);
        serve(None, Tcp, "127.0.0.1", 81);
        serve(None, Udp, "127.0.0.1", 81);
        at(Some(&web), || loopback_elsewhere("eth0"));
        for protocol in [Tcp, Udp] {
            assert!(silent(Some(&web), protocol, "127.0.0.1", 81));
        }
        delete_table(TABLE);
        for protocol in [Tcp, Udp] {
            seen(Some(&web), protocol, "127.0.0.1", 81);
        }
    });
}

/// A bridge of the host's stays when its network goes, with whoever is behind it.
#[test]
fn the_hosts_loopback_is_shut_again_before_the_rules_go() {
    on_a_host(|| {
        network(30, OPEN);
        network(31, OPEN);
        let web = container(30, 2);
        for address in ["127.0.0.1", "::1"] {
            serve(None, Tcp, address, 81);
        }
        at(Some(&web), || loopback_elsewhere("eth0"));
        for bridge in ["rt31", "rt30"] {
            rules::drop_network(bridge).unwrap();
            for address in ["127.0.0.1", "::1"] {
                assert!(silent(Some(&web), Tcp, address, 81), "{bridge} {address}");
            }
        }
        let routes = std::fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap();
        let loopback = format!("{}1 80 ", "0".repeat(31));
        let ways = routes.lines().filter(|line| line.starts_with(&loopback));
        assert_eq!(
            ways.filter(|line| !line.ends_with(" lo")).count(),
            0,
            "{routes}"
        );
    });
}

#[test]
fn what_leaves_a_network_bears_the_address_it_is_told_to() {
    on_a_host(|| {
        let other = outside();
        for protocol in [Tcp, Udp] {
            serve(Some(&other), protocol, OUTSIDE4, 80);
            serve(Some(&other), protocol, OUTSIDE6, 80);
        }
        let fixed = SourceAddress {
            ipv4: Some("192.0.2.77".into()),
            ipv6: Some("2001:db8::77".into()),
        };
        let told = NetworkRules {
            source_address: fixed,
            ..OPEN
        };
        let plain = NetworkRules {
            masquerade: false,
            ..OPEN
        };
        let own = (address4(32, 2), address6(32, 2));
        for (number, rules, source4, source6) in [
            (30, OPEN, HOST4, HOST6),
            (32, plain, own.0.as_str(), own.1.as_str()),
            (31, told, "192.0.2.77", "2001:db8::77"),
        ] {
            if number == 31 {
                own_address("wire", &["192.0.2.77", "2001:db8::77"]);
            }
            network(number, rules);
            let web = container(number, 2);
            for protocol in [Tcp, Udp] {
                assert_eq!(seen(Some(&web), protocol, OUTSIDE4, 80), source4);
                assert_eq!(seen(Some(&web), protocol, OUTSIDE6, 80), source6);
            }
        }
    });
}

/// Two other hosts that know their way through this one.
#[test]
fn forwarding_that_we_switch_on_is_for_our_bridges_alone() {
    on_a_host(|| {
        let (one, two) = (outside(), netns());
        second_wire(&two);
        serve(Some(&two), Tcp, "198.51.100.2", 80);
        serve(Some(&two), Tcp, "2001:db8:2::2", 80);
        let meet = || {
            let meets = |host| !silent(Some(&one), Tcp, host, 80);
            (meets("198.51.100.2"), meets("2001:db8:2::2"))
        };
        assert_eq!(meet(), (false, false));
        let plan = network(30, OPEN);
        assert_eq!(meet(), (false, false));
        // A daemon that takes over has it from the table.
        rules::forget();
        rules::reset_rules(std::slice::from_ref(&plan), &[]).unwrap();
        assert_eq!(meet(), (false, false));
        rules::drop_network(&plan.name).unwrap();
        assert_eq!(meet(), (false, false));
        for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{setting}"), "1").unwrap();
        }
        rules::ensure_network(&plan).unwrap();
        assert_eq!(meet(), (true, true));
        rules::drop_network(&plan.name).unwrap();
        assert_eq!(meet(), (true, true));
    });
}

/// Where bridges hand their frames to netfilter, those come by the same chain as what is forwarded.
#[test]
fn a_bridge_of_others_that_must_not_forward_carries_its_own() {
    on_a_host(|| {
        bridge(40);
        let (one, two) = (container(40, 2), container(40, 3));
        network(30, OPEN);
        for address in both(40, 3) {
            serve(Some(&two), Tcp, &address, 80);
            seen(Some(&one), Tcp, &address, 80);
        }
    });
}

#[test]
fn forwarding_stays_for_those_who_came_since_and_found_it_on() {
    on_a_host(|| {
        let forwards = || std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
        bridge(40);
        let plan = network(30, OPEN);
        rules::drop_network(&plan.name).unwrap();
        assert_eq!(forwards(), "0\n");
        rules::ensure_network(&plan).unwrap();
        bridge(41);
        // A daemon that takes over, and ends.
        rules::forget();
        rules::reset_rules(std::slice::from_ref(&plan), &[]).unwrap();
        rules::drop_network(&plan.name).unwrap();
        assert_eq!(forwards(), "1\n");
    });
}
