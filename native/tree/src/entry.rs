//! One file, link, device or directory → one entry of an archive.

use std::collections::HashMap;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use layer::tar::Kind;
use paths::handle::{self, reopen_file};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::error::TreeError;
use crate::header::{Header, end, pad};

/// Bytes of one read.
const READ: usize = 256 * 1024;
/// The longest name; what a hostile tree nests deeper is refused.
const NAME: usize = 4096;
/// Most bytes of one attribute's value, and of all names of one file (the kernel's own limits).
const XATTR: usize = 64 * 1024;

/// Writes entries; knows which files with several names it has written.
pub(crate) struct Archiver<'a> {
    out: &'a mut dyn Write,
    /// Device and inode → name in this archive.
    links: HashMap<(u64, u64), Vec<u8>>,
    buffer: Vec<u8>,
}

impl<'a> Archiver<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            links: HashMap::new(),
            buffer: vec![0; READ],
        }
    }

    /// What `fd` (`O_PATH`, not followed) names, as `name`. Sockets are left out, as in Docker.
    pub(crate) fn add(&mut self, name: &[u8], fd: &OwnedFd) -> Result<Stat, TreeError> {
        let failed = |errno| TreeError::sys("read", name, errno);
        let stat = rustix::fs::fstat(fd).map_err(failed)?;
        if name.len() > NAME {
            return Err(TreeError::sys("read", &name[..128], Errno::NAMETOOLONG));
        }
        let file_type = FileType::from_raw_mode(stat.st_mode);
        let device = || {
            let (major, minor) = (
                rustix::fs::major(stat.st_rdev),
                rustix::fs::minor(stat.st_rdev),
            );
            (major, minor)
        };
        let kind = match file_type {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink(handle::link_text(fd.as_fd()).map_err(failed)?),
            FileType::CharacterDevice => {
                let (major, minor) = device();
                Kind::Char { major, minor }
            }
            FileType::BlockDevice => {
                let (major, minor) = device();
                Kind::Block { major, minor }
            }
            FileType::Fifo => Kind::Fifo,
            _ => return Ok(stat),
        };
        if let Some(first) = self.first_name(name, &stat, &kind) {
            self.header(name, &Kind::HardLink(first), &stat, 0, &[])?;
            return Ok(stat);
        }
        let xattrs = match kind {
            Kind::File | Kind::Directory => read_xattrs(fd).map_err(failed)?,
            _ => Vec::new(),
        };
        if kind == Kind::File {
            self.file(name, fd, &xattrs)?;
        } else {
            self.header(name, &kind, &stat, 0, &xattrs)?;
        }
        Ok(stat)
    }

    /// An empty file: the mark of what a layer takes away.
    pub(crate) fn mark(&mut self, name: &[u8]) -> Result<(), TreeError> {
        let header = Header {
            name,
            kind: &Kind::File,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            seconds: 0,
            nanos: 0,
            xattrs: &[],
        };
        header.write(self.out).map_err(TreeError::stream)
    }

    pub(crate) fn finish(self) -> Result<(), TreeError> {
        end(self.out)
            .and_then(|()| self.out.flush())
            .map_err(TreeError::stream)
    }

    fn first_name(&mut self, name: &[u8], stat: &Stat, kind: &Kind) -> Option<Vec<u8>> {
        if stat.st_nlink < 2 || *kind == Kind::Directory {
            return None;
        }
        let id = (stat.st_dev, stat.st_ino);
        let first = self.links.get(&id).cloned();
        if first.is_none() {
            self.links.insert(id, name.to_vec());
        }
        first
    }

    fn header(
        &mut self,
        name: &[u8],
        kind: &Kind,
        stat: &Stat,
        size: u64,
        xattrs: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), TreeError> {
        let mut name = name.to_vec();
        if *kind == Kind::Directory && !name.ends_with(b"/") {
            name.push(b'/');
        }
        let header = Header {
            name: &name,
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size,
            seconds: stat.st_mtime,
            nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
            xattrs,
        };
        header.write(self.out).map_err(TreeError::stream)
    }

    /// As many bytes as it had when it was opened; what is missing by then becomes zeros.
    fn file(
        &mut self,
        name: &[u8],
        fd: &OwnedFd,
        xattrs: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), TreeError> {
        let failed = |errno| TreeError::sys("read", name, errno);
        let file = reopen_file(fd.as_fd()).map_err(failed)?;
        let stat = rustix::fs::fstat(&file).map_err(failed)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.header(name, &Kind::File, &stat, size, xattrs)?;
        let mut left = size;
        let mut is_short = false;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(READ).min(READ);
            let buffer = &mut self.buffer[..want];
            let mut count = if is_short {
                0
            } else {
                rustix::io::read(&file, &mut *buffer).map_err(failed)?
            };
            if count == 0 {
                is_short = true;
                buffer.fill(0);
                count = want;
            }
            let written = self.out.write_all(&self.buffer[..count]);
            written.map_err(TreeError::stream)?;
            left -= count as u64;
        }
        pad(self.out, size).map_err(TreeError::stream)
    }
}

/// The attributes that mean something elsewhere: the user's own, file capabilities, access lists.
fn is_portable(name: &[u8]) -> bool {
    match name {
        b"security.capability" | b"system.posix_acl_access" | b"system.posix_acl_default" => true,
        _ => name.starts_with(b"user.") && !name.starts_with(b"user.overlay."),
    }
}

/// Names and values.
type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

fn read_xattrs(fd: &OwnedFd) -> Result<Xattrs, Errno> {
    let mut names = vec![0u8; XATTR];
    let length = match handle::xattr_names(fd.as_fd(), &mut names) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS | Errno::RANGE) => 0,
        Err(errno) => return Err(errno),
    };
    let mut found = Vec::new();
    for name in names[..length].split(|byte| *byte == 0) {
        if name.is_empty() || !is_portable(name) {
            continue;
        }
        let mut value = vec![0u8; XATTR];
        match handle::xattr(fd.as_fd(), name, &mut value) {
            Ok(length) => {
                value.truncate(length);
                found.push((name.to_vec(), value));
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::RANGE | Errno::PERM | Errno::ACCESS) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}
