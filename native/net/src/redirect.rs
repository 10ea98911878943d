//! Ports of a loopback address that stand for others: in the namespace of a container, what goes to port 53 of the
//! resolver's address reaches the port where the resolver listens, and its answers seem to come from 53.
//!
//! ```text
//! table ip rt-names {
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
use crate::socket::Netlink;
use crate::wire::{Attributes, Batch, NLM_F_APPEND, NLM_F_CREATE};

const FEATURE: &str = "the kernel lacks nf_tables (module \"nf_tables\")";
const TABLE: &str = "rt-names";
const CHAIN: &str = "output";

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEWTABLE: u16 = 0x0a00;
const NEWCHAIN: u16 = 0x0a03;
const NEWRULE: u16 = 0x0a06;
const FAMILY_IPV4: u8 = 2;
const HOOK_OUTPUT: u32 = 3;
const PRIORITY_RAW: i32 = -300;
const REGISTER: u32 = 1;
const REGISTER_VERDICT: u32 = 0;
const META_OIF: u32 = 5;
const META_PROTOCOL: u32 = 16;
/// The first interface of every namespace.
const LOOPBACK: u32 = 1;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const SOURCE_ADDRESS: u32 = 12;
const DESTINATION_ADDRESS: u32 = 16;
const SOURCE_PORT: u32 = 0;
const DESTINATION_PORT: u32 = 2;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;
const ACCEPT: u32 = 1;

/// Protocol number, and where its checksum is.
const PROTOCOLS: [(u8, u32); 2] = [(17, 6), (6, 16)];

/// Which packets a rule is for, and the port it puts in.
struct Change {
    address_at: u32,
    address: Ipv4Addr,
    port_at: u32,
    protocol: u8,
    checksum_at: u32,
    port: u16,
    to: u16,
}

/// Makes the table in the namespace of the calling thread; to be called once there.
pub fn redirect(address: Ipv4Addr, from: u16, to: u16) -> Result<(), NetError> {
    let done = Netlink::netfilter().and_then(|socket| socket.run(batch(address, from, to)));
    done.map_err(|failure| NetError::kernel(failure.op, TABLE, &failure.fault, FEATURE))
}

fn batch(address: Ipv4Addr, from: u16, to: u16) -> Batch {
    let mut batch = Batch::default();
    let edge = [0, 0, 0, 10];
    batch.message("begin rules", BATCH_BEGIN, 0, &edge, |_| ());
    let family = [FAMILY_IPV4, 0, 0, 0];
    batch.message("create table", NEWTABLE, NLM_F_CREATE, &family, |m| {
        m.text(1, TABLE);
    });
    batch.message("create chain", NEWCHAIN, NLM_F_CREATE, &family, |m| {
        m.text(1, TABLE);
        m.text(3, CHAIN);
        m.nest(4, |m| {
            m.be32(1, HOOK_OUTPUT);
            m.be32(2, PRIORITY_RAW.cast_unsigned());
        });
        m.be32(5, ACCEPT);
        m.text(7, "filter");
    });
    add_rule(&mut batch, leave_others_alone);
    for (protocol, checksum_at) in PROTOCOLS {
        let there = Change {
            address_at: DESTINATION_ADDRESS,
            address,
            port_at: DESTINATION_PORT,
            protocol,
            checksum_at,
            port: from,
            to,
        };
        let back = Change {
            address_at: SOURCE_ADDRESS,
            port_at: SOURCE_PORT,
            port: to,
            to: from,
            ..there
        };
        add_rule(&mut batch, |m| there.write(m));
        add_rule(&mut batch, |m| back.write(m));
    }
    batch.acknowledge();
    batch.message("end rules", BATCH_END, 0, &edge, |_| ());
    batch
}

fn add_rule(batch: &mut Batch, fill: impl FnOnce(&mut Attributes<'_>)) {
    let flags = NLM_F_CREATE | NLM_F_APPEND;
    batch.message("add rule", NEWRULE, flags, &[FAMILY_IPV4, 0, 0, 0], |m| {
        m.text(1, TABLE);
        m.text(2, CHAIN);
        m.nest(4, fill);
    });
}

/// `oif != lo accept`
fn leave_others_alone(m: &mut Attributes<'_>) {
    load_meta(m, META_OIF);
    compare(m, NOT_EQUAL, &LOOPBACK.to_ne_bytes());
    expression(m, "immediate", |m| {
        m.be32(1, REGISTER_VERDICT);
        m.nest(2, |m| m.nest(2, |m| m.be32(1, ACCEPT)));
    });
}

impl Change {
    fn write(&self, m: &mut Attributes<'_>) {
        load_payload(m, NETWORK_HEADER, self.address_at, 4);
        compare(m, EQUAL, &self.address.octets());
        load_meta(m, META_PROTOCOL);
        compare(m, EQUAL, &[self.protocol]);
        load_payload(m, TRANSPORT_HEADER, self.port_at, 2);
        compare(m, EQUAL, &self.port.to_be_bytes());
        expression(m, "immediate", |m| {
            m.be32(1, REGISTER);
            m.nest(2, |m| m.put(1, &self.to.to_be_bytes()));
        });
        expression(m, "payload", |m| {
            m.be32(5, REGISTER);
            m.be32(2, TRANSPORT_HEADER);
            m.be32(3, self.port_at);
            m.be32(4, 2);
            m.be32(6, 1);
            m.be32(7, self.checksum_at);
            m.be32(8, 0);
        });
    }
}

fn load_meta(m: &mut Attributes<'_>, key: u32) {
    expression(m, "meta", |m| {
        m.be32(1, REGISTER);
        m.be32(2, key);
    });
}

fn load_payload(m: &mut Attributes<'_>, base: u32, offset: u32, length: u32) {
    expression(m, "payload", |m| {
        m.be32(1, REGISTER);
        m.be32(2, base);
        m.be32(3, offset);
        m.be32(4, length);
    });
}

fn compare(m: &mut Attributes<'_>, comparison: u32, value: &[u8]) {
    expression(m, "cmp", |m| {
        m.be32(1, REGISTER);
        m.be32(2, comparison);
        m.nest(3, |m| m.put(1, value));
    });
}

fn expression(m: &mut Attributes<'_>, name: &str, fill: impl FnOnce(&mut Attributes<'_>)) {
    m.nest(1, |m| {
        m.text(1, name);
        m.nest(2, fill);
    });
}
