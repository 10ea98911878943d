//! The container's root: an overlay of image and writable layer.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::mount::FsOpenFlags;

use super::mount::{attach, explain, mount_context};
use super::{Result, root};
use crate::error::{Code, Context, StepError};
use crate::host::takes_single_layers;
use crate::op::{Attrs, Overlay};

/// The container's root: overlay, mounted over a directory of the host that only this mount
/// namespace sees covered.
pub(crate) fn mount(overlay: &Overlay) -> Result<OwnedFd> {
    const STEP: &str = "mount rootfs";
    let at = root::host_directory(&overlay.at).step(STEP, &overlay.at)?;
    if !takes_single_layers() {
        return old_rootfs(overlay, at.as_fd());
    }
    let layers = overlay
        .lower
        .iter()
        .map(|l| Short::of(l))
        .collect::<Result<Vec<_>>>()?;
    let (upper, work) = (Short::of(&overlay.upper)?, Short::of(&overlay.work)?);

    let context = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)
        .map_err(|errno| without_overlay(errno, STEP))?;
    let set = |key: &str, value: &str| {
        rustix::mount::fsconfig_set_string(&context, key, value)
            .map_err(|errno| explain(context.as_fd(), StepError::call(STEP, value, errno)))
    };
    for layer in &layers {
        match set("lowerdir+", &layer.text) {
            Err(e) if e.errno == Errno::INVAL.raw_os_error() => {
                return old_rootfs(overlay, at.as_fd());
            }
            other => other?,
        }
    }
    set("upperdir", &upper.text).map_err(|error| unfit_for_upper(error, &overlay.upper))?;
    set("workdir", &work.text)?;
    set("index", "off")?;
    // What a container changes is read from its writable layer, where these would hide it.
    set("redirect_dir", "off")?;
    set("metacopy", "off")?;
    let mount = mount_context(&context, Attrs::default(), STEP)?;
    attach(mount.as_fd(), at.as_fd()).step(STEP, &overlay.at)?;
    Ok(mount)
}

/// A kernel without the file system that every container stands on.
fn without_overlay(errno: Errno, step: &str) -> StepError {
    let error = StepError::call(step, "", errno);
    if errno != Errno::NODEV {
        return error;
    }
    let text = "this kernel has no overlay file system: load its module with `modprobe overlay`";
    StepError {
        message: text.into(),
        ..error
    }
    .with_code(Code::Unavailable)
}

/// What overlay refuses for its upper directory is the file system that it lies on.
fn unfit_for_upper(error: StepError, upper: &str) -> StepError {
    if error.errno != Errno::INVAL.raw_os_error() {
        return error;
    }
    let message = format!(
        "the file system of \"{upper}\" cannot hold the writable layer of a container: choose a \
         --data-root on ext4, xfs or btrfs"
    );
    StepError { message, ..error }.with_code(Code::Unavailable)
}

/// A path in at most 255 bytes, which is what fsconfig takes: a longer one by way of a descriptor.
struct Short {
    text: String,
    _keep: Option<OwnedFd>,
}

impl Short {
    fn of(path: &str) -> Result<Self> {
        if path.len() < 256 {
            Ok(Self {
                text: path.to_owned(),
                _keep: None,
            })
        } else {
            Self::by_descriptor(path)
        }
    }

    fn by_descriptor(path: &str) -> Result<Self> {
        let fd = root::host_directory(path).step("mount rootfs", path)?;
        Ok(Self {
            text: format!("/proc/self/fd/{}", fd.as_raw_fd()),
            _keep: Some(fd),
        })
    }
}

/// Before Linux 6.8 overlay takes all layers in one option, of a page at most.
fn old_rootfs(overlay: &Overlay, at: BorrowedFd<'_>) -> Result<OwnedFd> {
    const STEP: &str = "mount rootfs";
    // Names by descriptor are short, and hold neither colon nor comma.
    let layers = overlay
        .lower
        .iter()
        .map(|l| Short::by_descriptor(l))
        .collect::<Result<Vec<_>>>()?;
    let (upper, work) = (
        Short::by_descriptor(&overlay.upper)?,
        Short::by_descriptor(&overlay.work)?,
    );
    let lower: Vec<&str> = layers.iter().map(|l| l.text.as_str()).collect();
    let data = format!(
        "lowerdir={},upperdir={},workdir={},index=off,redirect_dir=off,metacopy=off",
        lower.join(":"),
        upper.text,
        work.text
    );
    let data = std::ffi::CString::new(data)
        .map_err(|_| StepError::call(STEP, &overlay.at, Errno::INVAL))?;
    let target = format!("/proc/self/fd/{}", at.as_raw_fd());
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("overlay", target, "overlay", flags, data.as_c_str())
        .map_err(|errno| without_overlay(errno, STEP))
        .map_err(|error| unfit_for_upper(error, &overlay.upper))?;
    root::host_directory(&overlay.at).step(STEP, &overlay.at)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::mount::UnmountFlags;

    use super::*;
    use crate::child::mount::make_private;
    use crate::sys;

    /// What older kernels need, tried on this one.
    #[test]
    fn layers_are_mounted_by_one_option_too() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        // The thread, and with it the namespace, ends with the test.
        sys::unshare_mounts().expect("own mounts");
        make_private().expect("private");
        let dir = std::env::temp_dir().join(format!("rt-old-overlay-{}", std::process::id()));
        let at = |sub: &str| dir.join(sub).to_string_lossy().into_owned();
        // Longer than fsconfig takes, and with the characters that separate options and layers.
        let deep = format!("a:b,{}/{}", "x".repeat(200), "y".repeat(200));
        for sub in ["base", &deep, "upper", "work", "at"] {
            fs::create_dir_all(at(sub)).expect("directory");
        }
        fs::write(dir.join("base/below"), "1").expect("file");
        fs::write(dir.join(&deep).join("above"), "2").expect("file");
        let overlay = Overlay {
            lower: vec![at(&deep), at("base")],
            upper: at("upper"),
            work: at("work"),
            at: at("at"),
        };
        let place = root::host_directory(&overlay.at).expect("place");
        let mounted = old_rootfs(&overlay, place.as_fd());
        let seen = ["below", "above"].map(|name| fs::read_to_string(dir.join("at").join(name)));
        let written = fs::write(dir.join("at/new"), "3");
        drop((mounted, place));
        let _gone = rustix::mount::unmount(at("at"), UnmountFlags::DETACH);
        let kept = fs::read_to_string(dir.join("upper/new"));
        fs::remove_dir_all(&dir).expect("clean up");
        assert_eq!(seen.map(|text| text.expect("shown")), ["1", "2"]);
        written.expect("written");
        assert_eq!(kept.expect("kept"), "3");
    }
}
