use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::spare::prepared;
use super::support::{bridge_plan, endpoint_plan, listen, netns, on_a_host, talk};
use crate::netns::inside;
use crate::*;

fn attached(number: u8) -> OwnedFd {
    let container = netns();
    attach(&[endpoint_plan(number)], container.as_fd()).unwrap();
    container
}

#[test]
fn attach_joins_containers_with_each_other_and_with_the_gateway() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let (two, three) = (attached(2), attached(3));
        let peer = listen(Some(&three), "172.30.0.3");
        let source = talk(Some(&two), &peer).unwrap();
        assert_eq!(source.ip().to_string(), "172.30.0.2");
        let gateway = listen(None, "172.30.0.1");
        let source = talk(Some(&two), &gateway).unwrap();
        assert_eq!(source.ip().to_string(), "172.30.0.2");
        talk(None, &peer).unwrap();
    });
}

#[test]
fn attach_sets_name_mtu_hardware_address_and_keeps_ipv6_off() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let two = attached(2);
        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        inside(two.as_fd(), || {
            let socket = Netlink::route().unwrap();
            let link = query::find_link(&socket, "eth0").unwrap().unwrap();
            assert_eq!((link.mtu, link.kind.as_str()), (1400, "veth"));
            assert_eq!(list_routes().unwrap(), ["172.30.0.0/16"]);
            let addresses = read("/proc/thread-self/net/if_inet6");
            assert!(!addresses.contains("eth0"), "{addresses}");
            assert_eq!(
                read("/proc/sys/net/ipv6/conf/eth0/disable_ipv6").trim(),
                "1"
            );
        })
        .unwrap();
        let addresses = read("/proc/thread-self/net/if_inet6");
        assert!(!addresses.contains("rt"), "{addresses}");
        talk(None, &listen(Some(&two), "172.30.0.2")).unwrap();
        let neighbours = read("/proc/thread-self/net/arp");
        assert!(neighbours.contains("02:42:ac:1e:00:02"), "{neighbours}");
    });
}

#[test]
fn a_network_of_small_packets_is_one_without_ipv6() {
    on_a_host(|| {
        let small = BridgePlan {
            mtu: 1000,
            ..bridge_plan()
        };
        ensure_bridge(&small).unwrap();
        let two = attached(2);
        talk(None, &listen(Some(&two), "172.30.0.2")).unwrap();
        let (three, spare) = prepared();
        attach_prepared(&[endpoint_plan(3)], three.as_fd(), spare).unwrap();
        talk(Some(&two), &listen(Some(&three), "172.30.0.3")).unwrap();
        for container in [two, three] {
            inside(container.as_fd(), || {
                let link = query::find_link(&Netlink::route().unwrap(), "eth0").unwrap();
                assert_eq!(link.unwrap().mtu, 1000);
            })
            .unwrap();
        }
    });
}

/// A lost ARP request is repeated after one second.
#[test]
fn the_first_packet_of_a_fresh_endpoint_arrives() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let gateway = listen(None, "172.30.0.1");
        for number in 2..22 {
            let container = attached(number);
            let begun = Instant::now();
            talk(Some(&container), &gateway).unwrap();
            assert!(begun.elapsed() < Duration::from_millis(500), "{number}");
        }
    });
}

#[test]
fn attach_that_fails_halfway_leaves_nothing_on_the_host() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let container = netns();
        let plan = EndpointPlan {
            gateways: vec!["10.0.0.1".into()],
            ..endpoint_plan(2)
        };
        let error = attach(&[plan], container.as_fd()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "set default route \"rtv2\": network is unreachable: Nexthop has invalid gateway"
        );
        assert_eq!(list_links("rt").unwrap(), ["rt0"]);
        attach(&[endpoint_plan(2)], container.as_fd()).unwrap();
        let error = attach(&[endpoint_plan(2)], container.as_fd()).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Conflict, "{error}");
        assert_eq!(list_links("rt").unwrap(), ["rt0", "rtv2"]);
    });
}

#[test]
fn attach_without_its_bridge_says_so() {
    on_a_host(|| {
        let error = attach(&[endpoint_plan(2)], netns().as_fd()).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::NotFound);
        assert_eq!(error.to_string(), "use bridge \"rt0\": no such bridge");
    });
}

#[test]
fn attach_refuses_what_is_no_network_namespace_and_the_thread_stays_at_home() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let stranger = std::fs::File::open("/proc/thread-self/ns/uts").unwrap();
        let error = attach(&[endpoint_plan(2)], stranger.as_fd()).unwrap_err();
        assert_eq!(error.errno, rustix::io::Errno::INVAL.raw_os_error());
        assert_eq!(list_links("rt").unwrap(), ["rt0"]);
        let visit = || inside(netns().as_fd(), || panic!("inside"));
        std::panic::catch_unwind(visit).unwrap_err();
        assert_eq!(list_links("rt").unwrap(), ["rt0"]);
    });
}
