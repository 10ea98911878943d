//! Further processes in a running container.

use sandbox::Launched;
use sandbox::protocol::{Adoption, frame};
use serde_json::{Value, json};

use crate::client::Client;
use crate::machine::{Machine, eventually};

const ID: &str = "e1";

/// The plan of an exec as the daemon writes it, and what the monitor gets of it.
fn request(id: &str, argv: &[&str], changes: &Value) -> Vec<u8> {
    let mut plan = json!({"id": id, "process": {
        "argv": argv, "env": ["PATH=/bin:/"], "cwd": "/", "user": "", "groups": [],
        "tty": false, "rows": 0, "cols": 0, "openStdin": false, "stdinOnce": false,
        "capabilities": 0, "noNewPrivileges": false, "oomScoreAdj": 7, "rlimits": [],
    }});
    for (name, value) in changes.as_object().expect("changes") {
        plan["process"][name] = value.clone();
    }
    let plan = serde_json::from_value(plan).expect("plan");
    let request = sandbox::build_exec(&plan).expect("request");
    postcard::to_allocvec(&request).expect("bytes")
}

/// A container that holds, and its control connection.
fn holding(machine: &Machine, changes: &Value) -> (Client, Launched) {
    let launched = machine
        .launch(&machine.plan(&["/probe", "hold"], changes))
        .expect("launch");
    let mut control = machine.client();
    control.watch();
    control.start().expect("started");
    (control, launched)
}

/// Waits until the monitor has the container's first process for its only child, zombies counted.
fn until_alone(monitor: u32) {
    let path = format!("/proc/{monitor}/task/{monitor}/children");
    eventually("the execs are gone", || {
        std::fs::read_to_string(&path).is_ok_and(|children| children.split(' ').count() == 2)
    });
}

fn attached(machine: &Machine, id: &str, flags: u8) -> Client {
    let mut client = machine.client();
    let payload = [&[flags], id.as_bytes()].concat();
    assert_eq!(client.ask(frame::ATTACH, &payload).0, frame::ACK);
    client
}

fn heard(control: &mut Client) -> (u8, Value) {
    let (kind, payload) = control.answer().expect("news of the exec");
    (kind, serde_json::from_slice(&payload).expect("JSON"))
}

/// Runs one to its end: (exit code, stdout).
fn run(machine: &Machine, control: &mut Client, argv: &[&str], changes: &Value) -> (i64, String) {
    let output = attached(machine, ID, 0b110);
    assert_eq!(
        control.ask(frame::EXEC, &request(ID, argv, changes)).0,
        frame::ACK
    );
    assert_eq!(heard(control).0, frame::EXEC_STARTED);
    let (kind, told) = heard(control);
    assert_eq!((kind, told["id"].as_str()), (frame::EXEC_EXITED, Some(ID)));
    (
        told["exitCode"].as_i64().expect("code"),
        output.all_output(),
    )
}

/// An exec whose client is gone before it begins still sees the end of its input.
#[test]
fn the_end_of_the_input_waits_for_an_exec_that_is_yet_to_come() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, _launched) = holding(&machine, &json!({}));
    let adoption = Adoption {
        token: 3,
        flags: 0b111,
        is_raw: false,
        detach_keys: Vec::new(),
        exec: ID.to_owned(),
        is_told_exit: false,
    };
    drop(control.adopt(&adoption));
    // More than one turn of the monitor's loop.
    for _ in 0..3 {
        assert_eq!(control.ask(frame::RESIZE, &[0, 1, 0, 1]).0, frame::ACK);
    }
    let request = request(ID, &["/probe", "cat"], &json!({"openStdin": true}));
    assert_eq!(control.ask(frame::EXEC, &request).0, frame::ACK);
    let mut kinds = Vec::new();
    while !(kinds.contains(&frame::EXEC_EXITED) && kinds.contains(&frame::RELEASED)) {
        kinds.push(control.answer().expect("news of the exec").0);
    }
    assert_eq!(control.signal(9), frame::ACK);
}

/// A newer daemon than the monitor asks for what that does not know: each question has an answer.
#[test]
fn what_is_asked_in_an_unknown_form_is_refused_in_words() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, _launched) = holding(&machine, &json!({}));
    let output = attached(&machine, ID, 0b110);
    let mut unknown = postcard::to_allocvec(ID).expect("bytes");
    unknown.extend([0xff; 40]);
    assert_eq!(control.ask(frame::EXEC, &unknown).0, frame::ACK);
    let (kind, told) = heard(&mut control);
    assert_eq!((kind, told["id"].as_str()), (frame::EXEC_FAILED, Some(ID)));
    assert_eq!(told["code"].as_str(), Some("not_implemented"));
    assert_eq!(output.all_output(), "");
    let (kind, words) = control.ask(frame::LAST_COMMAND, b"?");
    let words: Value = serde_json::from_slice(&words).expect("JSON");
    assert_eq!(kind, frame::FAILED);
    assert_eq!(words["code"].as_str(), Some("not_implemented"));
    assert_eq!(control.signal(9), frame::ACK);
}

#[test]
fn it_lives_in_the_container() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, launched) = holding(&machine, &json!({}));
    assert_eq!(
        run(&machine, &mut control, &["/probe", "say", "hi"], &json!({})),
        (0, "hi\n".into())
    );
    assert_eq!(
        run(
            &machine,
            &mut control,
            &["/probe", "exit", "42"],
            &json!({})
        )
        .0,
        42
    );
    assert_eq!(
        run(&machine, &mut control, &["/probe", "die", "9"], &json!({})).0,
        137
    );
    for namespace in ["mnt", "net", "ipc", "uts", "pid", "cgroup", "time"] {
        let own = run(
            &machine,
            &mut control,
            &["/probe", "link", &format!("/proc/self/ns/{namespace}")],
            &json!({}),
        );
        let first = std::fs::read_link(format!("/proc/{}/ns/{namespace}", launched.pid));
        let first = format!("{}\n", first.expect("namespace").display());
        assert_eq!(own.1, first, "{namespace}");
    }
    let score = run(
        &machine,
        &mut control,
        &["/probe", "read", "/proc/self/oom_score_adj"],
        &json!({}),
    );
    assert_eq!(score.1, "7\n");
    let group = run(
        &machine,
        &mut control,
        &["/probe", "read", "/proc/self/cgroup"],
        &json!({}),
    );
    let first = run(
        &machine,
        &mut control,
        &["/probe", "read", "/proc/1/cgroup"],
        &json!({}),
    );
    assert_eq!(group, first);
    assert_eq!(
        run(&machine, &mut control, &["/probe", "fds"], &json!({}))
            .1
            .trim(),
        "0 1 2"
    );
    control.signal(9);
    control.until_exit();
}

#[test]
fn what_cannot_be_started_says_why_and_leaves_no_zombie() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, launched) = holding(&machine, &json!({}));
    for (argv, changes, code) in [
        (["/none"], json!({}), "command_not_found"),
        (["/etc/passwd"], json!({}), "command_not_executable"),
        (["/probe"], json!({"cwd": "/nowhere"}), "invalid_argument"),
        (
            ["/probe"],
            json!({"user": "nobody-here"}),
            "invalid_argument",
        ),
    ] {
        let output = attached(&machine, ID, 0b110);
        assert_eq!(
            control.ask(frame::EXEC, &request(ID, &argv, &changes)).0,
            frame::ACK
        );
        let (kind, told) = heard(&mut control);
        assert_eq!(
            (kind, told["code"].as_str()),
            (frame::EXEC_FAILED, Some(code)),
            "{told}"
        );
        assert_eq!(output.all_output(), "");
    }
    until_alone(launched.monitor_pid);
    control.signal(9);
    control.until_exit();
}

#[test]
fn input_and_its_end_reach_it() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, _) = holding(&machine, &json!({}));
    let mut stream = attached(&machine, ID, 0b111);
    control.ask(
        frame::EXEC,
        &request(ID, &["/probe", "cat"], &json!({"openStdin": true})),
    );
    assert_eq!(heard(&mut control).0, frame::EXEC_STARTED);
    stream.send(frame::STDIN, b"over and out");
    stream.send(frame::STDIN_CLOSE, b"");
    assert_eq!(heard(&mut control).0, frame::EXEC_EXITED);
    assert_eq!(stream.all_output(), "over and outend\n");
    control.signal(9);
    control.until_exit();
}

#[test]
fn it_goes_on_without_anybody_and_its_exit_is_told_later() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, launched) = holding(&machine, &json!({}));
    let stream = attached(&machine, ID, 0b111);
    control.ask(
        frame::EXEC,
        &request(ID, &["/probe", "cat"], &json!({"openStdin": true})),
    );
    assert_eq!(heard(&mut control).0, frame::EXEC_STARTED);
    drop(control);
    // The end of its last client's input is the end of its own.
    drop(stream);
    until_alone(launched.monitor_pid);
    let mut control = machine.client();
    control.send(frame::WATCH, &[]);
    let (kind, told) = heard(&mut control);
    assert_eq!(
        (kind, told["exitCode"].as_i64()),
        (frame::EXEC_EXITED, Some(0))
    );
    assert_eq!(control.answer().map(|(kind, _)| kind), Some(frame::ACK));
    control.signal(9);
    control.until_exit();
}

#[test]
fn a_terminal_of_its_own() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, _) = holding(&machine, &json!({}));
    let tty = json!({"tty": true, "openStdin": true, "rows": 11, "cols": 22});
    let (code, output) = run(
        &machine,
        &mut control,
        &["/probe", "link", "/proc/self/fd/0"],
        &tty,
    );
    assert_eq!(code, 0);
    assert!(output.starts_with("/dev/pts/"), "{output}");
    control.signal(9);
    control.until_exit();
}

#[test]
fn execs_end_with_a_container_that_shares_the_hosts_pids() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (mut control, _) = holding(&machine, &json!({"namespaces": {"pid": "host"}}));
    control.ask(frame::EXEC, &request(ID, &["/probe", "hold"], &json!({})));
    assert_eq!(heard(&mut control).0, frame::EXEC_STARTED);
    control.signal(9);
    assert_eq!(heard(&mut control).0, frame::EXEC_EXITED);
    assert_eq!(control.until_exit().code, 137);
}
