//! The table comes back when a stranger takes it, and strangers keep theirs.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lab::{HOST4, OPEN, address4, container, network, outside, port, seen, serve};
use super::support::{TABLE, on_a_host};
use crate::nft::tests::count_rules;
use crate::ports::Protocol::Tcp;
use crate::{PublishPolicy, RulesSettings, configure_rules, find_foreign_drops, rules};

fn nft(arguments: &[&str]) -> String {
    let output = Command::new("nft").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// As nft prints it, without what packets change.
fn ours() -> String {
    nft(&["list", "table", "inet", TABLE])
}

fn wait_until(what: &str, mut reached: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(5), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
    begun.elapsed()
}

fn watched() {
    configure_rules(RulesSettings {
        table: TABLE.into(),
        policy: PublishPolicy::Docker,
        forwarding: true,
    });
}

#[test]
fn whatever_a_stranger_takes_of_the_table_comes_back() {
    on_a_host(|| {
        watched();
        let other = outside();
        network(30, OPEN);
        let web = container(30, 2);
        serve(Some(&web), Tcp, &address4(30, 2), 80);
        rules::publish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
        let whole = ours();
        for taking in [
            vec!["flush", "ruleset"],
            vec!["delete", "table", "inet", TABLE],
            vec!["flush", "table", "inet", TABLE],
            vec!["flush", "chain", "inet", TABLE, "forward"],
            vec!["flush", "map", "inet", TABLE, "any4"],
            vec!["delete", "element", "inet", TABLE, "bridges", "{ rt30 }"],
        ] {
            nft(&taking);
            let took = wait_until(&taking.join(" "), || {
                let tables = nft(&["list", "tables"]);
                tables.contains(TABLE) && ours() == whole
            });
            assert!(took < Duration::from_secs(1), "{took:?}");
            seen(Some(&other), Tcp, HOST4, 8080);
        }
    });
}

/// A table can belong to one program, as long as that runs: nobody else may touch it.
#[test]
fn what_cannot_be_written_is_neither_lost_nor_given_up() {
    on_a_host(|| {
        watched();
        let plan = network(30, OPEN);
        let web = port(Tcp, "0.0.0.0", &address4(30, 2));
        rules::publish(&[web]).unwrap();
        let whole = ours();
        let mut owner = own_table();
        let other = port(Tcp, "127.0.0.1", &address4(30, 2));
        rules::publish(&[other]).unwrap_err();
        rules::unpublish(&[web]).unwrap_err();
        end(owner);
        wait_until("written again", || stands() && ours() == whole);
        owner = own_table();
        rules::drop_network(&plan.name).unwrap_err();
        end(owner);
        wait_until("still wanted", stands);
        rules::drop_network(&plan.name).unwrap();
        assert!(!stands());
    });
}

fn stands() -> bool {
    nft(&["list", "tables"]).contains(TABLE)
}

pub(crate) fn end(mut owner: Child) {
    owner.kill().unwrap();
    owner.wait().unwrap();
}

/// A stranger that takes our table and keeps one of the name for itself.
pub(crate) fn own_table() -> Child {
    let mut owner = Command::new("nft")
        .arg("-i")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let line = format!("delete table inet {TABLE}; add table inet {TABLE} {{ flags owner; }}\n");
    let input = owner.stdin.as_mut().unwrap();
    input.write_all(line.as_bytes()).unwrap();
    wait_until("owned", || {
        nft(&["list", "ruleset"]).contains("flags owner")
    });
    owner
}

/// Our own changes are no reason to write, nor are those of others to their tables.
#[test]
fn a_table_that_nobody_touches_is_left_alone() {
    on_a_host(|| {
        watched();
        network(30, OPEN);
        let begun = handle();
        for number in 2..20 {
            let ports = [port(Tcp, "0.0.0.0", &address4(30, number))];
            rules::publish(&ports).unwrap();
            rules::unpublish(&ports).unwrap();
        }
        nft(&["add", "table", "inet", "theirs"]);
        nft(&["add", "chain", "inet", "theirs", "c"]);
        nft(&["delete", "table", "inet", "theirs"]);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(handle(), begun);
        assert!(count_rules(TABLE) > 0);
    });
}

/// Another one after each writing.
fn handle() -> String {
    let listed = nft(&["-a", "list", "tables"]);
    listed.lines().find(|l| l.contains(TABLE)).unwrap().into()
}

#[test]
fn the_tables_of_others_stay_as_they_are() {
    on_a_host(|| {
        for command in [
            "add table inet firewalld",
            "add chain inet firewalld input { type filter hook input priority 10; policy drop; }",
            "add rule inet firewalld input tcp dport 22 accept",
            "add table ip nat",
            "add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }",
            "add rule ip nat POSTROUTING oifname eth0 masquerade",
        ] {
            nft(&command.split(' ').collect::<Vec<_>>());
        }
        let theirs = nft(&["-a", "list", "ruleset"]);
        let plan = network(30, OPEN);
        rules::publish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
        let both = nft(&["-a", "list", "ruleset"]);
        assert!(both.starts_with(theirs.trim_end()), "{both}");
        rules::drop_network(&plan.name).unwrap();
        assert_eq!(nft(&["-a", "list", "ruleset"]), theirs);
    });
}

/// What `nft list ruleset` saved is loaded again at the next boot of many hosts.
#[test]
fn nft_can_read_what_it_printed_of_our_table() {
    on_a_host(|| {
        network(30, OPEN);
        rules::publish(&[port(Tcp, "0.0.0.0", &address4(30, 2))]).unwrap();
        let printed = ours();
        let file = std::env::temp_dir().join(format!("rt-rules-{}", std::process::id()));
        std::fs::write(&file, format!("flush ruleset\n{printed}")).unwrap();
        nft(&["-f", file.to_str().unwrap()]);
        assert_eq!(ours(), printed);
        std::fs::remove_file(file).unwrap();
    });
}

#[test]
fn the_rules_of_an_earlier_version_go_with_the_first_that_are_written() {
    on_a_host(|| {
        configure_rules(RulesSettings {
            table: "rt-networks-4f2a".into(),
            policy: PublishPolicy::Docker,
            forwarding: true,
        });
        for table in ["rt-4f2a", "rt-5b3c"] {
            nft(&["add", "table", "ip", table]);
            nft(&["add", "chain", "ip", table, "forward"]);
        }
        network(30, OPEN);
        let tables = nft(&["list", "tables"]);
        assert!(tables.contains("table inet rt-networks-4f2a"), "{tables}");
        assert!(!tables.contains("table ip rt-4f2a"), "{tables}");
        assert!(tables.contains("table ip rt-5b3c"), "{tables}");
    });
}

#[test]
fn firewalls_that_drop_what_is_forwarded_are_told_of_until_they_name_the_bridge() {
    on_a_host(|| {
        network(30, OPEN);
        let told = || {
            let found = find_foreign_drops(&[]).unwrap();
            let places = found
                .iter()
                .map(|it| format!("{} {} {}", it.family, it.table, it.chain));
            places.collect::<Vec<_>>()
        };
        assert!(told().is_empty());
        run("iptables-nft -P FORWARD DROP");
        run("ip6tables-nft -A FORWARD -j REJECT");
        run("nft add table inet firewalld");
        run(
            "nft add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }",
        );
        run("nft add rule inet firewalld filter_FORWARD ct state established accept");
        assert_eq!(told(), ["ip filter FORWARD", "ip6 filter FORWARD"]);
        run(
            "nft add rule inet firewalld filter_FORWARD counter reject with icmpx admin-prohibited",
        );
        assert_eq!(told()[2..], ["inet firewalld filter_FORWARD"]);
        run("iptables-nft -I FORWARD -o rt30 -j ACCEPT");
        run("ip6tables-nft -I FORWARD -i rt+ -j ACCEPT");
        run("nft insert rule inet firewalld filter_FORWARD oifname rt30 accept");
        assert!(told().is_empty());
    });
}

fn run(line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
}
