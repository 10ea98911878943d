//! Takes hold of processes on their way into the container: of their program, memory, descriptors and
//! directories. Own programs, which are files of the container, do not count.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::{Duration, Instant};

use crate::sys;

/// Enough to get hold of a program that is gone before it can be written to.
const KEPT: usize = 64;

/// What was got, a line for each kind: "write /memfd:x (deleted)".
pub(crate) fn grab(time: Duration, change: bool) -> BTreeSet<String> {
    let own = std::process::id().to_string();
    let end = Instant::now() + time;
    let mut got = BTreeSet::new();
    let mut programs: Vec<(File, String)> = Vec::new();
    while Instant::now() < end {
        let Ok(processes) = fs::read_dir("/proc") else {
            break;
        };
        for process in processes.flatten() {
            let name = process.file_name().to_string_lossy().into_owned();
            if name == own || name.parse::<u32>().is_err() {
                continue;
            }
            if let Some(program) = attack(&name, change, &mut got) {
                programs.push(program);
            }
        }
        for (file, name) in programs.iter().filter(|_| change) {
            spoil(file, name, &mut got);
        }
        let surplus = programs.len().saturating_sub(KEPT);
        programs.drain(..surplus);
    }
    got
}

fn attack(pid: &str, change: bool, got: &mut BTreeSet<String>) -> Option<(File, String)> {
    let at = |name: &str| format!("/proc/{pid}/{name}");
    let opened = |name: &str| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(at(name))
            .is_ok()
    };
    // What executes something of the container's by now, or has ended, was got too late.
    let mut note = |what: &str| {
        if let Some(program) = foreign(pid) {
            got.insert(format!("{what} {program}"));
        }
    };
    note("see");
    for (name, what) in [("mem", "memory"), ("fd/0", "descriptor")] {
        if opened(name) {
            note(what);
        }
    }
    for name in ["root", "cwd"] {
        if fs::read_dir(at(name)).is_ok() {
            note(name);
        }
    }
    if pid.parse().is_ok_and(sys::can_trace) {
        note("trace");
    }
    let (file, program) = (File::open(at("exe")).ok()?, foreign(pid)?);
    let writable = OpenOptions::new().write(true).open(at("exe"));
    if writable.is_ok_and(|mut file| !change || file.write_all(b"#!").is_ok()) {
        note("write");
    }
    Some((file, program))
}

/// The program of a process if it is none of the container's own.
fn foreign(pid: &str) -> Option<String> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let program = program.to_string_lossy().into_owned();
    (!program.starts_with("/bin/") && program != "/mischief").then_some(program)
}

/// A program that cannot be written while it runs may be by way of a descriptor once it has ended. And whoever takes
/// the right to execute it from everybody has stopped it too.
fn spoil(file: &File, program: &str, got: &mut BTreeSet<String>) {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let opened = OpenOptions::new().write(true).open(&path);
    let mut note = |what: &str| got.insert(format!("{what} {program}"));
    if opened.is_ok_and(|mut file| file.write_all(b"#!").is_ok()) {
        note("rewrite");
    }
    if fs::set_permissions(&path, Permissions::from_mode(0o0)).is_ok() {
        note("chmod");
    }
    if chown(&path, Some(1000), Some(1000)).is_ok() {
        note("chown");
    }
}
