//! Start, end, and what is left.

use std::fs;

use sandbox::protocol::frame;
use serde_json::{Value, json};

use crate::machine::{Machine, eventually, is_alive};

#[test]
fn exit_codes_are_exact() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for code in ["0", "42", "255"] {
        let outcome = machine.run(&["/probe", "exit", code], &json!({}));
        assert_eq!(outcome.code.to_string(), code);
        let record: Value =
            serde_json::from_slice(&fs::read(machine.dir.join("run/exit.json")).expect("record"))
                .expect("JSON");
        assert_eq!(record["exitCode"].to_string(), code);
        assert_eq!(record["error"], "");
        assert!(record["finishedAt"].as_str().expect("time").ends_with('Z'));
    }
}

#[test]
fn a_signal_ends_with_128_and_its_number() {
    let Some(machine) = Machine::new() else {
        return;
    };
    // With the host's pids: PID 1 of a namespace cannot kill itself.
    let host = json!({"namespaces": {"pid": "host"}});
    assert_eq!(machine.run(&["/probe", "die", "9"], &host).code, 137);
    assert_eq!(machine.run(&["/probe", "die", "6"], &host).code, 134);
}

#[test]
fn signals_are_passed_and_probed() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine
        .launch(&machine.plan(&["/probe", "hold"], &json!({})))
        .expect("launch");
    let mut client = machine.client();
    client.attach(0b110);
    assert_eq!(client.watch(), 0, "at the gate");
    client.start().expect("started");
    client.until("holding");
    assert_eq!(machine.client().watch(), 1, "running");
    assert_eq!(client.signal(0), frame::ACK);
    assert_eq!(client.signal(200), frame::FAILED);
    assert_eq!(client.signal(15), frame::ACK);
    assert_eq!(client.until_exit().code, 64 + 15);
}

#[test]
fn a_container_nobody_starts_leaves_nothing() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let launched = machine
        .launch(&machine.plan(&["/probe", "exit", "0"], &json!({})))
        .expect("launch");
    assert!(is_alive(launched.pid));
    assert!(is_alive(launched.monitor_pid));
    drop(machine.client());
    eventually("child and monitor are gone", || {
        !is_alive(launched.pid) && !is_alive(launched.monitor_pid)
    });
    assert!(!machine.dir.join("run/exit.json").exists());
}

#[test]
fn the_container_dies_with_its_monitor() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for user in ["", "33"] {
        let changes = json!({"process": {"user": user}});
        let launched = machine
            .launch(&machine.plan(&["/probe", "hold"], &changes))
            .expect("launch");
        let mut client = machine.client();
        client.attach(0b110);
        client.start().expect("started");
        client.until("holding");
        let monitor =
            rustix::process::Pid::from_raw(launched.monitor_pid.cast_signed()).expect("pid");
        rustix::process::kill_process(monitor, rustix::process::Signal::KILL).expect("kill");
        eventually("the container is dead", || !is_alive(launched.pid));
        // What a killed monitor leaves is the daemon's to remove.
        fs::remove_file(machine.dir.join("run/monitor.sock")).expect("socket");
        let left: Vec<String> = machine
            .cgroups()
            .iter()
            .map(|p| p.to_string_lossy().into_owned())
            .collect();
        assert!(sandbox::cgroup::remove(&left));
    }
}

#[test]
fn nothing_is_left_in_the_mount_table() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let table = || fs::read_to_string("/proc/thread-self/mountinfo").expect("mountinfo");
    let before = table();
    machine
        .launch(&machine.plan(&["/probe", "hold"], &json!({})))
        .expect("launch");
    assert_eq!(table(), before, "while it stands at the gate");
    let mut client = machine.client();
    client.attach(0b110);
    client.watch();
    client.start().expect("started");
    client.until("holding");
    assert_eq!(table(), before, "while it runs");
    client.signal(9);
    assert_eq!(client.until_exit().code, 137);
    assert_eq!(table(), before);
}

#[test]
fn the_reaper_reaps_forwards_and_keeps_the_exit_code() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let init = json!({"init": true});
    assert_eq!(machine.run(&["/probe", "exit", "7"], &init).code, 7);
    assert_eq!(machine.run(&["/probe", "die", "9"], &init).code, 137);
    let orphan = machine.run(&["/probe", "orphan"], &init);
    assert_eq!((orphan.code, orphan.stdout.as_str()), (5, "orphan of 1\n"));
    let mut client = machine.started(&["/probe", "hold"], &init, 0b110);
    client.until("holding");
    client.signal(15);
    assert_eq!(client.until_exit().code, 64 + 15);
    let (code, message) = machine.failure(&["nope"], &init);
    assert_eq!(
        (code.as_str(), message.as_str()),
        (
            "command_not_found",
            "exec: \"nope\": executable file not found in $PATH"
        )
    );
}

#[test]
fn a_second_start_is_refused() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let mut client = machine.started(&["/probe", "hold"], &json!({}), 0b110);
    client.until("holding");
    assert_eq!(
        machine.client().start().expect_err("refused")["code"],
        "conflict"
    );
    client.signal(9);
    client.until_exit();
}

#[test]
fn limits_hold_and_oom_is_told() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let limits = json!({"cgroup": {"resources": {"memory": 32 << 20, "memorySwap": 32 << 20, "pidsLimit": 20}}});
    let outcome = machine.run(&["/probe", "eat", "100"], &limits);
    assert_eq!((outcome.code, outcome.oom_killed), (137, true));
    let outcome = machine.run(&["/probe", "eat", "4"], &limits);
    assert_eq!(
        (outcome.code, outcome.oom_killed, outcome.stdout.as_str()),
        (0, false, "4\n")
    );
}

#[test]
fn a_failing_wire_ends_the_launch_and_leaves_nothing() {
    use std::os::fd::AsFd;
    let Some(machine) = Machine::new() else {
        return;
    };
    let image =
        sandbox::program_from(&fs::read(env!("CARGO_BIN_EXE_rt-monitor")).expect("monitor"))
            .expect("program");
    let failed = sandbox::launch(
        &machine.plan(&["/probe", "exit", "0"], &json!({})),
        image.as_fd(),
        |_, _| {
            Err(sandbox::StepError::new(
                sandbox::Code::Unavailable,
                "wire",
                "",
                0,
                "no bridge",
            ))
        },
    );
    assert_eq!(failed.expect_err("fails").message, "no bridge");
}

#[test]
fn a_log_that_cannot_be_opened_fails_the_launch() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (code, message) = machine.failure(
        &["/probe", "exit", "0"],
        &json!({"log": {"path": "/no/such/log"}}),
    );
    assert_eq!(code, "internal");
    assert_eq!(
        message,
        "open log \"/no/such/log\": no such file or directory"
    );
}

#[test]
fn a_client_that_never_reads_is_left_behind_after_the_exit() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let flood = ["/probe", "flood", "200000"];
    machine
        .launch(&machine.plan(&flood, &json!({})))
        .expect("launch");
    let mut deaf = machine.client();
    deaf.attach(0b110);
    let mut client = machine.client();
    client.attach(0b110);
    client.watch();
    client.start().expect("started");
    assert_eq!(client.until_exit().stdout.len(), 200_000);
    drop(deaf);
}

#[test]
fn v1_alone_holds_a_container_by_its_device_rules() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let mut layout = sandbox::cgroup::Layout::detect().expect("layout");
    let Some(devices) = layout.v1_for("devices").cloned() else {
        return;
    };
    layout.v2 = None;
    let plan = machine.plan(
        &["/probe", "exit", "0"],
        &json!({"cgroup": {"resources": {"pidsLimit": 9}}}),
    );
    let created =
        sandbox::cgroup::create(&layout, &plan.cgroup, &sandbox::cgroup::Devices::of(&plan))
            .expect("cgroups");
    let directory = devices
        .mount
        .join(plan.cgroup.parent.expect("parent").trim_start_matches('/'))
        .join("rt-probe");
    let rules = fs::read_to_string(directory.join("devices.list")).expect("rules");
    assert!(
        rules.contains("c 1:3 rwm\n") && !rules.contains("a *:*"),
        "{rules}"
    );
    let freezer = usize::from(layout.v1_for("freezer").is_some());
    assert_eq!(created.join.len(), 2 + freezer);
    assert!(sandbox::cgroup::remove(&created.directories));
}

#[test]
fn a_set_up_that_fails_before_the_network_is_wired_tells_why() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"process": {"user": "ghost"}});
    let error = machine
        .launch_wired_late(&machine.plan(&["/probe", "exit", "0"], &changes))
        .expect_err("no such user");
    let text = "unable to find user ghost: no matching entries in passwd file";
    assert_eq!(error.to_string(), text);
}
