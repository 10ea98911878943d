//! A resolver at work: over UDP and TCP, with servers that answer, lie, or say nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Running, ensure_loopback, query, read};

const FOREIGN: &str = "example.org";

/// A server on UDP: what `say` makes of a query goes back, and the query comes out here.
fn server(say: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> (SocketAddr, Receiver<Vec<u8>>) {
    ensure_loopback();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (heard, told) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for answer in say(&buffer[..length]) {
                socket.send_to(&answer, from).unwrap();
            }
            if heard.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    (address, told)
}

fn said(query: &[u8], code: u8, mark: u8) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= 0x80;
    answer[3] = code;
    answer.push(mark);
    answer
}

fn lines(servers: &[SocketAddr]) -> String {
    let line = |server: &SocketAddr| format!("server {}#{}\n", server.ip(), server.port());
    servers.iter().map(line).collect()
}

#[test]
fn the_names_of_files_hold_at_once_and_no_longer() {
    let resolver = Running::new("");
    assert_eq!(read(&resolver.ask(&query(1, "web", 1, None))).0, 2);
    let network = resolver.path("backend");
    resolver.write("backend", "172.18.0.2 - web\n");
    resolver.write("names", &format!("network backend {network}\n"));
    let ask = || read(&resolver.ask(&query(2, "web", 1, None)));
    assert_eq!(ask(), (0, false, vec![vec![172, 18, 0, 2]]));
    resolver.write("backend", "172.18.0.3 - web\n");
    assert_eq!(ask(), (0, false, vec![vec![172, 18, 0, 3]]));
    resolver.write("backend", "172.18.0.3 - renamed\n");
    assert_eq!(ask().0, 2);
}

#[test]
fn an_answer_of_a_server_comes_back_as_it_is_under_the_askers_id() {
    let (address, told) = server(|query| vec![said(query, 3, 77)]);
    let resolver = Running::new(&lines(&[address]));
    let asked = query(4242, FOREIGN, 1, Some(1232));
    assert_eq!(resolver.ask(&asked), said(&asked, 3, 77));
    let heard = told.recv().unwrap();
    assert_eq!(heard[2..], asked[2..]);
}

#[test]
fn lies_are_passed_over() {
    let (address, _told) = server(|query| {
        let mut other_id = said(query, 0, 1);
        other_id[0] ^= 1;
        let mut other_name = said(query, 0, 2);
        other_name[13] ^= 1;
        let truth = said(query, 0, 3);
        vec![
            vec![],
            vec![0; 5],
            query.to_vec(),
            other_id,
            other_name,
            truth,
        ]
    });
    let resolver = Running::new(&lines(&[address]));
    let asked = query(1, FOREIGN, 1, None);
    assert_eq!(resolver.ask(&asked).last(), Some(&3));
}

#[test]
fn the_next_server_is_asked_where_one_fails_refuses_or_is_not_there() {
    ensure_loopback();
    let nobody = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (failing, _f) = server(|query| vec![said(query, 2, 1)]);
    let (refusing, _r) = server(|query| vec![said(query, 5, 2)]);
    let (fine, _g) = server(|query| vec![said(query, 0, 3)]);
    let asked = query(1, FOREIGN, 1, None);
    for first in [nobody, failing, refusing] {
        let resolver = Running::new(&lines(&[first, fine]));
        assert_eq!(resolver.ask(&asked).last(), Some(&3));
    }
    let resolver = Running::new(&lines(&[nobody, failing, refusing]));
    assert_eq!(read(&resolver.ask(&asked)).0, 2);
}

#[test]
fn a_lost_datagram_is_sent_again_and_a_silent_server_left() {
    let (silent, told) = server(|_| vec![]);
    let (fine, _g) = server(|query| vec![said(query, 0, 3)]);
    let resolver = Running::new(&lines(&[silent, fine]));
    let start = Instant::now();
    assert_eq!(resolver.ask(&query(1, FOREIGN, 1, None)).last(), Some(&3));
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(told.recv().unwrap(), told.recv().unwrap());
}

#[test]
fn servers_of_the_host_are_asked_only_where_there_is_a_way_out_and_ourselves_never() {
    let (address, told) = server(|query| vec![said(query, 0, 3)]);
    let line = format!("server {}#{} host\n", address.ip(), address.port());
    let asked = query(1, FOREIGN, 1, None);
    let resolver = Running::new(&line);
    assert_eq!(read(&resolver.ask(&asked)).0, 2);
    assert!(told.try_recv().is_err());
    resolver.write("names", &format!("{line}outside\n"));
    assert_eq!(resolver.ask(&asked).last(), Some(&3));
    let own = resolver.address;
    resolver.write(
        "names",
        &format!("outside\nserver {}#{}\n", own.ip(), own.port()),
    );
    assert_eq!(read(&resolver.ask(&asked)).0, 2);
}

/// A server that answers nobody before so many have asked.
fn hesitant(count: usize) -> SocketAddr {
    ensure_loopback();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut held = Vec::new();
        let mut asked = 0;
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            held.push((said(&buffer[..length], 0, 3), from));
            asked += 1;
            if asked >= count {
                for (answer, from) in held.drain(..) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        }
    });
    address
}

#[test]
fn many_are_asked_at_once_the_rest_waits_and_names_go_on_meanwhile() {
    const AT_ONCE: u16 = 256;
    const ALL: u16 = 1000;
    let resolver = Running::new("");
    let network = resolver.path("backend");
    resolver.write("backend", "172.18.0.2 - web\n");
    let servers = lines(&[hesitant(usize::from(AT_ONCE))]);
    resolver.write("names", &format!("network backend {network}\n{servers}"));
    let socket = resolver.socket();
    let reader = socket.try_clone().unwrap();
    let answered = thread::spawn(move || {
        let mut answer = [0; 512];
        let mut next = || reader.recv(&mut answer).map(|n| read(&answer[..n]).0).ok();
        (0..ALL).filter(|_| next() == Some(0)).count()
    });
    for id in 0..ALL {
        socket.send(&query(id, FOREIGN, 1, None)).unwrap();
        if id % 32 == 31 {
            // What was sent before is taken by then.
            let local = resolver.ask(&query(id, "web", 1, None));
            assert_eq!(read(&local).2, [[172, 18, 0, 2]]);
        }
    }
    assert_eq!(answered.join().unwrap(), usize::from(ALL));
}

fn send_framed(stream: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, message].concat()).unwrap();
}

fn receive_framed(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

#[test]
fn over_tcp_a_query_may_come_in_pieces_and_several_on_one_connection() {
    let resolver = Running::new("");
    let network = resolver.path("backend");
    let line = |n| {
        format!(
            "172.18.{}.{} - many
",
            n / 250,
            n % 250
        )
    };
    let body = (0..1000).map(line).collect::<Vec<_>>().concat();
    resolver.write("backend", &body);
    resolver.write("names", &format!("network backend {network}\n"));
    assert!(read(&resolver.ask(&query(1, "many", 1, None))).1);
    let mut stream = resolver.stream();
    let asked = query(7, "many", 1, None);
    let whole = [&[0, u8::try_from(asked.len()).unwrap()], asked.as_slice()].concat();
    for byte in &whole {
        stream.write_all(&[*byte]).unwrap();
    }
    send_framed(&mut stream, &query(8, "many", 28, None));
    send_framed(&mut stream, &query(9, "many", 1, None));
    let (code, is_truncated, data) = read(&receive_framed(&mut stream));
    assert_eq!((code, is_truncated, data.len()), (0, false, 1000));
    assert_eq!(read(&receive_framed(&mut stream)), (0, false, vec![]));
    assert_eq!(receive_framed(&mut stream)[..2], [0, 9]);
}

#[test]
fn over_tcp_servers_are_asked_by_tcp_and_long_answers_come_whole() {
    ensure_loopback();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let resolver = Running::new(&lines(&[nobody, listener.local_addr().unwrap()]));
    let asked = query(7, FOREIGN, 1, None);
    let mut client = resolver.stream();
    send_framed(&mut client, &asked);
    let (mut server, _) = listener.accept().unwrap();
    let heard = receive_framed(&mut server);
    let mut answer = said(&heard, 0, 1);
    answer.resize(60_000, 5);
    send_framed(&mut server, &answer);
    let received = receive_framed(&mut client);
    assert_eq!(received[..2], [0, 7]);
    assert_eq!(received[2..], answer[2..]);
}

#[test]
fn a_connection_that_says_nothing_of_sense_ends_and_makes_room() {
    let resolver = Running::new("");
    let mut liar = resolver.stream();
    send_framed(&mut liar, &[1, 2, 3]);
    assert_eq!(liar.read(&mut [0; 8]).unwrap(), 0);
    let mut long = resolver.stream();
    long.write_all(&[0xff, 0xff]).unwrap();
    assert_eq!(long.read(&mut [0; 8]).unwrap(), 0);
    let silent: Vec<_> = (0..40).map(|_| resolver.stream()).collect();
    let mut last = resolver.stream();
    send_framed(&mut last, &query(1, "web", 1, None));
    assert_eq!(read(&receive_framed(&mut last)).0, 2);
    drop(silent);
}
