//! What differs between two stacks of layers, as their containers would see it.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;

use paths::entry;
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;
use serde::Serialize;

use crate::archive::join;
use crate::changes::open_host;
use crate::error::TreeError;
use crate::merged::{DEEPEST, Found, Opened, Part, failed, names};

/// One path that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Change<'a> {
    /// Relative to the root.
    #[serde(skip)]
    pub path: &'a [u8],
    pub change: &'static str,
    /// Of a path that both have: of "type", "mode", "owner", "device", "target", "size", "content",
    /// "attributes". Times do not count.
    pub what: Vec<&'static str>,
    /// What it is, or was.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes; none where it is absent.
    pub before: Option<u64>,
    pub after: Option<u64>,
}

/// Tells of every difference, in the order of the walk: a directory before what is in it, names by their
/// bytes. Layers are topmost first. What both have from the same layers is not looked at.
pub fn difference(
    before: &[PathBuf],
    after: &[PathBuf],
    tell: &mut dyn FnMut(&Change<'_>) -> Result<(), TreeError>,
) -> Result<(), TreeError> {
    let mut known = HashMap::new();
    let mut open = |paths: &[PathBuf]| {
        let mut parts = Vec::new();
        for path in paths {
            let next = known.len();
            let layer = *known.entry(path.clone()).or_insert(next);
            let fd = open_host(path)?;
            parts.push(Part { layer, fd });
        }
        Ok::<_, TreeError>(parts)
    };
    let (before, after) = (open(before)?, open(after)?);
    let mut walk = Walk {
        path: Vec::new(),
        opened: Opened::default(),
        tell,
    };
    walk.root(&before, &after)?;
    walk.directory(&before, &after, 0)
}

struct Walk<'a> {
    path: Vec<u8>,
    opened: Opened,
    tell: &'a mut dyn FnMut(&Change<'_>) -> Result<(), TreeError>,
}

impl Walk<'_> {
    /// The root has no name to find it by.
    fn root(&mut self, before: &[Part], after: &[Part]) -> Result<(), TreeError> {
        let (Some(old), Some(new)) = (before.first(), after.first()) else {
            return Ok(());
        };
        if old.layer == new.layer {
            return Ok(());
        }
        let stat = |part: &Part| rustix::fs::fstat(&part.fd).map_err(|errno| self.failed(errno));
        let (old, new) = (stat(old)?, stat(new)?);
        let what = compare_stats(&old, &new);
        self.tell(what, Some(&old), Some(&new))
    }

    fn directory(
        &mut self,
        before: &[Part],
        after: &[Part],
        depth: usize,
    ) -> Result<(), TreeError> {
        let layers = |parts: &[Part]| parts.iter().map(|part| part.layer).collect::<Vec<_>>();
        if depth > DEEPEST || layers(before) == layers(after) {
            return Ok(());
        }
        let mut all = names(before).map_err(|errno| self.failed(errno))?;
        all.append(&mut names(after).map_err(|errno| self.failed(errno))?);
        all.sort_unstable();
        all.dedup();
        for name in all {
            let length = self.path.len();
            self.path = join(&self.path, &name);
            self.name((before, after), &name, depth)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn name(
        &mut self,
        (before, after): (&[Part], &[Part]),
        name: &[u8],
        depth: usize,
    ) -> Result<(), TreeError> {
        let old = Found::find(before, name).map_err(|errno| self.failed(errno))?;
        let new = Found::find(after, name).map_err(|errno| self.failed(errno))?;
        let what = match (&old, &new) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) => {
                let (left, right) = (&before[old.at], &after[new.at]);
                let what = if left.layer == right.layer {
                    Ok(Vec::new())
                } else {
                    compare((left, &old.stat), (right, &new.stat), name)
                };
                what.map_err(|errno| self.failed(errno))?
            }
            _ => Vec::new(),
        };
        let stat = |found: &'_ Option<Found>| found.as_ref().map(|found| found.stat);
        self.tell(what, stat(&old).as_ref(), stat(&new).as_ref())?;
        let dirs = |found: Option<Found>| found.map(|found| found.dirs).unwrap_or_default();
        let (old, new) = (dirs(old), dirs(new));
        if old.is_empty() && new.is_empty() {
            return Ok(());
        }
        for parts in [&old, &new] {
            self.opened
                .enter(parts)
                .map_err(|errno| self.failed(errno))?;
        }
        self.directory(&old, &new, depth + 1)?;
        self.opened.leave(&old);
        self.opened.leave(&new);
        Ok(())
    }

    fn tell(
        &mut self,
        what: Vec<&'static str>,
        before: Option<&Stat>,
        after: Option<&Stat>,
    ) -> Result<(), TreeError> {
        let change = match (before, after) {
            (None, _) => "added",
            (_, None) => "deleted",
            _ if what.is_empty() => return Ok(()),
            _ => "changed",
        };
        let change = Change {
            path: &self.path,
            change,
            what,
            kind: after.or(before).map_or("unknown", kind_of),
            before: before.map(size_of),
            after: after.map(size_of),
        };
        (self.tell)(&change)
    }

    fn failed(&self, errno: Errno) -> TreeError {
        failed(&self.path, errno)
    }
}

fn kind_of(stat: &Stat) -> &'static str {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "link",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Unknown => "unknown",
    }
}

fn size_of(stat: &Stat) -> u64 {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => 0,
        _ => u64::try_from(stat.st_size).unwrap_or(0),
    }
}

fn compare_stats(old: &Stat, new: &Stat) -> Vec<&'static str> {
    let permissions = |stat: &Stat| stat.st_mode & 0o7777;
    let kind = |stat: &Stat| FileType::from_raw_mode(stat.st_mode);
    let is_link = kind(new) == FileType::Symlink;
    let mut what = Vec::new();
    if kind(old) != kind(new) {
        // Nothing else of the two can be compared.
        return vec!["type"];
    }
    if !is_link && permissions(old) != permissions(new) {
        what.push("mode");
    }
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) {
        what.push("owner");
    }
    if old.st_rdev != new.st_rdev {
        what.push("device");
    }
    what
}

/// Both are there, in different layers.
fn compare(
    (left, old): (&Part, &Stat),
    (right, new): (&Part, &Stat),
    name: &[u8],
) -> Result<Vec<&'static str>, Errno> {
    let mut what = compare_stats(old, new);
    if what == ["type"] {
        return Ok(what);
    }
    match FileType::from_raw_mode(new.st_mode) {
        FileType::Symlink => {
            let text = |part: &Part| entry::read_link(&part.fd, name);
            what.extend((text(left)? != text(right)?).then_some("target"));
        }
        FileType::RegularFile => {
            let open = |part: &Part| entry::open(&part.fd, name, OFlags::RDONLY).map(File::from);
            let (a, b) = (open(left)?, open(right)?);
            if old.st_size != new.st_size {
                what.push("size");
            } else if !layer::same_content(&a, &b)? {
                what.push("content");
            }
            if layer::attributes(a.as_fd())? != layer::attributes(b.as_fd())? {
                what.push("attributes");
            }
        }
        FileType::Directory => {
            let a = entry::open_dir(&left.fd, name)?;
            let b = entry::open_dir(&right.fd, name)?;
            // How layers lie over each other is no attribute of the directory.
            let shown = |all: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<_> {
                let is_mark = |name: &[u8]| name.starts_with(b"trusted.overlay.");
                all.into_iter().filter(|(name, _)| !is_mark(name)).collect()
            };
            if shown(layer::attributes(a.as_fd())?) != shown(layer::attributes(b.as_fd())?) {
                what.push("attributes");
            }
        }
        _ => {}
    }
    Ok(what)
}
