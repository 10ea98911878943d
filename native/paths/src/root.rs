//! A root: an open directory that paths are resolved in.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::steps;

/// The kernel gives up with EAGAIN when anything on the machine is renamed or mounted while it walks
/// over "..": openat2(2).
const ATTEMPTS: usize = 4096;
/// Of these attempts, how many follow each other before others may run.
const BURST: usize = 16;
/// Bytes of a path with the NUL behind it, as the kernel has it: `PATH_MAX`.
const PATH_MAX: usize = 4096;

/// Found out once: the kernel, or a seccomp filter around this process, has no openat2.
static LACKS_OPENAT2: AtomicBool = AtomicBool::new(false);

/// An open directory that paths are resolved in, and how.
///
/// As it is made, a path is resolved as by chroot(2): absolute paths and links start at the root, ".."
/// stops there. Magic links (`/proc/PID/fd/N`, `/proc/PID/root` …) are refused with ELOOP always,
/// since the kernel follows them without looking at their text. Mounts are crossed.
///
/// The walk is one openat2(2); where that is missing the same is done step by step, each step by a
/// descriptor and one name.
#[derive(Clone, Copy, Debug)]
pub struct Root<'fd> {
    pub(crate) dir: BorrowedFd<'fd>,
    pub(crate) rules: ResolveFlags,
    by_steps: bool,
}

impl<'fd> Root<'fd> {
    /// `dir` is a directory, opened for reading or as `O_PATH`.
    pub fn new(dir: BorrowedFd<'fd>) -> Self {
        Self {
            dir,
            rules: ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
            by_steps: false,
        }
    }

    /// What would lead out of the directory, an absolute path or link among it, is refused with EXDEV.
    #[must_use]
    pub fn beneath(mut self) -> Self {
        self.rules.remove(ResolveFlags::IN_ROOT);
        self.rules.insert(ResolveFlags::BENEATH);
        self
    }

    /// Any link on the way is refused with ELOOP. With `O_PATH | O_NOFOLLOW` one at the end is opened.
    #[must_use]
    pub fn without_links(mut self) -> Self {
        self.rules.insert(ResolveFlags::NO_SYMLINKS);
        self
    }

    /// What lies on another mount than the root is refused with EXDEV.
    #[must_use]
    pub fn on_one_mount(mut self) -> Self {
        self.rules.insert(ResolveFlags::NO_XDEV);
        self
    }

    /// Without openat2(2), as on a kernel that lacks it.
    #[must_use]
    pub fn by_steps(mut self) -> Self {
        self.by_steps = true;
        self
    }

    /// Opens what is at `path`; the empty path is the root itself. Nothing is ever created: `O_CREAT`
    /// and `O_TMPFILE` are refused with EINVAL.
    ///
    /// Errors are those of openat2(2).
    pub fn open(&self, path: impl AsRef<[u8]>, flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = check(path.as_ref())?;
        if flags.intersects(OFlags::CREATE | OFlags::TMPFILE.difference(OFlags::DIRECTORY)) {
            return Err(Errno::INVAL);
        }
        let flags = flags | OFlags::CLOEXEC;
        if self.by_steps || LACKS_OPENAT2.load(Ordering::Relaxed) {
            return steps::open(self, path, flags);
        }
        match self.ask_kernel(path, flags) {
            Err(Errno::NOSYS | Errno::PERM) if self.lacks_openat2() => {
                steps::open(self, path, flags)
            }
            other => other,
        }
    }

    /// The place that `path` leads to, as `O_PATH`; none if nothing is there.
    pub fn find(&self, path: impl AsRef<[u8]>) -> Result<Option<OwnedFd>, Errno> {
        match self.open(path, OFlags::PATH) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn ask_kernel(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        for attempt in 1..=ATTEMPTS {
            match rustix::fs::openat2(self.dir, path, flags, Mode::empty(), self.rules) {
                Err(Errno::AGAIN | Errno::INTR) if attempt % BURST == 0 => {
                    std::thread::yield_now();
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// A filter may say EPERM for a call that it does not know; so may a file for being written.
    fn lacks_openat2(&self) -> bool {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let lacks = matches!(
            self.ask_kernel(b".", flags),
            Err(Errno::NOSYS | Errno::PERM)
        );
        LACKS_OPENAT2.fetch_or(lacks, Ordering::Relaxed);
        lacks
    }
}

impl AsFd for Root<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir
    }
}

/// What the kernel would say of the path before it walks.
fn check(path: &[u8]) -> Result<&[u8], Errno> {
    if path.contains(&0) {
        return Err(Errno::INVAL);
    }
    if path.len() >= PATH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    Ok(if path.is_empty() { b"." } else { path })
}
