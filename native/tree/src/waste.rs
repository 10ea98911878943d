//! What each layer of an image brings, and what it makes useless of the layers below.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use paths::entry;
use rustix::fs::Stat;
use rustix::io::Errno;
use serde::Serialize;

use crate::archive::list;
use crate::changes::open_layers;
use crate::error::TreeError;
use crate::merged::{DEEPEST, Opened, Part, failed, is_dir, is_opaque, is_whiteout};

/// By layer, lowest first; sizes in bytes. Of a file with several names in a layer the first one has the size.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Anatomy {
    /// Everything but directories and whiteouts.
    pub files: Vec<u64>,
    pub bytes: Vec<u64>,
    /// Of files of layers below that this one replaces or removes; each of them counts once.
    pub wasted: Vec<u64>,
    /// What is left to be seen.
    pub visible: u64,
}

/// Walks all layers at once, each directory once, so that nothing of the tree is kept in memory.
pub fn anatomy(layers: &[PathBuf]) -> Result<Anatomy, TreeError> {
    let parts = open_layers(layers)?;
    let none = || vec![0; layers.len()];
    let mut walk = Walk {
        found: Anatomy {
            files: none(),
            bytes: none(),
            wasted: none(),
            visible: 0,
        },
        several: HashSet::new(),
        opened: Opened::default(),
    };
    let walked = walk.directory(&parts, 0);
    walk.found.visible = walked.map_err(|errno| failed(b"/", errno))?;
    Ok(walk.found)
}

struct Walk {
    found: Anatomy,
    /// Layer, device and inode of files with several names.
    several: HashSet<(usize, u64, u64)>,
    opened: Opened,
}

/// A name as one layer after another has made it.
enum Now {
    Nothing,
    File(u64),
    Directory(Vec<Part>),
}

impl Walk {
    /// The bytes that are seen of directories that are merged, lowest first.
    fn directory(&mut self, parts: &[Part], depth: usize) -> Result<u64, Errno> {
        let mut names: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (at, part) in parts.iter().enumerate() {
            for name in list(&part.fd)? {
                names.entry(name).or_default().push(at);
            }
        }
        let mut visible = 0;
        for (name, having) in names {
            let mut now = Now::Nothing;
            for part in having.iter().filter_map(|at| parts.get(*at)) {
                now = self.apply(now, part, &name, depth)?;
            }
            visible += self.settle(now, depth)?;
        }
        Ok(visible)
    }

    /// What a name has become once one more layer has had its say.
    fn apply(&mut self, now: Now, part: &Part, name: &[u8], depth: usize) -> Result<Now, Errno> {
        let layer = part.layer;
        let stat = entry::stat(&part.fd, name)?;
        if !is_dir(&stat) {
            self.found.wasted[layer] += self.settle(now, depth)?;
            if is_whiteout(&stat) {
                return Ok(Now::Nothing);
            }
            return Ok(Now::File(self.count(layer, &stat)));
        }
        let fd = entry::open_dir(&part.fd, name)?;
        let is_opaque = is_opaque(&fd);
        let own = Part { layer, fd };
        match now {
            Now::Directory(mut parts) if !is_opaque => {
                parts.push(own);
                Ok(Now::Directory(parts))
            }
            hidden => {
                self.found.wasted[layer] += self.settle(hidden, depth)?;
                Ok(Now::Directory(vec![own]))
            }
        }
    }

    /// The bytes of what will not change any more, since it is hidden or the last.
    fn settle(&mut self, now: Now, depth: usize) -> Result<u64, Errno> {
        match now {
            Now::Nothing => Ok(0),
            Now::File(bytes) => Ok(bytes),
            Now::Directory(_) if depth >= DEEPEST => Ok(0),
            Now::Directory(parts) => {
                self.opened.enter(&parts)?;
                let visible = self.directory(&parts, depth + 1)?;
                self.opened.leave(&parts);
                Ok(visible)
            }
        }
    }

    fn count(&mut self, layer: usize, stat: &Stat) -> u64 {
        self.found.files[layer] += 1;
        let is_first = stat.st_nlink <= 1 || self.several.insert((layer, stat.st_dev, stat.st_ino));
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        let bytes = if is_first { bytes } else { 0 };
        self.found.bytes[layer] += bytes;
        bytes
    }
}
