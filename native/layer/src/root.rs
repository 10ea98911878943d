//! The one place where paths of an archive become directories of the tree.
//!
//! Every path is resolved as if the tree were the whole file system, once; what comes out is a
//! directory fd, by which everything else is done. Recent ones are kept, by the path that led to
//! them: they stay true until something that a path can lead through, a directory or a symlink, is
//! replaced; then all are forgotten. Making a new name cannot change where an old path leads.
//!
//! A directory gets its time back when it is forgotten, since whatever is made in it changes it;
//! so no list of directories has to be kept for the end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use paths::{Absent, entry, handle, host};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::dir::{Dir, is_whiteout};

/// Directories kept open.
const KEPT: usize = 32;
/// A directory of the tree, by whatever links.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// The mode of directories that no entry names.
const IMPLIED: Mode = Mode::from_raw_mode(0o755);

/// The top of the tree and the directories used last.
#[derive(Debug)]
pub(crate) struct Root {
    top: Rc<Dir>,
    /// The most recent one last. The keys are clean paths.
    kept: Vec<(Vec<u8>, Rc<Dir>)>,
    by_steps: bool,
    opaque: &'static str,
}

impl Root {
    /// `opaque` is the attribute that marks directories which hide those of lower layers.
    pub(crate) fn open(path: &Path, opaque: &'static str) -> Result<Self, Errno> {
        let top = host::open_dir(path)?;
        Ok(Self {
            top: Rc::new(Dir::new(top)?),
            kept: Vec::with_capacity(KEPT),
            by_steps: false,
            opaque,
        })
    }

    pub(crate) fn top(&self) -> Rc<Dir> {
        Rc::clone(&self.top)
    }

    /// The directory at a clean path; what is missing of it is made.
    pub(crate) fn dir(&mut self, path: &[u8]) -> Result<Rc<Dir>, Errno> {
        match self.find(path) {
            Err(Errno::NOENT | Errno::NOTDIR) => {
                let dir = match self.make_below(path) {
                    Some(dir) => dir,
                    None => self.make(path)?,
                };
                self.keep(path, &dir)?;
                Ok(dir)
            }
            other => other,
        }
    }

    /// The usual case of what is missing: the last component, with nothing in its place.
    fn make_below(&mut self, path: &[u8]) -> Option<Rc<Dir>> {
        let (above, base) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let parent = self.find(above).ok()?;
        parent.touch();
        entry::make_dir(&parent, base, IMPLIED).ok()?;
        let fd = entry::open_dir(&parent, base).ok()?;
        rustix::fs::fchmod(&fd, IMPLIED).ok()?;
        self.adopt(fd).ok()
    }

    /// The directory at a clean path if it is there.
    pub(crate) fn find(&mut self, path: &[u8]) -> Result<Rc<Dir>, Errno> {
        if path.is_empty() {
            return Ok(self.top());
        }
        if let Some(index) = self.kept.iter().rposition(|(key, _)| key == path) {
            if index + 1 < self.kept.len() {
                let hit = self.kept.remove(index);
                self.kept.push(hit);
            }
            if let Some((_, dir)) = self.kept.last() {
                return Ok(Rc::clone(dir));
            }
        }
        let fd = self.inside().open(path, DIRECTORY)?;
        let dir = self.adopt(fd)?;
        self.keep(path, &dir)?;
        Ok(dir)
    }

    /// A directory just made or found at `path`, by its fd.
    pub(crate) fn enter(&mut self, path: &[u8], fd: OwnedFd) -> Result<Rc<Dir>, Errno> {
        let dir = self.adopt(fd)?;
        self.kept.retain(|(key, _)| key != path);
        self.keep(path, &dir)?;
        Ok(dir)
    }

    /// Gives all directories their times and forgets the paths that led to them.
    pub(crate) fn forget(&mut self) -> Result<(), Errno> {
        for (_, dir) in self.kept.drain(..) {
            dir.restore()?;
        }
        self.top.restore()
    }

    /// Several paths may lead to one directory: it has one state.
    fn adopt(&self, fd: OwnedFd) -> Result<Rc<Dir>, Errno> {
        let dir = Dir::new(fd)?;
        let kept = self.kept.iter().map(|(_, kept)| kept);
        let known = kept.chain([&self.top]).find(|known| known.id() == dir.id());
        Ok(known.map_or_else(|| Rc::new(dir), Rc::clone))
    }

    fn keep(&mut self, path: &[u8], dir: &Rc<Dir>) -> Result<(), Errno> {
        if self.kept.len() == KEPT {
            self.kept.remove(0).1.restore()?;
        }
        self.kept.push((path.to_vec(), Rc::clone(dir)));
        Ok(())
    }

    /// Where links and ".." cannot lead out of the tree, nor onto something that is mounted in it.
    fn inside(&self) -> paths::Root<'_> {
        let root = paths::Root::new(self.top.as_fd()).on_one_mount();
        if self.by_steps { root.by_steps() } else { root }
    }

    /// A directory in which something is made or removed: it gets its time back in the end.
    fn disturb(&self, dir: BorrowedFd<'_>) -> Result<Rc<Dir>, Errno> {
        let dir = self.adopt(handle::reopen_dir(dir)?)?;
        dir.touch();
        Ok(dir)
    }

    fn make(&self, path: &[u8]) -> Result<Rc<Dir>, Errno> {
        let fd = self.inside().ensure_by(path, DIRECTORY, &mut Maker(self))?;
        self.adopt(fd)
    }

    pub(crate) fn mark_opaque(&self, dir: BorrowedFd<'_>) -> Result<(), Errno> {
        rustix::fs::fsetxattr(dir, self.opaque, b"y", rustix::fs::XattrFlags::empty())
    }
}

/// Makes the missing directories of a path. A whiteout of this layer gives way to an opaque directory.
struct Maker<'a>(&'a Root);

impl Maker<'_> {
    fn make_dir(&self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
        let _restored = self.0.disturb(parent)?;
        entry::make_dir(parent, name, IMPLIED)?;
        let fd = entry::open_dir(parent, name)?;
        rustix::fs::fchmod(&fd, IMPLIED)?;
        Ok(fd)
    }
}

impl Absent for Maker<'_> {
    fn make(&mut self, parent: BorrowedFd<'_>, name: &[u8], _last: bool) -> Result<(), Errno> {
        self.make_dir(parent, name).map(drop)
    }

    fn replace(&mut self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool, Errno> {
        if !is_whiteout(parent, name)? {
            return Ok(false);
        }
        let _restored = self.0.disturb(parent)?;
        entry::remove_file(parent, name)?;
        let fd = self.make_dir(parent, name)?;
        self.0.mark_opaque(fd.as_fd())?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::{TempDir, is_root};

    /// A tree with links, and its root with or without openat2.
    fn root(by_steps: bool) -> (TempDir, Root) {
        let temp = TempDir::new();
        fs::create_dir_all(temp.path().join("usr/lib")).unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        for (name, target) in [
            ("lib", "usr/lib"),
            ("up", "../../../usr"),
            ("abs", "/usr/../usr/lib"),
            ("loop", "loop"),
            ("to-file", "file"),
            ("dangling", "/made/by/../link"),
        ] {
            symlink(target, temp.path().join(name)).unwrap();
        }
        let mut root = Root::open(temp.path(), "trusted.overlay.opaque").unwrap();
        root.by_steps = by_steps;
        (temp, root)
    }

    #[test]
    fn root_resolves_the_same_with_and_without_openat2() {
        for by_steps in [false, true] {
            let (_temp, mut root) = root(by_steps);
            let lib = root.find(b"usr/lib").unwrap();
            for path in [&b"lib"[..], b"up/lib", b"abs", b"abs/../lib"] {
                assert_eq!(
                    root.find(path).unwrap().id(),
                    lib.id(),
                    "{}",
                    path.escape_ascii()
                );
            }
            for (path, errno) in [
                (&b"absent"[..], Errno::NOENT),
                (b"usr/absent/x", Errno::NOENT),
                (b"dangling", Errno::NOENT),
                (b"file", Errno::NOTDIR),
                (b"to-file", Errno::NOTDIR),
                (b"loop/x", Errno::LOOP),
            ] {
                assert_eq!(
                    root.find(path).err(),
                    Some(errno),
                    "{}",
                    path.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn root_makes_what_is_missing_inside() {
        for by_steps in [false, true] {
            let (temp, mut root) = root(by_steps);
            root.dir(b"up/share/doc").unwrap();
            let by_link = root.dir(b"dangling/x").unwrap();
            assert!(temp.path().join("usr/share/doc").is_dir());
            assert!(temp.path().join("made/by").is_dir());
            assert_eq!(root.find(b"made/link/x").unwrap().id(), by_link.id());
            assert_eq!(root.dir(b"file/x").err(), Some(Errno::NOTDIR));
            assert_eq!(root.dir(b"to-file").err(), Some(Errno::NOTDIR));
        }
    }

    #[test]
    fn root_keeps_few_directories_open_and_one_state_for_each() {
        let (_temp, mut root) = root(false);
        for index in 0..100 {
            root.dir(format!("d{index}").as_bytes()).unwrap();
        }
        assert_eq!(root.kept.len(), KEPT);
        let lib = root.dir(b"usr/lib").unwrap();
        assert!(Rc::ptr_eq(&lib, &root.dir(b"abs").unwrap()));
        let top = root.dir(b"").unwrap();
        assert!(Rc::ptr_eq(&top, &root.top()));
    }

    #[test]
    fn root_refuses_what_is_mounted_in_the_tree_by_any_walk() {
        if !is_root() {
            return;
        }
        let (temp, _) = root(false);
        fs::create_dir(temp.path().join("mounted")).unwrap();
        let in_namespace = || {
            crate::sys::own_mounts().unwrap();
            // The same file system, so that its device tells nothing.
            let (from, to) = (temp.path().join("usr"), temp.path().join("mounted"));
            rustix::mount::mount_bind(&from, &to).unwrap();
            for by_steps in [false, true] {
                let mut root = Root::open(temp.path(), "trusted.overlay.opaque").unwrap();
                root.by_steps = by_steps;
                assert_eq!(root.find(b"mounted").err(), Some(Errno::XDEV));
                assert_eq!(root.find(b"usr/../mounted/lib").err(), Some(Errno::XDEV));
                assert_eq!(root.dir(b"mounted/new").err(), Some(Errno::XDEV));
            }
        };
        std::thread::scope(|scope| scope.spawn(in_namespace).join().unwrap());
        assert!(!temp.path().join("usr/new").exists());
    }
}
