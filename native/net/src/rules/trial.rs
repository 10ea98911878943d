//! `respect-firewall`: a published port is open to whom this host's own rules for what comes in
//! (its input chains, whoever made them) let pass to that port.
//!
//! ```text
//! first packet ─ prerouting: not tried, no DNAT ─ everybody's input chains ─ trial, the last of all:
//!                             published? mark the flow, remember it as tried
//!              ─ trial of the tables ip and ip6: a copy goes out by the pair's one end; the packet
//!                itself is dropped, and its entry in connection tracking with it
//! copy         ─ in by the pair's other end, for connection tracking a first packet again
//!              ─ prerouting: by that end, or tried: DNAT ─ forward ─ the container
//! ```
//!
//! Only first packets come here. Should a copy be lost to somebody's filter of return paths, the
//! client's next attempt passes, since the flow is remembered as tried for some seconds. Copies are
//! made in tables of their own, for `dup` exists in no table of the family inet.

use super::round::Round;
use super::table::{INTERNAL, sets_of};
use crate::nft::{Family, Hook, Kind, Transaction, Verdict};

/// Behind everybody: the last priority is that of connection tracking itself.
const LAST: i32 = i32::MAX - 1;
const LAST_BUT_ONE: i32 = LAST - 1;
const TRIAL: &str = "trial";
const PASSED: &str = "passed";
/// Of a flow that is dropped at the next chain, so that it collides with no other use of marks.
const MARK: u32 = 0x7274_6e77;

/// Lets what was tried go on to `publish`.
pub(super) fn admit(
    change: &mut Transaction<'_>,
    chain: &str,
    publish: &'static str,
    round: &Round,
) {
    change.add_rule(chain, |rule| {
        rule.coming_from(&round.back)
            .verdict(Verdict::Jump(publish));
    });
    for family in Family::BOTH {
        change.add_rule(chain, |rule| {
            rule.flow_in(family, sets_of(family).tried.name)
                .verdict(Verdict::Jump(publish));
        });
    }
}

pub(super) fn build(change: &mut Transaction<'_>, round: &Round) {
    change.add_chain(PASSED);
    change.add_base_chain(TRIAL, Kind::Filter, Hook::Input, LAST_BUT_ONE);
    // A copy that nothing is published for any more.
    change.add_rule(TRIAL, |rule| {
        rule.coming_from(&round.back).verdict(Verdict::Drop);
    });
    // No way out by a port of this host.
    change.add_rule(TRIAL, |rule| {
        rule.coming_by(INTERNAL.name).verdict(Verdict::Return);
    });
    change.add_rule(TRIAL, |rule| rule.redirected().verdict(Verdict::Return));
    for family in Family::BOTH {
        let sets = sets_of(family);
        for (with_address, map) in [(true, &sets.at), (false, &sets.any)] {
            change.add_rule(TRIAL, |rule| {
                rule.first_of_flow()
                    .published(family, with_address, map.name)
                    .verdict(Verdict::Goto(PASSED));
            });
        }
        change.add_rule(PASSED, |rule| rule.add_flow(family, sets.tried.name));
    }
    change.add_rule(PASSED, |rule| {
        rule.mark_flow(MARK);
    });
}

/// The tables of one family each; what follows in the transaction is about them.
pub(super) fn build_copiers(change: &mut Transaction<'_>, round: &Round) {
    for family in Family::BOTH {
        let Some(gateway) = round.gateway(family) else {
            continue;
        };
        change.turn_to(family);
        change.add_table();
        change.delete_table();
        change.add_table();
        change.add_base_chain(TRIAL, Kind::Filter, Hook::Input, LAST);
        change.add_rule(TRIAL, |rule| {
            rule.first_of_flow()
                .marked(MARK)
                .copy_to(gateway, round.out)
                .verdict(Verdict::Drop);
        });
    }
}
