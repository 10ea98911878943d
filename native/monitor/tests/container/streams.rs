//! Output, input, the log, and terminals.

use sandbox::protocol::frame;
use serde_json::json;

use crate::machine::Machine;

#[test]
fn output_reaches_the_client_and_the_log() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let outcome = machine.run(&["/probe", "both"], &json!({}));
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("to stdout\n", "to stderr\n")
    );
    let mut lines: Vec<(String, String)> = machine
        .log()
        .iter()
        .map(|l| {
            (
                l["stream"].as_str().expect("stream").to_owned(),
                l["log"].as_str().expect("log").to_owned(),
            )
        })
        .collect();
    lines.sort();
    let expected = [("stderr", "to stderr\n"), ("stdout", "to stdout\n")]
        .map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(lines, expected);
}

#[test]
fn much_output_is_whole_though_the_client_reads_late() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let bytes = 4 << 20;
    let client = machine.started(
        &["/probe", "flood", &bytes.to_string()],
        &json!({"log": null}),
        0b110,
    );
    // The container is done writing only when it is read.
    assert_eq!(client.until_exit().stdout.len(), bytes);
}

#[test]
fn input_comes_back_and_ends_with_the_half_close() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let open = json!({"process": {"openStdin": true, "stdinOnce": true}});
    let mut client = machine.started(&["/probe", "cat"], &open, 0b111);
    let big = vec![b'a'; 300_000];
    for part in big.chunks(30_000) {
        client.send(frame::STDIN, part);
    }
    client.send(frame::STDIN_CLOSE, &[]);
    let outcome = client.until_exit();
    assert_eq!(outcome.stdout.len(), big.len() + "end\n".len());
    assert_eq!(outcome.code, 0);
}

#[test]
fn a_client_that_leaves_ends_the_input_only_if_once() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let open = json!({"process": {"openStdin": true, "stdinOnce": false}});
    machine
        .launch(&machine.plan(&["/probe", "echo-line"], &open))
        .expect("launch");
    let mut first = machine.client();
    first.attach(0b001);
    let mut second = machine.client();
    second.attach(0b111);
    second.watch();
    second.start().expect("started");
    drop(first);
    second.send(frame::STDIN, b"still here\n");
    assert_eq!(second.until_exit().stdout, "heard still here\n");
}

#[test]
fn without_open_stdin_there_is_nothing_to_read() {
    let Some(machine) = Machine::new() else {
        return;
    };
    assert_eq!(machine.run(&["/probe", "cat"], &json!({})).stdout, "end\n");
}

#[test]
fn a_terminal_has_a_size_and_can_be_resized() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tty = json!({"process": {"tty": true, "openStdin": true, "rows": 30, "cols": 100}});
    let mut client = machine.started(&["/probe", "window"], &tty, 0b111);
    client.until("size 30 100 0");
    let size = [0, 12, 0, 34];
    assert_eq!(client.ask(frame::RESIZE, &size).0, frame::ACK);
    client.send(frame::STDIN, b"\n");
    let outcome = client.until_exit();
    assert_eq!(
        outcome.stdout,
        "tty 3\r\nsize 30 100 0\r\n\r\nsize 12 34 0\r\n"
    );
    assert!(machine.log().iter().all(|l| l["stream"] == "stdout"));
}

#[test]
fn the_terminal_is_the_console_and_interrupts() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let tty = json!({"process": {"tty": true, "openStdin": true}});
    assert_eq!(
        machine
            .run(&["/probe", "append", "/dev/console", "hi"], &tty)
            .stdout,
        "hiwritten\r\n"
    );
    assert_eq!(
        machine
            .run(&["/probe", "append", "/dev/tty", "hi"], &tty)
            .stdout,
        "hiwritten\r\n"
    );
    let changes = json!({"init": true, "process": {"tty": true, "openStdin": true}});
    let mut client = machine.started(&["/probe", "hold"], &changes, 0b111);
    client.until("holding");
    client.send(frame::STDIN, b"\x03");
    assert_eq!(client.until_exit().code, 130);
}

#[test]
fn another_user_may_open_its_streams_anew() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let user = json!({"process": {"user": "web"}});
    assert_eq!(
        machine
            .run(&["/probe", "append", "/dev/stdout", "x"], &user)
            .stdout,
        "xwritten\n"
    );
}
