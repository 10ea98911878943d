//! Queries as they come, and answers as they go.

use super::support::{query, read};
use crate::message::{Code, Parsed, answers, parse};
use crate::reply::{Record, Transport, answer, failure};

fn parsed(bytes: &[u8]) -> crate::message::Query<'_> {
    match parse(bytes) {
        Parsed::Query(query) => query,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_query_is_read_without_regard_to_case() {
    let bytes = query(7, "Web.BackEnd", 28, Some(4096));
    let query = parsed(&bytes);
    assert_eq!(query.name.as_deref(), Some("web.backend"));
    assert_eq!((query.id, query.kind, query.class), (7, 28, 1));
    assert_eq!(query.takes, Some(4096));
}

#[test]
fn a_name_that_no_container_has_is_no_name() {
    assert_eq!(parsed(&query(1, "", 2, None)).name, None);
    assert_eq!(parsed(&query(1, "a b", 1, None)).name, None);
    let dotted = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03a.b\0\0\x01\0\x01";
    assert_eq!(parsed(dotted).name, None);
}

#[test]
fn what_is_not_one_question_is_refused() {
    let code_of = |bytes: &[u8]| match parse(bytes) {
        Parsed::Refused { code, .. } => Some(code),
        _ => None,
    };
    let whole = query(1, "web", 1, Some(512));
    for end in 12..whole.len() {
        assert_eq!(code_of(&whole[..end]), Some(Code::Malformed), "{end}");
    }
    let mut two = query(1, "web", 1, None);
    two[5] = 2;
    assert_eq!(code_of(&two), Some(Code::Malformed));
    let mut update = query(1, "web", 1, None);
    update[2] = 0x28;
    assert_eq!(code_of(&update), Some(Code::NotImplemented));
    let pointer = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
    assert_eq!(code_of(pointer), Some(Code::Malformed));
    let long = query(1, &["a".repeat(63).as_str(); 4].join("."), 1, None);
    assert_eq!(code_of(&long), Some(Code::Malformed));
    assert_eq!(parse(&whole[..11]), Parsed::Nothing);
    let mut said = query(1, "web", 1, None);
    said[2] |= 0x80;
    assert_eq!(parse(&said), Parsed::Nothing);
}

#[test]
fn as_many_records_are_given_as_there_is_room_for() {
    let records: Vec<_> = (0..200u8)
        .map(|n| Record::V4([10, 0, 0, n].into()))
        .collect();
    let all = |takes, transport| {
        let bytes = query(9, "web", 1, takes);
        let answer = answer(&parsed(&bytes), &records, transport);
        assert!(answers(&answer, &bytes, 9));
        let (code, is_truncated, data) = read(&answer);
        assert_eq!(code, 0);
        (is_truncated, data.len(), answer.len())
    };
    let (is_truncated, count, length) = all(None, Transport::Udp);
    assert!(is_truncated && (25..31).contains(&count) && length <= 512);
    let (is_truncated, count, length) = all(Some(1232), Transport::Udp);
    assert!(is_truncated && (60..80).contains(&count) && length <= 1232);
    let (is_truncated, count, _) = all(None, Transport::Tcp);
    assert!(!is_truncated && count == 200);
    let (is_truncated, count, _) = all(Some(4096), Transport::Udp);
    assert!(!is_truncated && count == 200);
}

#[test]
fn a_failure_repeats_the_question() {
    let bytes = query(9, "web", 1, None);
    let failure = failure(&parsed(&bytes), Code::ServerFailure);
    assert_eq!(read(&failure), (2, false, vec![]));
    assert!(answers(&failure, &bytes, 9));
}

#[test]
fn what_a_server_says_has_to_belong_to_the_query() {
    let asked = query(9, "example.org", 1, None);
    let mut said = asked.clone();
    said[2] |= 0x80;
    assert!(answers(&said, &asked, 9));
    assert!(!answers(&said, &asked, 10));
    assert!(!answers(&asked, &asked, 9));
    let mut other = query(9, "example.net", 1, None);
    other[2] |= 0x80;
    assert!(!answers(&other, &asked, 9));
    let mut shouted = query(9, "EXAMPLE.org", 1, None);
    shouted[2] |= 0x80;
    assert!(answers(&shouted, &asked, 9));
    assert!(!answers(&said[..12], &asked, 9));
    let refused = [0, 9, 0x81, 0x05, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(answers(&refused, &asked, 9));
}
