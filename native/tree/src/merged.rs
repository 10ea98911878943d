//! How overlayfs merges directories of layers: what one name is, and who hides whom.

use std::os::fd::{AsFd, OwnedFd};

use paths::{entry, handle};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::archive::list;
use crate::error::TreeError;

/// Directories open at once in each layer; what lies deeper is not looked at.
pub(crate) const DEEPEST: usize = 256;

/// Directories open at once in all layers together, far more than images have: those of a hostile one must not
/// take the descriptors that the rest of the engine needs.
const MOST_OPEN: usize = 4096;

/// How many directories a walk holds open.
#[derive(Debug, Default)]
pub(crate) struct Opened(usize);

impl Opened {
    /// EMFILE if it would be too many; to be followed by [`Opened::leave`] otherwise.
    pub(crate) fn enter(&mut self, parts: &[Part]) -> Result<(), Errno> {
        if self.0 + parts.len() > MOST_OPEN {
            return Err(Errno::MFILE);
        }
        self.0 += parts.len();
        Ok(())
    }

    pub(crate) fn leave(&mut self, parts: &[Part]) {
        self.0 -= parts.len();
    }
}

pub(crate) fn failed(path: &[u8], errno: Errno) -> TreeError {
    if errno == Errno::MFILE {
        let text = "the layers have too many directories within each other";
        return TreeError::Invalid(text.into());
    }
    TreeError::sys("read", path, errno)
}

/// A directory of one layer.
#[derive(Debug)]
pub(crate) struct Part {
    /// Which layer, by its place among all that are looked at.
    pub layer: usize,
    pub fd: OwnedFd,
}

/// What layers show under a name.
#[derive(Debug)]
pub(crate) struct Found {
    pub stat: Stat,
    /// Where it is: an index into the directories that were searched.
    pub at: usize,
    /// If it is a directory: those that are merged into it, topmost first.
    pub dirs: Vec<Part>,
}

impl Found {
    /// Searches directories that are merged, topmost first.
    pub(crate) fn find(dirs: &[Part], base: &[u8]) -> Result<Option<Self>, Errno> {
        let mut found: Option<Self> = None;
        for (at, Part { layer, fd }) in dirs.iter().enumerate() {
            let stat = match entry::stat(fd, base) {
                Ok(stat) => stat,
                Err(Errno::NOENT | Errno::NOTDIR) => continue,
                Err(errno) => return Err(errno),
            };
            let is_dir = is_dir(&stat);
            if is_whiteout(&stat) || (found.is_some() && !is_dir) {
                break;
            }
            let found = found.get_or_insert(Self {
                stat,
                at,
                dirs: Vec::new(),
            });
            if !is_dir {
                break;
            }
            let fd = entry::open_dir(fd, base)?;
            let is_last = is_opaque(&fd);
            found.dirs.push(Part { layer: *layer, fd });
            if is_last {
                break;
            }
        }
        Ok(found)
    }
}

/// Names that merged directories have between them, sorted, those of whiteouts too.
pub(crate) fn names(dirs: &[Part]) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for part in dirs {
        names.append(&mut list(&part.fd)?);
    }
    if dirs.len() > 1 {
        names.sort_unstable();
        names.dedup();
    }
    Ok(names)
}

pub(crate) fn is_dir(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

pub(crate) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

pub(crate) fn is_opaque(dir: &OwnedFd) -> bool {
    has_mark(dir, "opaque")
}

pub(crate) fn has_mark(dir: &OwnedFd, mark: &str) -> bool {
    let mut value = [0u8; 8];
    ["trusted.overlay.", "user.overlay."].iter().any(|prefix| {
        let name = format!("{prefix}{mark}");
        match handle::xattr(dir.as_fd(), name.as_bytes(), &mut value) {
            Ok(length) => mark != "opaque" || value[..length] == *b"y",
            Err(Errno::RANGE) => true,
            Err(_) => false,
        }
    })
}
