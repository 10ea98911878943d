//! Idmapped binds: the owners that a tree shows are not those that its file system keeps.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, waitid};

use super::{Result, root};
use crate::error::{Code, Context, StepError};
use crate::plan::{IdMap, IdRange};
use crate::sys::{self, Cloned};

const STEP: &str = "map ids";

/// Gives a tree that is not mounted yet other owners. An empty map shows the source's owner as root.
pub(super) fn apply(
    tree: BorrowedFd<'_>,
    source: &str,
    recursive: bool,
    map: &IdMap,
) -> Result<()> {
    let stat = rustix::fs::fstat(tree).step(STEP, source)?;
    let uids = lines(&map.uids, stat.st_uid);
    let gids = lines(&map.gids, stat.st_gid);
    let namespace = namespace(&uids, &gids).map_err(|errno| refused(source, errno))?;
    match sys::mount_idmap(tree, recursive, namespace.as_fd()) {
        Err(errno @ Errno::INVAL) => {
            let text = format!(
                "bind \"{source}\": its file system, or one mounted below it, has no idmapped mounts"
            );
            let number = errno.raw_os_error();
            Err(StepError::new(
                Code::MountConflict,
                STEP,
                source,
                number,
                text,
            ))
        }
        other => other.map_err(|errno| refused(source, errno)),
    }
}

fn refused(source: &str, errno: Errno) -> StepError {
    let text = format!(
        "bind \"{source}\": map ids: {}",
        crate::error::reason(errno)
    );
    StepError::new(
        Code::MountConflict,
        STEP,
        source,
        errno.raw_os_error(),
        text,
    )
}

/// As the kernel reads it: first id of the file system, first id that is shown, how many.
fn lines(ranges: &[IdRange], owner: u32) -> String {
    if ranges.is_empty() {
        return format!("{owner} 0 1\n");
    }
    let line = |range: &IdRange| format!("{} {} {}\n", range.host, range.inside, range.size);
    ranges.iter().map(line).collect::<Vec<_>>().concat()
}

/// A user namespace with these maps. It lives by its descriptor; the process it began with is ended.
///
/// That process makes system calls only, so it may come from a process with threads.
fn namespace(uids: &str, gids: &str) -> std::result::Result<OwnedFd, Errno> {
    const NEW_USER: u64 = 0x1000_0000;
    let pidfd = match sys::clone3(NEW_USER, None)? {
        Cloned::Child => wait_for_the_end(),
        Cloned::Parent { pidfd, .. } => pidfd,
    };
    let made = host_pid(pidfd.as_fd()).and_then(|pid| {
        write(&format!("/proc/{pid}/uid_map"), uids)?;
        write(&format!("/proc/{pid}/gid_map"), gids)?;
        root::open_host_file(format!("/proc/{pid}/ns/user"))
    });
    sys::pidfd_signal(pidfd.as_fd(), Signal::KILL.as_raw())?;
    let reap = || waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
    while matches!(reap(), Err(Errno::INTR)) {}
    made
}

fn wait_for_the_end() -> ! {
    let _dies_with_parent = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    loop {
        rustix::event::pause();
    }
}

/// The process's number in the procfs that is mounted at `/proc`, which is still the host's.
fn host_pid(pidfd: BorrowedFd<'_>) -> std::result::Result<u32, Errno> {
    let path = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pid:"))
        .and_then(|pid| pid.trim().parse().ok())
        .ok_or(Errno::SRCH)
}

fn write(path: &str, text: &str) -> std::result::Result<(), Errno> {
    std::fs::write(path, text).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_told_the_file_systems_id_first() {
        let range = IdRange {
            inside: 0,
            host: 1000,
            size: 5,
        };
        assert_eq!(lines(&[range], 7), "1000 0 5\n");
    }

    #[test]
    fn without_a_map_the_owner_is_shown_as_root() {
        assert_eq!(lines(&[], 1000), "1000 0 1\n");
    }
}
