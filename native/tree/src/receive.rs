//! An archive into a directory of a root that may change meanwhile.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use layer::LayerError;
use layer::tar::{
    Entry, Kind, Meta, Name, Place, Plain, Reader, Stream, check_xattrs, fill, quote, remove_at,
    set_xattrs,
};
use paths::{Root, entry, handle};
use rustix::fs::{FileType, Gid, Mode, OFlags, StatVfsMountFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use crate::archive::join;
use crate::error::TreeError;
use crate::stream::PlainStream;
use crate::target::Target;

/// How often a name is cleared that somebody takes again and again.
const ATTEMPTS: usize = 32;
/// Directories whose times are set only once nothing more is made in them.
const KEPT: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
pub struct Receive {
    /// A directory is not replaced by anything else, nor anything else by a directory.
    pub keep_kinds: bool,
    /// Owner of all that is made; none for what the archive says.
    pub owner: Option<(u32, u32)>,
}

/// Unpacks the archive into the directory at `target`, which may be a link to one. `found` is told
/// that it is there before anything is read.
pub fn receive(
    root: BorrowedFd<'_>,
    target: &Target,
    options: Receive,
    found: impl FnOnce(),
    input: impl Read,
) -> Result<(), TreeError> {
    let failed = |errno| match errno {
        Errno::NOTDIR => TreeError::Invalid("extraction point is not a directory".into()),
        errno => TreeError::sys("find", target.path(), errno),
    };
    let dir = Root::new(root).open(target.path(), OFlags::PATH);
    let dir = dir.map_err(failed)?;
    if handle::kind(dir.as_fd()).map_err(failed)? != FileType::Directory {
        return Err(failed(Errno::NOTDIR));
    }
    refuse_read_only(root, &dir).map_err(failed)??;
    found();
    let mut writer = Writer {
        root,
        at: target.path(),
        options,
        recent: None,
        times: VecDeque::new(),
    };
    let mut input = BufReader::new(input);
    // As with Docker, nothing at all is an archive of nothing. What fails here fails again below.
    if input.fill_buf().is_ok_and(<[u8]>::is_empty) {
        return Ok(());
    }
    let mut reader = Reader::new(PlainStream::new(Plain::sniff(input)?));
    while let Some(entry) = reader.next()? {
        writer.add(&entry, &mut reader)?;
    }
    writer.settle(0)
}

/// In Docker's words; whether it is the root's own file system or one that is mounted in it.
fn refuse_read_only(root: BorrowedFd<'_>, dir: &OwnedFd) -> Result<Result<(), TreeError>, Errno> {
    let flags = rustix::fs::fstatvfs(dir)?.f_flag;
    if !flags.contains(StatVfsMountFlags::RDONLY) {
        return Ok(Ok(()));
    }
    let is_root = rustix::fs::fstat(dir)?.st_dev == rustix::fs::fstat(root)?.st_dev;
    Ok(Err(TreeError::ReadOnly(if is_root {
        "container rootfs is marked read-only"
    } else {
        "mounted volume is marked read-only"
    })))
}

struct Writer<'a> {
    root: BorrowedFd<'a>,
    /// Path of the directory that is unpacked into.
    at: &'a [u8],
    options: Receive,
    /// The directory used last, by its path in the archive.
    recent: Option<(Vec<u8>, OwnedFd)>,
    /// Directories that the archive has named, outermost first.
    times: VecDeque<(Vec<u8>, OwnedFd, Timestamps)>,
}

impl Writer<'_> {
    fn add(&mut self, entry: &Entry, reader: &mut Reader<impl Stream>) -> Result<(), TreeError> {
        let refuse = |reason: &str| refused(&entry.name, reason);
        check_xattrs(&entry.name, &entry.meta.xattrs)?;
        let name = Name::clean(&entry.name).map_err(refuse)?;
        if name.is_root() {
            // The directory itself stays as it is, as in Docker.
            return Ok(());
        }
        while self
            .times
            .back()
            .is_some_and(|(path, ..)| !is_below(name.path(), path))
        {
            self.settle(self.times.len() - 1)?;
        }
        let parent = self.parent(name.parent())?;
        let made = self.make(entry, &name, &parent, reader);
        self.recent = Some((name.parent().to_vec(), parent));
        made
    }

    /// The directory that holds an entry; what is missing of it is made.
    fn parent(&mut self, path: &[u8]) -> Result<OwnedFd, TreeError> {
        match self.recent.take() {
            Some((known, dir)) if known == path => return Ok(dir),
            _ => {}
        }
        let failed = |errno| TreeError::sys("make the directory", path, errno);
        match self.open_dir(path) {
            Err(Errno::NOENT) => {}
            other => return other.map_err(failed),
        }
        let mut at: Vec<u8> = Vec::new();
        let mut dir = self.open_dir(b"").map_err(failed)?;
        for part in path.split(|byte| *byte == b'/') {
            at = join(&at, part);
            dir = match self.open_dir(&at) {
                Err(Errno::NOENT) => self.make_parent(&dir, part, &at).map_err(failed)?,
                other => other.map_err(failed)?,
            };
        }
        Ok(dir)
    }

    fn make_parent(&self, dir: &OwnedFd, part: &[u8], at: &[u8]) -> Result<OwnedFd, Errno> {
        match entry::make_dir(dir, part, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        if let Some((uid, gid)) = self.options.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            entry::set_owner(dir, part, uid, gid)?;
        }
        self.open_dir(at)
    }

    /// A directory of the archive; links of the container's are followed inside its root.
    fn open_dir(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = join(self.at, path);
        Root::new(self.root).open(&path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    fn make(
        &mut self,
        entry: &Entry,
        name: &Name,
        parent: &OwnedFd,
        reader: &mut Reader<impl Stream>,
    ) -> Result<(), TreeError> {
        let failed = |errno| TreeError::sys("make", &entry.name, errno);
        let (base, meta) = (name.base(), &entry.meta);
        let mode = Mode::from_raw_mode(meta.mode & 0o777);
        let node = |kind, device| {
            move || entry::make_node(parent, base, kind, Mode::from_raw_mode(0o600), device)
        };
        match &entry.kind {
            Kind::Directory => return self.directory(entry, name, parent),
            Kind::File => {
                let create = || entry::create(parent, base, Mode::from_raw_mode(0o600));
                let file = self.place(entry, parent, base, create)?;
                fill(file.as_fd(), entry, reader)?;
                return self.finish_open(&file, entry);
            }
            Kind::Symlink(to) => {
                let link = || entry::make_link(parent, base, to);
                self.place(entry, parent, base, link)?;
            }
            Kind::HardLink(to) => return self.link(entry, parent, base, to),
            Kind::Fifo => self.place(entry, parent, base, node(FileType::Fifo, 0))?,
            Kind::Char { major: 0, minor: 0 } => {
                return Err(refused(
                    &entry.name,
                    "it is overlayfs's own mark of a whiteout",
                ));
            }
            Kind::Char { major, minor } => {
                let device = rustix::fs::makedev(*major, *minor);
                self.place(entry, parent, base, node(FileType::CharacterDevice, device))?;
            }
            Kind::Block { major, minor } => {
                let device = rustix::fs::makedev(*major, *minor);
                self.place(entry, parent, base, node(FileType::BlockDevice, device))?;
            }
        }
        self.finish_node(parent, base, entry, mode).map_err(failed)
    }

    /// Makes something in place of what has its name; nothing that exists is ever written to.
    fn place<T>(
        &self,
        entry: &Entry,
        parent: &OwnedFd,
        base: &[u8],
        make: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, TreeError> {
        let failed = |errno| TreeError::sys("make", &entry.name, errno);
        for _ in 0..ATTEMPTS {
            match make() {
                Err(Errno::EXIST) => {}
                other => return other.map_err(failed),
            }
            match entry::kind(parent, base) {
                Ok(FileType::Directory) if self.options.keep_kinds => {
                    let name = quote(&entry.name);
                    let text = format!("cannot overwrite directory {name} with non-directory");
                    return Err(TreeError::Invalid(text));
                }
                Ok(_) => {}
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(failed(errno)),
            }
            remove_at(parent.as_fd(), base).map_err(failed)?;
        }
        Err(failed(Errno::BUSY))
    }

    fn directory(&mut self, entry: &Entry, name: &Name, parent: &OwnedFd) -> Result<(), TreeError> {
        let failed = |errno| TreeError::sys("make", &entry.name, errno);
        let base = name.base();
        for _ in 0..ATTEMPTS {
            match entry::make_dir(parent, base, Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
            match entry::open_dir(parent, base) {
                Ok(dir) => return self.finish_dir(dir, entry, name),
                Err(Errno::NOENT) => continue,
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(failed(errno)),
            }
            if self.options.keep_kinds {
                let name = quote(&entry.name);
                let text = format!("cannot overwrite non-directory {name} with directory");
                return Err(TreeError::Invalid(text));
            }
            remove_at(parent.as_fd(), base).map_err(failed)?;
        }
        Err(failed(Errno::BUSY))
    }

    fn finish_dir(&mut self, dir: OwnedFd, entry: &Entry, name: &Name) -> Result<(), TreeError> {
        self.finish_open(&dir, entry)?;
        if self.times.len() == KEPT {
            // Deeper than that a directory gets its time at once.
            return Ok(());
        }
        self.times
            .push_back((name.path().to_vec(), dir, times(&entry.meta)));
        Ok(())
    }

    /// Gives all but the first `keep` directories their times.
    fn settle(&mut self, keep: usize) -> Result<(), TreeError> {
        while self.times.len() > keep {
            if let Some((path, dir, times)) = self.times.pop_back() {
                rustix::fs::futimens(&dir, &times)
                    .map_err(|errno| TreeError::sys("set the time of", &path, errno))?;
            }
        }
        Ok(())
    }

    /// Both names are resolved inside the root; a link's target is not followed.
    fn link(
        &mut self,
        entry: &Entry,
        parent: &OwnedFd,
        base: &[u8],
        to: &[u8],
    ) -> Result<(), TreeError> {
        let to = Name::clean(to).map_err(|reason| refused(&entry.name, reason))?;
        if to.is_root() {
            return Err(refused(&entry.name, "its hard link target is a directory"));
        }
        // Not found would be said of the directory that is unpacked into.
        let absent = || refused(&entry.name, "its hard link target is absent");
        let from = self.open_dir(to.parent()).map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR => absent(),
            errno => TreeError::sys("link", &entry.name, errno),
        })?;
        let same = |dir: &OwnedFd, base: &[u8]| {
            let stat = entry::stat(dir, base).ok();
            stat.map(|stat| (stat.st_dev, stat.st_ino))
        };
        let target = same(&from, to.base()).ok_or_else(absent)?;
        if Some(target) == same(parent, base) {
            return Ok(());
        }
        let link = || entry::make_hard_link(&from, to.base(), parent, base);
        self.place(entry, parent, base, link)
    }

    /// Owner first: a change of it clears setuid and capabilities. The time last.
    fn finish_open(&self, fd: &OwnedFd, entry: &Entry) -> Result<(), TreeError> {
        let failed = |verb: &'static str| move |errno| TreeError::sys(verb, &entry.name, errno);
        let (uid, gid) = self.owner(&entry.meta);
        rustix::fs::fchown(fd, uid, gid).map_err(failed("set the owner of"))?;
        rustix::fs::fchmod(fd, Mode::from_raw_mode(entry.meta.mode))
            .map_err(failed("set the mode of"))?;
        set_xattrs(Place::Fd(fd.as_fd()), &entry.name, &entry.meta.xattrs)?;
        rustix::fs::futimens(fd, &times(&entry.meta)).map_err(failed("set the time of"))
    }

    /// A link, fifo or device, by a descriptor of the very one that is there, never followed.
    fn finish_node(
        &self,
        parent: &OwnedFd,
        base: &[u8],
        entry: &Entry,
        mode: Mode,
    ) -> Result<(), Errno> {
        let (uid, gid) = self.owner(&entry.meta);
        entry::set_owner(parent, base, uid, gid)?;
        if !matches!(entry.kind, Kind::Symlink(_)) {
            entry::set_mode(parent, base, mode)?;
        }
        entry::set_times(parent, base, &times(&entry.meta))
    }

    fn owner(&self, meta: &Meta) -> (Option<Uid>, Option<Gid>) {
        let (uid, gid) = self.options.owner.unwrap_or((meta.uid, meta.gid));
        (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
    }
}

fn refused(entry: &[u8], reason: &str) -> TreeError {
    TreeError::Archive(LayerError::Refused {
        entry: quote(entry),
        reason: reason.to_owned(),
    })
}

fn is_below(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.starts_with(b"/"))
}

fn times(meta: &Meta) -> Timestamps {
    let time = Timespec {
        tv_sec: meta.mtime.seconds,
        tv_nsec: meta.mtime.nanos.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
