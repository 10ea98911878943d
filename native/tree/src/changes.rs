//! What a container changed: its writable layer against the layers below, as Docker tells it.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use paths::{Root, entry, handle, host};
use rustix::fs::{OFlags, Stat};
use rustix::io::Errno;

use crate::archive::{join, list};
use crate::error::TreeError;
use crate::merged::{self, Found, Part, has_mark, is_dir, is_opaque, is_whiteout};

/// The numbers are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Modified = 0,
    Added = 1,
    Deleted = 2,
}

/// The directories of an overlay mount, and paths that the engine itself makes in it.
#[derive(Debug)]
pub struct Layers {
    pub upper: PathBuf,
    /// Topmost first.
    pub lower: Vec<PathBuf>,
    /// Mount points, relative to the root.
    pub mount_points: HashSet<Vec<u8>>,
}

/// Paths relative to the root, sorted. A directory is named only if it was changed itself or if
/// something below it was.
pub fn changes(layers: &Layers) -> Result<BTreeMap<Vec<u8>, Change>, TreeError> {
    let upper = open_host(&layers.upper)?;
    let lower = open_layers(&layers.lower)?;
    let mut found = BTreeMap::new();
    let mut walk = vec![Level::new(Vec::new(), upper, lower, false, false)?];
    while let Some(level) = walk.last_mut() {
        let Some(base) = level.rest.pop() else {
            if let (Some(level), Some(parent)) = (walk.pop(), walk.last_mut()) {
                leave(level, parent, layers, &mut found);
            }
            continue;
        };
        if let Some(next) = look(level, &base, layers, &mut found)? {
            walk.push(next);
        }
    }
    Ok(found)
}

#[allow(clippy::struct_excessive_bools)]
struct Level {
    path: Vec<u8>,
    upper: OwnedFd,
    /// What the layers below have in its place, topmost first.
    lower: Vec<Part>,
    /// Nothing of the layers below shows through.
    hides: bool,
    is_new: bool,
    rest: Vec<Vec<u8>>,
    /// Something in it is a mount point only.
    has_mount_points: bool,
    has_changes: bool,
}

impl Level {
    fn new(
        path: Vec<u8>,
        upper: OwnedFd,
        lower: Vec<Part>,
        hides: bool,
        is_new: bool,
    ) -> Result<Self, TreeError> {
        let failed = |errno| TreeError::sys("read", &path, errno);
        let mut rest = list(&upper).map_err(failed)?;
        if hides {
            let here: HashSet<Vec<u8>> = rest.iter().cloned().collect();
            for name in merged::names(&lower).map_err(failed)? {
                if !here.contains(&name) {
                    rest.push(name);
                }
            }
        }
        Ok(Self {
            path,
            upper,
            lower,
            hides,
            is_new,
            rest,
            has_mount_points: false,
            has_changes: false,
        })
    }
}

/// Judges one name of the writable layer; a directory is to be gone into.
fn look(
    level: &mut Level,
    base: &[u8],
    layers: &Layers,
    found: &mut BTreeMap<Vec<u8>, Change>,
) -> Result<Option<Level>, TreeError> {
    let path = join(&level.path, base);
    let failed = |errno| TreeError::sys("read", &path, errno);
    let before = Found::find(&level.lower, base).map_err(failed)?;
    let upper = match entry::look(&level.upper, base) {
        Ok(fd) => Some(fd),
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(failed(errno)),
    };
    let stat = match &upper {
        Some(fd) => Some(rustix::fs::fstat(fd).map_err(failed)?),
        None => None,
    };
    let (Some(upper), Some(stat)) = (upper, stat.filter(|stat| !is_whiteout(stat))) else {
        if before.is_some() {
            level.has_changes = true;
            found.insert(path, Change::Deleted);
        }
        return Ok(None);
    };
    let is_dir = is_dir(&stat);
    if before.is_none() && !is_dir && layers.mount_points.contains(&path) {
        level.has_mount_points = true;
        return Ok(None);
    }
    let change = match &before {
        None => Some(Change::Added),
        Some(below) if differs(&stat, &below.stat) => Some(Change::Modified),
        Some(_) => None,
    };
    if !is_dir {
        if let Some(change) = change {
            level.has_changes = true;
            found.insert(path, change);
        }
        return Ok(None);
    }
    let below = before.map(|below| below.dirs).unwrap_or_default();
    let hides = level.hides || is_opaque(&upper);
    let is_new = change == Some(Change::Added);
    let dir = handle::reopen_dir(upper.as_fd()).map_err(failed)?;
    refuse_redirect(&dir, &path)?;
    if change == Some(Change::Modified) {
        level.has_changes = true;
        found.insert(path.clone(), Change::Modified);
    }
    Level::new(path, dir, below, hides, is_new).map(Some)
}

/// Decides on a directory once all in it is known.
fn leave(level: Level, parent: &mut Level, layers: &Layers, found: &mut BTreeMap<Vec<u8>, Change>) {
    let is_mount_point = layers.mount_points.contains(&level.path);
    let made_for_mounts = !level.has_changes && (is_mount_point || level.has_mount_points);
    if level.is_new {
        if made_for_mounts {
            parent.has_mount_points = true;
            return;
        }
        found.insert(level.path, Change::Added);
    } else if level.has_changes {
        found.entry(level.path).or_insert(Change::Modified);
    } else {
        return;
    }
    parent.has_changes = true;
}

/// Docker's rule: the time of a directory does not count.
fn differs(new: &Stat, old: &Stat) -> bool {
    if (new.st_mode, new.st_uid, new.st_gid, new.st_rdev)
        != (old.st_mode, old.st_uid, old.st_gid, old.st_rdev)
    {
        return true;
    }
    !is_dir(new)
        && (new.st_size, new.st_mtime, new.st_mtime_nsec)
            != (old.st_size, old.st_mtime, old.st_mtime_nsec)
}

/// Made by a kernel that was told to keep the name a directory had before: not by our mounts.
fn refuse_redirect(dir: &OwnedFd, path: &[u8]) -> Result<(), TreeError> {
    if !has_mark(dir, "redirect") {
        return Ok(());
    }
    let path = layer::tar::quote(path);
    Err(TreeError::Invalid(format!(
        "the writable layer has a redirected directory: {path}"
    )))
}

pub(crate) fn open_host(path: &Path) -> Result<OwnedFd, TreeError> {
    host::open_dir(path).map_err(|errno| TreeError::sys("open", path.as_os_str().as_bytes(), errno))
}

/// The layers of a merged view, in the order that is given.
pub(crate) fn open_layers(paths: &[PathBuf]) -> Result<Vec<Part>, TreeError> {
    let open = |(layer, path): (usize, &PathBuf)| {
        let fd = open_host(path)?;
        Ok(Part { layer, fd })
    };
    paths.iter().enumerate().map(open).collect()
}

/// The writable layer's own file at a path that [`changes`] has named.
pub(crate) fn open_upper(upper: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let upper = Root::new(upper).beneath().without_links().on_one_mount();
    upper.open(path, OFlags::PATH | OFlags::NOFOLLOW)
}
