//! Who the program is: namespaces, keyring, working directory, user and capabilities.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

use super::user::User;
use super::{Result, root};
use crate::error::{Code, Context, StepError};
use crate::sys;

pub(super) fn unshare_cgroup() -> Result<()> {
    sys::unshare_cgroup().step("make cgroup namespace", "")
}

pub(super) fn loopback_up() -> Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = socket.step("open socket", "lo")?;
    sys::loopback_up(socket.as_fd()).step("bring up interface", "lo")
}

/// Kernels without keyrings have nothing to separate.
pub(super) fn new_keyring() -> Result<()> {
    match sys::new_session_keyring() {
        Err(Errno::NOSYS) => Ok(()),
        other => other.step("make session keyring", ""),
    }
}

/// A pipe belongs to whoever made it, so opening `/dev/stdout` anew would be denied to any other
/// user. `/dev/null` is left alone: it is not the container's.
pub(super) fn own_stdio(user: &User) -> Result<()> {
    if user.uid == 0 {
        return Ok(());
    }
    for fd in [
        rustix::stdio::stdin(),
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
    ] {
        let stat = rustix::fs::fstat(fd).step("own stdio", "")?;
        let null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && stat.st_rdev == rustix::fs::makedev(1, 3);
        if !null && stat.st_uid != user.uid {
            rustix::fs::fchown(fd, Some(Uid::from_raw(user.uid)), None).step("own stdio", "")?;
        }
    }
    Ok(())
}

pub(super) fn change_directory(root: BorrowedFd<'_>, path: &str) -> Result<()> {
    const STEP: &str = "change to working directory";
    let invalid = |e: StepError| e.with_code(Code::InvalidArgument);
    if !path.starts_with('/') {
        let text = format!("{STEP} \"{path}\": the path is not absolute");
        return Err(StepError::new(Code::InvalidArgument, STEP, path, 0, text));
    }
    let directory = root::open(root, path, OFlags::RDONLY | OFlags::DIRECTORY)
        .step(STEP, path)
        .map_err(invalid)?;
    rustix::process::fchdir(&directory).step(STEP, path)?;
    // A directory outside the root has no absolute name here.
    let name = rustix::process::getcwd(Vec::new()).step(STEP, path)?;
    if !name.as_bytes().starts_with(b"/") {
        let text = format!("{STEP} \"{path}\": it is outside of the container's root");
        return Err(StepError::new(Code::Internal, STEP, path, 0, text));
    }
    Ok(())
}

pub(super) fn bound_capabilities(keep: u64) -> Result<()> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if keep & (1 << number) != 0 {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Beyond the highest this kernel knows.
            Err(Errno::INVAL) => break,
            other => other.step("drop capability", &number.to_string())?,
        }
    }
    Ok(())
}

/// `held` is kept beside the user's own capabilities, which are answered.
pub(super) fn become_user(user: &User, capabilities: u64, held: u64) -> Result<CapabilitySet> {
    const STEP: &str = "become user";
    let shown = user.uid.to_string();
    let groups: Vec<Gid> = user.groups.iter().map(|g| Gid::from_raw(*g)).collect();
    rustix::thread::set_thread_groups(&groups).step("set groups", "")?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    rustix::thread::set_keep_capabilities(held != 0).step(STEP, &shown)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).step(STEP, &shown)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).step(STEP, &shown)?;
    rustix::thread::set_keep_capabilities(false).step(STEP, &shown)?;
    match rustix::thread::clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(errno) => return Err(StepError::call("clear ambient capabilities", "", errno)),
    }
    let own = if user.uid == 0 {
        known_capabilities(capabilities)?
    } else {
        CapabilitySet::empty()
    };
    set_capabilities(own | CapabilitySet::from_bits_retain(held))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Ok(own)
}

/// One system call: behind a filter there may be no other.
pub(super) fn set_capabilities(own: CapabilitySet) -> Result<()> {
    let sets = CapabilitySets {
        effective: own,
        permitted: own,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, sets).step("set capabilities", "")
}

/// Those of `wanted` that this process has, so that one the kernel does not know is no error.
fn known_capabilities(wanted: u64) -> Result<CapabilitySet> {
    let now = rustix::thread::capabilities(None).step("read capabilities", "")?;
    Ok(now.permitted & CapabilitySet::from_bits_retain(wanted))
}
