//! How much a tree holds, as `ps -s` tells it.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use paths::{entry, host};
use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use crate::error::LayerError;

/// Directories open at once; what lies deeper is not counted.
const DEEPEST: usize = 256;

/// Bytes of everything but directories, each inode once; 0 for a tree that is absent. The tree may
/// change meanwhile: what is gone counts nothing. Links are never followed.
pub fn tree_size(path: &Path) -> Result<u64, LayerError> {
    let name = path.as_os_str().as_bytes();
    match host::open_dir(path) {
        Ok(fd) => measure(fd).map_err(|errno| LayerError::sys("measure", name, errno)),
        Err(Errno::NOENT) => Ok(0),
        Err(errno) => Err(LayerError::sys("measure", name, errno)),
    }
}

fn measure(root: OwnedFd) -> Result<u64, Errno> {
    let mut total = 0u64;
    let mut seen = HashSet::new();
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
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            // Only what has several names can be met again.
            if stat.st_nlink <= 1 || seen.insert((stat.st_dev, stat.st_ino)) {
                total = total.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
            }
        } else if let Ok(child) = entry::open_dir(fd, name)
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
        assert_eq!(tree_size(&tree).unwrap(), 1000 + link);
    }

    #[test]
    fn an_absent_tree_holds_nothing() {
        assert_eq!(tree_size(Path::new("/nonexistent/tree")).unwrap(), 0);
    }
}
