//! Networks that others know the way to.

use super::lab::{
    HOST4, HOST6, OPEN, OUTSIDE4, OUTSIDE6, address4, address6, container, network, outside, port,
    seen, serve, silent,
};
use super::support::on_a_host;
use crate::ports::Protocol::{self, Tcp};
use crate::ports::PublishedPort;
use crate::{Families, NetworkRules, rules};

/// At the container's own address alone.
fn direct(protocol: Protocol, inner: &str) -> PublishedPort {
    PublishedPort {
        host_port: 0,
        ..port(
            protocol,
            if inner.contains(':') { "::" } else { "0.0.0.0" },
            inner,
        )
    }
}

fn routed(ipv4: bool, ipv6: bool) -> NetworkRules {
    NetworkRules {
        routed: Families { ipv4, ipv6 },
        ..OPEN
    }
}

#[test]
fn a_family_is_routed_beside_one_that_is_not() {
    on_a_host(|| {
        let other = outside();
        network(30, routed(false, true));
        let web = container(30, 2);
        let (inner4, inner6) = (address4(30, 2), address6(30, 2));
        for address in [&inner4, &inner6] {
            serve(Some(&web), Tcp, address, 80);
            serve(Some(&web), Tcp, address, 81);
        }
        serve(Some(&other), Tcp, OUTSIDE4, 80);
        serve(Some(&other), Tcp, OUTSIDE6, 80);
        assert!(silent(Some(&other), Tcp, &inner6, 80));
        rules::publish(&[port(Tcp, "0.0.0.0", &inner4), direct(Tcp, &inner6)]).unwrap();

        assert_eq!(seen(Some(&other), Tcp, &inner6, 80), OUTSIDE6);
        assert_eq!(seen(Some(&other), Tcp, HOST4, 8080), OUTSIDE4);
        assert!(silent(Some(&other), Tcp, HOST6, 8080));
        for (address, number) in [(&inner6, 81), (&inner4, 80), (&inner4, 81)] {
            assert!(silent(Some(&other), Tcp, address, number));
        }
        assert_eq!(seen(Some(&web), Tcp, OUTSIDE6, 80), inner6);
        assert_eq!(seen(Some(&web), Tcp, OUTSIDE4, 80), HOST4);
    });
}

#[test]
fn a_container_is_open_until_its_port_is_withdrawn_everywhere() {
    on_a_host(|| {
        let other = outside();
        network(30, routed(true, true));
        let web = container(30, 2);
        let inner = address4(30, 2);
        serve(Some(&web), Tcp, &inner, 80);
        // As an earlier version published it, which also led there from the host.
        let (led, opened) = (port(Tcp, HOST4, &inner), direct(Tcp, &inner));
        rules::publish(&[led, opened]).unwrap();
        rules::unpublish(&[led]).unwrap();
        assert_eq!(seen(Some(&other), Tcp, &inner, 80), OUTSIDE4);
        rules::unpublish(&[opened]).unwrap();
        assert!(silent(Some(&other), Tcp, &inner, 80));
    });
}
