use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::time::Duration;

use super::table::Table;
use super::*;
use crate::tests::support::on_a_host;
use crate::tests::{lab, restore};

fn plan(protocol: Protocol, host_ports: (u16, u16), container_port: u16) -> PortPlan {
    let at = vec![PortAddress {
        host_address: Ipv4Addr::UNSPECIFIED.into(),
        container_address: Ipv4Addr::new(172, 17, 0, 2).into(),
    }];
    PortPlan {
        protocol,
        host_ports,
        container_port,
        at,
        direct: false,
    }
}

fn add(plans: &[PortPlan]) -> PortChange {
    PortChange {
        container: "web".into(),
        remove: Vec::new(),
        add: plans.to_vec(),
    }
}

/// A child that another test has forked holds every socket of this process until it executes.
fn expect_free<T>(bind: impl Fn() -> std::io::Result<T>) {
    let bound = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(1));
        bind()
    });
    let free = bound.take(10_000).any(|socket| socket.is_ok());
    assert!(free, "the port stays taken");
}

fn numbers(ports: &[PublishedPort]) -> Vec<u16> {
    ports.iter().map(|port| port.host_port).collect()
}

#[test]
fn a_published_port_is_held_against_every_program_until_it_is_given_back() {
    let mut table = Table::default();
    table
        .change(&add(&[
            plan(Protocol::Tcp, (8101, 8101), 80),
            plan(Protocol::Udp, (8101, 8101), 53),
        ]))
        .unwrap();
    assert!(TcpListener::bind("0.0.0.0:8101").is_err());
    assert!(UdpSocket::bind("0.0.0.0:8101").is_err());
    table.release("web").unwrap();
    expect_free(|| TcpListener::bind("0.0.0.0:8101"));
    expect_free(|| UdpSocket::bind("0.0.0.0:8101"));
}

#[test]
fn a_port_of_another_container_and_one_of_a_foreign_program_are_told_apart() {
    let mut table = Table::default();
    let ours = plan(Protocol::Tcp, (8102, 8102), 80);
    table.change(&add(std::slice::from_ref(&ours))).unwrap();
    let second = PortChange {
        container: "other".into(),
        ..add(&[ours])
    };
    assert_eq!(
        table.change(&second).unwrap_err().to_string(),
        "Bind for 0.0.0.0:8102 failed: port is already allocated"
    );
    let _foreign = TcpListener::bind("0.0.0.0:8103").unwrap();
    let refused = table.change(&add(&[plan(Protocol::Tcp, (8103, 8103), 80)]));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "failed to bind host port for 0.0.0.0:8103:172.17.0.2:80/tcp: address already in use"
    );
}

#[test]
fn an_address_overlaps_every_address_of_its_own_family_alone() {
    let mut table = Table::default();
    let mut all = plan(Protocol::Tcp, (8104, 8104), 80);
    table.change(&add(&[all.clone()])).unwrap();
    let mut some = all.clone();
    some.at[0].host_address = Ipv4Addr::LOCALHOST.into();
    let error = table.change(&add(&[some])).unwrap_err().to_string();
    assert_eq!(
        error,
        "Bind for 127.0.0.1:8104 failed: port is already allocated"
    );
    all.at[0] = PortAddress {
        host_address: "::".parse().unwrap(),
        container_address: "fd00::2".parse().unwrap(),
    };
    let ports = table.change(&add(&[all])).unwrap();
    assert_eq!(ports[1].to_string(), "[::]:8104:[fd00::2]:80/tcp");
}

#[test]
fn a_port_that_is_opened_directly_takes_none_of_the_host() {
    let mut table = Table::default();
    let direct = PortPlan {
        direct: true,
        ..plan(Protocol::Tcp, (0, 0), 8131)
    };
    let ports = table.change(&add(&[direct])).unwrap();
    assert_eq!(numbers(&ports), [0]);
    expect_free(|| TcpListener::bind("0.0.0.0:8131"));
    let mut next = Table::default();
    let published = BTreeMap::from([("web".to_owned(), ports.clone())]);
    assert_eq!(next.adopt(&published), Vec::<String>::new());
    let gone = PortChange {
        remove: ports,
        ..add(&[])
    };
    assert_eq!(next.change(&gone).unwrap(), []);
}

#[test]
fn all_of_a_change_comes_about_or_nothing() {
    let mut table = Table::default();
    let _foreign = TcpListener::bind("0.0.0.0:8106").unwrap();
    let before = table
        .change(&add(&[plan(Protocol::Tcp, (8107, 8107), 80)]))
        .unwrap();
    let change = PortChange {
        remove: before.clone(),
        ..add(&[
            plan(Protocol::Tcp, (8105, 8105), 80),
            plan(Protocol::Tcp, (8106, 8106), 81),
        ])
    };
    table.change(&change).unwrap_err();
    assert_eq!(table.ports("web"), before);
    expect_free(|| TcpListener::bind("0.0.0.0:8105"));
    assert!(TcpListener::bind("0.0.0.0:8107").is_err());
}

#[test]
fn what_a_change_withdraws_can_be_published_anew_by_it() {
    let mut table = Table::default();
    let before = table
        .change(&add(&[plan(Protocol::Tcp, (8108, 8108), 80)]))
        .unwrap();
    let change = PortChange {
        remove: before,
        ..add(&[plan(Protocol::Tcp, (8108, 8108), 81)])
    };
    let after = table.change(&change).unwrap();
    assert_eq!(after[0].container_port, 81);
    assert_eq!(after.len(), 1);
}

#[test]
fn a_range_gives_its_first_free_port_and_leaves_those_that_are_asked_for() {
    let mut table = Table::default();
    let _foreign = TcpListener::bind("0.0.0.0:8111").unwrap();
    let range = plan(Protocol::Tcp, (8110, 8113), 80);
    let exact = plan(Protocol::Tcp, (8110, 8110), 81);
    let ports = table
        .change(&add(&[range.clone(), exact, range.clone()]))
        .unwrap();
    assert_eq!(numbers(&ports), [8112, 8110, 8113]);
    let full = table.change(&add(&[range])).unwrap_err().to_string();
    assert!(full.ends_with("address already in use"), "{full}");
    let own = plan(Protocol::Tcp, (8112, 8113), 80);
    assert_eq!(
        table.change(&add(&[own])).unwrap_err().to_string(),
        "Bind for 0.0.0.0:8112-8113 failed: all ports are allocated"
    );
}

#[test]
fn both_families_get_the_same_number_and_a_chosen_one_is_not_used_again_at_once() {
    let mut table = Table::default();
    let mut both = plan(Protocol::Tcp, (0, 0), 80);
    both.at.push(PortAddress {
        host_address: "::".parse().unwrap(),
        container_address: "fd00::2".parse().unwrap(),
    });
    let first = numbers(&table.change(&add(&[both.clone()])).unwrap());
    assert_eq!(first[0], first[1]);
    table.release("web").unwrap();
    let second = numbers(&table.change(&add(&[both])).unwrap());
    assert!(second[0] > first[0], "{second:?} behind {first:?}");
}

#[test]
fn connections_that_linger_of_a_server_that_ended_do_not_hold_its_port() {
    on_a_host(|| {
        let server = TcpListener::bind("0.0.0.0:8115").unwrap();
        let client = std::net::TcpStream::connect("127.0.0.1:8115").unwrap();
        let (accepted, _) = server.accept().unwrap();
        // Who closes first waits: a TIME_WAIT on the server's port.
        drop(accepted);
        drop(client);
        drop(server);
        let mut table = Table::default();
        table
            .change(&add(&[plan(Protocol::Tcp, (8115, 8115), 80)]))
            .unwrap();
        let taken = TcpListener::bind("0.0.0.0:8115");
        assert!(taken.is_err());
    });
}

#[test]
fn what_somebody_took_meanwhile_is_told_and_stays_published() {
    let mut table = Table::default();
    let _foreign = TcpListener::bind("0.0.0.0:8116").unwrap();
    let port = PublishedPort {
        protocol: Protocol::Tcp,
        host_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        host_port: 8116,
        container_address: Ipv4Addr::new(172, 17, 0, 2).into(),
        container_port: 80,
    };
    let lost = table.adopt(&BTreeMap::from([("web".into(), vec![port])]));
    assert_eq!(
        lost,
        ["failed to bind host port for 0.0.0.0:8116:172.17.0.2:80/tcp: address already in use"]
    );
    assert_eq!(table.ports("web"), [port]);
}

/// While the rules cannot be changed they lead to the container, and nobody else is to get the port.
#[test]
fn a_port_is_held_until_its_rules_are_gone() {
    on_a_host(|| {
        lab::network(30, lab::OPEN);
        let mut table = Table::default();
        let mut web = plan(Protocol::Tcp, (8120, 8120), 80);
        web.at[0].container_address = Ipv4Addr::new(172, 30, 0, 2).into();
        let ports = table.change(&add(std::slice::from_ref(&web))).unwrap();
        let owner = restore::own_table();
        let withdrawal = PortChange {
            remove: ports.clone(),
            ..add(&[])
        };
        table.change(&withdrawal).unwrap_err();
        assert_eq!(table.ports("web"), ports);
        assert!(TcpListener::bind("0.0.0.0:8120").is_err());
        table.release("web").unwrap_err();
        assert_eq!(table.ports("web"), []);
        assert!(TcpListener::bind("0.0.0.0:8120").is_err());
        restore::end(owner);
        assert_eq!(table.change(&add(&[web])).unwrap(), ports);
        table.release("web").unwrap();
        expect_free(|| TcpListener::bind("0.0.0.0:8120"));
    });
}

/// The kernel takes no more than some two thousand in one call.
#[test]
fn thousands_of_flows_go_with_the_port_they_came_by() {
    const KNOWN: &str = "/proc/thread-self/net/nf_conntrack";
    if !std::fs::exists(KNOWN).unwrap() {
        return eprintln!("skipped: this kernel does not list its flows");
    }
    on_a_host(|| {
        lab::network(30, lab::OPEN);
        let mut table = Table::default();
        let mut web = plan(Protocol::Udp, (8121, 8121), 80);
        web.at[0].container_address = Ipv4Addr::new(172, 30, 0, 2).into();
        table.change(&add(&[web])).unwrap();
        for number in 20_000..23_000 {
            let client = UdpSocket::bind(("172.30.0.1", number)).unwrap();
            client.send_to(b"?", "172.30.0.1:8121").unwrap();
        }
        let known = || {
            let all = std::fs::read_to_string(KNOWN).unwrap();
            all.lines()
                .filter(|line| line.contains("dport=8121"))
                .count()
        };
        assert_eq!(known(), 3000);
        table.release("web").unwrap();
        assert_eq!(known(), 0);
    });
}
