//! Namespaces of another container, host devices, and limits that change while a container runs.

use std::fs;

use sandbox::cgroup::Layout;
use sandbox::plan::ContainerPlan;
use serde_json::{Value, json};

use crate::client::Client;
use crate::machine::{Machine, Outcome, eventually};

const MIB: i64 = 1 << 20;

/// A second container on the machine: its own places, and a cgroup that is named by its id.
fn donor(machine: &Machine, changes: &Value) -> (u32, Client) {
    let at = |sub: &str| machine.dir.join(sub).to_string_lossy().into_owned();
    for sub in ["run2", "upper2", "work2"] {
        fs::create_dir_all(machine.dir.join(sub)).expect("directory");
    }
    let mut plan = machine.plan(&["/probe", "hold"], changes);
    plan.run_dir = at("run2");
    plan.exit_path = at("run2/exit.json");
    plan.rootfs.upper = at("upper2");
    plan.rootfs.work = at("work2");
    plan.cgroup.name = "rt-donor".into();
    let launched = machine.launch(&plan).expect("donor");
    let mut client = Client::connect(&machine.dir.join("run2/monitor.sock"));
    client.watch();
    client.start().expect("start");
    (launched.pid, client)
}

fn end(machine: &Machine, mut client: Client) {
    client.signal(9);
    client.until_exit();
    let socket = machine.dir.join("run2/monitor.sock");
    eventually("the donor is gone", || !socket.exists());
}

fn join(pid: u32) -> Value {
    json!({"join": {"id": "donor", "pid": pid}})
}

fn said(outcome: &Outcome) -> &str {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stdout.trim_end()
}

#[test]
fn namespaces_of_another_container_are_joined() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (pid, client) = donor(&machine, &json!({}));
    for (field, kind) in [
        ("network", "net"),
        ("ipc", "ipc"),
        ("pid", "pid"),
        ("uts", "uts"),
    ] {
        let path = format!("/proc/self/ns/{kind}");
        let theirs = fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("link");
        let changes = json!({"namespaces": {field: join(pid)}});
        let outcome = machine.run(&["/probe", "link", &path], &changes);
        assert_eq!(said(&outcome), theirs.to_string_lossy(), "{kind}");
        let own = machine.run(&["/probe", "link", &path], &json!({}));
        assert_ne!(said(&own), theirs.to_string_lossy(), "{kind}");
    }
    let changes = json!({"namespaces": {"pid": join(pid)}});
    assert_ne!(said(&machine.run(&["/probe", "pid"], &changes)), "1 0");
    end(&machine, client);
}

#[test]
fn shared_memory_is_the_donors() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let (pid, client) = donor(&machine, &json!({}));
    fs::write(format!("/proc/{pid}/root/dev/shm/word"), "told").expect("word");
    let changes = json!({"namespaces": {"ipc": join(pid)}});
    let outcome = machine.run(&["/probe", "read", "/dev/shm/word"], &changes);
    assert_eq!(said(&outcome), "told");
    let own = machine.run(&["/probe", "list", "/dev/shm"], &json!({}));
    assert_eq!(said(&own), "");
    let none = machine.run(&["/probe", "list", "/dev/shm"], &json!({"shmSize": 0}));
    assert_eq!(said(&none), "errno 2");
    end(&machine, client);
}

#[test]
fn a_link_in_the_place_of_shared_memory_is_not_followed() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"shmSize": 0});
    let (pid, client) = donor(&machine, &changes);
    std::os::unix::fs::symlink("/etc", format!("/proc/{pid}/root/dev/shm")).expect("link");
    let changes = json!({"namespaces": {"ipc": join(pid)}});
    let (_, message) = machine.failure(&["/probe", "list", "/dev/shm"], &changes);
    assert!(message.starts_with("share memory"), "{message}");
    end(&machine, client);
}

#[test]
fn a_process_that_is_not_the_donors_is_refused() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"namespaces": {"network": join(std::process::id())}});
    let (code, message) = machine.failure(&["/probe", "pid"], &changes);
    assert_eq!(code, "conflict");
    assert_eq!(message, "container donor is not running");
}

#[test]
fn a_device_is_made_and_usable_as_far_as_it_was_given() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let device = |path: &str, access: &str| {
        json!({"devices": [{
            "path": path, "kind": "char", "major": 1, "minor": 11,
            "mode": 0o640, "uid": 0, "gid": 50, "access": access,
        }]})
    };
    let write = |path: &str, access: &str| {
        let outcome = machine.run(&["/probe", "append", path, ""], &device(path, access));
        said(&outcome).to_owned()
    };
    assert_eq!(write("/dev/given", "rw"), "written");
    assert_eq!(write("/dev/given", "r"), "errno 1");
    assert_eq!(write("/opt/below/given", "rw"), "written");
    // Again: the node outside of /dev is there from the run before.
    assert_eq!(write("/opt/below/given", "rw"), "written");
    let conflict = machine.failure(&["/probe", "pid"], &device("/etc/passwd", "rw"));
    assert_eq!(conflict.0, "mount_conflict");
}

#[test]
fn a_rule_allows_what_no_default_does() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let node = json!([{
        "path": "/dev/given", "kind": "char", "major": 1, "minor": 11,
        "mode": 0o600, "uid": 0, "gid": 0, "access": "m",
    }]);
    let rule = json!([{"kind": "char", "major": 1, "minor": null, "access": "rw"}]);
    let append = ["/probe", "append", "/dev/given", ""];
    let without = machine.run(&append, &json!({"devices": node}));
    assert_eq!(said(&without), "errno 1");
    let with = machine.run(&append, &json!({"devices": node, "deviceRules": rule}));
    assert_eq!(said(&with), "written");
}

#[test]
fn limits_are_raised_and_lowered_while_it_runs() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let layout = Layout::detect().expect("layout");
    if !layout.has("memory") || !layout.has("pids") {
        eprintln!("skipped: no controllers");
        return;
    }
    let (_, client) = donor(&machine, &json!({}));
    let update = |resources: Value| {
        let mut plan: ContainerPlan = machine.plan(&["/probe"], &json!({}));
        plan.cgroup.name = "rt-donor".into();
        plan.cgroup.resources = serde_json::from_value(resources).expect("resources");
        sandbox::cgroup::update(&layout, &plan.cgroup)
    };
    for mib in [64, 256, 16] {
        let both = mib * MIB;
        update(json!({"memory": both, "memorySwap": both, "pidsLimit": 5})).expect("update");
        let file = limit_file(&machine, &layout);
        let now = fs::read_to_string(&file).expect("limit");
        assert_eq!(now.trim(), both.to_string());
    }
    update(json!({"pidsLimit": -1})).expect("no limit");
    end(&machine, client);
    eventually("its cgroups are gone", || {
        !limit_file(&machine, &layout).exists()
    });
}

fn limit_file(machine: &Machine, layout: &Layout) -> std::path::PathBuf {
    let name = machine.dir.file_name().expect("name");
    let (hierarchy, file) = match (layout.v1_for("memory"), &layout.v2) {
        (Some(v1), _) => (v1, "memory.limit_in_bytes"),
        (None, Some(v2)) => (v2, "memory.max"),
        (None, None) => panic!("no hierarchy"),
    };
    hierarchy.mount.join(name).join("rt-donor").join(file)
}
