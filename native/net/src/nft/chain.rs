//! Chains, and where they hang in the kernel's path of a packet.

use rustix::io::Errno;

use super::{NFPROTO_INET, Rule, SUBSYSTEM, Transaction, Verdict};
use crate::socket::{Failure, Netlink};
use crate::wire::{Batch, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, find, text_of};

const NEWCHAIN: u16 = SUBSYSTEM << 8 | 3;
const NEWRULE: u16 = SUBSYSTEM << 8 | 6;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const GETRULE: u16 = SUBSYSTEM << 8 | 7;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Filter,
    Nat,
}

#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Hook {
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}

impl Transaction<'_> {
    /// A chain that others jump to.
    pub(crate) fn add_chain(&mut self, chain: &str) {
        self.chain(chain, None);
    }

    /// A chain that packets meet by themselves; whatever it does not decide is accepted.
    pub(crate) fn add_base_chain(&mut self, chain: &str, kind: Kind, hook: Hook, priority: i32) {
        self.chain(chain, Some((kind, hook, priority)));
    }

    fn chain(&mut self, chain: &str, base: Option<(Kind, Hook, i32)>) {
        self.message("create chain", NEWCHAIN, NLM_F_CREATE, |m, table| {
            m.text(CHAIN_TABLE, table);
            m.text(CHAIN_NAME, chain);
            let Some((kind, hook, priority)) = base else {
                return;
            };
            m.nest(CHAIN_HOOK, |m| {
                m.be32(HOOK_NUMBER, hook as u32);
                m.be32(HOOK_PRIORITY, priority.cast_unsigned());
            });
            m.be32(CHAIN_POLICY, Verdict::ACCEPT);
            let kind = match kind {
                Kind::Filter => "filter",
                Kind::Nat => "nat",
            };
            m.text(CHAIN_TYPE, kind);
        });
    }

    pub(crate) fn add_rule(&mut self, chain: &str, fill: impl FnOnce(&mut Rule<'_, '_>)) {
        self.rules += usize::from(self.family == NFPROTO_INET);
        let flags = NLM_F_CREATE | NLM_F_APPEND;
        self.message("add rule", NEWRULE, flags, |m, table| {
            m.text(RULE_TABLE, table);
            m.text(RULE_CHAIN, chain);
            m.nest(RULE_EXPRESSIONS, |m| fill(&mut Rule::new(m)));
        });
    }
}

/// Rules that stand in a table of ours; none if there is no such table.
pub(crate) fn count_rules(socket: &Netlink, table: &str) -> Result<usize, Failure> {
    let mut batch = Batch::default();
    let header = [NFPROTO_INET, 0, 0, 0];
    batch.message("list rules", GETRULE, NLM_F_DUMP, &header, |m| {
        m.text(RULE_TABLE, table);
    });
    let mut count = 0;
    let take = |_, payload: &[u8]| {
        let name = payload.get(4..).and_then(|rest| find(rest, RULE_TABLE));
        count += usize::from(name.map(text_of) == Some(table));
    };
    match socket.ask(&batch, take) {
        Err(failure) if failure.fault.errno == Errno::NOENT => Ok(0),
        other => other.map(|()| count),
    }
}
