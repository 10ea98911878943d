//! Port 53 of one loopback address.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::support::on_a_host;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

#[test]
fn what_goes_to_the_port_reaches_another_and_answers_seem_to_come_from_it() {
    on_a_host(|| {
        crate::redirect(ADDRESS, 53, 61_053).unwrap();
        let ours = UdpSocket::bind((ADDRESS, 61_053)).unwrap();
        // Whoever wants the port has it, on all other addresses.
        let theirs = UdpSocket::bind("0.0.0.0:53").unwrap();
        for socket in [&ours, &theirs] {
            socket.set_read_timeout(PATIENCE).unwrap();
        }
        let client = UdpSocket::bind("0.0.0.0:0").unwrap();
        client.connect((ADDRESS, 53)).unwrap();
        client.set_read_timeout(PATIENCE).unwrap();
        client.send(b"asked").unwrap();
        let mut buffer = [0; 16];
        let (length, from) = ours.recv_from(&mut buffer).unwrap();
        assert_eq!(
            (&buffer[..length], from),
            (&b"asked"[..], client.local_addr().unwrap())
        );
        ours.send_to(b"said", from).unwrap();
        assert_eq!(
            client.recv_from(&mut buffer).unwrap(),
            (4, (ADDRESS, 53).into())
        );
        client.connect("127.0.0.1:53").unwrap();
        client.send(b"other").unwrap();
        assert_eq!(theirs.recv(&mut buffer).unwrap(), 5);
    });
}

#[test]
fn connections_are_led_there_too() {
    on_a_host(|| {
        crate::redirect(ADDRESS, 53, 61_053).unwrap();
        let listener = TcpListener::bind((ADDRESS, 61_053)).unwrap();
        let _theirs = TcpListener::bind("0.0.0.0:53").unwrap();
        let mut client = TcpStream::connect((ADDRESS, 53)).unwrap();
        let (mut ours, _) = listener.accept().unwrap();
        for stream in [&client, &ours] {
            stream.set_read_timeout(PATIENCE).unwrap();
        }
        let long = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            scope.spawn(|| client.write_all(&long).unwrap());
            let mut received = vec![0; long.len()];
            ours.read_exact(&mut received).unwrap();
            assert!(received == long);
        });
        drop(ours);
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    });
}
