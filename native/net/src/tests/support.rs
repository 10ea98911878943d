//! Namespaces for tests, and traffic between them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;

use crate::link;
use crate::netns::inside;
use crate::nft::Transaction;
use crate::socket::Netlink;
use crate::sys::unshare_network;
use crate::wire::Batch;
use crate::{BridgePlan, EndpointPlan, Families, LinkPlan, NetworkRules, SourceAddress};

pub(super) const TABLE: &str = "rt-networks";

/// Runs a test in a fresh namespace that plays the host. Without root it is skipped with a word,
/// or fails where `RT_MUST_RUN=1`.
pub(crate) fn on_a_host(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let host = scope.spawn(|| match unshare_network() {
            Ok(()) => {
                set_loopback_up();
                test();
            }
            Err(Errno::PERM) if std::env::var_os("RT_MUST_RUN").is_none_or(|v| v != "1") => {
                eprintln!("skipped: network namespaces need root");
            }
            Err(errno) => panic!("cannot make a network namespace: {errno}"),
        });
        if let Err(panic) = host.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A namespace that plays a container or another host; it goes with its descriptor.
pub(super) fn netns() -> OwnedFd {
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            unshare_network().unwrap();
            OwnedFd::from(File::open("/proc/thread-self/ns/net").unwrap())
        });
        made.join().unwrap()
    })
}

pub(super) fn set_loopback_up() {
    let mut batch = Batch::default();
    link::set_up(&mut batch, 1, None);
    Netlink::route().unwrap().run(batch).unwrap();
}

pub(super) fn bridge_plan() -> BridgePlan {
    BridgePlan {
        name: "rt0".into(),
        addresses: vec!["172.30.0.1/16".into()],
        subnets: vec!["172.30.0.0/16".into()],
        mtu: 1400,
        rules: NetworkRules {
            masquerade: true,
            source_address: SourceAddress::default(),
            routed: Families::default(),
            internal: false,
            icc: true,
        },
        wires: Vec::new(),
    }
}

/// The container with the address 172.30.0.`number`.
pub(super) fn endpoint_plan(number: u8) -> EndpointPlan {
    EndpointPlan {
        link: LinkPlan::Bridge {
            bridge: "rt0".into(),
            host_interface: format!("rtv{number}"),
            isolated: false,
        },
        interface: "eth0".into(),
        addresses: vec![format!("172.30.0.{number}/16")],
        gateways: vec!["172.30.0.1".into()],
        mac: format!("02:42:ac:1e:00:{number:02x}"),
        ipv6: false,
        sysctls: std::collections::BTreeMap::new(),
    }
}

/// The same bridge with IPv6.
pub(super) fn dual_bridge() -> BridgePlan {
    BridgePlan {
        addresses: vec!["172.30.0.1/16".into(), "fd00:30::1/64".into()],
        subnets: vec!["172.30.0.0/16".into(), "fd00:30::/64".into()],
        ..bridge_plan()
    }
}

pub(super) fn dual_endpoint(number: u8) -> EndpointPlan {
    let mut plan = endpoint_plan(number);
    plan.addresses.push(format!("fd00:30::{number:x}/64"));
    plan.gateways.push("fd00:30::1".into());
    plan.ipv6 = true;
    plan
}

/// Another network, of IPv4 alone.
pub(super) fn second_bridge() -> BridgePlan {
    BridgePlan {
        name: "rt1".into(),
        addresses: vec!["172.31.0.1/16".into()],
        subnets: vec!["172.31.0.0/16".into()],
        ..bridge_plan()
    }
}

/// A place there that is not the way out.
pub(super) fn second_endpoint(number: u8, interface: &str) -> EndpointPlan {
    EndpointPlan {
        link: LinkPlan::Bridge {
            bridge: "rt1".into(),
            host_interface: format!("rtw{number}"),
            isolated: false,
        },
        interface: interface.into(),
        addresses: vec![format!("172.31.0.{number}/16")],
        gateways: Vec::new(),
        mac: format!("02:42:ac:1f:00:{number:02x}"),
        ..endpoint_plan(number)
    }
}

/// A listener in the namespace `of`, or in the thread's own.
pub(super) fn listen(of: Option<&OwnedFd>, address: &str) -> TcpListener {
    let bind = || TcpListener::bind((address, 80)).unwrap();
    of.map_or_else(bind, |netns| inside(netns.as_fd(), bind).unwrap())
}

/// Connects from the namespace `of` and passes a word; gives back the source that was seen.
pub(super) fn talk(of: Option<&OwnedFd>, listener: &TcpListener) -> std::io::Result<SocketAddr> {
    let target = listener.local_addr()?;
    let connect = || TcpStream::connect_timeout(&target, Duration::from_millis(900));
    let stream = of.map_or_else(connect, |netns| inside(netns.as_fd(), connect)?);
    stream?.write_all(b"word")?;
    let (mut accepted, source) = listener.accept()?;
    let mut heard = String::new();
    accepted.read_to_string(&mut heard)?;
    assert_eq!(heard, "word");
    Ok(source)
}

/// What a stranger's `nft delete table inet NAME` does.
pub(super) fn delete_table(table: &str) {
    let mut change = Transaction::new(table);
    change.delete_table();
    Netlink::netfilter().unwrap().run(change.finish()).unwrap();
}
