//! Making a finished tree visible, all or nothing.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use paths::host;
use rustix::fs::{CWD, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::error::LayerError;
use crate::remove::remove_tree;

/// `syncfs` of the tree, rename to `target`, `fsync` of the directory that holds it. If `target`
/// is a directory already it stays as it is and `staging` is removed.
pub fn commit(staging: &Path, target: &Path) -> Result<(), LayerError> {
    let failed = |verb: &'static str, path: &Path| {
        let name = path.as_os_str().as_bytes().to_vec();
        move |errno| LayerError::sys(verb, &name, errno)
    };
    let parent = match target.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    let tree = host::open_dir(staging).map_err(failed("open", staging))?;
    rustix::fs::syncfs(&tree).map_err(failed("sync", staging))?;
    match rename_new(staging, target) {
        Ok(()) => {}
        Err(Errno::EXIST | Errno::NOTEMPTY) => {
            host::open_dir(target).map_err(failed("open", target))?;
            remove_tree(staging)?;
        }
        Err(errno) => return Err(failed("rename to", target)(errno)),
    }
    let directory = OFlags::RDONLY | OFlags::DIRECTORY;
    let parent_fd = host::open(parent, directory).map_err(failed("open", parent))?;
    rustix::fs::fsync(&parent_fd).map_err(failed("sync", parent))
}

/// Rename that never replaces; some filesystems lack the flag and get a check before.
fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::lstat(to) {
            Err(Errno::NOENT) => rustix::fs::rename(from, to),
            Err(errno) => Err(errno),
            Ok(_) => Err(Errno::EXIST),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn commit_renames_the_tree() {
        let temp = TempDir::new();
        let (staging, target) = (temp.path().join("staging"), temp.path().join("target"));
        fs::create_dir(&staging).unwrap();
        fs::write(staging.join("file"), "new").unwrap();
        commit(&staging, &target).unwrap();
        assert_eq!(fs::read(target.join("file")).unwrap(), b"new");
        assert!(!staging.exists());
    }

    #[test]
    fn commit_keeps_what_is_there_even_if_empty_and_removes_the_staging_tree() {
        let temp = TempDir::new();
        let (staging, target) = (temp.path().join("staging"), temp.path().join("target"));
        fs::create_dir(&staging).unwrap();
        fs::write(staging.join("file"), "new").unwrap();
        fs::create_dir(&target).unwrap();
        commit(&staging, &target).unwrap();
        assert!(!staging.exists());
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }

    #[test]
    fn commit_refuses_a_target_that_is_no_directory() {
        let temp = TempDir::new();
        let (staging, target) = (temp.path().join("staging"), temp.path().join("target"));
        fs::create_dir(&staging).unwrap();
        fs::write(&target, "file").unwrap();
        let error = commit(&staging, &target).unwrap_err();
        assert!(error.to_string().contains("target"), "{error}");
        assert!(staging.exists());
    }
}
