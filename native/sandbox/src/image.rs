//! The layers of an image as one read-only tree that is mounted nowhere.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, UnmountFlags,
};

use crate::child::mount::clone_mount;
use crate::child::root;
use crate::error::{Code, Context, StepError};
use crate::host::takes_single_layers;
use crate::sys;

const STEP: &str = "mount image";

/// Who may mount in the table that this thread sees.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Table {
    /// It is the container's own.
    Own,
    /// It is the host's: should something have to be mounted, then in a new one for this thread,
    /// which should end behind this.
    Host,
}

/// The tree of the layers `lower`, topmost first, at least two. `at` is a directory that an old kernel
/// needs to mount on for a moment.
pub fn image_tree(lower: &[String], at: &str, table: Table) -> Result<OwnedFd, StepError> {
    if !takes_single_layers() {
        return old_tree(lower, at, table);
    }
    let context = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).step(STEP, "")?;
    for layer in lower {
        let layer = directory(layer)?;
        // By descriptor: a path of more than 255 bytes is refused.
        let name = format!("/proc/self/fd/{}", layer.as_raw_fd());
        match rustix::mount::fsconfig_set_string(&context, "lowerdir+", name.as_str()) {
            Err(Errno::INVAL) => return old_tree(lower, at, table),
            other => other.step(STEP, "")?,
        }
    }
    rustix::mount::fsconfig_create(&context).step(STEP, "")?;
    let attrs = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOSUID;
    rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attrs).step(STEP, "")
}

/// Before Linux 6.8 overlay takes all layers in one option, longer than fsconfig lets through.
fn old_tree(lower: &[String], at: &str, table: Table) -> Result<OwnedFd, StepError> {
    if table == Table::Host {
        sys::unshare_mounts().step(STEP, "")?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", private).step(STEP, "/")?;
    }
    let layers = lower
        .iter()
        .map(|layer| directory(layer))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = layers
        .iter()
        .map(|layer| format!("/proc/self/fd/{}", layer.as_raw_fd()))
        .collect();
    let data = CString::new(format!("lowerdir={}", names.join(":")))
        .map_err(|_| StepError::call(STEP, at, Errno::INVAL))?;
    let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID;
    rustix::mount::mount("overlay", at, "overlay", flags, data.as_c_str()).step(STEP, at)?;
    // A copy that was never mounted: what has been unmounted cannot be mounted again.
    let tree = directory(at).and_then(|top| clone_mount(top.as_fd(), false).step(STEP, at));
    rustix::mount::unmount(at, UnmountFlags::DETACH).step(STEP, at)?;
    tree
}

fn directory(path: &str) -> Result<OwnedFd, StepError> {
    paths::host::find_dir(path).step(STEP, path)
}

/// The directory of a tree at `path`, resolved as if the tree were "/"; none if nothing is there.
pub fn directory_in(tree: BorrowedFd<'_>, path: &str) -> Result<Option<OwnedFd>, StepError> {
    let found = match root::open(tree, path, OFlags::PATH) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        other => other.step("find", path)?,
    };
    let stat = rustix::fs::fstat(&found).step("find", path)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Ok(Some(found));
    }
    let text = format!("cannot mount volume over existing file, file exists {path}");
    Err(StepError::new(Code::MountConflict, "find", path, 0, text))
}

/// What is at `path` below a directory, whose links may not lead out of it.
pub(crate) fn beneath(directory: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    root::open_below(directory.as_fd(), path, OFlags::PATH)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What older kernels need, tried on this one.
    #[test]
    fn a_tree_from_one_option_can_be_mounted_too() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = std::env::temp_dir().join(format!("rt-old-image-{}", std::process::id()));
        let at = |sub: &str| dir.join(sub).to_string_lossy().into_owned();
        for sub in ["one", "two", "at", "place"] {
            fs::create_dir_all(at(sub)).expect("directory");
        }
        fs::write(dir.join("two/file"), "x").expect("file");
        // The thread, and with it the namespace, ends with the test.
        let tree = old_tree(&[at("one"), at("two")], &at("at"), Table::Host).expect("tree");
        let place = directory(&at("place")).expect("place");
        crate::child::mount::attach(tree.as_fd(), place.as_fd()).expect("mounted");
        let seen = fs::read_to_string(dir.join("place/file"));
        let _gone = rustix::mount::unmount(at("place"), UnmountFlags::DETACH);
        let left = fs::read_dir(dir.join("at")).expect("unmounted").count();
        fs::remove_dir_all(&dir).expect("clean up");
        assert_eq!(seen.expect("shown"), "x");
        assert_eq!(left, 0);
    }
}
