use std::os::fd::AsFd;

use super::support::{TABLE, bridge_plan, delete_table, dual_bridge, dual_endpoint};
use super::support::{listen, netns, on_a_host, talk};
use crate::nft::tests::{count_rules, table_exists};
use crate::*;

#[test]
fn ensure_bridge_can_be_repeated_and_mends_what_it_finds() {
    on_a_host(|| {
        let plan = bridge_plan();
        ensure_bridge(&plan).unwrap();
        let socket = Netlink::route().unwrap();
        let made = query::find_link(&socket, "rt0").unwrap().unwrap();
        assert_eq!((made.mtu, made.kind.as_str()), (1400, "bridge"));
        assert_eq!(list_routes().unwrap(), ["172.30.0.0/16"]);
        let forward = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward");
        assert_eq!(forward.unwrap().trim(), "1");
        let rules = count_rules(TABLE);

        delete_table(TABLE);
        assert_eq!(count_rules(TABLE), 0);
        ensure_bridge(&plan).unwrap();
        ensure_bridge(&plan).unwrap();
        assert_eq!(count_rules(TABLE), rules);
        let again = query::find_link(&socket, "rt0").unwrap().unwrap();
        assert_eq!(again.index, made.index);
    });
}

#[test]
fn remove_bridge_takes_its_rules_along_and_the_table_with_the_last() {
    on_a_host(|| {
        let first = bridge_plan();
        let second = BridgePlan {
            name: "rt1".into(),
            addresses: vec!["172.31.0.1/16".into()],
            subnets: vec!["172.31.0.0/16".into()],
            ..bridge_plan()
        };
        ensure_bridge(&first).unwrap();
        ensure_bridge(&second).unwrap();
        let rules = count_rules(TABLE);
        assert_eq!(list_links("rt").unwrap(), ["rt0", "rt1"]);
        remove_bridge("rt0").unwrap();
        assert_eq!(count_rules(TABLE), rules);
        remove_bridge("rt1").unwrap();
        remove_bridge("rt1").unwrap();
        assert!(list_links("rt").unwrap().is_empty());
        assert!(!table_exists(TABLE));
    });
}

#[test]
fn ensure_bridge_refuses_a_subnet_that_a_route_claims() {
    on_a_host(|| {
        ensure_bridge(&bridge_plan()).unwrap();
        let second = BridgePlan {
            name: "rt1".into(),
            addresses: vec!["172.30.9.1/24".into()],
            ..bridge_plan()
        };
        let error = ensure_bridge(&second).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Overlap);
        assert_eq!(
            error.to_string(),
            "set address \"rt1\": 172.30.9.1/24 overlaps the route 172.30.0.0/16 of this host"
        );
        assert_eq!(list_links("rt").unwrap(), ["rt0"]);
    });
}

#[test]
fn ensure_bridge_leaves_an_interface_of_another_kind_alone() {
    on_a_host(|| {
        let plan = BridgePlan {
            name: "lo".into(),
            ..bridge_plan()
        };
        let error = ensure_bridge(&plan).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Conflict);
        assert_eq!(
            error.to_string(),
            "use bridge \"lo\": an interface of that name exists and is no bridge"
        );
        assert!(remove_bridge("lo").is_err());
    });
}

#[test]
fn ensure_bridge_passes_on_the_kernels_reason_and_leaves_no_bridge() {
    on_a_host(|| {
        let plan = BridgePlan {
            mtu: 70_000,
            ..bridge_plan()
        };
        let error = ensure_bridge(&plan).unwrap_err();
        assert_eq!(
            error.to_string(),
            "bring interface up \"rt0\": invalid argument: mtu greater than device maximum"
        );
        assert!(list_links("rt").unwrap().is_empty());
    });
}

#[test]
fn ensure_bridge_adds_the_address_that_a_found_bridge_lacks() {
    on_a_host(|| {
        let plan = bridge_plan();
        ensure_bridge(&plan).unwrap();
        let moved = BridgePlan {
            addresses: vec!["172.31.0.1/16".into()],
            mtu: 1500,
            ..plan
        };
        ensure_bridge(&moved).unwrap();
        assert_eq!(list_routes().unwrap(), ["172.30.0.0/16", "172.31.0.0/16"]);
    });
}

/// Gateway mode "isolated": not even a link-local address leads to the host, and containers reach each other.
#[test]
fn the_host_has_no_address_in_a_network_that_keeps_it_out() {
    on_a_host(|| {
        let mut isolated = BridgePlan {
            addresses: vec![],
            ..dual_bridge()
        };
        isolated.rules.internal = true;
        ensure_bridge(&isolated).unwrap();
        let containers = [netns(), netns()];
        for (container, number) in containers.iter().zip(2..) {
            let plan = EndpointPlan {
                gateways: vec![],
                ..dual_endpoint(number)
            };
            attach(&[plan], container.as_fd()).unwrap();
        }
        for address in ["172.30.0.3", "fd00:30::3"] {
            talk(Some(&containers[0]), &listen(Some(&containers[1]), address)).unwrap();
        }
        let host = Netlink::route().unwrap();
        let bridge = query::find_link(&host, "rt0").unwrap().unwrap();
        let present = query::all_addresses(&host).unwrap();
        assert!(present.iter().all(|(index, _)| *index != bridge.index));
    });
}

#[test]
fn a_namespace_of_its_own_has_no_routes() {
    on_a_host(|| {
        let other = netns();
        let routes = netns::inside(other.as_fd(), list_routes);
        assert!(routes.unwrap().unwrap().is_empty());
    });
}
