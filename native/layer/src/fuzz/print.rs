//! Entries as an archive in one dialect: POSIX headers, with an extended header before each for all that has no limit there.

use crate::header::{BLOCK, Time};
use crate::reader::{Entry, Kind};

pub(super) fn archive<'a>(entries: impl Iterator<Item = (&'a Entry, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (entry, data) in entries {
        let records = records(entry, data.len());
        add(&mut out, &block(b'x', 0, (0, 0), records.len()), &records);
        let (flag, device) = flag(&entry.kind);
        add(&mut out, &block(flag, entry.meta.mode, device, 0), data);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn add(out: &mut Vec<u8>, block: &[u8], data: &[u8]) {
    out.extend_from_slice(block);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

fn flag(kind: &Kind) -> (u8, (u32, u32)) {
    match kind {
        Kind::File => (b'0', (0, 0)),
        Kind::HardLink(_) => (b'1', (0, 0)),
        Kind::Symlink(_) => (b'2', (0, 0)),
        Kind::Char { major, minor } => (b'3', (*major, *minor)),
        Kind::Block { major, minor } => (b'4', (*major, *minor)),
        Kind::Directory => (b'5', (0, 0)),
        Kind::Fifo => (b'6', (0, 0)),
    }
}

fn block(flag: u8, mode: u32, device: (u32, u32), size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(100, format!("{mode:07o}").as_bytes());
    put(124, format!("{size:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[flag]);
    put(257, b"ustar\x0000");
    put(329, format!("{:07o}", device.0).as_bytes());
    put(337, format!("{:07o}", device.1).as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn records(entry: &Entry, stored: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |key: &[u8], value: &[u8]| record(&mut out, key, value);
    put(b"path", &entry.name);
    if let Kind::HardLink(target) | Kind::Symlink(target) = &entry.kind {
        put(b"linkpath", target);
    }
    put(b"uid", entry.meta.uid.to_string().as_bytes());
    put(b"gid", entry.meta.gid.to_string().as_bytes());
    put(b"mtime", time(entry.meta.mtime).as_bytes());
    put(b"size", stored.to_string().as_bytes());
    if let Some(map) = &entry.sparse {
        let numbers = map
            .iter()
            .flat_map(|segment| [segment.offset, segment.length]);
        let texts: Vec<_> = numbers.map(|number| number.to_string()).collect();
        put(b"GNU.sparse.size", entry.size.to_string().as_bytes());
        put(b"GNU.sparse.map", texts.join(",").as_bytes());
    }
    for (name, value) in &entry.meta.xattrs {
        put(&[b"SCHILY.xattr.", &name[..]].concat(), value);
    }
    out
}

/// "LENGTH KEY=VALUE\n"; the length counts its own digits.
fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length += 1;
    }
    out.extend_from_slice(format!("{length} ").as_bytes());
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// -1.25 is 0.75 after -2.
fn time(Time { seconds, nanos }: Time) -> String {
    if seconds < 0 && nanos > 0 {
        return format!(
            "-{}.{:09}",
            (seconds + 1).unsigned_abs(),
            1_000_000_000 - nanos
        );
    }
    format!("{seconds}.{nanos:09}")
}
