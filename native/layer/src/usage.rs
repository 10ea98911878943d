//! How much a tree holds, as `ps -s` tells it, and how much of the disk it takes, as `system df` does.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use paths::{entry, host};
use rustix::fs::{Dir, FileType, Stat};
use rustix::io::Errno;

use crate::error::LayerError;

/// Directories open at once; what lies deeper is not counted.
const DEEPEST: usize = 256;

/// The unit of `st_blocks`, whatever the file system's own is; see `inode(7)`.
const BLOCK: u64 = 512;

/// What `measure` finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of everything but directories, as their lengths say.
    pub bytes: u64,
    /// Bytes of the blocks on the disk, directories' too; what is sparse takes less than it is long.
    pub disk: u64,
}

impl Usage {
    fn add(&mut self, stat: &Stat) {
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        self.disk = self.disk.saturating_add(blocks.saturating_mul(BLOCK));
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            let bytes = u64::try_from(stat.st_size).unwrap_or(0);
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
}

/// Each inode counts once; a tree that is absent holds nothing. The tree may change meanwhile: what
/// is gone counts nothing. Links are never followed.
pub fn tree_usage(path: &Path) -> Result<Usage, LayerError> {
    let name = path.as_os_str().as_bytes();
    match host::open_dir(path) {
        Ok(fd) => measure(fd).map_err(|errno| LayerError::sys("measure", name, errno)),
        Err(Errno::NOENT) => Ok(Usage::default()),
        Err(errno) => Err(LayerError::sys("measure", name, errno)),
    }
}

fn measure(root: OwnedFd) -> Result<Usage, Errno> {
    let mut total = Usage::default();
    let mut seen = HashSet::new();
    total.add(&rustix::fs::fstat(&root)?);
    let mut stack = vec![Dir::new(root)?];
    while let Some(dir) = stack.last_mut() {
        let Some(found) = dir.read() else {
            stack.pop();
            continue;
        };
        let found = found?;
        let name = found.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let fd = dir.fd()?;
        let Ok(stat) = entry::stat(fd, name) else {
            continue;
        };
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        // Only what has several names can be met again.
        if is_directory || stat.st_nlink <= 1 || seen.insert((stat.st_dev, stat.st_ino)) {
            total.add(&stat);
        }
        if !is_directory {
            continue;
        }
        if let Ok(child) = entry::open_dir(fd, name)
            && stack.len() < DEEPEST
        {
            stack.push(Dir::new(child)?);
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_with_two_names_counts_once_and_a_link_is_not_followed() {
        let temp = TempDir::new();
        let tree = temp.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), [0; 1000]).unwrap();
        fs::hard_link(tree.join("a/b/file"), tree.join("again")).unwrap();
        fs::write(temp.path().join("outside"), [0; 5000]).unwrap();
        symlink("../outside", tree.join("link")).unwrap();
        let link = u64::try_from("../outside".len()).unwrap();
        assert_eq!(tree_usage(&tree).unwrap().bytes, 1000 + link);
    }

    #[test]
    fn the_disk_counts_blocks_and_directories() {
        let temp = TempDir::new();
        let tree = temp.path().join("tree");
        fs::create_dir_all(tree.join("sub")).unwrap();
        let empty = tree_usage(&tree).unwrap();
        assert_eq!(empty.bytes, 0);
        let sparse = fs::File::create(tree.join("sub/sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        fs::write(tree.join("small"), [1; 10]).unwrap();
        let found = tree_usage(&tree).unwrap();
        assert_eq!(found.bytes, (1 << 30) + 10);
        assert!(
            found.disk >= empty.disk && found.disk < 1 << 20,
            "{found:?}"
        );
    }

    #[test]
    fn an_absent_tree_holds_nothing() {
        assert_eq!(
            tree_usage(Path::new("/nonexistent/tree")).unwrap(),
            Usage::default()
        );
    }
}
