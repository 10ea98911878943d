//! The exit record: how a container ended, for a daemon that may not be there to be told.

use logfile::time;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::json;

/// `ExitRecord` of `src/native-types/`, as JSON.
pub(crate) fn build(code: i32, oom_killed: bool) -> Vec<u8> {
    let mut out = format!("{{\"exitCode\":{code},\"oomKilled\":{oom_killed},").into_bytes();
    json::field(&mut out, "finishedAt", &time::now());
    out.push(b',');
    json::field(&mut out, "error", "");
    out.push(b'}');
    out
}

/// Keeps the record at the first of these places that takes it: a disk can be full.
pub(crate) fn keep(places: [&str; 2], record: &[u8]) {
    let _in_vain = places.iter().any(|path| write(path, record).is_ok());
}

/// Written beside its place, then renamed, so that it is there whole or not at all. No fsync: after a
/// power cut every container has ended in another way.
fn write(path: &str, record: &[u8]) -> Result<(), Errno> {
    let temporary = format!("{path}.new");
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(temporary.as_str(), flags, Mode::from_raw_mode(0o600))?;
    let mut rest = record;
    while !rest.is_empty() {
        let count = rustix::io::write(&file, rest)?;
        rest = rest.get(count..).unwrap_or_default();
    }
    rustix::fs::rename(temporary.as_str(), path)
}
