use std::os::fd::{AsFd, OwnedFd};

use super::support::{
    TABLE, bridge_plan, delete_table, endpoint_plan, listen, netns, on_a_host, talk,
};
use crate::netns::inside;
use crate::wire::Batch;
use crate::*;

/// Another host, 192.0.2.2, on a wire to the thread's namespace, 192.0.2.1. It knows a way to the
/// containers, so that only rules can keep it from them.
fn outside() -> OwnedFd {
    let other = netns();
    let socket = Netlink::route().unwrap();
    let mut batch = Batch::default();
    let inner = kinds::Inner {
        name: "wire",
        mac: None,
        mtu: Some(1500),
        netns: other.as_fd(),
    };
    kinds::create_veth(&mut batch, "wire", 0, &inner);
    socket.run(batch).unwrap();
    set_address(&socket, "192.0.2.1/24");
    let remote = inside(other.as_fd(), || Netlink::route().unwrap()).unwrap();
    set_address(&remote, "192.0.2.2/24");
    sys::settle(socket.fd(), "wire");
    other
}

fn set_address(socket: &Netlink, cidr: &str) {
    let index = query::find_link(socket, "wire").unwrap().unwrap().index;
    let mut batch = Batch::default();
    link::set_up(&mut batch, index, None);
    route::add_address(&mut batch, index, address::Cidr::parse(cidr).unwrap());
    if cidr.contains(".2/") {
        route::set_default_route(&mut batch, index, [192, 0, 2, 1].into());
    }
    socket.run(batch).unwrap();
}

fn host_with_container(masquerade: bool) -> (OwnedFd, OwnedFd) {
    let plan = BridgePlan {
        rules: NetworkRules {
            masquerade,
            ..bridge_plan().rules
        },
        ..bridge_plan()
    };
    let other = outside();
    ensure_bridge(&plan).unwrap();
    let container = netns();
    attach(&[endpoint_plan(2)], container.as_fd()).unwrap();
    (other, container)
}

#[test]
fn the_outside_sees_the_hosts_address_also_after_the_table_was_flushed() {
    on_a_host(|| {
        let (other, container) = host_with_container(true);
        let server = listen(Some(&other), "192.0.2.2");
        let seen = || talk(Some(&container), &server).unwrap().ip().to_string();
        assert_eq!(seen(), "192.0.2.1");
        delete_table(TABLE);
        assert_eq!(seen(), "172.30.0.2");
        ensure_bridge(&bridge_plan()).unwrap();
        assert_eq!(seen(), "192.0.2.1");
    });
}

#[test]
fn without_masquerade_the_outside_sees_the_container() {
    on_a_host(|| {
        let (other, container) = host_with_container(false);
        let server = listen(Some(&other), "192.0.2.2");
        let source = talk(Some(&container), &server).unwrap();
        assert_eq!(source.ip().to_string(), "172.30.0.2");
    });
}

#[test]
fn neither_other_hosts_nor_other_networks_reach_a_container() {
    on_a_host(|| {
        let (other, container) = host_with_container(true);
        let second = BridgePlan {
            name: "rt1".into(),
            addresses: vec!["172.31.0.1/16".into()],
            subnets: vec!["172.31.0.0/16".into()],
            ..bridge_plan()
        };
        ensure_bridge(&second).unwrap();
        let neighbour = netns();
        let plan = EndpointPlan {
            link: LinkPlan::Bridge {
                bridge: "rt1".into(),
                host_interface: "rtv9".into(),
                isolated: false,
            },
            addresses: vec!["172.31.0.2/16".into()],
            gateways: vec!["172.31.0.1".into()],
            ..endpoint_plan(9)
        };
        attach(&[plan], neighbour.as_fd()).unwrap();
        let server = listen(Some(&container), "172.30.0.2");
        assert!(talk(Some(&other), &server).is_err());
        assert!(talk(Some(&neighbour), &server).is_err());
        talk(None, &server).unwrap();
        delete_table(TABLE);
        talk(Some(&other), &server).unwrap();
    });
}
