//! Chains and rules of others, read as far as we must understand them.

use rustix::io::Errno;

use super::SUBSYSTEM;
use super::rule::{META_IIFNAME, META_OIFNAME};
use crate::socket::{Failure, Netlink};
use crate::wire::{Batch, NLM_F_DUMP, attributes, find, text_of};

const GETCHAIN: u16 = SUBSYSTEM << 8 | 4;
const GETRULE: u16 = SUBSYSTEM << 8 | 7;
const TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const HOOK_NUMBER: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const NAME: u16 = 1;
const DATA: u16 = 2;
const META_KEY: u16 = 2;
const VALUE: u16 = 1;
const CMP_DATA: u16 = 3;
const IMMEDIATE_DATA: u16 = 2;
const VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const TARGET_NAME: u16 = 1;
const DROP: u32 = 0;

/// A chain that packets meet by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseChain {
    /// `NFPROTO_…`
    pub(crate) family: u8,
    pub(crate) table: String,
    pub(crate) name: String,
    /// What it does not decide is dropped.
    pub(crate) drops: bool,
}

/// A rule, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignRule {
    pub(crate) chain: String,
    /// Interfaces that it asks for; one with a star at its end stands for all that begin so.
    pub(crate) interfaces: Vec<String>,
    /// Ends the way of every packet that comes to it.
    pub(crate) refuses_all: bool,
}

/// The base chains of all tables at a hook of the families ip, ip6 and inet.
pub(crate) fn base_chains(socket: &Netlink, hook: u32) -> Result<Vec<BaseChain>, Failure> {
    let mut batch = Batch::default();
    batch.message("list chains", GETCHAIN, NLM_F_DUMP, &[0; 4], |_| ());
    let mut chains = Vec::new();
    socket.ask(&batch, |_, payload| {
        chains.extend(read_chain(payload, hook));
    })?;
    Ok(chains)
}

fn read_chain(payload: &[u8], hook: u32) -> Option<BaseChain> {
    let family = *payload
        .first()
        .filter(|family| [1, 2, 10].contains(*family))?;
    let chain = payload.get(4..)?;
    if big_endian(find(find(chain, CHAIN_HOOK)?, HOOK_NUMBER)?)? != hook {
        return None;
    }
    Some(BaseChain {
        family,
        table: text_of(find(chain, TABLE)?).to_owned(),
        name: text_of(find(chain, CHAIN_NAME)?).to_owned(),
        drops: find(chain, CHAIN_POLICY).and_then(big_endian) == Some(DROP),
    })
}

/// The rules of a table, in their order.
pub(crate) fn rules(
    socket: &Netlink,
    family: u8,
    table: &str,
) -> Result<Vec<ForeignRule>, Failure> {
    let mut batch = Batch::default();
    let header = [family, 0, 0, 0];
    batch.message("list rules", GETRULE, NLM_F_DUMP, &header, |m| {
        m.text(TABLE, table);
    });
    let mut rules = Vec::new();
    let take = |_, payload: &[u8]| {
        let rule = payload.get(4..).unwrap_or_default();
        // Kernels before 4.12 tell of every table.
        if find(rule, TABLE).map(text_of) == Some(table) {
            rules.push(read_rule(rule));
        }
    };
    match socket.ask(&batch, take) {
        Err(failure) if failure.fault.errno == Errno::NOENT => Ok(rules),
        other => other.map(|()| rules),
    }
}

fn read_rule(rule: &[u8]) -> ForeignRule {
    let list = find(rule, RULE_EXPRESSIONS).unwrap_or_default();
    let expressions: Vec<_> = attributes(list)
        .filter_map(|(_, it)| Some((text_of(find(it, NAME)?), find(it, DATA).unwrap_or_default())))
        .collect();
    let asks = expressions.windows(2).filter_map(|pair| match pair {
        [("meta", meta), ("cmp", cmp)] => {
            let key = find(meta, META_KEY).and_then(big_endian)?;
            let value = find(find(cmp, CMP_DATA)?, VALUE)?;
            [META_IIFNAME, META_OIFNAME]
                .contains(&key)
                .then(|| interface(value))
        }
        _ => None,
    });
    let passes = |name: &str| ["counter", "log"].contains(&name);
    let refuses_all = expressions.split_last().is_some_and(|(last, rest)| {
        refuses(last.0, last.1) && rest.iter().all(|(name, _)| passes(name))
    });
    ForeignRule {
        chain: find(rule, RULE_CHAIN).map_or("", text_of).to_owned(),
        interfaces: asks.collect(),
        refuses_all,
    }
}

/// What is compared without its closing zero is a beginning.
fn interface(value: &[u8]) -> String {
    let name = text_of(value);
    if value.contains(&0) {
        name.to_owned()
    } else {
        format!("{name}*")
    }
}

fn refuses(name: &str, data: &[u8]) -> bool {
    match name {
        "reject" => true,
        // As iptables-nft has it.
        "target" => find(data, TARGET_NAME).map(text_of) == Some("REJECT"),
        "immediate" => {
            let verdict = find(data, IMMEDIATE_DATA).and_then(|data| find(data, VERDICT));
            let code = verdict.and_then(|verdict| find(verdict, VERDICT_CODE));
            code.and_then(big_endian) == Some(DROP)
        }
        _ => false,
    }
}

fn big_endian(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.try_into().ok()?))
}
