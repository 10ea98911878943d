//! Names of containers.

use super::support::query;
use crate::decide::{Decision, View, decide};
use crate::message::{Parsed, parse};
use crate::names::{Container, parse_container};
use crate::reply::Record;

const BACKEND: &str = "rt-names 1
172.18.0.2 fd00::2 web www 0c1d2e3f4a5b
172.18.0.3 - db 99aabbccddee
172.18.0.4 - two www
- fd00::5 six
172.18.0.6 - other.name
172.18.0.6 - api.example.org
";
const FRONTEND: &str = "rt-names 1\n172.19.0.2 - web\n172.19.0.9 - edge\n";

fn world(more: &str) -> (Container, Vec<String>) {
    let text = format!("rt-names 1\nnetwork backend /b\nnetwork front.end /a b\n{more}");
    let container = parse_container(&text).unwrap();
    assert_eq!(container.networks[1].path, "/a b");
    (container, vec![BACKEND.into(), FRONTEND.into()])
}

fn ask_in(more: &str, name: &str, kind: u16) -> Option<Vec<String>> {
    let (container, networks) = world(more);
    let bytes = query(1, name, kind, None);
    let Parsed::Query(query) = parse(&bytes) else {
        panic!("{name} is no question");
    };
    let view = View {
        container: &container,
        networks: &networks,
    };
    match decide(&query, view) {
        Decision::Forward => None,
        Decision::Answer(records) => Some(records.iter().map(show).collect()),
    }
}

fn show(record: &Record) -> String {
    match record {
        Record::V4(address) => address.to_string(),
        Record::V6(address) => address.to_string(),
        Record::Name(name) => name.clone(),
    }
}

fn ask(name: &str, kind: u16) -> Option<Vec<String>> {
    ask_in("", name, kind)
}

fn given(addresses: &[&str]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn names_aliases_and_ids_have_addresses_of_both_families() {
    assert_eq!(ask("web", 1), Some(given(&["172.18.0.2"])));
    assert_eq!(ask("WEB", 28), Some(given(&["fd00::2"])));
    assert_eq!(ask("0c1d2e3f4a5b", 1), Some(given(&["172.18.0.2"])));
    assert_eq!(ask("www", 1), Some(given(&["172.18.0.2", "172.18.0.4"])));
    assert_eq!(ask("edge", 1), Some(given(&["172.19.0.9"])));
    assert_eq!(ask("other.name", 1), Some(given(&["172.18.0.6"])));
}

#[test]
fn a_name_without_an_address_of_the_family_is_given() {
    assert_eq!(ask("db", 28), Some(given(&[])));
    assert_eq!(ask("six", 1), Some(given(&[])));
    assert_eq!(ask("www", 28), Some(given(&["fd00::2"])));
}

#[test]
fn a_network_may_stand_behind_a_name() {
    assert_eq!(ask("web.backend", 1), Some(given(&["172.18.0.2"])));
    assert_eq!(ask("web.front.end", 1), Some(given(&["172.19.0.2"])));
    assert_eq!(ask("other.name.backend", 1), Some(given(&["172.18.0.6"])));
    assert_eq!(ask("edge.backend", 1), None);
    assert_eq!(ask("web.elsewhere", 1), None);
    assert_eq!(ask("backend", 1), None);
}

#[test]
fn the_containers_own_words_come_first() {
    let links = "link backend db web\nlink backend postgres db\nlink backend gone nobody\n";
    assert_eq!(ask_in(links, "postgres", 1), Some(given(&["172.18.0.3"])));
    assert_eq!(
        ask_in(links, "postgres.backend", 1),
        Some(given(&["172.18.0.3"]))
    );
    assert_eq!(ask_in(links, "postgres.front.end", 1), None);
    assert_eq!(ask_in(links, "db", 1), Some(given(&["172.18.0.2"])));
    assert_eq!(ask_in(links, "gone", 1), None);
}

#[test]
fn addresses_have_names() {
    let known = Some(given(&["web.backend"]));
    assert_eq!(ask("2.0.18.172.in-addr.arpa", 12), known);
    let long = format!("2.{}0.0.d.f.ip6.arpa", "0.".repeat(27));
    assert_eq!(ask(&long, 12), known);
    assert_eq!(
        ask("6.0.18.172.in-addr.arpa", 12),
        Some(given(&["other.name.backend"]))
    );
    assert_eq!(
        ask("2.0.19.172.in-addr.arpa", 12),
        Some(given(&["web.front.end"]))
    );
    for unknown in [
        "77.0.18.172.in-addr.arpa",
        "0.18.172.in-addr.arpa",
        "1.2.0.18.172.in-addr.arpa",
        "x.0.18.172.in-addr.arpa",
        "2.ip6.arpa",
        "web",
    ] {
        assert_eq!(ask(unknown, 12), None, "{unknown}");
    }
}

#[test]
fn other_kinds_of_a_known_name_are_nobodys_business_unless_the_world_may_know_it() {
    const MX: u16 = 15;
    const TXT: u16 = 16;
    const HTTPS: u16 = 65;
    for kind in [MX, TXT, HTTPS] {
        assert_eq!(ask("web", kind), Some(given(&[])));
        assert_eq!(ask("web.backend", kind), Some(given(&[])));
        assert_eq!(ask("unknown", kind), None);
    }
    assert_eq!(ask("api.example.org", TXT), None);
    assert_eq!(ask("api.example.org", MX), Some(given(&[])));
}

#[test]
fn where_the_user_chose_ndots_the_search_list_comes_before_the_world() {
    assert_eq!(ask_in("ndots\n", "unknown", 1), Some(given(&[])));
    assert_eq!(ask_in("ndots\n", "unknown", 28), Some(given(&[])));
    assert_eq!(ask_in("ndots\n", "unknown", 16), None);
    assert_eq!(ask_in("ndots\n", "example.org", 1), None);
    assert_eq!(ask_in("ndots\n", "web", 1), Some(given(&["172.18.0.2"])));
}

#[test]
fn three_servers_are_asked_at_most_and_each_from_its_place() {
    let text = "rt-names 1\nserver 127.0.0.53 host\nserver nonsense\nserver fd00::1\n\
                something new\nserver fe80::1%3 host\nserver 10.0.0.1\noutside\n";
    let container = parse_container(text).unwrap();
    let shown = container.servers.iter();
    let shown: Vec<_> = shown.map(|s| (s.address.to_string(), s.by_host)).collect();
    let expected = [
        ("127.0.0.53:53", true),
        ("[fd00::1]:53", false),
        ("[fe80::1%3]:53", true),
    ];
    assert_eq!(
        shown,
        expected.map(|(address, by)| (address.to_owned(), by))
    );
    assert!(container.reaches_outside && !container.chose_ndots);
    assert_eq!(parse_container("rt-names 2\noutside\n"), None);
    assert_eq!(parse_container(""), None);
}
