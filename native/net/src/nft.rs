//! nftables over netlink: transactions on one table, in words of our own.
//! Layouts and numbers: `linux/netfilter/nf_tables.h`, `linux/netfilter/nfnetlink.h`.

mod chain;
mod change;
mod flow;
mod foreign;
mod rewrite;
pub(crate) mod rule;
pub(crate) mod set;

pub(crate) use chain::{Hook, Kind, count_rules};
pub(crate) use change::{Change, Listener};
pub(crate) use foreign::{BaseChain, ForeignRule, base_chains, rules};
pub(crate) use rewrite::Protocol;
pub(crate) use rule::{End, Family, Rule, Verdict};
pub(crate) use set::{Data, Element, Field, Set, Value};

use crate::wire::{Attributes, Batch, NLM_F_CREATE};

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const SUBSYSTEM: u16 = 10;
const NEWTABLE: u16 = SUBSYSTEM << 8;
const DELTABLE: u16 = SUBSYSTEM << 8 | 2;
const NFPROTO_INET: u8 = 1;
const NFPROTO_IPV4: u8 = 2;
const TABLE_NAME: u16 = 1;

/// Changes to one table, of the family inet at first, that the kernel makes all together or not at all.
pub(crate) struct Transaction<'a> {
    table: &'a str,
    family: u8,
    batch: Batch,
    sets: u32,
    rules: usize,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(table: &'a str) -> Self {
        let mut batch = Batch::default();
        batch.message("begin rules", BATCH_BEGIN, 0, &edge(), |_| ());
        Self {
            table,
            family: NFPROTO_INET,
            batch,
            sets: 0,
            rules: 0,
        }
    }

    /// How many rules were added to the table of the family inet.
    pub(crate) fn rules(&self) -> usize {
        self.rules
    }

    /// The batch to send. Asks for an answer to the last change, not to the closing mark, which
    /// kernels before 6.10 never answer.
    pub(crate) fn finish(mut self) -> Batch {
        self.batch.acknowledge();
        self.batch
            .message("end rules", BATCH_END, 0, &edge(), |_| ());
        self.batch
    }

    /// What follows is about the table of that name in a family of its own.
    pub(crate) fn turn_to(&mut self, family: Family) {
        self.family = family as u8;
    }

    /// Makes the table, or finds it.
    pub(crate) fn add_table(&mut self) {
        self.message("create table", NEWTABLE, NLM_F_CREATE, |m, table| {
            m.text(TABLE_NAME, table);
        });
    }

    /// Removes the table with all that is in it. Absence voids the transaction.
    pub(crate) fn delete_table(&mut self) {
        self.message("remove table", DELTABLE, 0, |m, table| {
            m.text(TABLE_NAME, table);
        });
    }

    /// Removes a table of the family ip that may be there.
    pub(crate) fn drop_ip_table(&mut self, name: &str) {
        let header = [NFPROTO_IPV4, 0, 0, 0];
        // What is made here, if it was not there, cannot be absent in the next line.
        for (op, kind, flags) in [
            ("find earlier table", NEWTABLE, NLM_F_CREATE),
            ("remove earlier table", DELTABLE, 0),
        ] {
            self.batch
                .message(op, kind, flags, &header, |m| m.text(TABLE_NAME, name));
        }
    }

    fn message(
        &mut self,
        op: &'static str,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Attributes<'_>, &str),
    ) {
        let header = [self.family, 0, 0, 0];
        let table = self.table;
        self.batch
            .message(op, kind, flags, &header, |m| fill(m, table));
    }
}

/// `struct nfgenmsg` of a batch's edges: no family, and the subsystem in network order.
fn edge() -> [u8; 4] {
    let [high, low] = SUBSYSTEM.to_be_bytes();
    [0, 0, high, low]
}

#[cfg(test)]
#[path = "nft/test.rs"]
pub(crate) mod tests;
