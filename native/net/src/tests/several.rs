//! Several interfaces, both families, and interfaces that come and go while a container runs.

use std::os::fd::{AsFd, OwnedFd};

use super::support::{bridge_plan, dual_bridge, dual_endpoint, endpoint_plan, listen, netns};
use super::support::{on_a_host, second_endpoint, talk};
use crate::netns::inside;
use crate::*;

fn in_of<T>(netns: &OwnedFd, work: impl FnOnce() -> T) -> T {
    inside(netns.as_fd(), work).unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

/// Name of the interface behind each default route, IPv4 first.
fn ways_out(netns: &OwnedFd) -> Vec<String> {
    in_of(netns, || {
        let socket = Netlink::route().unwrap();
        let links = query::all_links(&socket).unwrap();
        let routes = query::all_routes(&socket).unwrap();
        let defaults = routes.iter().filter(|(_, route)| route.prefix == 0);
        let name = |index: u32| {
            links
                .iter()
                .find(|l| l.index == index)
                .unwrap()
                .name
                .clone()
        };
        defaults.map(|(index, _)| name(*index)).collect()
    })
}

/// Two containers and their gateway, by both families. A lost packet would be repeated after a second,
/// which is longer than `talk` waits.
fn meet(one: &OwnedFd, other: &OwnedFd, numbers: (u8, u8)) {
    for network in ["fd00:30::", "172.30.0."] {
        let at = |number: u8| match network {
            "fd00:30::" => format!("{network}{number:x}"),
            _ => format!("{network}{number}"),
        };
        talk(Some(one), &listen(None, &at(1))).unwrap();
        let source = talk(Some(one), &listen(Some(other), &at(numbers.1))).unwrap();
        assert_eq!(source.ip().to_string(), at(numbers.0));
    }
}

#[test]
fn the_first_packets_of_fresh_endpoints_arrive() {
    on_a_host(|| {
        ensure_bridge(&dual_bridge()).unwrap();
        for number in (2..82).step_by(2) {
            let (one, other) = (netns(), netns());
            attach(&[dual_endpoint(number)], one.as_fd()).unwrap();
            attach(&[dual_endpoint(number + 1)], other.as_fd()).unwrap();
            meet(&one, &other, (number, number + 1));
        }
    });
}

#[test]
fn both_families_serve_at_once_and_the_gateways_answer() {
    on_a_host(|| {
        ensure_bridge(&dual_bridge()).unwrap();
        let (two, three) = (netns(), netns());
        attach(&[dual_endpoint(2)], two.as_fd()).unwrap();
        attach(&[dual_endpoint(3)], three.as_fd()).unwrap();
        meet(&two, &three, (2, 3));
        assert_eq!(ways_out(&two), ["eth0", "eth0"]);
        let routes = in_of(&two, list_routes).unwrap();
        assert_eq!(routes, ["172.30.0.0/16", "fd00:30::/64"]);
        let bridge = read("/proc/thread-self/net/if_inet6");
        assert!(
            bridge.contains("fe800000000000000000000000000001"),
            "{bridge}"
        );
        assert_eq!(read("/proc/sys/net/ipv6/conf/rt0/accept_ra"), "0");
        in_of(&two, || {
            // No address is tentative (flag 0x40).
            let addresses = read("/proc/thread-self/net/if_inet6");
            let tentative = |line: &str| {
                let flags = line.split_whitespace().nth(4).unwrap();
                u8::from_str_radix(flags, 16).unwrap() & 0x40 != 0
            };
            assert!(!addresses.lines().any(tentative), "{addresses}");
        });
    });
}

#[test]
fn the_host_listens_to_its_routers_as_before_when_it_begins_to_forward() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let forwarding = "/proc/sys/net/ipv6/conf/all/forwarding";
        assert_eq!(read(forwarding), "0");
        let other = netns();
        let mut batch = wire::Batch::default();
        let inner = kinds::Inner {
            name: "wire",
            mac: None,
            mtu: None,
            netns: other.as_fd(),
        };
        kinds::create_veth(&mut batch, "wire", 0, &inner);
        Netlink::route().unwrap().run(batch).unwrap();
        assert_eq!(read("/proc/sys/net/ipv6/conf/wire/accept_ra"), "1");
        ensure_bridge(&dual_bridge()).unwrap();
        assert_eq!(read(forwarding), "1");
        assert_eq!(read("/proc/sys/net/ipv6/conf/wire/accept_ra"), "2");
        // Also by the end of a daemon that knows of it by the table alone.
        rules::forget();
        rules::reset_rules(&[bridge_plan(), dual_bridge()], &[]).unwrap();
        assert_eq!(read("/proc/sys/net/ipv6/conf/wire/accept_ra"), "2");
        for plan in [bridge_plan(), dual_bridge()] {
            remove_bridge(&plan.name).unwrap();
        }
        assert_eq!(read(forwarding), "0");
        assert_eq!(read("/proc/sys/net/ipv6/conf/wire/accept_ra"), "1");
    });
}

#[test]
fn a_start_wires_several_networks_and_one_of_them_is_the_way_out() {
    on_a_host(|| {
        ensure_bridge(&dual_bridge()).unwrap();
        ensure_bridge(&super::support::second_bridge()).unwrap();
        let container = netns();
        let plans = [
            second_endpoint(2, "eth0"),
            EndpointPlan {
                interface: "eth1".into(),
                ..dual_endpoint(2)
            },
        ];
        attach(&plans, container.as_fd()).unwrap();
        assert_eq!(ways_out(&container), ["eth1", "eth1"]);
        let settings = in_of(&container, || {
            ["eth0", "eth1"]
                .map(|name| read(&format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6")))
        });
        assert_eq!(settings, ["1", "0"]);
        talk(Some(&container), &listen(None, "172.31.0.1")).unwrap();
        talk(Some(&container), &listen(None, "172.30.0.1")).unwrap();
    });
}

#[test]
fn a_start_that_fails_at_its_last_network_leaves_none() {
    on_a_host(|| {
        ensure_bridge(&dual_bridge()).unwrap();
        ensure_bridge(&super::support::second_bridge()).unwrap();
        let (first, second) = (netns(), netns());
        attach(&[second_endpoint(9, "eth0")], first.as_fd()).unwrap();
        // The host's end of the second one is taken by the other container, which keeps it.
        let plans = [dual_endpoint(2), second_endpoint(9, "eth1")];
        let error = attach(&plans, second.as_fd()).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Conflict);
        assert_eq!(
            error.to_string(),
            "create veth pair \"rtw9\": an interface of that name, or \"eth1\" in the container, \
             exists already"
        );
        assert_eq!(list_links("rt").unwrap(), ["rt0", "rt1", "rtw9"]);
        talk(Some(&first), &listen(None, "172.31.0.1")).unwrap();

        let mut broken = second_endpoint(8, "eth1");
        broken.gateways = vec!["10.9.9.9".into()];
        let error = attach(&[dual_endpoint(2), broken], second.as_fd()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "set default route \"rtw8\": network is unreachable: Nexthop has invalid gateway"
        );
        assert_eq!(list_links("rt").unwrap(), ["rt0", "rt1", "rtw9"]);
    });
}

#[test]
fn networks_come_and_go_while_a_container_runs_and_the_way_out_moves() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        ensure_bridge(&super::support::second_bridge()).unwrap();
        let container = netns();
        let first = endpoint_plan(2);
        attach(std::slice::from_ref(&first), container.as_fd()).unwrap();
        let mut second = second_endpoint(2, "eth1");
        attach(std::slice::from_ref(&second), container.as_fd()).unwrap();
        assert_eq!(ways_out(&container), ["eth0"]);
        second.gateways = vec!["172.31.0.1".into()];
        set_gateways(&second, container.as_fd()).unwrap();
        assert_eq!(ways_out(&container), ["eth1"]);
        set_gateways(&first, container.as_fd()).unwrap();
        assert_eq!(ways_out(&container), ["eth0"]);

        detach(&first, container.as_fd()).unwrap();
        detach(&first, container.as_fd()).unwrap();
        assert!(ways_out(&container).is_empty());
        assert_eq!(list_links("rt").unwrap(), ["rt0", "rt1", "rtw2"]);
        // A higher priority: the new one is the way out as soon as it is there.
        set_gateways(&second, container.as_fd()).unwrap();
        attach(std::slice::from_ref(&first), container.as_fd()).unwrap();
        assert_eq!(ways_out(&container), ["eth0"]);
        talk(Some(&container), &listen(None, "172.30.0.1")).unwrap();
    });
}

#[test]
fn a_name_that_the_container_has_taken_is_a_conflict_and_what_it_has_stays() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        ensure_bridge(&super::support::second_bridge()).unwrap();
        let container = netns();
        attach(&[endpoint_plan(2)], container.as_fd()).unwrap();
        let error = attach(&[second_endpoint(2, "eth0")], container.as_fd()).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Conflict);
        assert_eq!(list_links("rt").unwrap(), ["rt0", "rt1", "rtv2"]);
        talk(Some(&container), &listen(None, "172.30.0.1")).unwrap();
    });
}

#[test]
fn sysctls_are_set_in_the_container_alone() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let container = netns();
        let name = "net.ipv4.conf.eth0.log_martians".to_owned();
        let plan = |value: &str| EndpointPlan {
            sysctls: [(name.clone(), value.to_owned())].into(),
            ..endpoint_plan(2)
        };
        let error = attach(&[plan("no number")], container.as_fd()).unwrap_err();
        assert_eq!(error.op, "write setting");
        assert_eq!(list_links("rtv").unwrap(), [] as [&str; 0]);
        attach(&[plan("1")], container.as_fd()).unwrap();
        let value = in_of(&container, || {
            read("/proc/sys/net/ipv4/conf/eth0/log_martians")
        });
        assert_eq!(value, "1");
        assert_eq!(read("/proc/sys/net/ipv4/conf/all/log_martians"), "0");
    });
}

/// A container that its neighbours are not to reach.
fn isolated(number: u8) -> OwnedFd {
    let mut plan = endpoint_plan(number);
    if let LinkPlan::Bridge { isolated, .. } = &mut plan.link {
        *isolated = true;
    }
    let container = netns();
    attach(&[plan], container.as_fd()).unwrap();
    container
}

#[test]
fn without_icc_containers_reach_the_gateway_and_not_each_other() {
    // With what hands bridged frames to the rules, and without.
    for filtered in ["0", "1"] {
        on_a_host(|| {
            let switch = "/proc/sys/net/bridge/bridge-nf-call-iptables";
            if std::fs::write(switch, filtered).is_err() && filtered == "1" {
                return;
            }
            let mut bridge = bridge_plan();
            bridge.rules.icc = false;
            ensure_bridge(&bridge).unwrap();
            let (two, three) = (isolated(2), isolated(3));
            talk(Some(&two), &listen(None, "172.30.0.1")).unwrap();
            let server = listen(Some(&three), "172.30.0.3");
            talk(None, &server).unwrap();
            talk(Some(&two), &server).unwrap_err();
        });
    }
}

/// Packets this small leave no room for IPv6, and its settings are refused.
#[test]
fn without_icc_containers_stay_apart_on_a_bridge_that_is_made_again() {
    on_a_host(|| {
        let _absent = std::fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
        let mut bridge = bridge_plan();
        bridge.rules.icc = false;
        bridge.mtu = 1200;
        ensure_bridge(&bridge).unwrap();
        let (two, three) = (isolated(2), isolated(3));
        crate::bridge::remove_link(&Netlink::route().unwrap(), "rt0").unwrap();
        bridge.wires = ["rtv2", "rtv3", "gone"].map(str::to_owned).into();
        ensure_bridge(&bridge).unwrap();
        let server = listen(Some(&three), "172.30.0.3");
        // The kernel sees within a second that the bridge has a carrier again.
        assert!((0..10).any(|_| talk(None, &server).is_ok()));
        talk(Some(&two), &listen(None, "172.30.0.1")).unwrap();
        talk(Some(&two), &server).unwrap_err();
    });
}

/// Whatever becomes of the switch, also between those who came at different times.
#[test]
fn without_icc_containers_stay_apart_when_bridges_hand_frames_over_no_more() {
    let switch = |value: &str| {
        let all = ["iptables", "ip6tables"].map(|each| {
            std::fs::write(format!("/proc/sys/net/bridge/bridge-nf-call-{each}"), value)
        });
        all.iter().all(Result::is_ok)
    };
    for is_ours in [true, false] {
        on_a_host(|| {
            if !switch("0") {
                return;
            }
            let mut bridge = bridge_plan();
            bridge.rules.icc = false;
            if !is_ours {
                let mut batch = wire::Batch::default();
                kinds::create_bridge(&mut batch, &bridge.name, [2, 0, 0, 0, 0, 1], false);
                Netlink::route().unwrap().run(batch).unwrap();
            }
            ensure_bridge(&bridge).unwrap();
            let early = isolated(2);
            switch("1");
            let (late, later) = (isolated(3), isolated(4));
            let server = listen(Some(&later), "172.30.0.4");
            talk(Some(&early), &server).unwrap_err();
            switch("0");
            let last = isolated(5);
            for other in [&early, &late, &last] {
                talk(Some(other), &server).unwrap_err();
            }
            talk(None, &server).unwrap();
        });
    }
}

/// The kernel's own bound (`BR_MAX_PORTS`).
#[test]
fn a_bridge_that_is_full_says_so_and_nothing_of_the_last_container_stays() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let crowd = netns();
        let plan = |number: u32| EndpointPlan {
            link: LinkPlan::Bridge {
                bridge: "rt0".into(),
                host_interface: format!("rtv{number}"),
                isolated: false,
            },
            interface: format!("eth{number}"),
            addresses: Vec::new(),
            gateways: Vec::new(),
            mac: String::new(),
            ..endpoint_plan(2)
        };
        let plans: Vec<_> = (0..1023).map(plan).collect();
        for plans in plans.chunks(64) {
            attach(plans, crowd.as_fd()).unwrap();
        }
        let error = attach(&[plan(1023)], crowd.as_fd()).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Full);
        assert!(
            error
                .to_string()
                .ends_with("a bridge holds 1023 containers"),
            "{error}"
        );
        assert_eq!(list_links("rtv").unwrap().len(), 1023);
        detach(&plan(7), crowd.as_fd()).unwrap();
        attach(&[plan(1023)], crowd.as_fd()).unwrap();
    });
}
