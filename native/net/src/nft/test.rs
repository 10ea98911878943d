use super::*;
use crate::socket::Netlink;
use crate::wire::{NLM_F_DUMP, find, text_of};

/// The payloads of all objects of a kind (a GET message) that belong to `table`, whose name is
/// attribute 1 of each.
fn list(kind: u16, table: &str) -> Vec<Vec<u8>> {
    let mut batch = Batch::default();
    let header = [NFPROTO_INET, 0, 0, 0];
    batch.message("list", kind, NLM_F_DUMP, &header, |_| ());
    let mut found = Vec::new();
    let take = |_, payload: &[u8]| {
        if find(&payload[4..], TABLE_NAME).map(text_of) == Some(table) {
            found.push(payload.to_vec());
        }
    };
    Netlink::netfilter().unwrap().ask(&batch, take).unwrap();
    found
}

/// Rules that stand in a table.
pub(crate) fn count_rules(table: &str) -> usize {
    super::count_rules(&Netlink::netfilter().unwrap(), table).unwrap()
}

pub(crate) fn table_exists(table: &str) -> bool {
    !list(SUBSYSTEM << 8 | 1, table).is_empty()
}

/// As `nft --debug=netlink` has it, in words of memory order; big-endian is what the kernel reads.
#[test]
fn a_rule_is_a_list_of_named_expressions_with_numbers_in_network_order() {
    let mut change = Transaction::new("t");
    change.add_rule("c", |rule| rule.going_by("s").verdict(Verdict::Drop));
    let batch = change.finish();
    let rule = &batch.bytes()[20..];
    assert_eq!(rule[4..8], [0x06, 0x0a, 0x05, 0x0c]);
    assert_eq!(
        rule[16..36],
        *b"\x01\0\0\0\x06\0\x01\0t\0\0\0\x06\0\x02\0c\0\0\0"
    );
    let meta = b"\x24\0\x01\x80\x09\0\x01\0meta\0\0\0\0\x14\0\x02\x80\x08\0\x01\0\0\0\0\x08\x08\0\x02\0\0\0\0\x07";
    assert_eq!(rule[40..76], *meta);
    let lookup = b"\x24\0\x01\x80\x0b\0\x01\0lookup\0\0\x14\0\x02\x80\x06\0\x01\0s\0\0\0\x08\0\x02\0\0\0\0\x08";
    assert_eq!(rule[76..112], *lookup);
    assert_eq!(batch.awaited(), Some(2));
}
