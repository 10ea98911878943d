//! The container's resolver: there from the start, or when it is asked for.

use std::fs;
use std::net::UdpSocket;

use sandbox::protocol::frame;
use serde_json::{Value, json};

use crate::client::Client;
use crate::machine::{Machine, loopback_up};

const BACKEND: &str = "172.18.0.2 - web\n";

fn named() -> Value {
    json!({"hasNames": true, "process": {"openStdin": true}})
}

/// Replaces a file beside the monitor's socket; its path.
fn write(machine: &Machine, name: &str, body: &str) -> String {
    let path = machine.dir.join("run").join(name);
    fs::write(path.with_extension("new"), format!("rt-names 1\n{body}")).expect("file");
    fs::rename(path.with_extension("new"), &path).expect("renamed");
    path.to_string_lossy().into_owned()
}

fn write_all(machine: &Machine, backend: &str, more: &str) {
    let path = write(machine, "backend", backend);
    write(machine, "names", &format!("network backend {path}\n{more}"));
}

fn ask(client: &mut Client, name: &str, answer: &str) {
    client.send(frame::STDIN, format!("{name}\n").as_bytes());
    client.until(&format!("{answer}\n"));
}

fn end(mut client: Client) {
    client.send(frame::STDIN_CLOSE, &[]);
    client.signal(9);
    client.until_exit();
}

#[test]
fn names_are_answered_from_files_that_change() {
    let Some(machine) = Machine::new() else {
        return;
    };
    write_all(&machine, BACKEND, "");
    let mut client = machine.started(&["/probe", "resolve"], &named(), 0b111);
    ask(&mut client, "web", "0 [172, 18, 0, 2]");
    ask(&mut client, "db", "2");
    write(&machine, "backend", "172.18.0.2 - web\n172.18.0.3 - db\n");
    ask(&mut client, "DB.backend", "0 [172, 18, 0, 3]");
    end(client);
}

#[test]
fn the_port_stays_free_for_the_containers_programs() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let outcome = machine.run(&["/probe", "take-dns-port"], &json!({"hasNames": true}));
    assert_eq!(outcome.stdout, "taken\n");
}

#[test]
fn a_container_gets_its_resolver_while_it_runs() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"process": {"openStdin": true}});
    let mut client = machine.started(&["/probe", "resolve"], &changes, 0b111);
    client.send(frame::STDIN, b"web\n");
    client.until("errno 111");
    write_all(&machine, BACKEND, "");
    for _ in 0..2 {
        assert_eq!(client.ask(frame::RESOLVE, &[]), (frame::ACK, vec![]));
    }
    ask(&mut client, "web", "0 [172, 18, 0, 2]");
    end(client);
}

#[test]
fn a_container_in_the_hosts_network_gets_none() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"hasNames": true, "namespaces": {"network": "host"}});
    let mut client = machine.started(&["/probe", "hold"], &changes, 0);
    assert_eq!(client.ask(frame::RESOLVE, &[]).0, frame::FAILED);
    end(client);
}

#[test]
fn servers_of_the_host_are_asked_in_its_network() {
    let Some(machine) = Machine::new() else {
        return;
    };
    loopback_up();
    let server = UdpSocket::bind("127.0.0.53:0").expect("server");
    let port = server.local_addr().expect("address").port();
    let line = format!("server 127.0.0.53#{port} host\noutside\n");
    write_all(&machine, BACKEND, &line);
    let mut client = machine.started(&["/probe", "resolve"], &named(), 0b111);
    client.send(frame::STDIN, b"example.org\n");
    let mut query = [0; 512];
    let (length, from) = server.recv_from(&mut query).expect("query");
    query[2] |= 0x80;
    query[3] = 3;
    server.send_to(&query[..length], from).expect("answer");
    client.until("3\n");
    ask(&mut client, "web", "0 [172, 18, 0, 2]");
    end(client);
}
