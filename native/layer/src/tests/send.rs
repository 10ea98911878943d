//! Blobs on their way to clients that read, dawdle, and go.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::{LayerError, Sending};

const SIZE: usize = 3 << 20;

fn blob(bytes: &[u8]) -> OwnedFd {
    let mut file = std::fs::File::from(memfd_create("blob", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(bytes).unwrap();
    file.into()
}

fn pair() -> (Arc<Sending>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Arc::new(Sending::new(ours.into())), theirs)
}

fn pattern() -> Vec<u8> {
    (0..SIZE)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

#[test]
fn a_client_gets_every_byte_and_no_more() {
    let bytes = pattern();
    let file = blob(&bytes);
    let (sending, mut client) = pair();
    let sender = thread::spawn(move || sending.send(&file, SIZE as u64 - 1).unwrap());
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert!(sender.join().unwrap());
    assert!(got == bytes[..SIZE - 1]);
}

#[test]
fn a_client_that_goes_ends_the_sending() {
    let file = blob(&pattern());
    let (sending, mut client) = pair();
    let sender = thread::spawn(move || sending.send(&file, SIZE as u64).unwrap());
    client.read_exact(&mut [0; 1000]).unwrap();
    drop(client);
    assert!(!sender.join().unwrap());
}

#[test]
fn a_sending_to_a_client_that_does_not_read_can_be_cancelled() {
    let file = blob(&pattern());
    let (sending, mut client) = pair();
    let own = Arc::clone(&sending);
    let sender = thread::spawn(move || own.send(&file, SIZE as u64).unwrap());
    client.read_exact(&mut [0; 1000]).unwrap();
    sending.cancel();
    assert!(!sender.join().unwrap());
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert!(rest.len() < SIZE - 1000);
}

#[test]
fn a_file_that_is_shorter_than_was_said_is_an_error() {
    let file = blob(b"short");
    let (sending, _client) = pair();
    let error = sending.send(&file, 6).unwrap_err();
    assert!(matches!(error, LayerError::Truncated(_)));
}
