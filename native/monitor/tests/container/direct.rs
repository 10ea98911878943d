//! Clients whose own connection the monitor is given.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use sandbox::protocol::{Adoption, frame};
use serde_json::json;

use crate::machine::Machine;

fn adoption(flags: u8) -> Adoption {
    Adoption {
        token: 7,
        flags,
        is_raw: false,
        detach_keys: Vec::new(),
        exec: String::new(),
        is_told_exit: false,
    }
}

/// The frames of a client's connection up to its end.
fn frames(client: &mut UnixStream) -> Vec<(u8, Vec<u8>)> {
    let mut output = Vec::new();
    client.read_to_end(&mut output).expect("output");
    let mut frames = Vec::new();
    let mut rest = output.as_slice();
    while let Some((header, behind)) = rest.split_first_chunk::<8>() {
        let (payload, next) = behind.split_at(header[7].into());
        frames.push((header[0], payload.to_vec()));
        rest = next;
    }
    frames
}

#[test]
fn it_gets_frames_sends_raw_input_and_outlives_the_daemon() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let open = json!({"process": {"openStdin": true, "stdinOnce": true}});
    let mut control = machine.at_gate(&["/probe", "cat"], &open);
    let mut client = control.adopt(&adoption(0b111));
    control.start().expect("started");
    drop(control);
    client.write_all(b"sent").expect("send");
    client.shutdown(Shutdown::Write).expect("half-close");
    let frames = frames(&mut client);
    assert!(frames.iter().all(|(kind, _)| *kind == frame::STDOUT));
    let text: Vec<u8> = frames.into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(text, b"sentend\n");
}

#[test]
fn the_exit_code_comes_from_the_monitor_where_the_daemon_is_gone() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for daemon_stays in [false, true] {
        let open = json!({"process": {"openStdin": true, "stdinOnce": true}});
        let mut control = machine.at_gate(&["/probe", "cat"], &open);
        let mut client = control.adopt(&Adoption {
            is_told_exit: true,
            ..adoption(0b111)
        });
        control.start().expect("started");
        let _control = daemon_stays.then_some(control);
        // A daemon that comes meanwhile knows nothing of the client.
        let mut next = machine.client();
        next.watch();
        client.shutdown(Shutdown::Write).expect("half-close");
        let told = frames(&mut client);
        let exits: Vec<_> = told
            .iter()
            .filter(|(kind, _)| *kind != frame::STDOUT)
            .collect();
        let code = (frame::EXIT_CODE, vec![0]);
        assert_eq!(exits, if daemon_stays { vec![] } else { vec![&code] });
        let done = [&7u32.to_be_bytes()[..], &[0]].concat();
        assert_eq!(next.answer(), Some((frame::RELEASED, done)));
        assert_eq!(next.until_exit().code, 0);
    }
}

#[test]
fn with_a_terminal_output_is_raw_and_the_keys_let_it_go() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tty = json!({"process": {"tty": true, "openStdin": true}});
    let mut control = machine.at_gate(&["/probe", "cat"], &tty);
    let mut client = control.adopt(&Adoption {
        is_raw: true,
        detach_keys: b"\x10\x11".to_vec(),
        ..adoption(0b111)
    });
    control.start().expect("started");
    client.write_all(b"typed\n").expect("send");
    let mut echo = [0u8; 7];
    client.read_exact(&mut echo).expect("echo");
    assert_eq!(&echo, b"typed\r\n");
    client.write_all(b"\x10\x11").expect("send");
    let token = 7u32.to_be_bytes().to_vec();
    assert_eq!(control.answer(), Some((frame::DETACHED, token.clone())));
    let done = [token, vec![0]].concat();
    assert_eq!(control.answer(), Some((frame::RELEASED, done)));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("the end");
    assert_eq!(control.signal(9), frame::ACK);
    assert_eq!(control.until_exit().code, 137);
}

#[test]
fn one_that_goes_away_is_told_of_and_the_gate_does_not_wait_for_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let mut control = machine.at_gate(&["/probe", "hold"], &json!({}));
    drop(control.adopt(&adoption(0b110)));
    let gone = [&7u32.to_be_bytes()[..], &[1]].concat();
    assert_eq!(control.answer(), Some((frame::RELEASED, gone)));
    // As does one that is sent in another form, by a daemon of another version.
    let other = postcard::to_allocvec(&(7u32, "?")).expect("bytes");
    control.send(frame::ADOPT, &other);
    let gone = [&7u32.to_be_bytes()[..], &[1]].concat();
    assert_eq!(control.answer(), Some((frame::RELEASED, gone)));
    assert_eq!(control.answer(), Some((frame::ACK, Vec::new())));
    let mut left = control.adopt(&adoption(0b110));
    drop(control);
    assert_eq!(left.read(&mut [0u8; 1]).expect("the end"), 0);
}
