//! What of the engine's could be reached from inside, and is not.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::machine::Machine;

#[test]
fn what_the_daemon_was_started_with_crosses_into_no_process() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let host = std::fs::File::open("/etc/passwd").expect("a file of the host");
    // Without close-on-exec, as a careless parent leaves them, low and high.
    let strays: Vec<_> = (0..20)
        .map(|_| rustix::io::dup(&host).expect("stray"))
        .collect();
    let high = rustix::io::fcntl_dupfd_cloexec(&host, 900).expect("stray");
    rustix::io::fcntl_setfd(&high, rustix::io::FdFlags::empty()).expect("crosses over");
    for changes in [json!({}), json!({"init": true})] {
        let fds = machine.run(&["/probe", "fds"], &changes);
        assert_eq!(fds.stdout.trim_end(), "0 1 2", "{changes}");
    }
    let launched = machine
        .launch(&machine.plan(&["/probe", "hold"], &json!({})))
        .expect("launch");
    let of_monitor = std::fs::read_dir(format!("/proc/{}/fd", launched.monitor_pid));
    for entry in of_monitor.expect("descriptors").flatten() {
        let leads_to = std::fs::read_link(entry.path()).unwrap_or_default();
        assert_ne!(leads_to, std::path::Path::new("/etc/passwd"));
    }
    let mut control = machine.client();
    control.watch();
    control.start().expect("started");
    control.signal(9);
    control.until_exit();
    drop((strays, high));
}

/// Its memory file is sealed: even who reaches it can neither write to it nor grow or shrink it.
#[test]
fn the_monitors_program_cannot_be_changed() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let launched = machine
        .launch(&machine.plan(&["/probe", "hold"], &json!({"init": true})))
        .expect("launch");
    let mut control = machine.client();
    control.watch();
    control.start().expect("started");
    for pid in [launched.monitor_pid, launched.pid] {
        let exe = format!("/proc/{pid}/exe");
        let name = std::fs::read_link(&exe).expect("link");
        let name = name.to_string_lossy();
        assert!(name.ends_with("/rt-monitor"), "{name}");
        let error = |result: std::io::Result<()>| result.expect_err("read-only").raw_os_error();
        let write = std::fs::OpenOptions::new().write(true).open(&exe);
        // EROFS, or ETXTBSY where that is found out first.
        assert!(matches!(error(write.map(drop)), Some(26 | 30)));
        let mode = std::fs::Permissions::from_mode(0o0);
        assert_eq!(error(std::fs::set_permissions(&exe, mode)), Some(30));
        let owner = std::os::unix::fs::chown(&exe, Some(1000), None);
        assert_eq!(error(owner), Some(30));
    }
    control.signal(9);
    control.until_exit();
}
