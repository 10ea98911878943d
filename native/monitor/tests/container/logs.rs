//! The log on a disk that is full, and without waiting for it.

use std::fs;
use std::path::{Path, PathBuf};

use logfile::{Format, ReadOptions, Reader};
use rustix::mount::MountFlags;
use sandbox::protocol::frame;
use serde_json::{Value, json};

use crate::client::Client;
use crate::machine::Machine;

const DRIVERS: [(&str, Format); 2] = [("json-file", Format::Json), ("local", Format::Local)];

/// A file system of its own for the log.
fn small_disk(machine: &Machine, options: &str) -> PathBuf {
    let place = machine.dir.join("small");
    fs::create_dir_all(&place).expect("directory");
    let options = std::ffi::CString::new(options).expect("options");
    rustix::mount::mount("tmpfs", &place, "tmpfs", MountFlags::empty(), &*options).expect("tmpfs");
    place
}

/// A container that says each line that it is told.
fn parrot(machine: &Machine, log: &Value) -> Client {
    let changes = json!({"log": log, "process": {"openStdin": true, "stdinOnce": true}});
    machine.started(&["/probe", "echo-lines"], &changes, 0b111)
}

fn tell(client: &mut Client, line: &str) {
    client.send(frame::STDIN, format!("{line}\n").as_bytes());
    client.until(line);
}

fn end(mut client: Client) {
    client.send(frame::STDIN_CLOSE, &[]);
    assert_eq!(client.until_exit().code, 0);
}

fn read(path: &Path, format: Format) -> Vec<String> {
    let mut reader = Reader::open(ReadOptions {
        format,
        path: path.to_owned(),
        stdout: true,
        stderr: true,
        timestamps: false,
        details: false,
        raw: true,
        joined: false,
        follow: false,
        tail: None,
        since: None,
        until: None,
    })
    .expect("reader");
    let mut all = Vec::new();
    while let Some(piece) = reader.read_next().expect("read") {
        all.extend(piece);
    }
    let text = String::from_utf8(all).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    for (driver, format) in DRIVERS {
        let Some(machine) = Machine::new() else {
            return;
        };
        let disk = small_disk(&machine, "size=64k");
        fs::write(disk.join("filler"), vec![0; 40 * 1024]).expect("filler");
        let path = disk.join("container.log");
        let mut client = parrot(&machine, &json!({"driver": driver, "path": path}));
        let line = |number: usize| format!("{number:04} {}", "x".repeat(1500));
        for number in 0..40 {
            tell(&mut client, &line(number));
        }
        fs::remove_file(disk.join("filler")).expect("filler");
        for number in 100..103 {
            tell(&mut client, &line(number));
        }
        end(client);
        let found = read(&path, format);
        let kept = found.len() - 3;
        assert!((5..25).contains(&kept), "{driver}: {kept}");
        let expected: Vec<String> = (0..kept).chain(100..103).map(line).collect();
        assert_eq!(found, expected, "{driver}");
        rustix::mount::unmount(&disk, rustix::mount::UnmountFlags::DETACH).expect("unmount");
    }
}

#[test]
fn a_rotation_that_fails_stops_no_logging() {
    for (driver, format) in DRIVERS {
        let Some(machine) = Machine::new() else {
            return;
        };
        // Room for no further file.
        let disk = small_disk(&machine, "size=4m,nr_inodes=3");
        fs::write(disk.join("filler"), "").expect("filler");
        let path = disk.join("container.log");
        let log = json!({"driver": driver, "path": path, "maxSize": 10_000, "maxFile": 3});
        let mut client = parrot(&machine, &log);
        let line = |number: usize| format!("{number:04} {}", "x".repeat(1000));
        for number in 0..50 {
            tell(&mut client, &line(number));
        }
        end(client);
        let expected: Vec<String> = (0..50).map(line).collect();
        assert_eq!(read(&path, format), expected, "{driver}");
        assert_eq!(fs::read_dir(&disk).expect("directory").count(), 2);
        rustix::mount::unmount(&disk, rustix::mount::UnmountFlags::DETACH).expect("unmount");
    }
}

#[test]
fn a_log_that_nobody_waits_for_has_all_that_its_queue_holds() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let log =
        json!({"blocking": false, "bufferSize": 64 << 20, "maxSize": 1_000_000, "maxFile": 9});
    machine.run(&["/probe", "flood", "4000000"], &json!({"log": log}));
    let found = read(&machine.dir.join("log.json"), Format::Json);
    assert_eq!(found.concat().len(), 4_000_000);
}
