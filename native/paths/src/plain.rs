//! Small files of a container that the engine itself reads: `/etc/passwd`, `/etc/group`.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use crate::handle;
use crate::root::Root;

/// How often a path is looked at that somebody exchanges meanwhile.
const ATTEMPTS: usize = 16;

impl Root<'_> {
    /// Opens a regular file for reading; anything else, which opening alone could wake, is refused with
    /// EINVAL before it is opened. Never waits.
    pub fn open_plain(&self, path: impl AsRef<[u8]>) -> Result<OwnedFd, Errno> {
        let path = path.as_ref();
        for _ in 0..ATTEMPTS {
            let place = self.open(path, OFlags::PATH)?;
            if handle::kind(place.as_fd())? != FileType::RegularFile {
                return Err(Errno::INVAL);
            }
            let file = self.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
            if handle::same(place.as_fd(), file.as_fd())? {
                return Ok(file);
            }
        }
        Err(Errno::AGAIN)
    }

    /// The content of a regular file of at most `max` bytes; EFBIG for a larger one. A file that grows
    /// meanwhile is read up to the size that it had.
    pub fn read_plain(&self, path: impl AsRef<[u8]>, max: u64) -> Result<Vec<u8>, Errno> {
        let file = self.open_plain(path)?;
        let size = u64::try_from(rustix::fs::fstat(&file)?.st_size).unwrap_or(0);
        if size > max {
            return Err(Errno::FBIG);
        }
        let mut content = vec![0; usize::try_from(size).map_err(|_| Errno::FBIG)?];
        let mut filled = 0;
        while let Some(rest) = content.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::io::read(&file, rest) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        content.truncate(filled);
        Ok(content)
    }
}
