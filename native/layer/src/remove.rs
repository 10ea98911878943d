//! Removing trees by directory fds, to any depth, never following a link.
//!
//! Directories are walked with an explicit stack. Only the deepest few stay open; the others are
//! closed and found again by "..", checked by device and inode, so neither the depth of a tree nor
//! the limit of open files matters.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use paths::{entry, handle, host};
use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use crate::error::LayerError;

/// Directories of the stack that stay open.
const OPEN: usize = 32;

/// Removes a file or a tree. What is absent is no error.
pub fn remove_tree(path: &Path) -> Result<(), LayerError> {
    let name = path.as_os_str().as_bytes();
    let failed = |errno| LayerError::sys("remove", name, errno);
    let base = path.file_name().ok_or_else(|| failed(Errno::INVAL))?;
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let parent = match host::find_dir(above) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(failed)?,
    };
    remove_at(parent.as_fd(), base.as_bytes()).map_err(failed)
}

/// As [`remove_tree`], for `name` in the directory `parent`.
pub fn remove_at(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match entry::open_dir(parent, name) {
        Ok(fd) => Walk::new(parent, name, fd)?.run(),
        Err(Errno::NOTDIR | Errno::LOOP) => absent_is_fine(entry::remove_file(parent, name)),
        Err(errno) => absent_is_fine(Err(errno)),
    }
}

struct Frame {
    /// Of this directory in its parent.
    name: Vec<u8>,
    /// Known once it was closed to save fds.
    id: Option<(u64, u64)>,
    dir: Option<Dir>,
}

struct Walk<'a> {
    parent: BorrowedFd<'a>,
    stack: Vec<Frame>,
}

impl<'a> Walk<'a> {
    fn new(parent: BorrowedFd<'a>, name: &[u8], fd: OwnedFd) -> Result<Self, Errno> {
        let mut walk = Self {
            parent,
            stack: Vec::new(),
        };
        walk.push(name, fd)?;
        Ok(walk)
    }

    fn run(mut self) -> Result<(), Errno> {
        while let Some(frame) = self.stack.last_mut() {
            let Some(dir) = &mut frame.dir else {
                return Err(Errno::BADF);
            };
            match empty_up_to_directory(dir)? {
                Some((name, fd)) => self.push(&name, fd)?,
                None => self.pop()?,
            }
        }
        Ok(())
    }

    fn push(&mut self, name: &[u8], fd: OwnedFd) -> Result<(), Errno> {
        if let Some(index) = self.stack.len().checked_sub(OPEN) {
            let frame = &mut self.stack[index];
            if let Some(dir) = frame.dir.take() {
                frame.id = Some(handle::identity(dir.fd()?)?);
            }
        }
        self.stack.push(Frame {
            name: name.to_owned(),
            id: None,
            dir: Some(Dir::new(fd)?),
        });
        Ok(())
    }

    /// The last directory was read to its end: removes it, or reads it again if something is left.
    fn pop(&mut self) -> Result<(), Errno> {
        let Some(mut frame) = self.stack.pop() else {
            return Ok(());
        };
        if let Some(above) = self.stack.last_mut()
            && above.dir.is_none()
            && let Some(dir) = &frame.dir
        {
            let fd = handle::parent(dir.fd()?)?;
            if above.id != Some(handle::identity(fd.as_fd())?) {
                return Err(Errno::STALE);
            }
            above.dir = Some(Dir::new(fd)?);
        }
        let parent = match self.stack.last().and_then(|above| above.dir.as_ref()) {
            Some(dir) => dir.fd()?,
            None => self.parent,
        };
        match entry::remove_dir(parent, &frame.name) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                if let Some(dir) = &mut frame.dir {
                    dir.rewind();
                }
                self.stack.push(frame);
                Ok(())
            }
            other => absent_is_fine(other),
        }
    }
}

/// Removes entries of `dir` until one is a directory that is not empty, which is given opened.
fn empty_up_to_directory(dir: &mut Dir) -> Result<Option<(Vec<u8>, OwnedFd)>, Errno> {
    while let Some(found) = dir.read() {
        let found = found?;
        let name = found.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let fd = dir.fd()?;
        let known_file = !matches!(found.file_type(), FileType::Directory | FileType::Unknown);
        if known_file {
            match entry::remove_file(fd, name) {
                Err(Errno::ISDIR) => {}
                other => {
                    absent_is_fine(other)?;
                    continue;
                }
            }
        }
        match entry::remove_dir(fd, name) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => match entry::open_dir(fd, name) {
                Ok(child) => return Ok(Some((name.to_owned(), child))),
                Err(errno) => absent_is_fine(Err(errno))?,
            },
            Err(Errno::NOTDIR) => absent_is_fine(entry::remove_file(fd, name))?,
            other => absent_is_fine(other)?,
        }
    }
    Ok(None)
}

fn absent_is_fine(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{Mode, OFlags};

    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn remove_tree_takes_an_absent_path_for_done() {
        let temp = TempDir::new();
        remove_tree(&temp.path().join("nothing")).unwrap();
    }

    #[test]
    fn remove_tree_removes_links_and_not_what_they_point_to() {
        let temp = TempDir::new();
        let (kept, tree) = (temp.path().join("kept"), temp.path().join("tree"));
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        fs::create_dir_all(tree.join("a/b")).unwrap();
        symlink(&kept, tree.join("a/b/link")).unwrap();
        symlink(&kept, temp.path().join("top")).unwrap();
        remove_tree(&tree).unwrap();
        remove_tree(&temp.path().join("top")).unwrap();
        assert!(!tree.exists());
        assert!(temp.path().join("top").symlink_metadata().is_err());
        assert!(kept.join("file").exists());
    }

    #[test]
    fn remove_tree_removes_a_tree_deeper_than_any_path_or_fd_limit() {
        let temp = TempDir::new();
        let top = temp.path().join("deep");
        fs::create_dir(&top).unwrap();
        let mut fd = rustix::fs::open(&top, OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&fd, "directory", Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&fd, "beside", Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&fd, "beside/x", Mode::RWXU).unwrap();
            fd = rustix::fs::openat(&fd, "directory", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn remove_tree_removes_wide_directories() {
        let temp = TempDir::new();
        let top = temp.path().join("wide");
        for index in 0..1500 {
            let dir = top.join(format!("a-rather-long-name-of-a-directory-{index}"));
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("file"), "").unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn remove_tree_names_the_path_when_it_fails() {
        let error = remove_tree(Path::new("/proc/self/status")).unwrap_err();
        assert!(
            error.to_string().contains("remove \"/proc/self/status\""),
            "{error}"
        );
    }
}
