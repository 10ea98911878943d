//! macvlan and ipvlan, and what they hang on. Kernels without a driver are asked for the error alone.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

use super::support::{listen, netns, on_a_host, talk};
use crate::netns::inside;
use crate::wire::Batch;
use crate::*;

/// An interface "wire" of the host, whose other end is in the namespace that is given back.
fn host_with_wire() -> OwnedFd {
    let other = netns();
    let mut batch = Batch::default();
    let inner = kinds::Inner {
        name: "wire",
        mac: None,
        mtu: Some(1400),
        netns: other.as_fd(),
    };
    kinds::create_veth(&mut batch, "wire", 0, &inner);
    Netlink::route().unwrap().run(batch).unwrap();
    up();
    inside(other.as_fd(), up).unwrap();
    other
}

fn up() {
    let socket = Netlink::route().unwrap();
    let index = query::find_link(&socket, "wire").unwrap().unwrap().index;
    let mut batch = Batch::default();
    link::set_up(&mut batch, index, None);
    socket.run(batch).unwrap();
}

fn hanging(link: LinkPlan, number: u8) -> EndpointPlan {
    EndpointPlan {
        link,
        interface: "eth0".into(),
        addresses: vec![format!("10.77.0.{number}/24")],
        gateways: vec!["10.77.0.1".into()],
        mac: String::new(),
        ipv6: false,
        sysctls: BTreeMap::new(),
    }
}

fn macvlan(mode: MacvlanMode, number: u8) -> EndpointPlan {
    let (parent, mtu) = ("wire".into(), 0);
    hanging(LinkPlan::Macvlan { parent, mode, mtu }, number)
}

fn links_of(netns: &OwnedFd) -> Vec<(String, String, u32)> {
    inside(netns.as_fd(), || {
        let links = query::all_links(&Netlink::route().unwrap()).unwrap();
        let others = links.into_iter().filter(|link| link.index != 1);
        others
            .map(|link| (link.name, link.kind, link.mtu))
            .collect()
    })
    .unwrap()
}

#[test]
fn macvlans_of_a_parent_reach_each_other_and_go_one_by_one() {
    on_a_host(|| {
        let _other = host_with_wire();
        let (two, three) = (netns(), netns());
        let mut plan = macvlan(MacvlanMode::Bridge, 2);
        plan.mac = "02:00:00:00:00:77".into();
        attach(std::slice::from_ref(&plan), two.as_fd()).unwrap();
        attach(&[macvlan(MacvlanMode::Bridge, 3)], three.as_fd()).unwrap();
        assert_eq!(links_of(&two), [("eth0".into(), "macvlan".into(), 1400)]);
        assert!(list_links("eth").unwrap().is_empty());
        talk(Some(&two), &listen(Some(&three), "10.77.0.3")).unwrap();
        detach(&plan, two.as_fd()).unwrap();
        detach(&plan, two.as_fd()).unwrap();
        assert!(links_of(&two).is_empty());
        assert_eq!(links_of(&three).len(), 1);
    });
}

#[test]
fn private_macvlans_do_not_reach_each_other() {
    on_a_host(|| {
        let _other = host_with_wire();
        let (two, three) = (netns(), netns());
        attach(&[macvlan(MacvlanMode::Private, 2)], two.as_fd()).unwrap();
        attach(&[macvlan(MacvlanMode::Private, 3)], three.as_fd()).unwrap();
        talk(Some(&two), &listen(Some(&three), "10.77.0.3")).unwrap_err();
    });
}

#[test]
fn an_interface_is_found_again_under_another_name_and_a_stranger_of_its_name_stays() {
    on_a_host(|| {
        let _other = host_with_wire();
        let container = netns();
        let plan = macvlan(MacvlanMode::Bridge, 2);
        attach(std::slice::from_ref(&plan), container.as_fd()).unwrap();
        inside(container.as_fd(), || {
            let socket = Netlink::route().unwrap();
            let mut batch = Batch::default();
            let index = query::find_link(&socket, "eth0").unwrap().unwrap().index;
            batch.message("rename", 16, 0, &link::ifinfo(index, false), |m| {
                m.text(link::IFLA_IFNAME, "mine");
            });
            kinds::create_bridge(&mut batch, "eth0", [2, 0, 0, 0, 0, 1], false);
            socket.run(batch).unwrap();
        })
        .unwrap();
        detach(&plan, container.as_fd()).unwrap();
        assert_eq!(
            links_of(&container),
            [("eth0".into(), "bridge".into(), 1500)]
        );
    });
}

#[test]
fn a_parent_that_is_not_there_is_named() {
    on_a_host(|| {
        let error = attach(&[macvlan(MacvlanMode::Bridge, 2)], netns().as_fd()).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "use parent interface \"wire\": the host has no such interface"
        );
    });
}

#[test]
fn a_parent_that_is_taken_is_named() {
    on_a_host(|| {
        let _other = host_with_wire();
        attach(&[macvlan(MacvlanMode::Passthru, 2)], netns().as_fd()).unwrap();
        let error = attach(&[macvlan(MacvlanMode::Bridge, 3)], netns().as_fd()).unwrap_err();
        let words = error.to_string();
        assert!(words.starts_with("create macvlan on \"wire\": "), "{words}");
    });
}

#[test]
fn a_name_that_is_taken_in_the_container_is_told() {
    on_a_host(|| {
        let _other = host_with_wire();
        let twice = [2, 3].map(|number| macvlan(MacvlanMode::Bridge, number));
        let container = netns();
        let error = attach(&twice, container.as_fd()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "create macvlan on \"wire\": the container has an interface \"eth0\" already"
        );
        assert!(links_of(&container).is_empty());
    });
}

#[test]
fn a_failure_halfway_leaves_no_interface_in_the_container() {
    on_a_host(|| {
        let _other = host_with_wire();
        let container = netns();
        let mut plan = macvlan(MacvlanMode::Bridge, 2);
        plan.gateways = vec!["192.0.2.1".into()];
        attach(&[plan], container.as_fd()).unwrap_err();
        assert!(links_of(&container).is_empty());
    });
}

#[test]
fn ipvlans_of_a_parent_reach_each_other_where_the_kernel_has_them() {
    on_a_host(|| {
        let _other = host_with_wire();
        for (mode, gateway) in [(IpvlanMode::L2, "10.77.0.1"), (IpvlanMode::L3, "0.0.0.0")] {
            let plan = |number| {
                let (parent, flag, mtu) = ("wire".into(), IpvlanFlag::Bridge, 0);
                let link = LinkPlan::Ipvlan {
                    parent,
                    mode,
                    flag,
                    mtu,
                };
                let gateways = vec![gateway.into()];
                EndpointPlan {
                    gateways,
                    ..hanging(link, number)
                }
            };
            let (two, three) = (netns(), netns());
            match attach(&[plan(2)], two.as_fd()) {
                Err(error) if error.kind == NetErrorKind::Unsupported => {
                    assert!(
                        error
                            .to_string()
                            .ends_with("the kernel module \"ipvlan\" is missing")
                    );
                    return;
                }
                other => other.unwrap(),
            }
            attach(&[plan(3)], three.as_fd()).unwrap();
            talk(Some(&two), &listen(Some(&three), "10.77.0.3")).unwrap();
            detach(&plan(2), two.as_fd()).unwrap();
            assert!(links_of(&two).is_empty());
        }
    });
}

#[test]
fn a_parent_of_ours_is_made_and_removed_and_one_of_the_hosts_stays() {
    on_a_host(|| {
        let _other = host_with_wire();
        ensure_parent("wire", false).unwrap();
        remove_parent("wire").unwrap();
        remove_parent("absent").unwrap();
        assert_eq!(list_links("wire").unwrap(), ["wire"]);
        let error = ensure_parent("lo", false).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::Invalid);
        let error = ensure_parent("other.7", false).unwrap_err();
        assert_eq!(error.kind, NetErrorKind::NotFound);
        for (name, internal, module) in [("wire.7", false, "8021q"), ("dm-0123", true, "dummy")] {
            match ensure_parent(name, internal) {
                Err(error) if error.kind == NetErrorKind::Unsupported => {
                    assert!(error.to_string().contains(module), "{error}");
                }
                other => {
                    other.unwrap();
                    ensure_parent(name, internal).unwrap();
                    assert_eq!(list_links(name).unwrap(), [name]);
                    remove_parent(name).unwrap();
                }
            }
            assert!(list_links(name).unwrap().is_empty());
        }
    });
}

#[test]
fn an_interface_without_our_mark_is_nobodys_to_remove() {
    on_a_host(|| {
        let mut batch = Batch::default();
        kinds::create_bridge(&mut batch, "rt9", [2, 0, 0, 0, 0, 1], false);
        Netlink::route().unwrap().run(batch).unwrap();
        let plan = BridgePlan {
            name: "rt9".into(),
            ..super::support::bridge_plan()
        };
        ensure_bridge(&plan).unwrap();
        remove_bridge("rt9").unwrap();
        assert_eq!(list_links("rt").unwrap(), ["rt9"]);
    });
}
