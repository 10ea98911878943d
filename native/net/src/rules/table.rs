//! What stands in our table whatever networks and ports there are: sets, chains and rules. What
//! differs from network to network and from port to port is elements of the sets, so that no
//! chain grows, and a packet meets as many rules on the first network as on the hundredth.
//!
//! ```text
//! guard        what containers send to or from 127.0.0.0/8 or ::1 is dropped
//! prerouting ┐ publish   to this host, and its address, protocol and port (at4, at6) or protocol
//! output     ┘           and port (any4, any6) are published: DNAT
//! forward      answers; within one bridge (map within); nothing out of or into internal ones; into
//!              a bridge what was published, in routed networks also directly (open4, open6); out of one anything; the rest, if only we forward: drop
//! postrouting  into a bridge (inward): from the loopback, or from a container by a published port
//!              (hairpin): masquerade; elsewhere: as the network says (source4, masked4 …)
//! ```

use super::round::Round;
use super::trial;
use crate::nft::{Data, End, Family, Field, Hook, Kind, Set, Transaction, Verdict};
use crate::switch;

pub(super) const CLOSED: Set = Set {
    name: "closed",
    key: &[Field::Family],
    ..NAMES
};
pub(super) const KNOWN: Set = Set {
    name: "known",
    ..NAMES
};
/// No rule asks for these.
pub(super) const LISTENING: Set = Set {
    name: "listening",
    ..NAMES
};
pub(super) const BRIDGES: Set = NAMES;
pub(super) const INTERNAL: Set = Set {
    name: "internal",
    ..NAMES
};
pub(super) const WITHIN: Set = Set {
    name: "within",
    key: &[Field::Interface, Field::Interface],
    data: Data::Verdict,
    interval: false,
    by_packets: false,
};
/// The bridges of others that must not forward pass what stays within them: with `br_netfilter` it
/// comes by `forward` too.
pub(super) const STRANGERS: Set = Set {
    name: "strangers",
    ..WITHIN
};
const NAMES: Set = Set {
    name: "bridges",
    key: &[Field::Interface],
    data: Data::None,
    interval: false,
    by_packets: false,
};

/// The sets that exist once for each family.
pub(super) struct FamilySets {
    /// Subnets of all our networks.
    pub(super) own: Set,
    /// Subnets that leave with the address of the interface they leave by.
    pub(super) masked: Set,
    /// Subnets that leave with a certain address.
    pub(super) source: Set,
    /// Published at one address of this host.
    pub(super) at: Set,
    /// Published at all addresses of this host.
    pub(super) any: Set,
    /// Published by containers of routed networks, by their own addresses.
    pub(super) open: Set,
    /// Flows that this host's own rules have let in; see `trial.rs`.
    pub(super) tried: Set,
}

pub(super) const fn sets_of(family: Family) -> &'static FamilySets {
    match family {
        Family::Ipv4 => &SETS4,
        Family::Ipv6 => &SETS6,
    }
}

const SETS4: FamilySets = FamilySets {
    own: subnets("own4", &[Field::Ipv4], Data::None),
    masked: subnets("masked4", &[Field::Ipv4], Data::None),
    source: subnets("source4", &[Field::Ipv4], Data::Fields(&[Field::Ipv4])),
    at: ports(
        "at4",
        &[Field::Ipv4, Field::Protocol, Field::Port],
        &[Field::Ipv4, Field::Port],
    ),
    any: ports(
        "any4",
        &[Field::Protocol, Field::Port],
        &[Field::Ipv4, Field::Port],
    ),
    open: Set {
        name: "open4",
        key: &[Field::Ipv4, Field::Protocol, Field::Port],
        ..NAMES
    },
    tried: Set {
        name: "tried4",
        key: &[
            Field::Ipv4,
            Field::Ipv4,
            Field::Protocol,
            Field::Port,
            Field::Port,
        ],
        by_packets: true,
        ..NAMES
    },
};

const SETS6: FamilySets = FamilySets {
    own: subnets("own6", &[Field::Ipv6], Data::None),
    masked: subnets("masked6", &[Field::Ipv6], Data::None),
    source: subnets("source6", &[Field::Ipv6], Data::Fields(&[Field::Ipv6])),
    at: ports(
        "at6",
        &[Field::Ipv6, Field::Protocol, Field::Port],
        &[Field::Ipv6, Field::Port],
    ),
    any: ports(
        "any6",
        &[Field::Protocol, Field::Port],
        &[Field::Ipv6, Field::Port],
    ),
    open: Set {
        name: "open6",
        key: &[Field::Ipv6, Field::Protocol, Field::Port],
        ..NAMES
    },
    tried: Set {
        name: "tried6",
        key: &[
            Field::Ipv6,
            Field::Ipv6,
            Field::Protocol,
            Field::Port,
            Field::Port,
        ],
        by_packets: true,
        ..NAMES
    },
};

const fn subnets(name: &'static str, key: &'static [Field], data: Data) -> Set {
    Set {
        name,
        key,
        data,
        interval: true,
        by_packets: false,
    }
}

const fn ports(name: &'static str, key: &'static [Field], data: &'static [Field]) -> Set {
    Set {
        name,
        key,
        data: Data::Fields(data),
        interval: false,
        by_packets: false,
    }
}

/// Where the chains hang: the priorities "raw", "filter", "dstnat" and "srcnat" of `nft`.
const RAW: i32 = -300;
const FILTER: i32 = 0;
const DSTNAT: i32 = -100;
const SRCNAT: i32 = 100;

/// Adds everything to a table that is empty. With a way round, published ports obey the rules that
/// this host has for what comes in.
pub(super) fn build(change: &mut Transaction<'_>, round: Option<&Round>) {
    for set in [CLOSED, KNOWN, LISTENING, BRIDGES, INTERNAL] {
        change.add_set(&set);
    }
    for family in Family::BOTH {
        let sets = sets_of(family);
        let own = [&sets.own, &sets.masked, &sets.source];
        for set in own.into_iter().chain([&sets.at, &sets.any, &sets.open]) {
            change.add_set(set);
        }
        if round.is_some() {
            change.add_set(&sets.tried);
        }
    }
    // Its elements lead into chains, and so do the rules.
    change.add_set(&WITHIN);
    change.add_set(&STRANGERS);
    for chain in [PUBLISH, PUBLISHED, INWARD] {
        change.add_chain(chain);
    }
    guard(change);
    redirect(change, round);
    forward(change);
    postrouting(change);
    if let Some(round) = round {
        trial::build(change, round);
    }
}

const PUBLISH: &str = "publish";
pub(super) const PUBLISHED: &str = "published";
const INWARD: &str = "inward";

/// The bridges let packets for the loopback through to the host (`loopback.rs`), for the answers to
/// what the host sent from there. Those bear the bridge's address on the wire.
fn guard(change: &mut Transaction<'_>) {
    change.add_base_chain("guard", Kind::Filter, Hook::Prerouting, RAW);
    for (family, end) in Family::BOTH
        .into_iter()
        .flat_map(|family| [End::Source, End::Destination].map(|end| (family, end)))
    {
        change.add_rule("guard", |rule| {
            // Every packet meets these: what compares comes before what looks up.
            rule.loopback(family, end)
                .coming_by(BRIDGES.name)
                .verdict(Verdict::Drop);
        });
    }
}

fn redirect(change: &mut Transaction<'_>, round: Option<&Round>) {
    change.add_base_chain("prerouting", Kind::Nat, Hook::Prerouting, DSTNAT);
    // From the wire to the loopback: routing drops it, unless it went elsewhere before.
    for family in Family::BOTH {
        change.add_rule("prerouting", |rule| {
            rule.loopback(family, End::Destination)
                .verdict(Verdict::Return);
        });
    }
    change.add_base_chain("output", Kind::Nat, Hook::Output, DSTNAT);
    // Refused at once, who calls "localhost" goes on to 127.0.0.1; answers would never arrive.
    if switch::bridges_filter_ipv6() {
        change.add_rule("output", |rule| {
            rule.loopback(Family::Ipv6, End::Destination)
                .verdict(Verdict::Return);
        });
    }
    if let Some(round) = round {
        trial::admit(change, "prerouting", PUBLISH, round);
    } else {
        change.add_rule("prerouting", |rule| rule.verdict(Verdict::Jump(PUBLISH)));
    }
    change.add_rule("output", |rule| rule.verdict(Verdict::Jump(PUBLISH)));
    change.add_rule(PUBLISH, |rule| {
        rule.not_to_this_host().verdict(Verdict::Return);
    });
    for family in Family::BOTH {
        let sets = sets_of(family);
        change.add_rule(PUBLISH, |rule| rule.redirect(family, true, sets.at.name));
        change.add_rule(PUBLISH, |rule| rule.redirect(family, false, sets.any.name));
    }
}

fn forward(change: &mut Transaction<'_>) {
    const CHAIN: &str = "forward";
    change.add_base_chain(CHAIN, Kind::Filter, Hook::Forward, FILTER);
    change.add_rule(CHAIN, |rule| rule.answered().verdict(Verdict::Accept));
    change.add_rule(CHAIN, |rule| rule.between(WITHIN.name));
    change.add_rule(CHAIN, |rule| {
        rule.coming_by(INTERNAL.name).verdict(Verdict::Drop);
    });
    change.add_rule(CHAIN, |rule| {
        rule.going_by(INTERNAL.name).verdict(Verdict::Drop);
    });
    change.add_rule(CHAIN, |rule| {
        rule.going_by(BRIDGES.name)
            .verdict(Verdict::Goto(PUBLISHED));
    });
    change.add_rule(CHAIN, |rule| {
        rule.coming_by(BRIDGES.name).verdict(Verdict::Accept);
    });
    change.add_rule(CHAIN, |rule| rule.between(STRANGERS.name));
    change.add_rule(CHAIN, |rule| {
        rule.coming_by_other_bridge(KNOWN.name)
            .verdict(Verdict::Accept);
    });
    change.add_rule(CHAIN, |rule| {
        rule.going_by_other_bridge(KNOWN.name)
            .verdict(Verdict::Accept);
    });
    change.add_rule(CHAIN, |rule| {
        rule.family_in(CLOSED.name).verdict(Verdict::Drop);
    });
    change.add_rule(PUBLISHED, |rule| rule.redirected().verdict(Verdict::Accept));
    for family in Family::BOTH {
        change.add_rule(PUBLISHED, |rule| {
            rule.port_in(family, sets_of(family).open.name)
                .verdict(Verdict::Accept);
        });
    }
    change.add_rule(PUBLISHED, |rule| rule.verdict(Verdict::Drop));
}

fn postrouting(change: &mut Transaction<'_>) {
    const CHAIN: &str = "postrouting";
    change.add_base_chain(CHAIN, Kind::Nat, Hook::Postrouting, SRCNAT);
    change.add_rule(CHAIN, |rule| {
        rule.going_by(BRIDGES.name).verdict(Verdict::Goto(INWARD));
    });
    for family in Family::BOTH {
        let sets = sets_of(family);
        change.add_rule(INWARD, |rule| {
            rule.loopback(family, End::Source).masquerade();
        });
        change.add_rule(CHAIN, |rule| rule.leave_as(family, sets.source.name));
        change.add_rule(CHAIN, |rule| {
            rule.source_in(family, sets.masked.name).masquerade();
        });
        change.add_rule(INWARD, |rule| {
            rule.redirected()
                .source_in(family, sets.own.name)
                .masquerade();
        });
    }
}
