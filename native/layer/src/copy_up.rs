//! Filling an empty volume with what the image has at its place: whole, or not at all.
//!
//! ```text
//! NAME/_data     the volume, perhaps mounted somewhere: its directory stays the same one
//! NAME/copying   a copy under way; thrown away after a crash
//! NAME/copied    a whole copy, from which each entry is moved to _data; goes on after a crash
//! ```

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use paths::{entry, handle, host};
use rustix::fs::Mode;
use rustix::io::Errno;

use crate::copy::{copy_into, give};
use crate::error::LayerError;
use crate::remove::remove_at;
use crate::sys::own_umask;

/// Copies `source`, a directory of an image, into the volume at `directory` (which holds `_data`) if that
/// is empty. False if it was not.
///
/// Changes the umask of the calling thread, which should end behind this.
pub fn copy_up(source: BorrowedFd<'_>, directory: &Path) -> Result<bool, LayerError> {
    finish_copy_up(directory)?;
    let parent = open(directory)?;
    let named = |errno| LayerError::sys("fill", directory.as_os_str().as_bytes(), errno);
    let data = entry::open_dir(&parent, "_data").map_err(named)?;
    if !is_empty(data.as_fd()).map_err(named)? {
        return Ok(false);
    }
    own_umask();
    entry::make_dir(&parent, "copying", Mode::RWXU).map_err(named)?;
    let copied = entry::open_dir(&parent, "copying")
        .map_err(named)
        .and_then(|staging| copy_into(source, staging.as_fd(), true));
    if let Err(error) = copied {
        let _next_time = remove_at(parent.as_fd(), b"copying");
        return Err(error);
    }
    entry::rename(&parent, "copying", &parent, "copied").map_err(named)?;
    finish_copy_up(directory)?;
    Ok(true)
}

/// As [`copy_up`], into a directory of the host's: what fails in the middle leaves a part.
pub fn copy_up_to(source: BorrowedFd<'_>, directory: &Path) -> Result<bool, LayerError> {
    let data = open(directory)?;
    let named = |errno| LayerError::sys("fill", directory.as_os_str().as_bytes(), errno);
    if !is_empty(data.as_fd()).map_err(named)? {
        return Ok(false);
    }
    own_umask();
    copy_into(source, data.as_fd(), false)?;
    Ok(true)
}

/// Ends what a crash has interrupted, so that the volume is either empty or complete.
pub fn finish_copy_up(directory: &Path) -> Result<(), LayerError> {
    let parent = open(directory)?;
    settle(&parent)
        .map_err(|errno| LayerError::sys("fill", directory.as_os_str().as_bytes(), errno))
}

fn settle(parent: &OwnedFd) -> Result<(), Errno> {
    remove_at(parent.as_fd(), b"copying")?;
    let copied = match entry::open_dir(parent, "copied") {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let data = entry::open_dir(parent, "_data")?;
    for name in handle::names(&copied)? {
        entry::rename(&copied, name.to_bytes(), &data, name.to_bytes())?;
    }
    give(copied.as_fd(), data.as_fd(), &rustix::fs::fstat(&copied)?)?;
    entry::remove_dir(parent, "copied")
}

fn open(directory: &Path) -> Result<OwnedFd, LayerError> {
    host::open_dir(directory)
        .map_err(|errno| LayerError::sys("open volume", directory.as_os_str().as_bytes(), errno))
}

fn is_empty(directory: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(handle::names(directory)?.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;

    use rustix::fs::CWD;

    use super::*;
    use crate::testing::{TempDir, is_root};

    fn volume(temp: &TempDir) -> PathBuf {
        let volume = temp.path().join("volume");
        fs::create_dir_all(volume.join("_data")).unwrap();
        volume
    }

    fn source(temp: &TempDir) -> File {
        let source = temp.path().join("image");
        fs::create_dir_all(source.join("deep/er")).unwrap();
        fs::write(source.join("deep/file"), "content").unwrap();
        fs::hard_link(source.join("deep/file"), source.join("again")).unwrap();
        symlink("/etc/passwd", source.join("link")).unwrap();
        rustix::fs::mknodat(
            CWD,
            source.join("pipe"),
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o622),
            0,
        )
        .unwrap();
        fs::set_permissions(source.join("deep/file"), fs::Permissions::from_mode(0o4751)).unwrap();
        fs::set_permissions(&source, fs::Permissions::from_mode(0o1770)).unwrap();
        File::open(source).unwrap()
    }

    #[test]
    fn copy_up_keeps_kinds_modes_owners_links_and_times() {
        if !is_root() {
            return;
        }
        let temp = TempDir::new();
        let (source, volume) = (source(&temp), volume(&temp));
        let file = temp.path().join("image/deep/file");
        std::os::unix::fs::chown(&file, Some(12), Some(34)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
        assert!(copy_up(source.as_fd(), &volume).unwrap());
        let data = volume.join("_data");
        let (was, is) = (fs::metadata(&file).unwrap(), data.join("deep/file"));
        let is = fs::metadata(is).unwrap();
        assert_eq!((is.mode(), is.uid(), is.gid()), (0o10_4751, 12, 34));
        assert_eq!(
            (is.mtime(), is.mtime_nsec()),
            (was.mtime(), was.mtime_nsec())
        );
        assert_eq!(is.ino(), fs::metadata(data.join("again")).unwrap().ino());
        assert_eq!(
            fs::read_link(data.join("link")).unwrap(),
            Path::new("/etc/passwd")
        );
        let mode = |pipe: PathBuf| fs::metadata(pipe).unwrap().mode();
        assert_eq!(
            mode(data.join("pipe")),
            mode(temp.path().join("image/pipe"))
        );
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o7777, 0o1770);
        assert!(data.join("deep/er").is_dir());
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 1);
    }

    #[test]
    fn copy_up_leaves_a_volume_with_data_alone() {
        let temp = TempDir::new();
        let (source, volume) = (source(&temp), volume(&temp));
        fs::write(volume.join("_data/mine"), "x").unwrap();
        assert!(!copy_up(source.as_fd(), &volume).unwrap());
        assert_eq!(fs::read_dir(volume.join("_data")).unwrap().count(), 1);
    }

    #[test]
    fn finish_copy_up_throws_a_part_away_and_completes_a_whole() {
        let temp = TempDir::new();
        let volume = volume(&temp);
        fs::create_dir(volume.join("copying")).unwrap();
        fs::write(volume.join("copying/part"), "x").unwrap();
        finish_copy_up(&volume).unwrap();
        assert_eq!(fs::read_dir(volume.join("_data")).unwrap().count(), 0);
        fs::create_dir(volume.join("copied")).unwrap();
        fs::write(volume.join("copied/rest"), "x").unwrap();
        fs::write(volume.join("_data/moved"), "x").unwrap();
        finish_copy_up(&volume).unwrap();
        assert!(volume.join("_data/rest").exists() && volume.join("_data/moved").exists());
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 1);
    }

    #[test]
    fn copy_up_copies_a_tree_deeper_than_any_limit_of_files() {
        let temp = TempDir::new();
        let top = temp.path().join("image");
        fs::create_dir(&top).unwrap();
        let mut fd = host::open_dir(&top).unwrap();
        for _ in 0..1500 {
            rustix::fs::mkdirat(&fd, "d", Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&fd, "beside", Mode::RWXU).unwrap();
            fd = entry::open_dir(&fd, "d").unwrap();
        }
        let volume = volume(&temp);
        assert!(copy_up(File::open(&top).unwrap().as_fd(), &volume).unwrap());
        assert!(
            volume
                .join("_data")
                .join("d/".repeat(1000))
                .join("beside")
                .is_dir()
        );
    }
}
