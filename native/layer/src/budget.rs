//! What a layer may use: bytes and entries as the caller says, space as the filesystem has it.

use rustix::fs::StatVfs;

use crate::error::LayerError;
use crate::root::Root;

/// Space that is left to others, at most; a fiftieth of a small filesystem.
const RESERVE: u64 = 64 * 1024 * 1024;
/// Inodes that are left to others, at most; a hundredth of a small filesystem.
const RESERVED_INODES: u64 = 1024;
/// The filesystem is asked again after so many bytes or entries.
const BYTES_BETWEEN: u64 = 32 * 1024 * 1024;
const ENTRIES_BETWEEN: u64 = 4096;

#[derive(Debug)]
pub(crate) struct Budget {
    max_bytes: u64,
    max_entries: u64,
    bytes: u64,
    entries: u64,
    /// Since the filesystem was asked.
    bytes_since: u64,
    entries_since: u64,
}

impl Budget {
    pub(crate) fn new(max_bytes: u64, max_entries: u64) -> Self {
        Self {
            max_bytes,
            max_entries,
            bytes: 0,
            entries: 0,
            bytes_since: BYTES_BETWEEN,
            entries_since: 0,
        }
    }

    /// Sum of the sizes of regular files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Counts an entry with a file of `size` bytes, of which `stored` are not holes.
    pub(crate) fn take(&mut self, root: &Root, size: u64, stored: u64) -> Result<(), LayerError> {
        self.entries += 1;
        if self.entries > self.max_entries {
            return Err(over(self.max_entries, "entries"));
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.max_bytes {
            return Err(over(self.max_bytes, "bytes"));
        }
        self.entries_since += 1;
        self.bytes_since = self.bytes_since.saturating_add(stored);
        if self.bytes_since < BYTES_BETWEEN && self.entries_since < ENTRIES_BETWEEN {
            return Ok(());
        }
        (self.bytes_since, self.entries_since) = (0, 0);
        let stat = rustix::fs::fstatvfs(root.top())
            .map_err(|errno| LayerError::sys("ask for free space of", b"/", errno))?;
        check_space(&stat, stored)
    }
}

fn over(limit: u64, what: &str) -> LayerError {
    LayerError::Budget(format!("it has more than {limit} {what}"))
}

fn check_space(stat: &StatVfs, wanted: u64) -> Result<(), LayerError> {
    let reserve = RESERVE.min(stat.f_blocks.saturating_mul(stat.f_frsize) / 50);
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < wanted.saturating_add(reserve) {
        let text = format!("{wanted} bytes wanted, {free} free, {reserve} kept in reserve");
        return Err(LayerError::DiskFull(text));
    }
    // Filesystems without a table of inodes say they have none.
    let reserve = RESERVED_INODES.min(stat.f_files / 100);
    if stat.f_files > 0 && stat.f_favail < reserve {
        return Err(LayerError::DiskFull(format!(
            "{} inodes free",
            stat.f_favail
        )));
    }
    Ok(())
}
