//! Firewalls of others that keep packets from our bridges. A packet passes a hook if every table
//! lets it; where another one drops what is forwarded, nothing that we accept helps, and it is not
//! ours to write into. So it is told, with the name of the place.

use serde::Serialize;

use crate::nft::{BaseChain, ForeignRule, base_chains, rules};
use crate::socket::{Failure, Netlink};

const FORWARD: u32 = 2;

/// A chain of somebody else that may drop what goes to containers and comes from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignDrop {
    /// As nft has it: "ip", "ip6" or "inet".
    pub family: &'static str,
    pub table: String,
    pub chain: String,
    /// Of ours, that no rule of the table speaks of.
    pub bridges: Vec<String>,
}

pub(super) fn find(own: &str, bridges: &[String]) -> Result<Vec<ForeignDrop>, Failure> {
    let socket = Netlink::netfilter()?;
    let mut found = Vec::new();
    for chain in base_chains(&socket, FORWARD)? {
        if chain.table != own {
            let rules = rules(&socket, chain.family, &chain.table)?;
            found.extend(judge(&chain, &rules, bridges));
        }
    }
    Ok(found)
}

/// A table that speaks of a bridge was made for it: what it says of it is its maker's affair.
fn judge(chain: &BaseChain, rules: &[ForeignRule], bridges: &[String]) -> Option<ForeignDrop> {
    let mut own = rules.iter().filter(|rule| rule.chain == chain.name);
    if !chain.drops && !own.next_back().is_some_and(|last| last.refuses_all) {
        return None;
    }
    let named = |bridge: &&String| {
        let mut asked = rules.iter().flat_map(|rule| &rule.interfaces);
        !asked.any(|name| match name.strip_suffix('*') {
            Some(start) => !start.is_empty() && bridge.starts_with(start),
            None => name == *bridge,
        })
    };
    let bridges: Vec<_> = bridges.iter().filter(named).cloned().collect();
    let family = match chain.family {
        2 => "ip",
        10 => "ip6",
        _ => "inet",
    };
    (!bridges.is_empty()).then(|| ForeignDrop {
        family,
        table: chain.table.clone(),
        chain: chain.name.clone(),
        bridges,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(drops: bool) -> BaseChain {
        BaseChain {
            family: 2,
            table: "filter".into(),
            name: "FORWARD".into(),
            drops,
        }
    }

    fn rule(chain: &str, interface: &str, refuses_all: bool) -> ForeignRule {
        ForeignRule {
            chain: chain.into(),
            interfaces: vec![interface.into()],
            refuses_all,
        }
    }

    #[test]
    fn a_chain_is_told_of_that_drops_by_its_policy_or_its_last_rule_and_knows_no_bridge_of_ours() {
        let bridges = ["rt0".to_owned(), "br-1".to_owned()];
        let found = judge(&chain(true), &[rule("OTHER", "rt0", false)], &bridges).unwrap();
        assert_eq!(found.bridges, ["br-1"]);
        assert_eq!(judge(&chain(false), &[], &bridges), None);
        let last = [rule("FORWARD", "eth0", false), rule("FORWARD", "", true)];
        assert_eq!(
            judge(&chain(false), &last, &bridges).unwrap().bridges,
            bridges
        );
        let inner = [rule("FORWARD", "", true), rule("FORWARD", "eth0", false)];
        assert_eq!(judge(&chain(false), &inner, &bridges), None);
        let wild = [
            rule("FORWARD", "br-*", false),
            rule("FORWARD", "rt0", false),
        ];
        assert_eq!(judge(&chain(true), &wild, &bridges), None);
    }
}
