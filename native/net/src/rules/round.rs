//! The way round that a packet goes which is to be new once more: a pair of interfaces of this
//! host, wired to each other, that nothing else uses. What leaves by one end comes in by the other
//! with its addresses as they are.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use crate::address::Cidr;
use crate::error::NetError;
use crate::kinds::{Inner, create_veth};
use crate::link::{IFLA_ADDRESS, IFLA_IFNAME, RTM_NEWLINK, ifinfo};
use crate::nft::Family;
use crate::socket::{Failure, Netlink};
use crate::wire::Batch;
use crate::{query, route, switch, sysctl};

/// Both ends have it, so that each takes for its own what the other sends.
const MAC: [u8; 6] = [0x02, 0x72, 0x74, 0, 0, 1];
const MTU: u32 = 65_535;
const IFF_UP: u32 = 1;
const IFF_NOARP: u32 = 1 << 7;
/// Asked for by nobody, since the ends have no neighbours.
const GATEWAY4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
/// RFC 7600's dummy: an interface without an address takes in nothing whose way back is elsewhere.
const ADDRESS4: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);
const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

#[derive(Debug)]
pub(super) struct Round {
    /// Index of the end that copies leave by.
    pub(super) out: u32,
    /// Name of the end that they come back by.
    pub(super) back: String,
    ipv6: bool,
}

impl Round {
    pub(super) fn gateway(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::Ipv4 => Some(GATEWAY4.into()),
            Family::Ipv6 => self.ipv6.then_some(GATEWAY6.into()),
        }
    }
}

/// Names of the two ends, one pair for each table.
fn names(table: &str) -> (String, String) {
    let suffix = table.strip_prefix("rt-networks").unwrap_or(table);
    let suffix: String = suffix.chars().take(9).collect();
    (format!("rtout{suffix}"), format!("rtback{suffix}"))
}

/// Makes the pair, or finds it.
pub(super) fn ensure(table: &str) -> Result<Round, NetError> {
    let (out, back) = names(table);
    let refused = |f: Failure| {
        NetError::kernel(
            f.op,
            &out,
            &f.fault,
            "the kernel module \"veth\" is missing",
        )
    };
    let socket = Netlink::route().map_err(refused)?;
    if query::find_link(&socket, &out).map_err(refused)?.is_none() {
        create(&socket, &out, &back).map_err(refused)?;
    }
    let ipv6 = switch::has_ipv6();
    sysctl::accept_all(&back)?;
    if ipv6 {
        sysctl::enable_ipv6(&out)?;
        sysctl::enable_ipv6(&back)?;
    }
    let index = |name: &str| {
        let link = query::find_link(&socket, name).map_err(refused)?;
        link.map(|link| link.index).ok_or_else(|| gone(name))
    };
    let (out_index, back_index) = (index(&out)?, index(&back)?);
    let mut batch = Batch::default();
    for name in [&out, &back] {
        bring_up(&mut batch, name);
    }
    let address = |address: IpAddr, prefix| Cidr { address, prefix };
    route::add_address(&mut batch, back_index, address(ADDRESS4.into(), 32));
    if ipv6 {
        route::add_address(&mut batch, out_index, address(ADDRESS6.into(), 64));
    }
    socket.run(batch).map_err(refused)?;
    let out = out_index;
    Ok(Round { out, back, ipv6 })
}

fn gone(name: &str) -> NetError {
    let kind = crate::NetErrorKind::NotFound;
    NetError::new(kind, "look up interface", name, "it vanished at once")
}

fn create(socket: &Netlink, out: &str, back: &str) -> Result<(), Failure> {
    let here = File::open("/proc/thread-self/ns/net").map_err(|error| {
        let errno = rustix::io::Errno::from_io_error(&error);
        Failure::new(
            "open the network namespace",
            errno.unwrap_or(rustix::io::Errno::IO),
        )
    })?;
    let mut batch = Batch::default();
    let inner = Inner {
        name: back,
        mac: Some(MAC),
        mtu: Some(MTU),
        netns: here.as_fd(),
    };
    create_veth(&mut batch, out, 0, &inner);
    socket.run(batch)
}

fn bring_up(batch: &mut Batch, name: &str) {
    let mut header = ifinfo(0, true);
    let flags = (IFF_UP | IFF_NOARP).to_ne_bytes();
    header[8..12].copy_from_slice(&flags);
    header[12..16].copy_from_slice(&flags);
    batch.message("bring interface up", RTM_NEWLINK, 0, &header, |m| {
        m.text(IFLA_IFNAME, name);
        m.put(IFLA_ADDRESS, &MAC);
    });
}

/// Absence is no error.
pub(super) fn remove(table: &str) -> Result<(), NetError> {
    let (out, _) = names(table);
    let socket = Netlink::route().map_err(|f| NetError::kernel(f.op, &out, &f.fault, ""))?;
    crate::bridge::remove_link(&socket, &out)
}
