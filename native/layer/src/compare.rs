//! Whether a tree still is what its archive makes, told by a second extraction.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use paths::{entry, handle, host};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::error::{LayerError, quote};

/// Directories open at once in each tree; what lies deeper is not compared.
const DEEPEST: usize = 256;
const PIECE: usize = 128 * 1024;
/// The kernel's own limit of a list of names and of a value, see `xattr(7)`.
const LARGEST: usize = 64 * 1024;

/// The first difference between two trees, as `"usr/bin/sh": other content`; none if they are the same
/// in names, kinds, owners, modes, attributes, links, content and times. Not those of directories: one that
/// the archive does not name has the time of its extraction.
pub fn compare_trees(left: &Path, right: &Path) -> Result<Option<String>, LayerError> {
    let named = |errno| LayerError::sys("compare", left.as_os_str().as_bytes(), errno);
    let (a, b) = (host::open_dir(left), host::open_dir(right));
    let (a, b) = (a.map_err(named)?, b.map_err(named)?);
    let found = compare_dirs(&a, &b, &mut Vec::new(), 0).map_err(named)?;
    Ok(found.map(|(path, what)| format!("{}: {what}", quote(&path))))
}

type Found = Option<(Vec<u8>, &'static str)>;

fn compare_dirs(
    a: &OwnedFd,
    b: &OwnedFd,
    path: &mut Vec<u8>,
    depth: usize,
) -> Result<Found, Errno> {
    let differs = |path: &[u8], what| Ok(Some((path.to_vec(), what)));
    if let Some(what) = compare_stats(&rustix::fs::fstat(a)?, &rustix::fs::fstat(b)?) {
        return differs(path, what);
    }
    if attributes(a.as_fd())? != attributes(b.as_fd())? {
        return differs(path, "other attributes");
    }
    let (mut ours, mut theirs) = (handle::names(a)?, handle::names(b)?);
    ours.sort();
    theirs.sort();
    let missing = |name: &&CString| ours.binary_search(name).is_err();
    if let Some(name) = theirs.iter().find(missing) {
        return differs(&join(path, name.to_bytes()), "missing");
    }
    for name in &ours {
        let name = name.to_bytes();
        let length = path.len();
        *path = join(path, name);
        if theirs
            .binary_search_by(|other| other.to_bytes().cmp(name))
            .is_err()
        {
            return differs(path, "not of the layer");
        }
        let (one, other) = (entry::stat(a, name)?, entry::stat(b, name)?);
        if FileType::from_raw_mode(one.st_mode) != FileType::Directory {
            if let Some(what) = compare_entries((a, &one), (b, &other), name)? {
                return differs(path, what);
            }
        } else if FileType::from_raw_mode(other.st_mode) != FileType::Directory {
            return differs(path, "another kind of file");
        } else if depth < DEEPEST {
            let (one, other) = (entry::open_dir(a, name)?, entry::open_dir(b, name)?);
            if let Some(found) = compare_dirs(&one, &other, path, depth + 1)? {
                return Ok(Some(found));
            }
        }
        path.truncate(length);
    }
    Ok(None)
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
    [path, slash, name].concat()
}

fn compare_stats(a: &Stat, b: &Stat) -> Option<&'static str> {
    if FileType::from_raw_mode(a.st_mode) != FileType::from_raw_mode(b.st_mode) {
        return Some("another kind of file");
    }
    let is_directory = FileType::from_raw_mode(a.st_mode) == FileType::Directory;
    if a.st_mode != b.st_mode {
        Some("another mode")
    } else if (a.st_uid, a.st_gid) != (b.st_uid, b.st_gid) {
        Some("another owner")
    } else if !is_directory && a.st_size != b.st_size {
        Some("another size")
    } else if a.st_rdev != b.st_rdev {
        Some("another device")
    } else if !is_directory && a.st_nlink != b.st_nlink {
        Some("other links")
    } else if !is_directory && (a.st_mtime, a.st_mtime_nsec) != (b.st_mtime, b.st_mtime_nsec) {
        Some("another time")
    } else {
        None
    }
}

fn compare_entries(
    (a, one): (&OwnedFd, &Stat),
    (b, other): (&OwnedFd, &Stat),
    name: &[u8],
) -> Result<Option<&'static str>, Errno> {
    if let Some(what) = compare_stats(one, other) {
        return Ok(Some(what));
    }
    match FileType::from_raw_mode(one.st_mode) {
        FileType::Symlink => {
            let same = entry::read_link(a, name)? == entry::read_link(b, name)?;
            Ok((!same).then_some("another target"))
        }
        FileType::RegularFile => {
            let flags = rustix::fs::OFlags::RDONLY;
            let (one, other) = (entry::open(a, name, flags)?, entry::open(b, name, flags)?);
            if attributes(one.as_fd())? != attributes(other.as_fd())? {
                return Ok(Some("other attributes"));
            }
            let same = same_content(&File::from(one), &File::from(other))?;
            Ok((!same).then_some("other content"))
        }
        _ => Ok(None),
    }
}

/// Whether two files of the same size hold the same.
pub fn same_content(mut a: &File, mut b: &File) -> Result<bool, Errno> {
    let failed = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let (mut one, mut other) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let count = a.read(&mut one).map_err(failed)?;
        if count == 0 {
            return Ok(true);
        }
        match b.read_exact(&mut other[..count]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            result => result.map_err(failed)?,
        }
        if one[..count] != other[..count] {
            return Ok(false);
        }
    }
}

/// Names and values.
pub type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// The extended attributes of an open file, sorted by name.
pub fn attributes(fd: BorrowedFd<'_>) -> Result<Attributes, Errno> {
    let mut names = vec![0; LARGEST];
    let length = match handle::xattr_names(fd, &mut names) {
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for name in names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; LARGEST];
        let length = handle::xattr(fd, name, &mut value)?;
        value.truncate(length);
        found.push((name.to_vec(), value));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::{Duration, SystemTime};

    fn build(root: &Path) {
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "content").unwrap();
        fs::hard_link(root.join("a/b/file"), root.join("again")).unwrap();
        symlink("a", root.join("link")).unwrap();
        settle(root);
    }

    fn settle(root: &Path) {
        for path in ["a/b/file", "a/b", "a", ""] {
            let Ok(file) = fs::File::open(root.join(path)) else {
                continue;
            };
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(9))
                .unwrap();
        }
        let times = rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec {
                tv_sec: 9,
                tv_nsec: 0,
            },
            last_modification: rustix::fs::Timespec {
                tv_sec: 9,
                tv_nsec: 0,
            },
        };
        let _gone = rustix::fs::utimensat(
            rustix::fs::CWD,
            root.join("link"),
            &times,
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        );
    }

    /// What is found after `change` was made to the left of two equal trees.
    fn found(change: impl FnOnce(&Path)) -> Option<String> {
        let temp = TempDir::new();
        let (left, right) = (temp.path().join("left"), temp.path().join("right"));
        build(&left);
        build(&right);
        change(&left);
        settle(&left);
        compare_trees(&left, &right).unwrap()
    }

    #[test]
    fn equal_trees_have_no_difference() {
        assert_eq!(found(|_| ()), None);
    }

    #[test]
    fn every_kind_of_change_is_found() {
        let file = "a/b/file";
        let says = |text: &str| Some(text.to_owned());
        let same_size = found(|root| fs::write(root.join(file), "CONTENT").unwrap());
        assert_eq!(same_size, says("\"a/b/file\": other content"));
        let longer = found(|root| fs::write(root.join(file), "longer content").unwrap());
        assert_eq!(longer, says("\"a/b/file\": another size"));
        let gone = found(|root| fs::remove_file(root.join("link")).unwrap());
        assert_eq!(gone, says("\"link\": missing"));
        let more = found(|root| fs::write(root.join("a/more"), "").unwrap());
        assert_eq!(more, says("\"a/more\": not of the layer"));
        let access = found(|root| {
            fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
        });
        assert_eq!(access, says("\"a\": another mode"));
        let target = found(|root| {
            fs::remove_file(root.join("link")).unwrap();
            symlink("b", root.join("link")).unwrap();
        });
        assert_eq!(target, says("\"link\": another target"));
        let kind = found(|root| {
            fs::remove_dir_all(root.join("a/b")).unwrap();
            fs::write(root.join("a/b"), "").unwrap();
        });
        assert_eq!(kind, says("\"a/b\": another kind of file"));
    }
}
