//! Ports of a loopback address that stand for others: in the namespace of a container, what goes to port 53 of the
//! resolver's address reaches the port where the resolver listens, and its answers seem to come from 53.
//!
//! ```text
//! table inet rt-names {
//!     chain output { type filter hook output priority raw
//!         oif != lo accept
//!         ip daddr ADDRESS udp dport FROM udp dport set TO      … the same for tcp
//!         ip saddr ADDRESS udp sport TO udp sport set FROM      … the same for tcp
//!     }
//! }
//! ```
//!
//! Packets are changed one by one and nothing of them is remembered: no connection tracking, whose cost would be
//! borne by all that the container sends.

use std::net::Ipv4Addr;

use crate::error::NetError;
use crate::nft::{End, Hook, Kind, Protocol, Transaction, Verdict};
use crate::socket::Netlink;

const FEATURE: &str = "the kernel lacks nf_tables (module \"nf_tables\")";
const TABLE: &str = "rt-names";
const CHAIN: &str = "output";
/// In front of connection tracking.
const PRIORITY_RAW: i32 = -300;

/// Makes the table in the namespace of the calling thread; to be called once there.
pub fn redirect(address: Ipv4Addr, from: u16, to: u16) -> Result<(), NetError> {
    let mut change = Transaction::new(TABLE);
    change.add_table();
    change.add_base_chain(CHAIN, Kind::Filter, Hook::Output, PRIORITY_RAW);
    change.add_rule(CHAIN, |rule| {
        rule.not_by_loopback().verdict(Verdict::Accept);
    });
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        change.add_rule(CHAIN, |rule| {
            rule.change_port((End::Destination, address), protocol, from, to);
        });
        change.add_rule(CHAIN, |rule| {
            rule.change_port((End::Source, address), protocol, to, from);
        });
    }
    let done = Netlink::netfilter().and_then(|socket| socket.run(change.finish()));
    done.map_err(|failure| NetError::kernel(failure.op, TABLE, &failure.fault, FEATURE))
}
