//! What the file system shows.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::errno;
use crate::sys;

/// Hidden or read-only in some container, and a few that are in none.
const PATHS: [&str; 23] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/irq",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/meminfo",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sys",
    "/proc/sys/kernel/domainname",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys",
    "/sys/devices/system/cpu/cpu0/thermal_throttle",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/cgroup",
    "/",
];

const SYSCTLS: [&str; 6] = [
    "kernel/domainname",
    "kernel/msgmax",
    "kernel/shm_rmid_forced",
    "fs/mqueue/msg_max",
    "net/ipv4/ip_unprivileged_port_start",
    "net/ipv4/ping_group_range",
];

/// "c 1:3", "directory", "file", "link TARGET" …
pub(crate) fn kind(path: &Path, meta: &fs::Metadata) -> String {
    let kind = meta.file_type();
    let numbers = || format!("{}:{}", libc::major(meta.rdev()), libc::minor(meta.rdev()));
    if kind.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        format!("link {}", target.to_string_lossy())
    } else if kind.is_char_device() {
        format!("c {}", numbers())
    } else if kind.is_block_device() {
        format!("b {}", numbers())
    } else if kind.is_dir() {
        "directory".to_owned()
    } else if kind.is_fifo() {
        "fifo".to_owned()
    } else if kind.is_socket() {
        "socket".to_owned()
    } else {
        "file".to_owned()
    }
}

/// The first byte of a file, or the number of a directory's entries.
fn content(path: &Path, meta: &fs::Metadata) -> io::Result<usize> {
    if meta.is_dir() {
        return Ok(fs::read_dir(path)?.count());
    }
    fs::File::open(path)?.read(&mut [0; 1])
}

fn path_state(path: &Path) -> Value {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Value::from("absent"),
        Err(e) => return Value::from(errno::name(e.raw_os_error().unwrap_or_default())),
    };
    let content = match content(path, &meta) {
        Ok(0) => "empty".to_owned(),
        Ok(_) => "full".to_owned(),
        Err(e) => errno::name(e.raw_os_error().unwrap_or_default()),
    };
    json!({
        "kind": kind(path, &meta),
        "content": content,
        "write": errno::outcome(&sys::access(path, libc::W_OK)),
    })
}

pub(crate) fn paths() -> Value {
    let all = PATHS
        .iter()
        .map(|path| ((*path).to_owned(), path_state(Path::new(path))));
    Value::Object(all.collect())
}

/// The lines of `/proc/self/mountinfo`, in order.
pub(crate) fn mounts() -> Value {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let parsed = text.lines().filter_map(|line| {
        let (place, source) = line.split_once(" - ")?;
        let place: Vec<&str> = place.split(' ').collect();
        let source: Vec<&str> = source.split(' ').collect();
        Some(json!({
            "root": place.get(3)?,
            "target": place.get(4)?,
            "flags": place.get(5)?,
            "propagation": place.get(6..)?.join(" "),
            "type": source.first()?,
            "options": source.get(2)?,
        }))
    });
    Value::from(parsed.collect::<Vec<_>>())
}

/// Open descriptors and what they are: "pipe", "c 1:3", "link …".
pub(crate) fn descriptors() -> Value {
    const DIRECTORY: &str = "/proc/self/fd";
    let mut found = Map::new();
    let names: Vec<_> = fs::read_dir(DIRECTORY)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // By now the directory that was read is closed: what was it has no link.
    for path in names {
        if let Ok(link) = fs::read_link(&path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let link = link.to_string_lossy();
            let kind = link.split_once(":[").map_or(&*link, |(kind, _)| kind);
            found.insert(name.into_owned(), Value::from(kind));
        }
    }
    Value::Object(found)
}

pub(crate) fn sysctls() -> Value {
    let all = SYSCTLS.iter().map(|name| {
        let text = match fs::read_to_string(format!("/proc/sys/{name}")) {
            Ok(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Err(e) => errno::name(e.raw_os_error().unwrap_or_default()),
        };
        (name.replace('/', "."), Value::from(text))
    });
    Value::Object(all.collect())
}
