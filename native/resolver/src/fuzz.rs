//! What must hold of any bytes at all that come to a resolver. Each function panics if it does not; they are run by
//! `tests/fuzz.rs` over a saved corpus, and can be run by any fuzzer: see docs/design/fuzz.md.

#![allow(clippy::missing_panics_doc, reason = "to panic is how they tell")]

use crate::decide::{Decision, View, decide};
use crate::message::{self, Code, HEADER, LONGEST_QUERY, Parsed, Query, parse};
use crate::names::{self, Container};
use crate::reply::{self, Transport};

const CONTAINER: &str = "rt-names 1\nnetwork backend /x\nlink backend db web\nndots\n";

/// A container whose network has a name with more addresses than one datagram takes.
fn world() -> (Container, Vec<String>) {
    let mut network = "rt-names 1\n172.18.0.2 fd00::2 web www\n172.18.0.3 - other\n".to_owned();
    let more: Vec<_> = (0..=255)
        .map(|last| format!("172.18.1.{last} - many"))
        .collect();
    network += &more.join(
        "
",
    );
    let container = names::parse_container(CONTAINER).unwrap_or_default();
    (container, vec![network])
}

/// Bytes as a query: an answer is one to this query, fits, and can be read.
pub fn query(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST_QUERY)];
    match parse(bytes) {
        Parsed::Nothing => {}
        Parsed::Refused { id, flags, code } => {
            let refusal = reply::refusal(id, flags, code);
            assert_eq!(refusal.len(), HEADER);
            assert_eq!(refusal[..2], bytes[..2]);
        }
        Parsed::Query(query) => {
            let (container, networks) = world();
            let view = View {
                container: &container,
                networks: &networks,
            };
            if let Decision::Answer(records) = decide(&query, view) {
                for transport in [Transport::Udp, Transport::Tcp] {
                    check_answer(
                        &reply::answer(&query, &records, transport),
                        bytes,
                        transport,
                    );
                }
            }
            check_answer(
                &reply::failure(&query, Code::ServerFailure),
                bytes,
                Transport::Udp,
            );
        }
    }
}

fn check_answer(answer: &[u8], query: &[u8], transport: Transport) {
    let Parsed::Query(Query { id, takes, .. }) = parse(query) else {
        unreachable!("it has been answered");
    };
    let takes = usize::from(takes.unwrap_or(512).max(512));
    assert!(transport == Transport::Tcp || answer.len() <= takes);
    assert!(message::answers(answer, query, id));
    assert!(!message::answers(answer, query, !id));
    assert_eq!(parse(answer), Parsed::Nothing);
}

/// Bytes as what a server says to a query; then as the query to which it was said.
pub fn reply(bytes: &[u8]) {
    let asked = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
    if message::answers(bytes, asked, 0x1234) {
        assert!(bytes.len() >= HEADER && bytes[..2] == asked[..2]);
    }
    let _ = message::answers(asked, bytes, 0x1234);
}

/// Bytes as either of the daemon's files: nothing is found that is not in them.
pub fn files(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(container) = names::parse_container(text) {
        assert!(container.servers.len() <= 3);
    }
    for word in text.split_whitespace().take(64) {
        if let Some(addresses) = names::find(text, word) {
            for address in addresses.v4 {
                assert!(names::reverse(text, address.into()).is_some());
            }
        }
    }
}
