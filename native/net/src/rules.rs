//! The rules of one bridge: two chains of its own in rt's table `ip <table>`, so that bridges come
//! and go without touching each other.
//!
//! ```text
//! chain <bridge>-postrouting { type nat hook postrouting priority srcnat
//!     ip saddr SUBNET oifname != BRIDGE masquerade }
//! chain <bridge>-forward { type filter hook forward priority filter
//!     oifname BRIDGE ct state established,related accept
//!     oifname BRIDGE iifname BRIDGE accept
//!     oifname BRIDGE drop }
//! ```
//!
//! So containers reach out and are answered, the host reaches them (its packets are not
//! forwarded), and neither other networks nor other hosts open connections to them. Accepting
//! ends our chain only: another table on the same hook may still drop.

use rustix::io::Errno;

use crate::address::Cidr;
use crate::error::NetError;
use crate::nft::{Hook, Transaction, Verdict};
use crate::socket::{Failure, Netlink};

const FEATURE: &str = "the kernel lacks nf_tables with nat, masquerade and connection tracking \
                       (modules \"nf_tables\", \"nft_chain_nat\", \"nft_masq\", \"nft_ct\")";

fn chains(bridge: &str) -> (String, String) {
    (format!("{bridge}-postrouting"), format!("{bridge}-forward"))
}

/// Puts the rules of a bridge as they should be, whatever stands there, in one transaction.
pub(crate) fn install(
    table: &str,
    bridge: &str,
    network: Cidr,
    masquerade: bool,
) -> Result<(), NetError> {
    let (postrouting, forward) = chains(bridge);
    let mut change = Transaction::new(table);
    change.add_table();
    if masquerade {
        change.fresh_chain(&postrouting, Hook::Postrouting);
        change.add_rule(&postrouting, |rule| {
            rule.source(network).not_to(bridge).masquerade();
        });
    } else {
        change.drop_chain(&postrouting);
    }
    change.fresh_chain(&forward, Hook::Forward);
    change.add_rule(&forward, |rule| {
        rule.to(bridge).answered().verdict(Verdict::Accept);
    });
    change.add_rule(&forward, |rule| {
        rule.to(bridge).from(bridge).verdict(Verdict::Accept);
    });
    change.add_rule(&forward, |rule| rule.to(bridge).verdict(Verdict::Drop));
    commit(change).map_err(|failure| refused(table, &failure))
}

/// Removes the rules of a bridge, and the table with the last of them. Absence is no error.
pub(crate) fn uninstall(table: &str, bridge: &str) -> Result<(), NetError> {
    let (postrouting, forward) = chains(bridge);
    let mut change = Transaction::new(table);
    change.add_table();
    change.drop_chain(&postrouting);
    change.drop_chain(&forward);
    commit(change).map_err(|failure| refused(table, &failure))?;
    let mut change = Transaction::new(table);
    change.delete_empty_table();
    match commit(change) {
        // Other bridges still have chains there, or somebody else was faster.
        Err(failure) if [Errno::BUSY, Errno::NOENT].contains(&failure.fault.errno) => Ok(()),
        other => other.map_err(|failure| refused(table, &failure)),
    }
}

fn commit(change: Transaction<'_>) -> Result<(), Failure> {
    Netlink::netfilter()?.run(change.finish())
}

fn refused(table: &str, failure: &Failure) -> NetError {
    NetError::kernel(failure.op, table, &failure.fault, FEATURE)
}
