//! Decides: a container plan becomes the list of operations that sets the container up. Pure.

use crate::error::{Code, StepError};
use crate::names;
use crate::op::{Attrs, FileSystem, Op, Overlay};
use crate::plan::{ContainerPlan, Namespace, PlannedMount, Propagation};

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
    mounts(plan, view, &mut ops)?;
    ops.push(Op::PivotRoot);
    identity(plan, &mut ops)?;
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
        (n.uts, 0x0400_0000),
        (n.ipc, 0x0800_0000),
        (n.pid, 0x2000_0000),
        (n.network, 0x4000_0000),
    ];
    choices
        .iter()
        .filter(|(ns, _)| *ns == Namespace::New)
        .fold(NEW_NS, |all, (_, flag)| all | flag)
}

fn mounts(plan: &ContainerPlan, view: &CgroupView, ops: &mut Vec<Op>) -> Result<(), StepError> {
    let host_shm = plan.namespaces.ipc == Namespace::Host;
    let mut trees = 0;
    for mount in &plan.mounts {
        if let PlannedMount::Bind {
            source, recursive, ..
        } = mount
        {
            ops.push(Op::OpenTree {
                source: source.clone(),
                recursive: *recursive,
            });
            trees += 1;
        }
    }
    if host_shm {
        ops.push(Op::OpenTree {
            source: "/dev/shm".into(),
            recursive: true,
        });
    }
    ops.push(Op::PrivateTree);
    ops.push(Op::Rootfs(Overlay {
        lower: plan.rootfs.lower.clone(),
        upper: plan.rootfs.upper.clone(),
        work: plan.rootfs.work.clone(),
        at: plan.run_dir.clone(),
    }));

    let mut rest = planned_mounts(plan)?;
    let mut shm = vec![new_fs(
        "tmpfs",
        "/dev/shm",
        &[("mode", "1777"), ("size", &plan.shm_size.to_string())],
    )];
    if host_shm {
        let (target, propagation) = ("/dev/shm".into(), Propagation::Rprivate);
        shm = vec![Op::PlaceTree {
            index: trees,
            target,
            readonly: false,
            propagation,
        }];
    }
    let groups: [(&str, Vec<Op>); 7] = [
        ("/proc", vec![new_fs("proc", "/proc", &[])]),
        ("/dev", device_directory(plan)),
        ("/dev/pts", vec![devpts()]),
        ("/sys", vec![sysfs(plan)]),
        ("/sys/fs/cgroup", cgroup_mounts(plan, view)),
        ("/dev/mqueue", vec![new_fs("mqueue", "/dev/mqueue", &[])]),
        ("/dev/shm", shm),
    ];
    for (target, default) in groups {
        // A mount planned for the very place of a default one takes its turn and its place.
        let taken: Vec<Op> = rest
            .extract_if(.., |(t, _)| t == target)
            .map(|(_, op)| op)
            .collect();
        if taken.is_empty() {
            ops.extend(default);
        } else {
            ops.extend(taken);
        }
        if target == "/proc" {
            ops.extend(sysctls(plan)?);
            ops.push(Op::OomScoreAdj(plan.process.oom_score_adj));
        }
    }
    ops.extend(rest.into_iter().map(|(_, op)| op));
    if !plan.privileged {
        ops.extend(
            plan.masked_paths
                .iter()
                .cloned()
                .map(|path| Op::Mask { path }),
        );
        ops.extend(
            plan.readonly_paths
                .iter()
                .cloned()
                .map(|path| Op::ReadOnlyPath { path }),
        );
    }
    Ok(())
}

/// (cleaned target, operation), in the order of the plan.
fn planned_mounts(plan: &ContainerPlan) -> Result<Vec<(String, Op)>, StepError> {
    let mut index = 0;
    let mut out = Vec::new();
    for mount in &plan.mounts {
        let (target, op) = match mount {
            PlannedMount::Bind {
                target,
                readonly,
                propagation,
                ..
            } => {
                let (readonly, propagation) = (*readonly, *propagation);
                let op = Op::PlaceTree {
                    index,
                    target: target.clone(),
                    readonly,
                    propagation,
                };
                index += 1;
                (target, op)
            }
            PlannedMount::Tmpfs {
                target,
                readonly,
                options,
            } => {
                let fs = tmpfs(*readonly, options);
                (
                    target,
                    Op::Mount {
                        target: target.clone(),
                        fs,
                    },
                )
            }
        };
        let place = clean(target);
        if place == "/proc" {
            let text = format!("mount \"{target}\": the container's own /proc cannot be replaced");
            return Err(StepError::new(
                Code::MountConflict,
                "mount",
                target,
                0,
                text,
            ));
        }
        out.push((place, op));
    }
    Ok(out)
}

/// The path without empty and "." components, as text alone.
fn clean(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|p| !p.is_empty() && *p != ".")
        .collect();
    format!("/{}", parts.join("/"))
}

/// Options as given to mount(8): flags of the mount, and the rest for the file system.
fn tmpfs(readonly: bool, options: &[String]) -> FileSystem {
    let mut attrs = Attrs::PLAIN;
    let mut rest = Vec::new();
    for option in options.iter().flat_map(|o| o.split(',')) {
        match option {
            "" | "rw" | "defaults" | "relatime" => {}
            "ro" => attrs = attrs.with(Attrs::READ_ONLY),
            "exec" => attrs = attrs.without(Attrs::NO_EXEC),
            "suid" => attrs = attrs.without(Attrs::NO_SUID),
            "dev" => attrs = attrs.without(Attrs::NO_DEV),
            "noexec" => attrs = attrs.with(Attrs::NO_EXEC),
            "nosuid" => attrs = attrs.with(Attrs::NO_SUID),
            "nodev" => attrs = attrs.with(Attrs::NO_DEV),
            other => rest.push(match other.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                None => (other.to_owned(), None),
            }),
        }
    }
    if readonly {
        attrs = attrs.with(Attrs::READ_ONLY);
    }
    FileSystem {
        kind: "tmpfs".into(),
        options: rest,
        attrs,
    }
}

fn new_fs(kind: &str, target: &str, options: &[(&str, &str)]) -> Op {
    mount(kind, target, Attrs::PLAIN, options)
}

fn mount(kind: &str, target: &str, attrs: Attrs, options: &[(&str, &str)]) -> Op {
    let options = options
        .iter()
        .map(|(k, v)| ((*k).to_owned(), Some((*v).to_owned())))
        .collect();
    Op::Mount {
        target: target.into(),
        fs: FileSystem {
            kind: kind.into(),
            options,
            attrs,
        },
    }
}

fn device_directory(plan: &ContainerPlan) -> Vec<Op> {
    let mut ops = vec![mount(
        "tmpfs",
        "/dev",
        Attrs::NO_SUID,
        &[("mode", "755"), ("size", "65536k")],
    )];
    if plan.privileged {
        ops.push(Op::HostDevices);
    } else {
        let nodes = [
            ("null", 1, 3),
            ("zero", 1, 5),
            ("full", 1, 7),
            ("random", 1, 8),
            ("urandom", 1, 9),
            ("tty", 5, 0),
        ];
        ops.extend(nodes.map(|(name, major, minor)| Op::Device {
            name: name.into(),
            major,
            minor,
        }));
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("core", "/proc/kcore"),
        ("ptmx", "pts/ptmx"),
    ];
    ops.extend(links.map(|(name, to)| Op::DeviceLink {
        name: name.into(),
        to: to.into(),
    }));
    ops
}

fn devpts() -> Op {
    let options = [
        ("newinstance", None),
        ("ptmxmode", Some("0666")),
        ("mode", Some("0620")),
        ("gid", Some("5")),
    ];
    let options = options
        .map(|(k, v)| (k.to_owned(), v.map(str::to_owned)))
        .to_vec();
    let attrs = Attrs::NO_SUID.with(Attrs::NO_EXEC);
    Op::Mount {
        target: "/dev/pts".into(),
        fs: FileSystem {
            kind: "devpts".into(),
            options,
            attrs,
        },
    }
}

/// Attributes of kernel interfaces: read-only unless privileged.
fn kernel_attrs(plan: &ContainerPlan) -> Attrs {
    if plan.privileged {
        Attrs::PLAIN
    } else {
        Attrs::PLAIN.with(Attrs::READ_ONLY)
    }
}

fn sysfs(plan: &ContainerPlan) -> Op {
    mount("sysfs", "/sys", kernel_attrs(plan), &[])
}

fn cgroup_mounts(plan: &ContainerPlan, view: &CgroupView) -> Vec<Op> {
    const AT: &str = "/sys/fs/cgroup";
    let attrs = kernel_attrs(plan);
    let CgroupView::Split(parts) = view else {
        return vec![mount("cgroup2", AT, attrs, &[])];
    };
    let mut ops = vec![mount("tmpfs", AT, Attrs::PLAIN, &[("mode", "755")])];
    for (name, controllers) in parts {
        let target = format!("{AT}/{name}");
        ops.push(Op::Directory {
            path: target.clone(),
        });
        let kind = if controllers.is_empty() {
            "cgroup2"
        } else {
            "cgroup"
        };
        let options = controllers.iter().map(|c| (c.clone(), None)).collect();
        ops.push(Op::Mount {
            target,
            fs: FileSystem {
                kind: kind.into(),
                options,
                attrs,
            },
        });
    }
    if attrs != Attrs::PLAIN {
        ops.push(Op::ReadOnlyPath { path: AT.into() });
    }
    ops
}

/// Docker's defaults for a network namespace of one's own, then those asked for.
fn sysctls(plan: &ContainerPlan) -> Result<Vec<Op>, StepError> {
    let own_network = plan.namespaces.network == Namespace::New;
    let defaults = [
        ("net.ipv4.ping_group_range", "0 2147483647"),
        ("net.ipv4.ip_unprivileged_port_start", "0"),
    ];
    let mut all: Vec<(&str, &str)> = if own_network {
        defaults.to_vec()
    } else {
        Vec::new()
    };
    all.retain(|(key, _)| !plan.sysctls.contains_key(*key));
    all.extend(plan.sysctls.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    all.into_iter()
        .map(|(key, value)| sysctl(plan, key, value))
        .collect()
}

/// Only what belongs to a namespace of the container's own may be set: all else is the host's.
fn sysctl(plan: &ContainerPlan, key: &str, value: &str) -> Result<Op, StepError> {
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
        (plan.namespaces.ipc, "ipc")
    } else if path.starts_with("net/") {
        (plan.namespaces.network, "network")
    } else if dotted == "kernel.domainname" {
        (plan.namespaces.uts, "uts")
    } else {
        return Err(invalid(
            "set sysctl",
            key,
            format!("set sysctl \"{key}\": it is not in a separate kernel namespace"),
        ));
    };
    if namespace == Namespace::Host {
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

fn identity(plan: &ContainerPlan, ops: &mut Vec<Op>) -> Result<(), StepError> {
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
    for limit in &process.rlimits {
        let Some(resource) = names::rlimit(&limit.name) else {
            return Err(invalid(
                "set rlimit",
                &limit.name,
                format!("set rlimit \"{}\": no such limit", limit.name),
            ));
        };
        // Negative is no limit, for the kernel the highest number.
        let (soft, hard) = (
            u64::try_from(limit.soft).unwrap_or(u64::MAX),
            u64::try_from(limit.hard).unwrap_or(u64::MAX),
        );
        if soft > hard {
            let text = format!(
                "set rlimit \"{}\": the soft limit is above the hard limit",
                limit.name
            );
            return Err(invalid("set rlimit", &limit.name, text));
        }
        ops.push(Op::Rlimit {
            resource,
            soft,
            hard,
        });
    }
    ops.extend([Op::NewKeyring, Op::NewSession]);
    ops.extend(process.tty.then_some(Op::Console {
        rows: process.rows,
        cols: process.cols,
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
    Ok(())
}

fn behind_the_gate(plan: &ContainerPlan, ops: &mut Vec<Op>) -> Result<(), StepError> {
    let process = &plan.process;
    let mut capabilities = 0;
    for name in &process.capabilities {
        let Some(number) = names::capability(name) else {
            return Err(invalid(
                "add capability",
                name,
                format!("add capability \"{name}\": no such capability"),
            ));
        };
        capabilities |= 1 << number;
    }
    ops.extend([
        Op::Gate,
        Op::BoundCapabilities(capabilities),
        Op::BecomeUser { capabilities },
        Op::DieWithMonitor,
    ]);
    ops.extend(process.no_new_privileges.then_some(Op::NoNewPrivileges));
    // Seccomp belongs here, last of all, so that it need not allow what the steps above call.
    ops.extend(plan.init.then_some(Op::Reaper));
    ops.push(Op::Exec {
        argv: process.argv.clone(),
        env: process.env.clone(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ContainerPlan {
        serde_json::from_str(include_str!("../testdata/plan.json")).expect("plan")
    }

    fn ops_of(plan: &ContainerPlan) -> Vec<Op> {
        build(plan, &CgroupView::Unified, false).expect("ops").1
    }

    fn position(ops: &[Op], wanted: impl Fn(&Op) -> bool) -> usize {
        ops.iter().position(wanted).expect("operation is there")
    }

    fn targets(ops: &[Op]) -> Vec<&str> {
        ops.iter()
            .filter_map(|op| match op {
                Op::Mount { target, .. } | Op::PlaceTree { target, .. } => Some(target.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn mounts_come_in_the_order_of_the_defaults_then_of_the_plan() {
        let ops = ops_of(&plan());
        let expected = [
            "/proc",
            "/dev",
            "/dev/pts",
            "/sys",
            "/sys/fs/cgroup",
            "/dev/mqueue",
            "/dev/shm",
            "/etc/hosts",
            "/tmp",
        ];
        assert_eq!(targets(&ops), expected);
    }

    #[test]
    fn steps_keep_the_order_that_safety_needs() {
        let ops = ops_of(&plan());
        let pivot = position(&ops, |op| *op == Op::PivotRoot);
        let gate = position(&ops, |op| *op == Op::Gate);
        let open = position(&ops, |op| matches!(op, Op::OpenTree { .. }));
        let private = position(&ops, |op| *op == Op::PrivateTree);
        let sysctl = position(&ops, |op| matches!(op, Op::Sysctl { .. }));
        let readonly = position(&ops, |op| matches!(op, Op::ReadOnlyPath { .. }));
        let become_user = position(&ops, |op| matches!(op, Op::BecomeUser { .. }));
        assert!(open < private && private < pivot && pivot < gate && gate < become_user);
        assert!(sysctl < readonly && readonly < pivot);
        assert!(ops[become_user..].contains(&Op::DieWithMonitor));
        assert!(matches!(ops.last(), Some(Op::Exec { .. })));
    }

    #[test]
    fn a_mount_planned_for_a_default_place_replaces_it() {
        let mut plan = plan();
        plan.mounts = vec![PlannedMount::Tmpfs {
            target: "/dev/shm/".into(),
            readonly: false,
            options: vec![],
        }];
        let ops = ops_of(&plan);
        assert_eq!(
            targets(&ops)
                .iter()
                .filter(|t| t.starts_with("/dev/shm"))
                .count(),
            1
        );
    }

    #[test]
    fn privileged_masks_nothing_and_writes_sys() {
        let mut plan = plan();
        plan.privileged = true;
        let ops = ops_of(&plan);
        assert!(
            !ops.iter()
                .any(|op| matches!(op, Op::Mask { .. } | Op::ReadOnlyPath { .. }))
        );
        assert!(ops.contains(&Op::HostDevices));
        let sys = ops.iter().find_map(|op| match op {
            Op::Mount { target, fs } if target == "/sys" => Some(fs.attrs),
            _ => None,
        });
        assert_eq!(sys, Some(Attrs::PLAIN));
    }

    #[test]
    fn tmpfs_options_are_split_into_attributes_and_the_rest() {
        let fs = tmpfs(true, &["exec,size=64m".into(), "mode=1777".into()]);
        assert_eq!(
            fs.attrs,
            Attrs::PLAIN.without(Attrs::NO_EXEC).with(Attrs::READ_ONLY)
        );
        let expected =
            [("size", "64m"), ("mode", "1777")].map(|(k, v)| (k.to_owned(), Some(v.to_owned())));
        assert_eq!(fs.options, expected);
    }

    #[test]
    fn a_sysctl_of_the_host_is_refused() {
        let mut plan = plan();
        plan.sysctls.insert("kernel.panic".into(), "1".into());
        assert_eq!(
            build(&plan, &CgroupView::Unified, false)
                .expect_err("refused")
                .code,
            Code::InvalidArgument
        );
        plan.sysctls.clear();
        plan.sysctls
            .insert("net.core.somaxconn".into(), "99".into());
        plan.namespaces.network = Namespace::Host;
        assert!(build(&plan, &CgroupView::Unified, false).is_err());
    }

    #[test]
    fn a_sysctl_for_an_interface_with_a_dot_keeps_it() {
        let op = sysctl(&plan(), "net.ipv4.conf.eth0/1.forwarding", "1").expect("op");
        assert_eq!(
            op,
            Op::Sysctl {
                path: "net/ipv4/conf/eth0.1/forwarding".into(),
                value: "1".into()
            }
        );
    }

    #[test]
    fn host_namespaces_are_not_cloned() {
        let mut plan = plan();
        plan.namespaces.network = Namespace::Host;
        plan.namespaces.pid = Namespace::Host;
        let (flags, ops) = build(&plan, &CgroupView::Unified, false).expect("ops");
        assert_eq!(flags, 0x0002_0000 | 0x0400_0000 | 0x0800_0000);
        assert!(!ops.contains(&Op::LoopbackUp));
    }

    #[test]
    fn an_unknown_capability_or_limit_is_refused_by_name() {
        let mut plan = plan();
        plan.process.capabilities.push("FLY".into());
        let error = build(&plan, &CgroupView::Unified, false).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "add capability \"FLY\": no such capability"
        );
    }

    #[test]
    fn a_split_view_mounts_each_hierarchy() {
        let view = CgroupView::Split(vec![
            ("unified".into(), vec![]),
            ("memory".into(), vec!["memory".into()]),
        ]);
        let (_, ops) = build(&plan(), &view, true).expect("ops");
        assert!(targets(&ops).contains(&"/sys/fs/cgroup/memory"));
        assert!(ops.contains(&Op::AwaitJoined));
    }
}
