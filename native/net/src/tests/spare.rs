//! Pairs made ahead of need.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::support::{bridge_plan, dual_bridge, dual_endpoint, endpoint_plan, listen, netns};
use super::support::{on_a_host, second_bridge, second_endpoint, talk};
use crate::netns::inside;
use crate::wire::Batch;
use crate::*;

pub(super) fn prepared() -> (OwnedFd, Spare) {
    let container = netns();
    let spare = prepare_spare(container.as_fd()).unwrap();
    (container, spare)
}

#[test]
fn a_pair_that_was_prepared_serves_like_one_that_is_made() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let (container, spare) = prepared();
        assert_eq!(list_links("veth").unwrap(), ["vethrt0"]);
        let plan = endpoint_plan(2);
        attach_prepared(std::slice::from_ref(&plan), container.as_fd(), spare).unwrap();
        let host = Netlink::route().unwrap();
        let by_name = query::find_link(&host, "rtv2").unwrap().unwrap();
        assert_eq!(by_name.name, "vethrt0");
        inside(container.as_fd(), || {
            let socket = Netlink::route().unwrap();
            let link = query::find_link(&socket, "eth0").unwrap().unwrap();
            assert_eq!((link.mtu, link.kind.as_str()), (1400, "veth"));
            assert_eq!(list_routes().unwrap(), ["172.30.0.0/16"]);
            let addresses = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
            assert!(!addresses.contains("eth0"), "{addresses}");
        })
        .unwrap();
        talk(None, &listen(Some(&container), "172.30.0.2")).unwrap();
        let neighbours = std::fs::read_to_string("/proc/thread-self/net/arp").unwrap();
        assert!(neighbours.contains("02:42:ac:1e:00:02"), "{neighbours}");
        detach(&plan, container.as_fd()).unwrap();
        assert!(list_links("veth").unwrap().is_empty());
    });
}

#[test]
fn the_first_packets_through_one_arrive_also_by_ipv6_and_beside_other_networks() {
    on_a_host(|| {
        ensure_bridge(&dual_bridge()).unwrap();
        ensure_bridge(&second_bridge()).unwrap();
        for number in 2..22 {
            let (container, spare) = prepared();
            let plans = [second_endpoint(number, "eth1"), dual_endpoint(number)];
            attach_prepared(&plans, container.as_fd(), spare).unwrap();
            for gateway in ["fd00:30::1", "172.30.0.1", "172.31.0.1"] {
                talk(Some(&container), &listen(None, gateway)).unwrap();
            }
        }
    });
}

#[test]
fn a_pair_that_somebody_has_removed_is_made_again() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let (container, spare) = prepared();
        let mut batch = Batch::default();
        link::delete(&mut batch, "vethrt0");
        Netlink::route().unwrap().run(batch).unwrap();
        attach_prepared(&[endpoint_plan(2)], container.as_fd(), spare).unwrap();
        talk(Some(&container), &listen(None, "172.30.0.1")).unwrap();
    });
}

#[test]
fn a_failure_leaves_nothing_of_it() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let taken = netns();
        attach(&[endpoint_plan(2)], taken.as_fd()).unwrap();
        let (container, spare) = prepared();
        let error = attach_prepared(&[endpoint_plan(2)], container.as_fd(), spare).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Conflict, "{error}");
        assert!(list_links("veth").unwrap().is_empty());

        let (container, spare) = prepared();
        let plan = EndpointPlan {
            gateways: vec!["10.0.0.1".into()],
            ..endpoint_plan(3)
        };
        attach_prepared(&[plan], container.as_fd(), spare).unwrap_err();
        assert!(list_links("veth").unwrap().is_empty());
        talk(Some(&taken), &listen(None, "172.30.0.1")).unwrap();
    });
}

#[test]
fn a_pair_goes_with_its_namespace() {
    on_a_host(|| {
        let (container, _) = prepared();
        drop(container);
        let begun = Instant::now();
        while !list_links("veth").unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
    });
}
