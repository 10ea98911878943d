//! Kernel settings of the container's own namespaces.

use super::invalid;
use crate::error::StepError;
use crate::op::Op;
use crate::plan::{ContainerPlan, Namespace};

/// The settings of the plan, in its order.
pub(super) fn build(plan: &ContainerPlan) -> Result<Vec<Op>, StepError> {
    let settings = plan.sysctls.iter();
    settings
        .map(|(key, value)| sysctl(plan, key, value))
        .collect()
}

/// Only what belongs to a namespace of the container's own may be set: all else is the host's.
pub(super) fn sysctl(plan: &ContainerPlan, key: &str, value: &str) -> Result<Op, StepError> {
    const IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    // As sysctl(8): if the first separator is a slash, then dots are part of names.
    let slashes = key
        .find('/')
        .is_some_and(|s| key.find('.').is_none_or(|d| s < d));
    let path = if slashes {
        key.to_owned()
    } else {
        key.replace('.', "\u{0}")
            .replace('/', ".")
            .replace('\u{0}', "/")
    };
    let dotted = path.replace('/', ".");
    let (namespace, what) = if IPC.contains(&dotted.as_str()) || path.starts_with("fs/mqueue/") {
        (&plan.namespaces.ipc, "ipc")
    } else if path.starts_with("net/") {
        (&plan.namespaces.network, "network")
    } else if dotted == "kernel.domainname" {
        (&plan.namespaces.uts, "uts")
    } else {
        return Err(invalid(
            "set sysctl",
            key,
            format!("set sysctl \"{key}\": it is not in a separate kernel namespace"),
        ));
    };
    if *namespace == Namespace::Host {
        let text = format!("set sysctl \"{key}\": not allowed with the host's {what} namespace");
        return Err(invalid("set sysctl", key, text));
    }
    if path
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        return Err(invalid(
            "set sysctl",
            key,
            format!("set sysctl \"{key}\": not a valid name"),
        ));
    }
    Ok(Op::Sysctl {
        path,
        value: value.to_owned(),
    })
}
