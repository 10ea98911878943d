//! What a container sees, and what it cannot touch.

use std::fs;

use serde_json::{Value, json};

use crate::machine::Machine;

fn out(machine: &Machine, argv: &[&str], changes: &Value) -> String {
    let outcome = machine.run(argv, changes);
    assert_eq!(outcome.code, 0, "{argv:?}: {}", outcome.stderr);
    outcome.stdout.trim_end().to_owned()
}

#[test]
fn the_root_is_writable_or_not_as_planned() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let write = ["/probe", "write", "/new", "x"];
    assert_eq!(out(&machine, &write, &json!({})), "written");
    assert!(
        machine.dir.join("upper/new").exists(),
        "in the upper directory"
    );
    assert!(!machine.lower("new").exists());
    assert_eq!(
        out(&machine, &write, &json!({"rootfs": {"readonly": true}})),
        "errno 30"
    );
}

#[test]
fn masked_and_read_only_paths_are_so() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let none = json!({});
    assert_eq!(out(&machine, &["/probe", "read", "/proc/keys"], &none), "");
    assert_eq!(
        out(&machine, &["/probe", "list", "/sys/firmware"], &none),
        ""
    );
    assert_eq!(
        out(
            &machine,
            &["/probe", "write", "/proc/sys/kernel/hostname", "x"],
            &none
        ),
        "errno 30"
    );
    assert_eq!(
        out(
            &machine,
            &["/probe", "write", "/sys/kernel/profiling", "0"],
            &none
        ),
        "errno 30"
    );
    let privileged = json!({"privileged": true, "maskedPaths": [], "readonlyPaths": []});
    assert_ne!(
        out(&machine, &["/probe", "list", "/sys/kernel"], &privileged),
        ""
    );
    assert_eq!(
        out(
            &machine,
            &["/probe", "write", "/proc/sys/kernel/hostname", "x"],
            &privileged
        ),
        "written"
    );
}

#[test]
fn default_mounts_have_dockers_flags() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let table = out(
        &machine,
        &["/probe", "read", "/proc/self/mountinfo"],
        &json!({}),
    );
    let flags = |target: &str| {
        let fields = table
            .lines()
            .map(|l| l.split(' ').collect::<Vec<_>>())
            .find(|f| f[4] == target);
        let fields = fields.unwrap_or_else(|| panic!("no mount at {target}:\n{table}"));
        let dash = fields.iter().position(|f| *f == "-").expect("dash");
        (fields[dash + 1].to_owned(), fields[5].to_owned())
    };
    for (target, kind, options) in [
        ("/", "overlay", "rw,relatime"),
        ("/proc", "proc", "rw,nosuid,nodev,noexec,relatime"),
        ("/dev", "tmpfs", "rw,nosuid"),
        ("/dev/pts", "devpts", "rw,nosuid,noexec,relatime"),
        ("/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"),
        ("/dev/shm", "tmpfs", "rw,nosuid,nodev,noexec,relatime"),
        ("/sys", "sysfs", "ro,nosuid,nodev,noexec,relatime"),
        ("/proc/sys", "proc", "ro,nosuid,nodev,noexec,relatime"),
    ] {
        assert_eq!(
            flags(target),
            (kind.to_owned(), options.to_owned()),
            "{target}"
        );
    }
    assert!(
        !table.contains(machine.dir.to_str().expect("utf-8")) || !table.contains("/run "),
        "nothing of the host"
    );
    assert!(
        !table.contains("shared:") && !table.contains("master:"),
        "no propagation to or from the host"
    );
}

#[test]
fn devices_are_there_and_others_are_denied() {
    let Some(machine) = Machine::new() else {
        return;
    };
    // `core` is there where the kernel has what it leads to.
    let names = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero";
    let found = out(&machine, &["/probe", "list", "/dev"], &json!({}));
    assert_eq!(found.trim_start_matches("core "), names);
    assert_eq!(
        out(&machine, &["/probe", "open", "/dev/urandom"], &json!({})),
        "opened"
    );
    assert_eq!(
        out(&machine, &["/probe", "open", "/dev/ptmx"], &json!({})),
        "opened"
    );
    // A node for /dev/fuse in the image: the mode allows it, the device rules do not.
    let node = machine.lower("fuse");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &node,
        rustix::fs::FileType::CharacterDevice,
        0o666.into(),
        rustix::fs::makedev(10, 229),
    )
    .expect("node");
    assert_eq!(
        out(&machine, &["/probe", "open", "/fuse"], &json!({})),
        "errno 1"
    );
    assert_eq!(
        out(
            &machine,
            &["/probe", "open", "/fuse"],
            &json!({"privileged": true})
        ),
        "opened"
    );
}

#[test]
fn names_and_pids_are_its_own_or_the_hosts() {
    let Some(machine) = Machine::new() else {
        return;
    };
    assert_eq!(out(&machine, &["/probe", "pid"], &json!({})), "1 0");
    assert_eq!(
        out(
            &machine,
            &["/probe", "read", "/proc/sys/kernel/hostname"],
            &json!({})
        ),
        "probe-host"
    );
    let host = json!({"namespaces": {"network": "host", "pid": "host", "ipc": "host", "uts": "host", "cgroup": "host"}});
    let pid = out(&machine, &["/probe", "pid"], &host);
    assert!(!pid.starts_with("1 "), "{pid}");
    let name = out(
        &machine,
        &["/probe", "read", "/proc/sys/kernel/hostname"],
        &host,
    );
    assert_eq!(
        name,
        fs::read_to_string("/proc/sys/kernel/hostname")
            .expect("name")
            .trim()
    );
}

#[test]
fn loopback_is_up_and_sysctls_are_set() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"sysctls": {
        "net.core.somaxconn": "77", "net.ipv4.ip_unprivileged_port_start": "0",
    }});
    let flags = out(
        &machine,
        &["/probe", "read", "/sys/class/net/lo/flags"],
        &changes,
    );
    assert_eq!(flags, "0x9");
    assert_eq!(
        out(
            &machine,
            &["/probe", "read", "/proc/sys/net/core/somaxconn"],
            &changes
        ),
        "77"
    );
    assert_eq!(
        out(
            &machine,
            &[
                "/probe",
                "read",
                "/proc/sys/net/ipv4/ip_unprivileged_port_start"
            ],
            &changes
        ),
        "0"
    );
}

#[test]
fn binds_and_tmpfs_are_mounted() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let source = machine.dir.join("shared");
    fs::create_dir(&source).expect("source");
    fs::write(source.join("word"), "hello").expect("word");
    let bind = |target: &str, readonly: bool, source: &std::path::Path| json!({"kind": "bind", "source": source, "target": target, "readonly": readonly, "recursive": true, "propagation": "rprivate"});
    let mounts = json!({"mounts": [
        bind("/a/b", false, &source), bind("/ro", true, &source), bind("/etc/word", true, &source.join("word")),
        {"kind": "tmpfs", "target": "/scratch", "readonly": false, "options": ["size=1m", "mode=0700"]},
    ]});
    assert_eq!(
        out(&machine, &["/probe", "read", "/a/b/word"], &mounts),
        "hello"
    );
    assert_eq!(
        out(&machine, &["/probe", "read", "/etc/word"], &mounts),
        "hello"
    );
    assert_eq!(
        out(&machine, &["/probe", "write", "/a/b/new", "x"], &mounts),
        "written"
    );
    assert!(source.join("new").exists());
    assert_eq!(
        out(&machine, &["/probe", "write", "/ro/new", "x"], &mounts),
        "errno 30"
    );
    assert_eq!(
        out(&machine, &["/probe", "write", "/scratch/x", "x"], &mounts),
        "written"
    );
}

#[test]
fn mounts_that_conflict_are_named() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let bind = |source: &str, target: &str| json!({"mounts": [{"kind": "bind", "source": source, "target": target, "readonly": false, "recursive": true, "propagation": "rprivate"}]});
    let probe = ["/probe", "exit", "0"];
    let absent = machine.failure(&probe, &bind("/no/such", "/x"));
    assert_eq!(
        absent,
        (
            "mount_conflict".into(),
            "bind source path does not exist: /no/such".into()
        )
    );
    std::os::unix::fs::symlink("/proc/self/attr", machine.lower("link")).expect("link");
    for target in ["/", "/x/..", "/etc/passwd", "/proc", "/proc/sys", "/link"] {
        let (code, message) = machine.failure(&probe, &bind("/tmp", target));
        assert_eq!(code, "mount_conflict", "{target}: {message}");
    }
}

#[test]
fn images_with_linked_kernel_directories_are_refused_or_contained() {
    for name in ["proc", "sys", "dev"] {
        let Some(machine) = Machine::new() else {
            return;
        };
        std::os::unix::fs::symlink("/etc", machine.lower(name)).expect("link");
        let plan = machine.plan(&["/probe", "exit", "0"], &json!({}));
        assert!(machine.launch(&plan).is_err(), "{name}");
    }
    let Some(machine) = Machine::new() else {
        return;
    };
    // A link as target of a mount leads to a place inside the root.
    std::os::unix::fs::symlink("/../../../run/data", machine.lower("data")).expect("link");
    let mounts =
        json!({"mounts": [{"kind": "tmpfs", "target": "/data", "readonly": false, "options": []}]});
    let table = out(
        &machine,
        &["/probe", "read", "/proc/self/mountinfo"],
        &mounts,
    );
    assert!(table.contains(" /run/data "), "{table}");
}

#[test]
fn the_container_sees_its_own_cgroup_as_the_root() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let seen = out(
        &machine,
        &["/probe", "read", "/proc/self/cgroup"],
        &json!({}),
    );
    assert!(seen.lines().any(|l| l == "0::/"), "{seen}");
    let host = json!({"namespaces": {"cgroup": "host"}});
    let seen = out(&machine, &["/probe", "read", "/proc/self/cgroup"], &host);
    assert!(
        seen.lines().any(|l| l.starts_with("0::/rt-test-")),
        "{seen}"
    );
}

#[test]
fn the_network_is_new_or_the_hosts() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let here = fs::read_link("/proc/thread-self/ns/net").expect("own namespace");
    let here = here.to_string_lossy();
    let link = ["/probe", "link", "/proc/self/ns/net"];
    assert_ne!(out(&machine, &link, &json!({})), here);
    let host = json!({"namespaces": {"network": "host"}});
    assert_eq!(out(&machine, &link, &host), here);
}
