//! Mounts, all by descriptor with the new mount API (Linux 5.12 or later).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, FileType, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags,
};

use super::Result;
use super::root;
use crate::error::{Code, Context, StepError};
use crate::host::takes_single_layers;
use crate::op::{Attrs, FileSystem, Overlay};
use crate::sys;

/// Mounts what is behind `mount` on the very file that `target` is.
pub(crate) fn attach(
    mount: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
) -> std::result::Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", target, "", flags)
}

pub(crate) fn make_private() -> Result<()> {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", flags).step("make mounts private", "/")
}

/// A mount of a new file system, not attached anywhere yet.
///
/// `source` is what /proc/mounts names as such: a device, or the kind where there is none.
pub(super) fn new_mount(fs: &FileSystem, source: &str) -> Result<OwnedFd> {
    let step = format!("mount {}", fs.kind);
    let context =
        rustix::mount::fsopen(fs.kind.as_str(), FsOpenFlags::FSOPEN_CLOEXEC).step(&step, "")?;
    rustix::mount::fsconfig_set_string(&context, "source", source)
        .map_err(|errno| explain(context.as_fd(), StepError::call(&step, source, errno)))?;
    for (key, value) in &fs.options {
        match value {
            Some(value) => {
                rustix::mount::fsconfig_set_string(&context, key.as_str(), value.as_str())
            }
            None => rustix::mount::fsconfig_set_flag(&context, key.as_str()),
        }
        .map_err(|errno| explain(context.as_fd(), option_error(&step, key, errno)))?;
    }
    mount_context(&context, fs.attrs, &step)
}

fn mount_context(context: &OwnedFd, attrs: Attrs, step: &str) -> Result<OwnedFd> {
    rustix::mount::fsconfig_create(context)
        .map_err(|errno| explain(context.as_fd(), StepError::call(step, "", errno)))?;
    let attrs = MountAttrFlags::from_bits_retain(attrs.0);
    rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attrs).step(step, "")
}

/// The engine's own options are sound, so that one which is not taken came with the request.
fn option_error(step: &str, key: &str, errno: Errno) -> StepError {
    let error = StepError::call(step, key, errno);
    match errno {
        Errno::INVAL | Errno::RANGE => error.with_code(Code::InvalidArgument),
        _ => error,
    }
}

/// A file system says on its context what it did not like ("e overlay: …").
fn explain(context: BorrowedFd<'_>, mut error: StepError) -> StepError {
    let mut buffer = [0u8; 512];
    if let Ok(length) = rustix::io::read(context, &mut buffer) {
        let said = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        let said = said.trim_end().trim_start_matches("e ");
        if !said.is_empty() {
            error.message = format!("{} ({said})", error.message);
        }
    }
    error
}

/// The container's root: overlay, mounted over a directory of the host that only this mount
/// namespace sees covered.
pub(crate) fn rootfs(overlay: &Overlay) -> Result<OwnedFd> {
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

/// Mounts a new file system at a path of the container; returns its root.
pub(super) fn mount(
    root: BorrowedFd<'_>,
    target: &str,
    source: &str,
    fs: &FileSystem,
) -> Result<OwnedFd> {
    let mount = new_mount(fs, source).map_err(|mut e| {
        if e.target.is_empty() {
            e.message = e
                .message
                .replacen(&e.op, &format!("{} \"{target}\"", e.op), 1);
            target.clone_into(&mut e.target);
        }
        e
    })?;
    place_new(root, target, mount.as_fd())?;
    Ok(mount)
}

/// Attaches a new file system at a path of the container.
pub(super) fn place_new(root: BorrowedFd<'_>, target: &str, mount: BorrowedFd<'_>) -> Result<()> {
    let place = match target {
        "/proc" | "/sys" | "/dev" => root::ensure_real_directory(root, target)?,
        _ => root::ensure_directory(root, target)?,
    };
    refuse_target(root, place.as_fd(), target)?;
    attach(mount, place.as_fd()).step("mount", target)
}

/// A procfs of this process's pid namespace, mounted nowhere, and found to be just that.
pub(super) fn open_proc(fs: &FileSystem) -> Result<OwnedFd> {
    /// The root of every procfs has this number.
    const ROOT: u64 = 1;
    let proc = new_mount(fs, &fs.kind)?;
    let stat = rustix::fs::fstat(&proc).step("mount proc", "/proc")?;
    if !root::is_proc(proc.as_fd()).step("mount proc", "/proc")? || stat.st_ino != ROOT {
        let text = "mount \"/proc\": what the kernel made is no procfs";
        return Err(StepError::new(Code::Internal, "mount", "/proc", 0, text));
    }
    Ok(proc)
}

/// Files of procfs that may be covered: what tools that fake resources for a container cover. All else
/// in there decides what the container may do.
const COVERABLE: [&str; 9] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/net/dev",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
];

/// Neither the root nor procfs may be covered, however the path leads there.
pub(super) fn refuse_target(
    root: BorrowedFd<'_>,
    place: BorrowedFd<'_>,
    target: &str,
) -> Result<()> {
    let refuse = |why: &str| {
        let text = format!("mount \"{target}\": {why}");
        Err(StepError::new(
            Code::MountConflict,
            "mount",
            target,
            0,
            text,
        ))
    };
    if root::same(root, place).step("mount", target)? {
        return refuse("the target is the container's root");
    }
    if root::is_proc(place).step("mount", target)? && !COVERABLE.contains(&target) {
        return refuse("the target is inside /proc");
    }
    Ok(())
}

/// A copy of the mount that holds `from`, from there on.
pub(crate) fn clone_mount(
    from: BorrowedFd<'_>,
    recursive: bool,
) -> std::result::Result<OwnedFd, Errno> {
    let flags = clone_flags(recursive) | OpenTreeFlags::AT_EMPTY_PATH;
    rustix::mount::open_tree(from, "", flags)
}

/// A copy of the host's mounts at `source`.
pub(super) fn clone_host(source: &str, recursive: bool) -> std::result::Result<OwnedFd, Errno> {
    rustix::mount::open_tree(CWD, source, clone_flags(recursive))
}

fn clone_flags(recursive: bool) -> OpenTreeFlags {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags | OpenTreeFlags::AT_RECURSIVE
    } else {
        flags
    }
}

/// Mounts what `from` is (a file of this mount namespace) over `target` too.
pub(super) fn bind_file(
    from: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
) -> std::result::Result<(), Errno> {
    attach(clone_mount(from, false)?.as_fd(), target)
}

pub(super) fn read_only_path(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    let Some(target) = root::find(root, path)? else {
        return Ok(());
    };
    let copy = clone_mount(target.as_fd(), true).step("make read-only", path)?;
    let read_only = u64::from(Attrs::READ_ONLY.0);
    sys::mount_setattr(copy.as_fd(), true, read_only, 0, 0).step("make read-only", path)?;
    attach(copy.as_fd(), target.as_fd()).step("make read-only", path)
}

pub(crate) fn read_only_root(root: BorrowedFd<'_>) -> Result<()> {
    sys::mount_setattr(root, false, u64::from(Attrs::READ_ONLY.0), 0, 0).step("make read-only", "/")
}

/// Covers a file with the container's `/dev/null`, after checking that it is just that.
pub(super) fn hide_file(root: BorrowedFd<'_>, target: BorrowedFd<'_>, path: &str) -> Result<()> {
    let null = root::open(root, "/dev/null", OFlags::PATH | OFlags::NOFOLLOW).step("mask", path)?;
    let stat = rustix::fs::fstat(&null).step("mask", path)?;
    let is_null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && stat.st_rdev == rustix::fs::makedev(1, 3);
    if !is_null {
        let text = format!("mask \"{path}\": /dev/null in the container is not the null device");
        return Err(StepError::new(Code::MountConflict, "mask", path, 0, text));
    }
    bind_file(null.as_fd(), target).step("mask", path)
}

/// Covers a directory with an empty one: the first time a new one, which is returned; then copies.
pub(super) fn hide_directory(
    empty: Option<BorrowedFd<'_>>,
    target: BorrowedFd<'_>,
    path: &str,
) -> Result<Option<OwnedFd>> {
    if let Some(empty) = empty {
        bind_file(empty, target).step("mask", path)?;
        return Ok(None);
    }
    let attrs = Attrs::PLAIN.with(Attrs::READ_ONLY);
    let options = vec![
        ("mode".to_owned(), Some("755".to_owned())),
        ("nr_inodes".to_owned(), Some("1".to_owned())),
    ];
    let fs = FileSystem {
        kind: "tmpfs".into(),
        options,
        attrs,
    };
    let mount = new_mount(&fs, &fs.kind)?;
    attach(mount.as_fd(), target).step("mask", path)?;
    Ok(Some(mount))
}

/// Swaps the host's root for the container's, and lets go of the host's.
pub(super) fn pivot(root: BorrowedFd<'_>) -> Result<()> {
    rustix::process::fchdir(root).step("enter root", "/")?;
    // New root and place for the old one may be the same directory: the old one then lies on top.
    rustix::process::pivot_root(".", ".").step("pivot root", "/")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).step("leave the host's root", "/")?;
    rustix::process::chdir("/").step("enter root", "/")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
