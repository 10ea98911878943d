//! The mounts: those every container has, in Docker's order and with Docker's flags, and the planned.

use super::{CgroupView, sysctl};
use crate::error::{Code, StepError};
use crate::op::{Attrs, FileSystem, Op, Overlay};
use crate::plan::{ContainerPlan, DeviceKind, DevicePlan, Namespace, PlannedMount, Propagation};

pub(super) fn build(
    plan: &ContainerPlan,
    view: &CgroupView,
    ops: &mut Vec<Op>,
) -> Result<(), StepError> {
    open_trees(plan, ops);
    ops.push(Op::PrivateTree);
    ops.push(Op::Rootfs(Overlay {
        lower: plan.rootfs.lower.clone(),
        upper: plan.rootfs.upper.clone(),
        work: plan.rootfs.work.clone(),
        at: plan.run_dir.clone(),
    }));

    let mut rest = planned_mounts(plan)?;
    let groups: [(&str, Vec<Op>); 7] = [
        ("/proc", vec![new_fs("proc", "/proc", &[])]),
        ("/dev", device_directory(plan)),
        ("/dev/pts", vec![devpts()]),
        ("/sys", vec![sysfs(plan)]),
        ("/sys/fs/cgroup", cgroup_mounts(plan, view)),
        ("/dev/mqueue", vec![new_fs("mqueue", "/dev/mqueue", &[])]),
        ("/dev/shm", shared_memory(plan)),
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
            ops.extend(sysctl::build(plan)?);
            ops.push(Op::OomScoreAdj(plan.process.oom_score_adj));
        }
    }
    ops.extend(rest.into_iter().map(|(_, op)| op));
    // Behind all mounts, so that a node is never hidden by one.
    ops.extend(plan.devices.iter().map(node));
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

fn node(device: &DevicePlan) -> Op {
    Op::Node {
        path: device.path.clone(),
        block: device.kind == DeviceKind::Block,
        major: device.major,
        minor: device.minor,
        mode: device.mode,
        uid: device.uid,
        gid: device.gid,
    }
}

/// Takes the host's trees while they are still in their peer groups: those of the planned binds, in
/// order, and behind them the shared memory if that is the host's.
fn open_trees(plan: &ContainerPlan, ops: &mut Vec<Op>) {
    for mount in &plan.mounts {
        if let PlannedMount::Bind {
            source, recursive, ..
        } = mount
        {
            ops.push(Op::OpenTree {
                source: source.clone(),
                recursive: *recursive,
            });
        }
    }
    match plan.namespaces.ipc {
        Namespace::New => {}
        Namespace::Host => ops.push(Op::OpenTree {
            source: "/dev/shm".into(),
            recursive: true,
        }),
        Namespace::Join(_) => ops.push(Op::DonorMemory),
    }
}

fn shared_memory(plan: &ContainerPlan) -> Vec<Op> {
    let target = "/dev/shm";
    if plan.namespaces.ipc == Namespace::New {
        let size = plan.shm_size.to_string();
        let options = [("mode", "1777"), ("size", size.as_str())];
        let wanted = plan.shm_size != 0;
        return wanted
            .then(|| new_fs("tmpfs", target, &options))
            .into_iter()
            .collect();
    }
    let is_bind = |m: &&PlannedMount| matches!(m, PlannedMount::Bind { .. });
    let binds = plan.mounts.iter().filter(is_bind).count();
    vec![Op::PlaceTree {
        index: u32::try_from(binds).unwrap_or(u32::MAX),
        target: target.into(),
        readonly: false,
        propagation: Propagation::Rprivate,
    }]
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
pub(super) fn tmpfs(readonly: bool, options: &[String]) -> FileSystem {
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
