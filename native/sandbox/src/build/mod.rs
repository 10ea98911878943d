//! Decides: a container plan becomes the list of operations that sets the container up. Pure.

mod exec;
mod mounts;
mod planned;
mod seccomp;
mod sysctl;
#[cfg(test)]
mod tests;

pub use exec::build_exec;
pub use seccomp::check_seccomp;

use crate::error::{Code, StepError};
use crate::op::Op;
use crate::plan::{ContainerPlan, Namespace, ProcessPlan};

/// What a container is shown at `/sys/fs/cgroup`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CgroupView {
    /// One cgroup2 mount.
    Unified,
    /// A directory with a mount for each hierarchy: name of the directory, options of the v1 mount
    /// (none for the v2 tree).
    Split(Vec<(String, Vec<String>)>),
}

/// The operations for `plan`, and the namespaces to clone into.
pub fn build(
    plan: &ContainerPlan,
    view: &CgroupView,
    await_joined: bool,
) -> Result<(u64, Vec<Op>), StepError> {
    if plan.process.argv.is_empty() {
        return Err(invalid("exec", "", "exec: no command was given"));
    }
    if plan.rootfs.lower.is_empty() {
        return Err(invalid(
            "mount rootfs",
            "",
            "mount rootfs: the image has no layer",
        ));
    }
    let mut ops = vec![Op::DieWithMonitor, Op::Undumpable];
    ops.extend(await_joined.then_some(Op::AwaitJoined));
    if plan.namespaces.cgroup == Namespace::New {
        ops.push(Op::UnshareCgroup);
    }
    mounts::build(plan, view, &mut ops)?;
    ops.push(Op::PivotRoot);
    identity(plan, &mut ops);
    // Only now: the working directory may have had to be made.
    ops.extend(plan.rootfs.readonly.then_some(Op::ReadOnlyRoot));
    behind_the_gate(plan, &mut ops)?;
    Ok((clone_flags(plan), ops))
}

fn invalid(op: &str, target: &str, message: impl Into<String>) -> StepError {
    StepError::new(Code::InvalidArgument, op, target, 0, message)
}

/// The cgroup namespace is not among them: clone3 would root it at the monitor's cgroup.
fn clone_flags(plan: &ContainerPlan) -> u64 {
    const NEW_NS: u64 = 0x0002_0000;
    let n = &plan.namespaces;
    let choices = [
        (&n.uts, 0x0400_0000),
        (&n.ipc, 0x0800_0000),
        (&n.pid, 0x2000_0000),
        (&n.network, 0x4000_0000),
    ];
    choices
        .iter()
        .filter(|(ns, _)| **ns == Namespace::New)
        .fold(NEW_NS, |all, (_, flag)| all | flag)
}

fn identity(plan: &ContainerPlan, ops: &mut Vec<Op>) {
    if plan.namespaces.uts == Namespace::New {
        ops.push(Op::Hostname(plan.hostname.clone()));
        if !plan.domainname.is_empty() {
            ops.push(Op::Domainname(plan.domainname.clone()));
        }
    }
    if plan.namespaces.network == Namespace::New {
        ops.push(Op::LoopbackUp);
    }
    let process = &plan.process;
    ops.extend([Op::NewKeyring, Op::NewSession]);
    ops.extend(process.tty.then_some(Op::Console {
        rows: process.rows,
        cols: process.cols,
        main: true,
    }));
    ops.push(Op::FindUser {
        user: process.user.clone(),
        groups: process.groups.clone(),
    });
    ops.push(Op::OwnStdio);
    ops.push(Op::WorkingDirectory(if process.cwd.is_empty() {
        "/".into()
    } else {
        process.cwd.clone()
    }));
}

fn behind_the_gate(plan: &ContainerPlan, ops: &mut Vec<Op>) -> Result<(), StepError> {
    // A reaper is no program that is executed: it goes under the profile by itself.
    ops.extend(app_armor(&plan.process, plan.init));
    limits(&plan.process, ops);
    ops.push(Op::Gate);
    become_program(&plan.process, plan.init, ops)
}

/// The last that may open nothing: a limit on descriptors can be zero.
fn limits(process: &ProcessPlan, ops: &mut Vec<Op>) {
    ops.extend(process.rlimits.iter().map(|limit| Op::Rlimit {
        resource: limit.resource,
        // Negative is no limit, for the kernel the highest number.
        soft: u64::try_from(limit.soft).unwrap_or(u64::MAX),
        hard: u64::try_from(limit.hard).unwrap_or(u64::MAX),
    }));
}

/// Before `no_new_privs`, behind which a profile may only be narrowed.
fn app_armor(process: &ProcessPlan, at_once: bool) -> Option<Op> {
    let profile = process.app_armor.clone()?;
    Some(Op::AppArmor { profile, at_once })
}

fn become_program(process: &ProcessPlan, init: bool, ops: &mut Vec<Op>) -> Result<(), StepError> {
    let capabilities = process.capabilities;
    let filter = seccomp::filter(process)?;
    let held = seccomp::held(process);
    ops.extend([
        Op::BoundCapabilities(capabilities),
        Op::BecomeUser { capabilities, held },
        Op::DieWithMonitor,
        Op::Undumpable,
        Op::FindProgram {
            name: process.argv.first().cloned().unwrap_or_default(),
            path: variable(&process.env, "PATH"),
        },
    ]);
    ops.extend(process.no_new_privileges.then_some(Op::NoNewPrivileges));
    ops.extend(filter);
    ops.extend((held != 0).then_some(Op::DropHeld));
    // Filtered too: it is a process of the container.
    ops.extend(init.then_some(Op::Reaper));
    ops.push(Op::Exec {
        argv: process.argv.clone(),
        env: process.env.clone(),
    });
    Ok(())
}

fn variable(env: &[String], name: &str) -> Option<String> {
    let mut pairs = env.iter().rev().filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
