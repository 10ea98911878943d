//! What of the engine's could be reached from inside, and is not.

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
        assert!(name.starts_with("/memfd:rt-monitor"), "{name}");
        for write in [true, false] {
            let opened = std::fs::OpenOptions::new()
                .read(!write)
                .write(write)
                .open(&exe);
            let Ok(file) = opened else {
                // A program that runs is not opened for writing.
                assert!(write);
                continue;
            };
            let seals = rustix::fs::fcntl_get_seals(&file).expect("seals");
            let wanted = rustix::fs::SealFlags::SEAL
                | rustix::fs::SealFlags::WRITE
                | rustix::fs::SealFlags::GROW
                | rustix::fs::SealFlags::SHRINK;
            assert!(seals.contains(wanted), "{seals:?}");
        }
    }
    control.signal(9);
    control.until_exit();
}
