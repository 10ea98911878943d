//! The mounts that were asked for: the trees they need, and where each is put.

use crate::error::{Code, StepError};
use crate::op::{Attrs, FileSystem, Op, ReadOnly};
use crate::plan::{ContainerPlan, Namespace, PlannedMount, Propagation};

/// Which tree each planned mount is, in order (tmpfs is none), and last that of the host's shared memory.
pub(super) struct Indices {
    mounts: Vec<Option<u32>>,
    pub(super) shared_memory: Option<u32>,
}

/// Takes the host's trees while they are still in their peer groups; then, where nothing spreads any
/// more, makes those that are not the host's.
pub(super) fn open_trees(plan: &ContainerPlan, ops: &mut Vec<Op>) -> Indices {
    let mut next = 0..;
    let mut mounts = vec![None; plan.mounts.len()];
    for (mount, index) in plan.mounts.iter().zip(&mut mounts) {
        if let PlannedMount::Bind {
            source,
            subpath,
            recursive,
            id_map,
            ..
        } = mount
        {
            *index = next.next();
            ops.push(Op::OpenTree {
                source: source.clone(),
                subpath: subpath.clone(),
                recursive: *recursive,
                id_map: id_map.clone(),
            });
        }
    }
    let shared = match plan.namespaces.ipc {
        Namespace::New => None,
        Namespace::Host => Some(Op::OpenTree {
            source: "/dev/shm".into(),
            subpath: None,
            recursive: true,
            id_map: None,
        }),
        Namespace::Join(_) => Some(Op::DonorMemory),
    };
    let shared_memory = shared.as_ref().and_then(|_| next.next());
    ops.extend(shared);
    ops.push(Op::PrivateTree);
    for (mount, index) in plan.mounts.iter().zip(&mut mounts) {
        if let Some(op) = new_tree(plan, mount) {
            *index = next.next();
            ops.push(op);
        }
    }
    Indices {
        mounts,
        shared_memory,
    }
}

/// A tree that is made for the container.
fn new_tree(plan: &ContainerPlan, mount: &PlannedMount) -> Option<Op> {
    match mount {
        PlannedMount::Image { lower, subpath, .. } => Some(Op::OpenImage {
            lower: lower.clone(),
            subpath: subpath.clone(),
            at: plan.run_dir.clone(),
        }),
        PlannedMount::Device {
            fs_type,
            device,
            options,
            network_of,
            ..
        } => Some(Op::OpenDevice {
            device: device.clone(),
            fs: file_system(fs_type, Attrs::default(), options),
            network_of: *network_of,
        }),
        PlannedMount::Bind { .. } | PlannedMount::Tmpfs { .. } => None,
    }
}

/// (cleaned target, operation), in the order of the plan.
pub(super) fn planned_mounts(
    plan: &ContainerPlan,
    indices: &Indices,
) -> Result<Vec<(String, Op)>, StepError> {
    let mut out = Vec::new();
    for (mount, index) in plan.mounts.iter().zip(&indices.mounts) {
        let op = place(mount, index.unwrap_or(u32::MAX));
        let (Op::PlaceTree { target, .. } | Op::Mount { target, .. }) = &op else {
            continue;
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

/// The operation that mounts what was planned; `index` is that of its tree, if it is one.
fn place(mount: &PlannedMount, index: u32) -> Op {
    let (target, readonly, propagation) = match mount {
        PlannedMount::Tmpfs {
            target,
            readonly,
            options,
        } => {
            return Op::Mount {
                target: target.clone(),
                source: "tmpfs".into(),
                fs: tmpfs(*readonly, options),
            };
        }
        PlannedMount::Bind {
            target,
            readonly,
            writable_below,
            propagation,
            ..
        } => {
            let readonly = match (readonly, writable_below) {
                (false, _) => ReadOnly::No,
                (true, true) => ReadOnly::Top,
                (true, false) => ReadOnly::Recursive,
            };
            (target, readonly, *propagation)
        }
        PlannedMount::Device {
            target, readonly, ..
        } => {
            let readonly = if *readonly {
                ReadOnly::Recursive
            } else {
                ReadOnly::No
            };
            (target, readonly, Propagation::Rprivate)
        }
        PlannedMount::Image { target, .. } => (target, ReadOnly::Recursive, Propagation::Rprivate),
    };
    Op::PlaceTree {
        index,
        target: target.clone(),
        readonly,
        propagation,
    }
}

/// The path without empty and "." components, as text alone.
fn clean(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|p| !p.is_empty() && *p != ".")
        .collect();
    format!("/{}", parts.join("/"))
}

pub(super) fn tmpfs(readonly: bool, options: &[String]) -> FileSystem {
    let mut fs = file_system("tmpfs", Attrs::PLAIN, options);
    // Made read-only by its mount: a tmpfs that is read-only itself takes no mode.
    fs.options.retain(|(key, _)| key != "ro");
    if readonly {
        fs.attrs = fs.attrs.with(Attrs::READ_ONLY);
    }
    fs
}

/// Options as given to mount(8): flags of the mount, and the rest for the file system.
fn file_system(kind: &str, base: Attrs, options: &[String]) -> FileSystem {
    let mut attrs = base;
    let mut rest = Vec::new();
    for option in options.iter().flat_map(|o| o.split(',')) {
        match option {
            "" | "rw" | "defaults" | "relatime" | "atime" | "diratime" | "auto" | "noauto"
            | "_netdev" | "nofail" => {}
            "exec" => attrs = attrs.without(Attrs::NO_EXEC),
            "suid" => attrs = attrs.without(Attrs::NO_SUID),
            "dev" => attrs = attrs.without(Attrs::NO_DEV),
            "noexec" => attrs = attrs.with(Attrs::NO_EXEC),
            "nosuid" => attrs = attrs.with(Attrs::NO_SUID),
            "nodev" => attrs = attrs.with(Attrs::NO_DEV),
            "noatime" => attrs = attrs.with(Attrs::NO_ATIME),
            "nodiratime" => attrs = attrs.with(Attrs::NO_DIR_ATIME),
            "strictatime" => attrs = attrs.with(Attrs::STRICT_ATIME),
            other => {
                // Of the mount and of what is mounted: a journal is not to be replayed.
                if other == "ro" {
                    attrs = attrs.with(Attrs::READ_ONLY);
                }
                rest.push(match other.split_once('=') {
                    Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                    None => (other.to_owned(), None),
                });
            }
        }
    }
    FileSystem {
        kind: kind.to_owned(),
        options: rest,
        attrs,
    }
}
