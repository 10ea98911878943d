//! The walk step by step: for what openat2(2) cannot do (making what is missing), and in its place
//! where it is missing.
//!
//! Each step opens one name in an open directory and does not follow it; links are read and their
//! text is walked. "..", which the kernel would follow wherever the directory is by now, is taken
//! from the names that were walked, from the top.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

use crate::ensure::Absent;
use crate::root::Root;
use crate::{handle, procfs};

/// Links followed in one path, as in the kernel.
const MAX_LINKS: usize = 40;
/// Names opened for one path. Without a limit a path full of ".." would take quadratic time.
const MAX_STEPS: usize = 1 << 14;
/// How often one name is looked at that somebody exchanges meanwhile.
const ATTEMPTS: usize = 128;

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// As [`Root::open`].
pub(crate) fn open(root: &Root<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    Walk::new(root, None)?.run(path, flags)
}

/// As [`Root::open`], and `absent` decides on what is missing.
pub(crate) fn make(
    root: &Root<'_>,
    path: &[u8],
    flags: OFlags,
    absent: &mut dyn Absent,
) -> Result<OwnedFd, Errno> {
    Walk::new(root, Some(absent))?.run(path, flags)
}

struct Walk<'a> {
    root: &'a Root<'a>,
    absent: Option<&'a mut dyn Absent>,
    /// The mount that must not be left.
    mount: Option<Mount>,
    /// Names still to be walked, the next one last.
    todo: Vec<Vec<u8>>,
    /// Names walked, without links.
    here: Vec<Vec<u8>>,
    /// The directory that they lead to; none for the root.
    dir: Option<OwnedFd>,
    /// The last name had a slash or dot behind it: it is a directory, and followed.
    dir_wanted: bool,
    links: usize,
    steps: usize,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Root<'a>, absent: Option<&'a mut dyn Absent>) -> Result<Self, Errno> {
        let stays = root.rules.contains(ResolveFlags::NO_XDEV);
        Ok(Self {
            root,
            absent,
            mount: stays.then(|| Mount::of(root.dir)).transpose()?,
            todo: Vec::new(),
            here: Vec::new(),
            dir: None,
            dir_wanted: false,
            links: 0,
            steps: 0,
        })
    }

    fn run(mut self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        self.add(path)?;
        while let Some(name) = self.todo.pop() {
            if name == b".." {
                self.climb()?;
            } else if let Some(end) = self.step(name, flags)? {
                return Ok(end);
            }
        }
        // No name is left, so nothing here can be a link.
        rustix::fs::openat(
            self.at(),
            c".",
            flags.difference(OFlags::NOFOLLOW),
            Mode::empty(),
        )
    }

    fn at(&self) -> BorrowedFd<'_> {
        self.dir.as_ref().map_or(self.root.dir, AsFd::as_fd)
    }

    /// Puts the names of a path, or of a link's text, before the rest.
    fn add(&mut self, path: &[u8]) -> Result<(), Errno> {
        if self.todo.is_empty() {
            self.dir_wanted |= matches!(path, b"." | [.., b'/'] | [.., b'/', b'.']);
        }
        if path.starts_with(b"/") {
            if self.root.rules.contains(ResolveFlags::BENEATH) {
                return Err(Errno::XDEV);
            }
            self.here.clear();
            self.dir = None;
        }
        let names = path.split(|byte| *byte == b'/');
        let names = names.filter(|name| !matches!(*name, b"" | b"."));
        self.todo.extend(names.rev().map(<[u8]>::to_vec));
        Ok(())
    }

    fn climb(&mut self) -> Result<(), Errno> {
        if self.here.pop().is_none() && self.root.rules.contains(ResolveFlags::BENEATH) {
            return Err(Errno::XDEV);
        }
        self.dir = None;
        for index in 0..self.here.len() {
            let fd = self.look(&self.here[index])?;
            if handle::kind(fd.as_fd())? != FileType::Directory {
                return Err(Errno::AGAIN);
            }
            self.dir = Some(fd);
        }
        Ok(())
    }

    /// Opens `name` in the directory, whatever it is. Links of the path are not followed.
    fn look(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(self.at(), name, LOOK, Mode::empty())
    }

    /// Takes one name; gives the descriptor if that was the end of the path.
    fn step(&mut self, name: Vec<u8>, flags: OFlags) -> Result<Option<OwnedFd>, Errno> {
        let last = self.todo.is_empty();
        let wants_dir = !last || self.dir_wanted || flags.contains(OFlags::DIRECTORY);
        for _ in 0..ATTEMPTS {
            self.steps += 1 + self.here.len() / 64;
            if self.steps > MAX_STEPS {
                return Err(Errno::LOOP);
            }
            let fd = match self.look(&name) {
                Err(Errno::NOENT) if self.supply(&name, last)? => continue,
                other => other?,
            };
            self.refuse_other_mount(fd.as_fd())?;
            let kind = handle::kind(fd.as_fd())?;
            let follow = !last || self.dir_wanted || !flags.contains(OFlags::NOFOLLOW);
            match kind {
                FileType::Symlink if follow => return self.follow(&fd).map(|()| None),
                FileType::Directory => {
                    self.here.push(name);
                    self.dir = Some(fd);
                    return Ok(None);
                }
                _ if wants_dir => {
                    if !self.replace(&name)? {
                        return Err(Errno::NOTDIR);
                    }
                }
                _ if flags.contains(OFlags::PATH) => return Ok(Some(fd)),
                FileType::Symlink => return Err(Errno::LOOP),
                _ => match self.reopen(&name, &fd, flags) {
                    // Exchanged meanwhile.
                    Err(Errno::LOOP | Errno::NOENT | Errno::STALE) => {}
                    other => return other.map(Some),
                },
            }
        }
        Err(Errno::AGAIN)
    }

    /// What `fd` names, with the flags that were asked for.
    fn reopen(&self, name: &[u8], fd: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
        let opened = rustix::fs::openat(self.at(), name, flags | OFlags::NOFOLLOW, Mode::empty())?;
        if handle::same(opened.as_fd(), fd.as_fd())? {
            Ok(opened)
        } else {
            Err(Errno::STALE)
        }
    }

    fn follow(&mut self, link: &OwnedFd) -> Result<(), Errno> {
        self.links += 1;
        let refused = self.root.rules.contains(ResolveFlags::NO_SYMLINKS);
        if refused || self.links > MAX_LINKS {
            return Err(Errno::LOOP);
        }
        let text = handle::link_text(link.as_fd())?;
        if text.is_empty() {
            return Err(Errno::NOENT);
        }
        if !is_plain_text(&text) && procfs::is_proc(link.as_fd())? {
            return Err(Errno::LOOP);
        }
        self.add(&text)
    }

    fn refuse_other_mount(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        match &self.mount {
            Some(mount) if !mount.has(fd)? => Err(Errno::XDEV),
            _ => Ok(()),
        }
    }

    /// Something was made where nothing was.
    fn supply(&mut self, name: &[u8], last: bool) -> Result<bool, Errno> {
        let at = self.dir.as_ref().map_or(self.root.dir, AsFd::as_fd);
        let Some(absent) = &mut self.absent else {
            return Ok(false);
        };
        match absent.make(at, name, last) {
            Ok(()) | Err(Errno::EXIST) => Ok(true),
            Err(errno) => Err(errno),
        }
    }

    /// A directory was made in place of something else.
    fn replace(&mut self, name: &[u8]) -> Result<bool, Errno> {
        let at = self.dir.as_ref().map_or(self.root.dir, AsFd::as_fd);
        match &mut self.absent {
            Some(absent) => absent.replace(at, name),
            None => Ok(false),
        }
    }
}

/// The links of procfs that are text ("self", "mounts", "net") are all of this form; the magic ones
/// are an absolute path, "pipe:[7]" or "(unreachable)/x".
fn is_plain_text(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    !text.starts_with(b"/") && text.iter().all(plain)
}

/// What tells one mount from another: its number, or the device where the kernel has no numbers
/// (before Linux 5.8), which a bind mount of the same file system shares.
#[derive(PartialEq, Eq)]
struct Mount {
    id: Option<u64>,
    device: (u32, u32),
}

impl Mount {
    fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let wanted = StatxFlags::MNT_ID | StatxFlags::BASIC_STATS;
        let statx = rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, wanted)?;
        let known = statx.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        Ok(Self {
            id: known.then_some(statx.stx_mnt_id),
            device: (statx.stx_dev_major, statx.stx_dev_minor),
        })
    }

    fn has(&self, fd: BorrowedFd<'_>) -> Result<bool, Errno> {
        let other = Self::of(fd)?;
        Ok(match (self.id, other.id) {
            (Some(own), Some(id)) => own == id,
            _ => self.device == other.device,
        })
    }
}
