//! Published ports that obey the host's own rules for what comes in.

use std::process::Command;
use std::time::{Duration, Instant};

use super::lab::{
    HOST4, HOST6, OPEN, OUTSIDE4, OUTSIDE6, address4, address6, container, network, outside, port,
    seen, serve, silent,
};
use super::support::{TABLE, on_a_host};
use crate::ports::Protocol::{Tcp, Udp};
use crate::{NetworkRules, PublishPolicy, RulesSettings, configure_rules, list_links, rules};

fn run(line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
}

fn respect() {
    configure_rules(RulesSettings {
        table: TABLE.into(),
        policy: PublishPolicy::RespectFirewall,
        forwarding: true,
    });
}

/// Port 8080 of every address leads to a container.
fn publish() -> std::os::fd::OwnedFd {
    let web = container(30, 2);
    let (to4, to6) = (address4(30, 2), address6(30, 2));
    for protocol in [Tcp, Udp] {
        serve(Some(&web), protocol, &to4, 80);
        serve(Some(&web), protocol, &to6, 80);
        let ports = [port(protocol, "0.0.0.0", &to4), port(protocol, "::", &to6)];
        rules::publish(&ports).unwrap();
    }
    web
}

/// As ufw and most hosts have it: what is not allowed is dropped.
fn close_the_host() {
    for tables in ["iptables-nft", "ip6tables-nft"] {
        run(&format!("{tables} -P INPUT DROP"));
        run(&format!("{tables} -A INPUT -i lo -j ACCEPT"));
        let answers = "-m conntrack --ctstate ESTABLISHED,RELATED";
        run(&format!("{tables} -A INPUT {answers} -j ACCEPT"));
    }
    run("ip6tables-nft -A INPUT -p icmpv6 -j ACCEPT");
}

#[test]
fn a_host_that_lets_everything_in_lets_in_what_is_published_with_its_true_source() {
    on_a_host(|| {
        respect();
        let other = outside();
        network(30, OPEN);
        let _web = publish();
        for protocol in [Tcp, Udp] {
            assert_eq!(seen(Some(&other), protocol, HOST4, 8080), OUTSIDE4);
            assert_eq!(seen(Some(&other), protocol, HOST6, 8080), OUTSIDE6);
        }
    });
}

#[test]
fn what_the_host_drops_does_not_reach_a_published_port_and_what_it_allows_does() {
    on_a_host(|| {
        respect();
        let other = outside();
        network(30, OPEN);
        let _web = publish();
        close_the_host();
        for host in [HOST4, HOST6] {
            for protocol in [Tcp, Udp] {
                assert!(silent(Some(&other), protocol, host, 8080));
            }
        }
        run("iptables-nft -A INPUT -p tcp --dport 8080 -s 192.0.2.2 -j ACCEPT");
        run("ip6tables-nft -A INPUT -p udp --dport 8080 -j ACCEPT");
        let begun = Instant::now();
        assert_eq!(seen(Some(&other), Tcp, HOST4, 8080), OUTSIDE4);
        assert_eq!(seen(Some(&other), Udp, HOST6, 8080), OUTSIDE6);
        // The very first packet arrived: a second one comes after a second.
        assert!(begun.elapsed() < Duration::from_millis(900));
        assert!(silent(Some(&other), Udp, HOST4, 8080));
        assert!(silent(Some(&other), Tcp, HOST6, 8080));
    });
}

#[test]
fn the_host_itself_is_let_in_and_containers_are_as_its_rules_say() {
    on_a_host(|| {
        respect();
        let _other = outside();
        network(30, OPEN);
        network(
            31,
            NetworkRules {
                internal: true,
                ..OPEN
            },
        );
        let web = publish();
        let (neighbour, shut_in) = (container(30, 3), container(31, 2));
        close_the_host();
        assert_eq!(seen(None, Tcp, "127.0.0.1", 8080), address4(30, 1));
        assert_eq!(seen(None, Udp, HOST4, 8080), HOST4);
        for from in [&web, &neighbour, &shut_in] {
            assert!(silent(Some(from), Tcp, HOST4, 8080));
        }
        run("iptables-nft -A INPUT -p tcp --dport 8080 -j ACCEPT");
        for from in [&web, &neighbour] {
            assert_eq!(seen(Some(from), Tcp, HOST4, 8080), address4(30, 1));
        }
        assert!(silent(Some(&shut_in), Tcp, HOST4, 8080));
    });
}

/// As firewalld drops what comes by another interface than the answer would leave by.
#[test]
fn where_copies_are_filtered_the_next_attempt_passes() {
    on_a_host(|| {
        respect();
        let other = outside();
        network(30, OPEN);
        let _web = publish();
        run("nft add table inet strict");
        run("nft add chain inet strict pre { type filter hook prerouting priority 10; }");
        run("nft add rule inet strict pre iifname rtback fib saddr . iif oif missing drop");
        let begun = Instant::now();
        assert_eq!(seen(Some(&other), Tcp, HOST4, 8080), OUTSIDE4);
        assert_eq!(seen(Some(&other), Tcp, HOST6, 8080), OUTSIDE6);
        assert!(begun.elapsed() > Duration::from_millis(900));
    });
}

#[test]
fn what_is_not_published_is_the_hosts_and_nothing_is_left_in_the_end() {
    on_a_host(|| {
        respect();
        let other = outside();
        let plan = network(30, OPEN);
        let _web = publish();
        serve(None, Tcp, HOST4, 81);
        assert_eq!(seen(Some(&other), Tcp, HOST4, 81), OUTSIDE4);
        rules::unpublish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
        assert!(silent(Some(&other), Tcp, HOST4, 8080));
        assert_eq!(list_links("rtout").unwrap(), ["rtout"]);
        rules::drop_network(&plan.name).unwrap();
        assert!(list_links("rtout").unwrap().is_empty());
        let left = Command::new("nft").args(["list", "ruleset"]).output();
        assert_eq!(String::from_utf8(left.unwrap().stdout).unwrap(), "");
    });
}
