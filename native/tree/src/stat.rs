//! What a path is, in the terms of Docker's X-Docker-Container-Path-Stat.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use paths::{Root, handle};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use serde::Serialize;

use crate::error::TreeError;
use crate::target::Target;

/// Links followed to say where a link leads, as the kernel follows.
const LINKS: usize = 40;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathStat {
    pub name: String,
    pub size: i64,
    /// The bits of Go's `FileMode`.
    pub mode: u32,
    pub seconds: i64,
    pub nanos: u32,
    /// Where a link leads in the end, as a path of the container's; else empty.
    pub link_target: String,
}

pub fn stat(root: BorrowedFd<'_>, target: &Target) -> Result<PathStat, TreeError> {
    let fd = target.open(root)?;
    describe(root, target, &fd)
}

pub(crate) fn describe(
    root: BorrowedFd<'_>,
    target: &Target,
    fd: &OwnedFd,
) -> Result<PathStat, TreeError> {
    let stat =
        rustix::fs::fstat(fd).map_err(|errno| TreeError::sys("look at", target.path(), errno))?;
    let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    let link_target = if is_link {
        resolve_text(root, target.path())
    } else {
        String::new()
    };
    Ok(PathStat {
        name: String::from_utf8_lossy(target.name()).into_owned(),
        size: stat.st_size,
        mode: go_mode(stat.st_mode),
        seconds: stat.st_mtime,
        nanos: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        link_target,
    })
}

/// Go's os.FileMode: its own bits above the permissions.
fn go_mode(mode: u32) -> u32 {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 1 << 31,
        FileType::Symlink => 1 << 27,
        FileType::BlockDevice => 1 << 26,
        FileType::CharacterDevice => (1 << 26) | (1 << 21),
        FileType::Fifo => 1 << 25,
        FileType::Socket => 1 << 24,
        _ => 0,
    };
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let special = special.iter().filter(|(bit, _)| mode & bit != 0);
    kind | special.map(|(_, go)| go).sum::<u32>() | (mode & 0o777)
}

/// The path without links, as text to show: what is done later resolves anew.
fn resolve_text(root: BorrowedFd<'_>, path: &[u8]) -> String {
    let mut rest: Vec<Vec<u8>> = path
        .split(|b| *b == b'/')
        .rev()
        .map(<[u8]>::to_vec)
        .collect();
    let mut walked: Vec<Vec<u8>> = Vec::new();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match &part[..] {
            b"" | b"." => continue,
            b".." => drop(walked.pop()),
            _ => walked.push(part),
        }
        if links > LINKS {
            continue;
        }
        let Ok(to) = read_link(root, &walked.join(&b'/')) else {
            continue;
        };
        links += 1;
        walked.pop();
        if to.starts_with(b"/") {
            walked.clear();
        }
        rest.extend(to.split(|b| *b == b'/').rev().map(<[u8]>::to_vec));
    }
    format!("/{}", String::from_utf8_lossy(&walked.join(&b'/')))
}

fn read_link(root: BorrowedFd<'_>, path: &[u8]) -> Result<Vec<u8>, Errno> {
    let link = Root::new(root).open(path, OFlags::PATH | OFlags::NOFOLLOW)?;
    handle::link_text(link.as_fd())
}

#[cfg(test)]
mod unit {
    use super::go_mode;

    #[test]
    fn go_mode_has_the_bits_of_gos_file_mode() {
        assert_eq!(go_mode(0o100_644), 0o644);
        assert_eq!(go_mode(0o040_755), 0x8000_0000 | 0o755);
        assert_eq!(go_mode(0o120_777), 0x0800_0000 | 0o777);
        assert_eq!(go_mode(0o104_755), 0x0080_0000 | 0o755);
        assert_eq!(go_mode(0o041_777), 0x8010_0000 | 0o777);
        assert_eq!(go_mode(0o020_666), 0x0420_0000 | 0o666);
    }
}
