//! `/dev`, and which devices can be made and opened.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::errno;
use crate::file::kind;
use crate::sys;

/// Opened for reading, in no way that waits or has an effect.
fn open(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

/// Everything in `/dev`: what it is, mode and owner; devices also whether they can be opened.
pub(crate) fn nodes() -> Value {
    let mut found = Map::new();
    for entry in fs::read_dir("/dev").into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else {
            continue;
        };
        let kind = kind(&path, &meta);
        let mut shown = json!({ "kind": kind });
        if !kind.starts_with("link") {
            shown["mode"] = format!("{:04o}", meta.mode() & 0o7777).into();
            shown["owner"] = format!("{}:{}", meta.uid(), meta.gid()).into();
        }
        // `tty` is no device of the container's: what it opens is asked for elsewhere.
        if kind.starts_with("c ") && entry.file_name() != "tty" {
            shown["open"] = errno::outcome(&open(&path)).into();
        }
        found.insert(entry.file_name().to_string_lossy().into_owned(), shown);
    }
    Value::Object(found)
}

/// Devices that a container may not have, and a few that it may. None acts on being opened.
const MADE: [(&str, u32, (u32, u32)); 15] = [
    ("console", libc::S_IFCHR, (5, 1)),
    ("kvm", libc::S_IFCHR, (10, 232)),
    ("ptmx", libc::S_IFCHR, (5, 2)),
    ("tty0", libc::S_IFCHR, (4, 0)),
    ("userfaultfd", libc::S_IFCHR, (10, 257)),
    ("mem", libc::S_IFCHR, (1, 1)),
    ("null", libc::S_IFCHR, (1, 3)),
    ("port", libc::S_IFCHR, (1, 4)),
    ("zero", libc::S_IFCHR, (1, 5)),
    ("kmsg", libc::S_IFCHR, (1, 11)),
    ("urandom", libc::S_IFCHR, (1, 9)),
    ("tun", libc::S_IFCHR, (10, 200)),
    ("fuse", libc::S_IFCHR, (10, 229)),
    ("loop", libc::S_IFBLK, (7, 0)),
    ("disk", libc::S_IFBLK, (254, 0)),
];

/// Whether a node of each could be made in `/dev`, and then opened.
pub(crate) fn made() -> Value {
    let all = MADE.iter().map(|(name, kind, numbers)| {
        let path = PathBuf::from(format!("/dev/.probe-{name}"));
        let made = sys::make_node(&path, kind | 0o600, *numbers);
        let mut shown = json!({ "make": errno::outcome(&made) });
        if made.is_ok() {
            shown["open"] = errno::outcome(&open(&path)).into();
            let _ = fs::remove_file(&path);
        }
        ((*name).to_owned(), shown)
    });
    Value::Object(all.collect())
}
