//! A root in a directory of its own, beside files of the host that must never be reached.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Root, handle, host};
use rustix::io::Errno;

pub(crate) const CANARY: &str = "of the host";

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// `root/`, and `outside/` with the file `canary` in it.
pub(crate) struct Scene {
    dir: PathBuf,
    fd: OwnedFd,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rt-paths-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(dir.join("root")).unwrap();
        fs::create_dir_all(dir.join("outside")).unwrap();
        fs::write(dir.join("outside/canary"), CANARY).unwrap();
        let fd = host::find_dir(dir.join("root")).unwrap();
        Self { dir, fd }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join("root")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.dir.join("outside")
    }

    pub(crate) fn root(&self) -> Root<'_> {
        Root::new(self.fd.as_fd())
    }

    /// By the kernel's walk, and by our own.
    pub(crate) fn both(&self) -> [Root<'_>; 2] {
        [self.root(), self.root().by_steps()]
    }

    /// Nothing was made, changed or removed outside.
    pub(crate) fn assert_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.outside()).unwrap().collect();
        assert_eq!(names.len(), 1, "something was made outside: {names:?}");
        let text = fs::read_to_string(self.outside().join("canary")).unwrap();
        assert_eq!(text, CANARY);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// What was found, to compare: the inode, or why not.
pub(crate) fn outcome(found: Result<OwnedFd, Errno>) -> Result<(u64, u64), Errno> {
    found.and_then(|fd| handle::identity(fd.as_fd()))
}

pub(crate) fn inode(path: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.dev(), metadata.ino())
}
