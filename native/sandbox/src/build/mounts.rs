//! The mounts: those every container has, in Docker's order and with Docker's flags, and the planned.

use super::planned::{Indices, open_trees, planned_mounts};
use super::{CgroupView, sysctl};
use crate::error::StepError;
use crate::op::{Attrs, FileSystem, Op, Overlay, ReadOnly};
use crate::plan::{ContainerPlan, DeviceKind, DevicePlan, Propagation};

pub(super) fn build(
    plan: &ContainerPlan,
    view: &CgroupView,
    ops: &mut Vec<Op>,
) -> Result<(), StepError> {
    let indices = open_trees(plan, ops);
    ops.push(Op::Rootfs(Overlay {
        lower: plan.rootfs.lower.clone(),
        upper: plan.rootfs.upper.clone(),
        work: plan.rootfs.work.clone(),
        at: plan.run_dir.clone(),
    }));

    let mut rest = planned_mounts(plan, &indices)?;
    ops.push(Op::OpenProc(file_system("proc", Attrs::PLAIN, &[])));
    ops.extend(sysctl::build(plan)?);
    ops.push(Op::OomScoreAdj(plan.process.oom_score_adj));
    ops.push(Op::PlaceProc);
    let has_own_devices = rest.iter().any(|(target, _)| target == "/dev");
    let groups: [(&str, Vec<Op>); 6] = [
        ("/dev", device_directory(plan)),
        ("/dev/pts", vec![devpts()]),
        ("/sys", vec![sysfs(plan)]),
        ("/sys/fs/cgroup", cgroup_mounts(plan, view)),
        ("/dev/mqueue", message_queues(has_own_devices)),
        ("/dev/shm", shared_memory(plan, &indices, has_own_devices)),
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
    }
    ops.extend(rest.into_iter().map(|(_, op)| op));
    // Behind all mounts, so that a node is never hidden by one.
    ops.extend(plan.devices.iter().map(node));
    let masked = plan.masked_paths.iter().cloned();
    ops.extend(masked.map(|path| Op::Mask { path }));
    let readonly = plan.readonly_paths.iter().cloned();
    ops.extend(readonly.map(|path| Op::ReadOnlyPath { path }));
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

/// A `/dev` of the user's (the host's, mostly) has below it what is to be there: it may be read-only, and
/// directories would be made in it. Terminals are the container's own all the same.
fn message_queues(has_own_devices: bool) -> Vec<Op> {
    let queues = || new_fs("mqueue", "/dev/mqueue", &[]);
    (!has_own_devices).then(queues).into_iter().collect()
}

fn shared_memory(plan: &ContainerPlan, indices: &Indices, has_own_devices: bool) -> Vec<Op> {
    let target = "/dev/shm";
    let Some(index) = indices.shared_memory else {
        let size = plan.shm_size.to_string();
        let options = [("mode", "1777"), ("size", size.as_str())];
        let wanted = plan.shm_size != 0 && !has_own_devices;
        return wanted
            .then(|| mount("shm", target, file_system("tmpfs", Attrs::PLAIN, &options)))
            .into_iter()
            .collect();
    };
    vec![Op::PlaceTree {
        index,
        target: target.into(),
        readonly: ReadOnly::No,
        propagation: Propagation::Rprivate,
    }]
}

fn new_fs(kind: &str, target: &str, options: &[(&str, &str)]) -> Op {
    mount(kind, target, file_system(kind, Attrs::PLAIN, options))
}

fn mount(source: &str, target: &str, fs: FileSystem) -> Op {
    Op::Mount {
        target: target.into(),
        source: source.into(),
        fs,
    }
}

fn file_system(kind: &str, attrs: Attrs, options: &[(&str, &str)]) -> FileSystem {
    let options = options
        .iter()
        .map(|(k, v)| ((*k).to_owned(), Some((*v).to_owned())))
        .collect();
    FileSystem {
        kind: kind.into(),
        options,
        attrs,
    }
}

fn device_directory(plan: &ContainerPlan) -> Vec<Op> {
    let attrs = Attrs::NO_SUID.with(Attrs::STRICT_ATIME);
    let options = [("mode", "755"), ("size", "65536k")];
    let mut ops = vec![mount(
        "tmpfs",
        "/dev",
        file_system("tmpfs", attrs, &options),
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
    let fs = FileSystem {
        kind: "devpts".into(),
        options,
        attrs,
    };
    mount("devpts", "/dev/pts", fs)
}

/// Attributes of kernel interfaces.
fn kernel_attrs(writable: bool) -> Attrs {
    if writable {
        Attrs::PLAIN
    } else {
        Attrs::PLAIN.with(Attrs::READ_ONLY)
    }
}

fn sysfs(plan: &ContainerPlan) -> Op {
    let attrs = kernel_attrs(plan.privileged);
    mount("sysfs", "/sys", file_system("sysfs", attrs, &[]))
}

fn cgroup_mounts(plan: &ContainerPlan, view: &CgroupView) -> Vec<Op> {
    const AT: &str = "/sys/fs/cgroup";
    let attrs = kernel_attrs(plan.writable_cgroups.unwrap_or(plan.privileged));
    let CgroupView::Split(parts) = view else {
        return vec![mount("cgroup", AT, file_system("cgroup2", attrs, &[]))];
    };
    let mut ops = vec![new_fs("tmpfs", AT, &[("mode", "755")])];
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
        let fs = FileSystem {
            kind: kind.into(),
            options,
            attrs,
        };
        ops.push(mount("cgroup", &target, fs));
    }
    if attrs != Attrs::PLAIN {
        ops.push(Op::ReadOnlyPath { path: AT.into() });
    }
    ops
}
