//! nftables over netlink: transactions, chains, and the few expressions our rules are made of.
//! Layouts and numbers: `linux/netfilter/nf_tables.h`, `linux/netfilter/nfnetlink.h`.

use crate::address::{Cidr, octets};
use crate::wire::{Attributes, Batch, NLM_F_APPEND, NLM_F_CREATE};

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const SUBSYSTEM: u16 = 10;
const NEWTABLE: u16 = SUBSYSTEM << 8;
const DELTABLE: u16 = SUBSYSTEM << 8 | 2;
const NEWCHAIN: u16 = SUBSYSTEM << 8 | 3;
const DELCHAIN: u16 = SUBSYSTEM << 8 | 5;
const NEWRULE: u16 = SUBSYSTEM << 8 | 6;
const DELRULE: u16 = SUBSYSTEM << 8 | 8;
/// Delete only what nothing hangs on.
const NLM_F_NONREC: u16 = 0x100;
const NFPROTO_IPV4: u8 = 2;

const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;

const REGISTER_VERDICT: u32 = 0;
const REGISTER: u32 = 1;
const META_IIFNAME: u32 = 6;
const META_OIFNAME: u32 = 7;
const CT_STATE: u32 = 0;
const CT_ESTABLISHED: u32 = 1 << 1;
const CT_RELATED: u32 = 1 << 2;
const NETWORK_HEADER: u32 = 1;
const SOURCE_OFFSET: u32 = 12;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;

/// Where a chain hangs in the kernel's path of a packet.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    /// Type filter, priority filter.
    Forward,
    /// Type nat, priority srcnat.
    Postrouting,
}

#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    Drop = 0,
    Accept = 1,
}

/// Changes to one table that the kernel makes all together or not at all.
pub(crate) struct Transaction<'a> {
    table: &'a str,
    batch: Batch,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(table: &'a str) -> Self {
        let mut batch = Batch::default();
        batch.message("begin rules", BATCH_BEGIN, 0, &edge(), |_| ());
        Self { table, batch }
    }

    /// The batch to send. Asks for an answer to the last change, not to the closing mark, which
    /// kernels before 6.10 never answer.
    pub(crate) fn finish(mut self) -> Batch {
        self.batch.acknowledge();
        self.batch
            .message("end rules", BATCH_END, 0, &edge(), |_| ());
        self.batch
    }

    pub(crate) fn add_table(&mut self) {
        self.message("create table", NEWTABLE, NLM_F_CREATE, |m, table| {
            m.text(TABLE_NAME, table);
        });
    }

    /// Fails with EBUSY if a chain is left in it.
    pub(crate) fn delete_empty_table(&mut self) {
        self.message("remove table", DELTABLE, NLM_F_NONREC, |m, table| {
            m.text(TABLE_NAME, table);
        });
    }

    #[cfg(test)]
    pub(crate) fn delete_table(&mut self) {
        self.message("remove table", DELTABLE, 0, |m, table| {
            m.text(TABLE_NAME, table);
        });
    }

    /// Makes the chain, or finds it, and empties it.
    pub(crate) fn fresh_chain(&mut self, chain: &str, hook: Hook) {
        self.add_chain(chain, Some(hook));
        self.flush_chain(chain);
    }

    /// Removes the chain whether it is there or not: it is made first, for a removal of nothing
    /// would void the transaction.
    pub(crate) fn drop_chain(&mut self, chain: &str) {
        self.add_chain(chain, None);
        self.flush_chain(chain);
        self.message("remove chain", DELCHAIN, 0, |m, table| {
            m.text(CHAIN_TABLE, table);
            m.text(CHAIN_NAME, chain);
        });
    }

    fn add_chain(&mut self, chain: &str, hook: Option<Hook>) {
        self.message("create chain", NEWCHAIN, NLM_F_CREATE, |m, table| {
            m.text(CHAIN_TABLE, table);
            m.text(CHAIN_NAME, chain);
            let Some(hook) = hook else { return };
            let (kind, number, priority) = match hook {
                Hook::Forward => ("filter", 2, 0),
                Hook::Postrouting => ("nat", 4, 100),
            };
            m.nest(CHAIN_HOOK, |m| {
                m.be32(HOOK_NUMBER, number);
                m.be32(HOOK_PRIORITY, priority);
            });
            m.be32(CHAIN_POLICY, Verdict::Accept as u32);
            m.text(CHAIN_TYPE, kind);
        });
    }

    fn flush_chain(&mut self, chain: &str) {
        self.message("empty chain", DELRULE, 0, |m, table| {
            m.text(RULE_TABLE, table);
            m.text(RULE_CHAIN, chain);
        });
    }

    pub(crate) fn add_rule(&mut self, chain: &str, fill: impl FnOnce(&mut Rule<'_, '_>)) {
        let flags = NLM_F_CREATE | NLM_F_APPEND;
        self.message("add rule", NEWRULE, flags, |m, table| {
            m.text(RULE_TABLE, table);
            m.text(RULE_CHAIN, chain);
            m.nest(RULE_EXPRESSIONS, |m| fill(&mut Rule { list: m }));
        });
    }

    fn message(
        &mut self,
        op: &'static str,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Attributes<'_>, &str),
    ) {
        let header = [NFPROTO_IPV4, 0, 0, 0];
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

/// The expressions of one rule, in the order in which the kernel runs them.
pub(crate) struct Rule<'a, 'b> {
    list: &'a mut Attributes<'b>,
}

impl Rule<'_, '_> {
    /// `iifname NAME`
    pub(crate) fn from(&mut self, interface: &str) -> &mut Self {
        self.interface(META_IIFNAME, EQUAL, interface)
    }

    /// `oifname NAME`
    pub(crate) fn to(&mut self, interface: &str) -> &mut Self {
        self.interface(META_OIFNAME, EQUAL, interface)
    }

    /// `oifname != NAME`
    pub(crate) fn not_to(&mut self, interface: &str) -> &mut Self {
        self.interface(META_OIFNAME, NOT_EQUAL, interface)
    }

    fn interface(&mut self, key: u32, comparison: u32, name: &str) -> &mut Self {
        let mut padded = [0; 16];
        for (to, from) in padded.iter_mut().take(15).zip(name.bytes()) {
            *to = from;
        }
        self.expression("meta", |m| {
            m.be32(1, REGISTER);
            m.be32(2, key);
        });
        self.compare(comparison, &padded)
    }

    /// `ip saddr NETWORK`
    pub(crate) fn source(&mut self, network: Cidr) -> &mut Self {
        self.expression("payload", |m| {
            m.be32(1, REGISTER);
            m.be32(2, NETWORK_HEADER);
            m.be32(3, SOURCE_OFFSET);
            m.be32(4, 4);
        });
        self.keep_bits(&octets(network.netmask()));
        self.compare(EQUAL, &octets(network.network()))
    }

    /// `ct state established,related`
    pub(crate) fn answered(&mut self) -> &mut Self {
        self.expression("ct", |m| {
            m.be32(1, REGISTER);
            m.be32(2, CT_STATE);
        });
        self.keep_bits(&(CT_ESTABLISHED | CT_RELATED).to_ne_bytes());
        self.compare(NOT_EQUAL, &[0; 4])
    }

    pub(crate) fn masquerade(&mut self) {
        self.expression("masq", |_| ());
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        self.expression("immediate", |m| {
            m.be32(1, REGISTER_VERDICT);
            m.nest(2, |m| {
                m.nest(DATA_VERDICT, |m| m.be32(VERDICT_CODE, verdict as u32));
            });
        });
    }

    fn compare(&mut self, comparison: u32, value: &[u8]) -> &mut Self {
        self.expression("cmp", |m| {
            m.be32(1, REGISTER);
            m.be32(2, comparison);
            m.nest(3, |m| m.put(DATA_VALUE, value));
        })
    }

    fn keep_bits(&mut self, mask: &[u8]) {
        self.expression("bitwise", |m| {
            m.be32(1, REGISTER);
            m.be32(2, REGISTER);
            m.be32(3, 4);
            m.nest(4, |m| m.put(DATA_VALUE, mask));
            m.nest(5, |m| m.put(DATA_VALUE, &[0; 4]));
        });
    }

    fn expression(&mut self, name: &str, fill: impl FnOnce(&mut Attributes<'_>)) -> &mut Self {
        self.list.nest(LIST_ELEMENT, |m| {
            m.text(EXPRESSION_NAME, name);
            m.nest(EXPRESSION_DATA, fill);
        });
        self
    }
}

#[cfg(test)]
#[path = "nft_test.rs"]
pub(crate) mod tests;
