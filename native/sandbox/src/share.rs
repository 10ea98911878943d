//! Namespaces of another container, opened for one that shares them.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::error::{Code, StepError};
use crate::plan::{Donor, Namespace, NamespacePlan};

/// What a container shares, as descriptors that keep it alive.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// To be joined by the monitor before it clones.
    pub(crate) joins: Vec<OwnedFd>,
    /// The mount namespace whose shared memory is used.
    pub(crate) donor: Option<OwnedFd>,
}

impl Shared {
    pub(crate) fn open(plan: &NamespacePlan) -> Result<Self, StepError> {
        let mut shared = Self::default();
        let choices = [
            (&plan.network, "net"),
            (&plan.ipc, "ipc"),
            (&plan.uts, "uts"),
            (&plan.pid, "pid"),
        ];
        for (choice, kind) in choices {
            let Namespace::Join(donor) = choice else {
                continue;
            };
            shared.joins.push(open_of(donor, kind)?);
            if kind == "ipc" {
                shared.donor = Some(open_of(donor, "mnt")?);
            }
        }
        Ok(shared)
    }
}

/// The network namespace of a container that runs.
pub fn open_network(container: &Donor) -> Result<OwnedFd, StepError> {
    open_of(container, "net")
}

/// The number of a process may be given to another one. Held by a pidfd, it is known by its cgroup, whose
/// name holds the container's id, and must still live when all is opened.
fn open_of(donor: &Donor, kind: &str) -> Result<OwnedFd, StepError> {
    let gone = || {
        let text = format!("container {} is not running", donor.id);
        StepError::new(Code::Conflict, "join namespace", kind, 0, text)
    };
    let pid = i32::try_from(donor.pid).ok().and_then(Pid::from_raw);
    let held = pidfd_open(pid.ok_or_else(gone)?, PidfdFlags::empty()).map_err(|_| gone())?;
    let memberships =
        fs::read_to_string(format!("/proc/{}/cgroup", donor.pid)).map_err(|_| gone())?;
    if donor.id.is_empty() || !is_member(&memberships, &donor.id) {
        return Err(gone());
    }
    let path = format!("/proc/{}/ns/{kind}", donor.pid);
    let opened = paths::host::open_file(path.as_str()).map_err(|_| gone())?;
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut [PollFd::new(&held, PollFlags::IN)], Some(&at_once)) {
        Ok(0) => Ok(opened),
        _ => Err(gone()),
    }
}

/// True if a line of `/proc/PID/cgroup` names the cgroup of the container, or one below it.
fn is_member(memberships: &str, id: &str) -> bool {
    let name = format!("rt-{id}");
    let paths = memberships
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2));
    paths
        .flat_map(|path| path.split('/'))
        .any(|part| part == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_the_cgroup_of_its_container() {
        let text = "4:memory:/a\n0::/rt/rt-abc/below\n";
        assert!(is_member(text, "abc"));
        assert!(!is_member(text, "ab"));
        assert!(!is_member("0::/user.slice\n", "abc"));
    }

    #[test]
    fn a_process_of_the_host_is_no_donor() {
        let donor = Donor {
            id: "abc".into(),
            pid: std::process::id(),
        };
        assert_eq!(
            open_of(&donor, "net").expect_err("refused").code,
            Code::Conflict
        );
    }
}
