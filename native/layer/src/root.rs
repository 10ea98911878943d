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

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::dir::{Dir, OPEN, is_whiteout, open_dir, read_link};

/// Directories kept open.
const KEPT: usize = 32;
/// Symlinks followed in one path, as in the kernel.
const LINKS: usize = 40;
/// Directories opened for one path when it is walked step by step.
const STEPS: usize = 1 << 14;

/// The top of the tree and the directories used last.
#[derive(Debug)]
pub(crate) struct Root {
    top: Rc<Dir>,
    /// The most recent one last. The keys are clean paths.
    kept: Vec<(Vec<u8>, Rc<Dir>)>,
    has_openat2: bool,
    opaque: &'static str,
}

impl Root {
    /// `opaque` is the attribute that marks directories which hide those of lower layers.
    pub(crate) fn open(path: &Path, opaque: &'static str) -> Result<Self, Errno> {
        let top = rustix::fs::openat(CWD, path, OPEN, Mode::empty())?;
        Ok(Self {
            top: Rc::new(Dir::new(top)?),
            kept: Vec::with_capacity(KEPT),
            has_openat2: true,
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
                let dir = self.walk(path, true)?;
                self.keep(path, &dir)?;
                Ok(dir)
            }
            other => other,
        }
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
        let dir = match self.resolve(path)? {
            Some(fd) => self.adopt(fd)?,
            None => self.walk(path, false)?,
        };
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

    /// The kernel's own walk, where links and ".." cannot lead out of the tree. `None` where the
    /// kernel or a seccomp filter does not have it.
    fn resolve(&mut self, path: &[u8]) -> Result<Option<OwnedFd>, Errno> {
        if !self.has_openat2 {
            return Ok(None);
        }
        let flags = OPEN.difference(OFlags::NOFOLLOW);
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        for _ in 0..128 {
            match rustix::fs::openat2(&self.top, path, flags, Mode::empty(), inside) {
                // Something was renamed or mounted somewhere on this machine meanwhile.
                Err(Errno::AGAIN) => {}
                Err(Errno::NOSYS | Errno::PERM) => {
                    self.has_openat2 = false;
                    return Ok(None);
                }
                other => return other.map(Some),
            }
        }
        Err(Errno::AGAIN)
    }

    /// Goes to `path` step by step and, if told so, makes what is missing. Links are read here and
    /// taken from the top of the tree; a whiteout of this layer gives way to an opaque directory.
    fn walk(&mut self, path: &[u8], create: bool) -> Result<Rc<Dir>, Errno> {
        let mut todo = to_components(path);
        let mut here: Vec<Vec<u8>> = Vec::new();
        let mut dir = self.top();
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = todo.pop() {
            steps += 1;
            if steps > STEPS {
                return Err(Errno::LOOP);
            }
            if name == b".." {
                here.pop();
                steps += here.len();
                dir = self.descend(&here)?;
                continue;
            }
            match open_dir(&dir, &name) {
                Ok(fd) => dir = self.adopt(fd)?,
                Err(Errno::NOENT) if create => dir = self.make(&dir, &name, false)?,
                Err(Errno::NOTDIR | Errno::LOOP) => match read_link(&dir, &name)? {
                    Some(target) => {
                        links += 1;
                        if links > LINKS {
                            return Err(Errno::LOOP);
                        }
                        if target.starts_with(b"/") {
                            here.clear();
                            dir = self.top();
                        }
                        todo.extend(to_components(&target));
                        continue;
                    }
                    None if create && is_whiteout(&dir, &name)? => {
                        rustix::fs::unlinkat(&dir, &name[..], AtFlags::empty())?;
                        dir = self.make(&dir, &name, true)?;
                    }
                    None => return Err(Errno::NOTDIR),
                },
                Err(errno) => return Err(errno),
            }
            here.push(name);
        }
        Ok(dir)
    }

    fn make(&self, parent: &Rc<Dir>, name: &[u8], opaque: bool) -> Result<Rc<Dir>, Errno> {
        parent.touch();
        rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
        let fd = open_dir(parent, name)?;
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o755))?;
        if opaque {
            self.mark_opaque(fd.as_fd())?;
        }
        self.adopt(fd)
    }

    pub(crate) fn mark_opaque(&self, dir: BorrowedFd<'_>) -> Result<(), Errno> {
        rustix::fs::fsetxattr(dir, self.opaque, b"y", rustix::fs::XattrFlags::empty())
    }

    /// From the top down a path without links.
    fn descend(&self, path: &[Vec<u8>]) -> Result<Rc<Dir>, Errno> {
        let mut fd: Option<OwnedFd> = None;
        for name in path {
            let from = fd.as_ref().map_or(self.top.as_fd(), AsFd::as_fd);
            fd = Some(open_dir(from, name)?);
        }
        match fd {
            Some(fd) => self.adopt(fd),
            None => Ok(self.top()),
        }
    }
}

/// Components in reverse, to be popped; empty ones and "." left out.
fn to_components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !matches!(*name, b"" | b"."))
        .rev()
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::TempDir;

    /// A tree with links, and its root with or without openat2.
    fn root(has_openat2: bool) -> (TempDir, Root) {
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
        root.has_openat2 = has_openat2;
        (temp, root)
    }

    #[test]
    fn root_resolves_the_same_with_and_without_openat2() {
        for has_openat2 in [true, false] {
            let (_temp, mut root) = root(has_openat2);
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
        for has_openat2 in [true, false] {
            let (temp, mut root) = root(has_openat2);
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
        let (_temp, mut root) = root(true);
        for index in 0..100 {
            root.dir(format!("d{index}").as_bytes()).unwrap();
        }
        assert_eq!(root.kept.len(), KEPT);
        let lib = root.dir(b"usr/lib").unwrap();
        assert!(Rc::ptr_eq(&lib, &root.dir(b"abs").unwrap()));
        let top = root.dir(b"").unwrap();
        assert!(Rc::ptr_eq(&top, &root.top()));
    }
}
