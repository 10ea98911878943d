//! The tree writer: entries of an archive → an overlay-ready tree.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use paths::entry;
use rustix::fs::{FileType, Mode};
use rustix::io::Errno;

use crate::bodies::{Bodies, is_small};
use crate::budget::Budget;
use crate::dir::{Dir, is_whiteout, is_whiteout_stat};
use crate::error::LayerError;
use crate::meta::{self, Defaults, Finish};
use crate::name::{Mark, Name, to_mark};
use crate::reader::{Entry, Kind, Reader, Stream};
use crate::remove::remove_at;
use crate::root::Root;
use crate::xattr::{self, Place};

pub(crate) struct Tree {
    root: Root,
    budget: Budget,
    bodies: Bodies,
    defaults: Defaults,
    /// Devices cannot be made, marks are those of unprivileged mounts.
    in_user_namespace: bool,
}

/// What [`Tree::finish`] tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    /// Sum of the sizes of regular files.
    pub(crate) size: u64,
    pub(crate) entries: u64,
}

impl Tree {
    /// Takes the empty directory `staging` for the root. `exact_modes`: the calling thread's umask is 0.
    pub(crate) fn create(
        staging: &Path,
        budget: Budget,
        bodies: Bodies,
        exact_modes: bool,
    ) -> Result<Self, LayerError> {
        let name = staging.as_os_str().as_bytes();
        let failed = |errno| LayerError::sys("prepare", name, errno);
        let in_user_namespace = is_in_user_namespace();
        let opaque = if in_user_namespace {
            "user.overlay.opaque"
        } else {
            "trusted.overlay.opaque"
        };
        let root = Root::open(staging, opaque).map_err(failed)?;
        let top = root.top();
        xattr::remove_acls(Place::Fd(top.as_fd())).map_err(failed)?;
        rustix::fs::fchmod(&top, Mode::from_raw_mode(0o755)).map_err(failed)?;
        Ok(Self {
            root,
            budget,
            bodies,
            defaults: Defaults::new(exact_modes),
            in_user_namespace,
        })
    }

    /// Writes all entries to the end of the stream.
    pub(crate) fn write(mut self, reader: &mut Reader<impl Stream>) -> Result<Totals, LayerError> {
        let added = self.add_all(reader);
        // What failed with a file came before what failed after it.
        self.bodies.flush()?;
        added?;
        let restored = self.root.forget();
        restored
            .map_err(|errno| LayerError::sys("set the times of directories in", b"/", errno))?;
        Ok(Totals {
            size: self.budget.bytes(),
            entries: self.budget.entries(),
        })
    }

    fn add_all(&mut self, reader: &mut Reader<impl Stream>) -> Result<(), LayerError> {
        while let Some(entry) = reader.next()? {
            self.add(&entry, reader)?;
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry, reader: &mut Reader<impl Stream>) -> Result<(), LayerError> {
        let refuse = |reason: &'static str| LayerError::refused(&entry.name, reason);
        let stored = match &entry.sparse {
            Some(map) => map.iter().map(|segment| segment.length).sum(),
            None => entry.size,
        };
        self.budget.take(&self.root, entry.size, stored)?;
        xattr::check(&entry.name, &entry.meta.xattrs)?;
        let name = Name::clean(&entry.name).map_err(refuse)?;
        if name.is_root() {
            if entry.kind != Kind::Directory {
                return Err(refuse("only a directory can be the root"));
            }
            let (top, all) = (self.root.top(), Finish::all(&self.defaults));
            return self
                .defaults
                .finish_dir(&top, &entry.name, &entry.meta, all);
        }
        let mark = to_mark(name.base()).map_err(refuse)?;
        if mark == Mark::Ignored {
            return Ok(());
        }
        let parent = self.root.dir(name.parent());
        let parent = parent.map_err(|errno| fail(&entry.name, "make the directory of", errno))?;
        let made = match mark {
            Mark::Ignored => return Ok(()),
            Mark::Opaque => self.root.mark_opaque(parent.as_fd()),
            Mark::Whiteout(hidden) => self.hide(&parent, hidden),
            Mark::None => return self.make(entry, &name, &parent, reader),
        };
        made.map_err(|errno| fail(&entry.name, "make the whiteout", errno))
    }

    fn make(
        &mut self,
        entry: &Entry,
        name: &Name,
        parent: &Rc<Dir>,
        reader: &mut Reader<impl Stream>,
    ) -> Result<(), LayerError> {
        let failed = |errno| fail(&entry.name, "make", errno);
        let base = name.base();
        let mode = meta::mode(&entry.meta);
        match &entry.kind {
            Kind::File => {
                let create = || entry::create(parent, base, mode);
                let fd = self.place(parent, base, create).map_err(failed)?;
                let finish = self.defaults.missing(parent, &entry.meta);
                if is_small(entry) {
                    return self.bodies.add(fd, entry, finish, reader);
                }
                fill(fd.as_fd(), entry, reader)?;
                return finish.file(fd.as_fd(), &entry.name, &entry.meta);
            }
            Kind::Directory => {
                let (fd, is_new) = self.place_dir(parent, base, mode).map_err(failed)?;
                let finish = if is_new {
                    self.defaults.missing(parent, &entry.meta)
                } else {
                    Finish::all(&self.defaults)
                };
                let dir = self.root.enter(name.path(), fd).map_err(failed)?;
                return self
                    .defaults
                    .finish_dir(&dir, &entry.name, &entry.meta, finish);
            }
            Kind::Symlink(target) => {
                let link = || entry::make_link(parent, base, target);
                self.place(parent, base, link).map_err(failed)?;
            }
            Kind::HardLink(target) => self.link(entry, name, parent, target)?,
            Kind::Fifo => {
                let fifo = || entry::make_node(parent, base, FileType::Fifo, mode, 0);
                self.place(parent, base, fifo).map_err(failed)?;
            }
            Kind::Char { major: 0, minor: 0 } => {
                let reason = "it is overlayfs's own mark of a whiteout";
                return Err(LayerError::refused(&entry.name, reason));
            }
            Kind::Char { .. } | Kind::Block { .. } if self.in_user_namespace => return Ok(()),
            Kind::Char { major, minor } => {
                let device = rustix::fs::makedev(*major, *minor);
                let kind = FileType::CharacterDevice;
                let node = || entry::make_node(parent, base, kind, mode, device);
                self.place(parent, base, node).map_err(failed)?;
            }
            Kind::Block { major, minor } => {
                let device = rustix::fs::makedev(*major, *minor);
                let kind = FileType::BlockDevice;
                let node = || entry::make_node(parent, base, kind, mode, device);
                self.place(parent, base, node).map_err(failed)?;
            }
        }
        self.defaults
            .finish_node(parent, base, &entry.name, &entry.meta)
    }

    /// Makes something in place of whatever has its name.
    fn place<T>(
        &mut self,
        parent: &Dir,
        base: &[u8],
        make: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        parent.touch();
        match make() {
            Err(Errno::EXIST) => {
                self.clear(parent, base)?;
                make()
            }
            other => other,
        }
    }

    /// A directory stays if it is there; a whiteout of this layer means that it hides lower ones.
    /// Tells whether it is new.
    fn place_dir(
        &mut self,
        parent: &Dir,
        base: &[u8],
        mode: Mode,
    ) -> Result<(OwnedFd, bool), Errno> {
        parent.touch();
        match entry::make_dir(parent, base, mode) {
            Ok(()) => Ok((entry::open_dir(parent, base)?, true)),
            Err(Errno::EXIST) => match entry::open_dir(parent, base) {
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    let was_whiteout = is_whiteout(parent, base)?;
                    self.clear(parent, base)?;
                    entry::make_dir(parent, base, mode)?;
                    let fd = entry::open_dir(parent, base)?;
                    if was_whiteout {
                        self.root.mark_opaque(fd.as_fd())?;
                    }
                    Ok((fd, true))
                }
                other => other.map(|fd| (fd, false)),
            },
            Err(errno) => Err(errno),
        }
    }

    /// Removes what is there. Known paths may have led through a directory or a link.
    fn clear(&mut self, parent: &Dir, base: &[u8]) -> Result<(), Errno> {
        let stat = entry::stat(parent, base)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if matches!(kind, FileType::Directory | FileType::Symlink) {
            self.root.forget()?;
            parent.touch();
        }
        remove_at(parent.as_fd(), base)
    }

    /// A whiteout hides what lower layers have, never what this one has: a directory of this layer
    /// becomes opaque, anything else hides them already.
    fn hide(&mut self, parent: &Dir, hidden: &[u8]) -> Result<(), Errno> {
        let (kind, mode) = (FileType::CharacterDevice, Mode::empty());
        parent.touch();
        match entry::make_node(parent, hidden, kind, mode, 0) {
            Err(Errno::EXIST) => match entry::open_dir(parent, hidden) {
                Ok(fd) => self.root.mark_opaque(fd.as_fd()),
                Err(Errno::NOTDIR | Errno::LOOP) => Ok(()),
                Err(errno) => Err(errno),
            },
            other => other,
        }
    }

    fn link(
        &mut self,
        entry: &Entry,
        name: &Name,
        parent: &Rc<Dir>,
        target: &[u8],
    ) -> Result<(), LayerError> {
        let refuse = |reason: &'static str| LayerError::refused(&entry.name, reason);
        let failed = |errno| match errno {
            Errno::NOENT | Errno::NOTDIR => refuse("its hard link target is absent"),
            errno => fail(&entry.name, "link", errno),
        };
        let target =
            Name::clean(target).map_err(|_| refuse("its hard link target leaves the root"))?;
        if target.is_root() {
            return Err(refuse("its hard link target is a directory"));
        }
        // The file gets the metadata of this entry, after its own.
        self.bodies.flush()?;
        let from = self.root.find(target.parent()).map_err(failed)?;
        let stat = entry::stat(&from, target.base()).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return Err(refuse("its hard link target is a directory"));
        }
        if is_whiteout_stat(&stat) {
            return Err(refuse("its hard link target is absent"));
        }
        match entry::stat(parent, name.base()) {
            Ok(there) if (there.st_dev, there.st_ino) == (stat.st_dev, stat.st_ino) => {
                return Ok(());
            }
            _ => {}
        }
        let link = || entry::make_hard_link(&from, target.base(), parent, name.base());
        self.place(parent, name.base(), link).map_err(failed)
    }
}

/// Writes the data of a file; holes stay holes.
pub fn fill(
    fd: BorrowedFd<'_>,
    entry: &Entry,
    reader: &mut Reader<impl Stream>,
) -> Result<(), LayerError> {
    let failed = |errno| fail(&entry.name, "write", errno);
    let Some(map) = &entry.sparse else {
        while let Some(mut piece) = reader.piece(u64::MAX)? {
            while !piece.is_empty() {
                let count = rustix::io::write(fd, piece).map_err(failed)?;
                piece = &piece[count..];
            }
        }
        return Ok(());
    };
    for segment in map {
        let (mut offset, end) = (segment.offset, segment.offset + segment.length);
        while offset < end {
            let Some(mut piece) = reader.piece(end - offset)? else {
                break;
            };
            while !piece.is_empty() {
                let count = rustix::io::pwrite(fd, piece, offset).map_err(failed)?;
                piece = &piece[count..];
                offset += count as u64;
            }
        }
    }
    rustix::fs::ftruncate(fd, entry.size).map_err(failed)
}

/// What an errno says about an entry: some are the archive's fault.
pub(crate) fn fail(name: &[u8], verb: &str, errno: Errno) -> LayerError {
    let reason = match errno {
        Errno::NOTDIR | Errno::EXIST => "it is below something that is not a directory",
        Errno::LOOP => "its path goes through too many links",
        Errno::NAMETOOLONG => "its path or link target is too long",
        Errno::INVAL => "the filesystem has no place for it",
        Errno::MLINK => "it has too many hard links",
        Errno::FBIG => "it is too large for the filesystem",
        errno => return LayerError::sys(verb, name, errno),
    };
    LayerError::refused(name, reason)
}

fn is_in_user_namespace() -> bool {
    std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().ne(["0", "0", "4294967295"]))
}
