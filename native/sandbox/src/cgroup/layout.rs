//! Where the control groups of this host are mounted, and in which of them this process lives.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use rustix::io::Errno;

use super::reserve;
use crate::error::{Code, Context, StepError};

/// The leaf the daemon moves itself to, so that its own cgroup may hold containers.
const DAEMON_LEAF: &str = "rt-daemon";

/// One mounted hierarchy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hierarchy {
    /// v1: the controllers mounted together. v2: empty.
    pub controllers: Vec<String>,
    pub mount: PathBuf,
    /// Directory of this process's own cgroup, below `mount`.
    pub own: PathBuf,
}

impl Hierarchy {
    /// The directory of the cgroup `name` below `parent`: none for this process's own cgroup, "/a/b" from
    /// the root of the tree, "a/b" below this process's own.
    pub(super) fn locate(&self, parent: Option<&str>, name: &str) -> PathBuf {
        let base = match parent {
            Some(parent) if parent.starts_with('/') => &self.mount,
            _ => &self.own,
        };
        let below = Path::new(parent.unwrap_or_default()).components();
        let below = below.filter(|c| matches!(c, Component::Normal(_)));
        base.join(below.collect::<PathBuf>()).join(name)
    }
}

/// The layout of this host, as seen from this process.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Layout {
    pub v2: Option<Hierarchy>,
    /// Empty on a unified host.
    pub v1: Vec<Hierarchy>,
}

impl Layout {
    /// Reads `/proc/self/cgroup` and `/proc/self/mountinfo`.
    pub fn detect() -> Result<Self, StepError> {
        let memberships =
            fs::read_to_string("/proc/self/cgroup").step("read", "/proc/self/cgroup")?;
        let mounts =
            fs::read_to_string("/proc/self/mountinfo").step("read", "/proc/self/mountinfo")?;
        let layout = Self::parse(&memberships, &mounts);
        if layout.v2.is_none() && layout.v1.is_empty() {
            let hint = "find control groups: no cgroup file system is mounted";
            return Err(StepError::new(
                Code::Unavailable,
                "find control groups",
                "",
                0,
                hint,
            ));
        }
        Ok(layout)
    }

    /// The layout, read once for the life of the process; [`prepare_parent`] refreshes it.
    pub fn cached() -> Result<Self, StepError> {
        let mut cached = CACHED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(layout) = cached.as_ref() {
            return Ok(layout.clone());
        }
        let layout = Self::detect()?;
        *cached = Some(layout.clone());
        Ok(layout)
    }

    fn parse(memberships: &str, mounts: &str) -> Self {
        let mut layout = Self::default();
        for line in mounts.lines() {
            let Some((before, after)) = line.split_once(" - ") else {
                continue;
            };
            let fields: Vec<&str> = before.split(' ').collect();
            let (Some(root), Some(mount)) = (fields.get(3), fields.get(4)) else {
                continue;
            };
            let mut kind = after.split(' ');
            let (fstype, options) = (kind.next().unwrap_or(""), kind.nth(1).unwrap_or(""));
            let mount = PathBuf::from(unescape(mount));
            match fstype {
                "cgroup2" if layout.v2.is_none() => {
                    let Some(path) = membership(memberships, str::is_empty) else {
                        continue;
                    };
                    let own = own_directory(&mount, &unescape(root), path);
                    layout.v2 = Some(Hierarchy {
                        controllers: Vec::new(),
                        mount,
                        own,
                    });
                }
                "cgroup" => {
                    let known = |name: &str| V1_CONTROLLERS.contains(&name);
                    let controllers: Vec<String> = options
                        .split(',')
                        .filter(|o| known(o))
                        .map(str::to_owned)
                        .collect();
                    let Some(first) = controllers.first() else {
                        continue;
                    };
                    if layout.v1.iter().any(|h| h.controllers.contains(first)) {
                        continue;
                    }
                    let path =
                        membership(memberships, |names| names.split(',').any(|n| n == first));
                    let Some(path) = path else { continue };
                    let own = own_directory(&mount, &unescape(root), path);
                    layout.v1.push(Hierarchy {
                        controllers,
                        mount,
                        own,
                    });
                }
                _ => {}
            }
        }
        layout
    }

    /// The v1 hierarchy of a controller.
    pub fn v1_for(&self, controller: &str) -> Option<&Hierarchy> {
        self.v1
            .iter()
            .find(|h| h.controllers.iter().any(|c| c == controller))
    }

    /// True if containers can be limited by `controller`.
    pub fn has(&self, controller: &str) -> bool {
        if self.v1_for(controller).is_some() {
            return true;
        }
        let Some(v2) = &self.v2 else { return false };
        let listed = fs::read_to_string(v2.own.join("cgroup.controllers")).unwrap_or_default();
        listed.split_ascii_whitespace().any(|c| c == controller)
    }

    /// True if block devices can be shared by weight. The root of a tree has no such file, so its children
    /// are asked too.
    pub fn has_io_weight(&self) -> bool {
        let (hierarchy, files) = match (self.v1_for("blkio"), &self.v2) {
            (Some(v1), _) => (v1, ["blkio.bfq.weight", "blkio.weight"]),
            (None, Some(v2)) => (v2, ["io.bfq.weight", "io.weight"]),
            (None, None) => return false,
        };
        let children = fs::read_dir(&hierarchy.own).into_iter().flatten().flatten();
        let mut places =
            std::iter::once(hierarchy.own.clone()).chain(children.map(|entry| entry.path()));
        places.any(|place| files.iter().any(|file| place.join(file).exists()))
    }

    /// True if swap can be limited.
    pub fn has_swap_limit(&self) -> bool {
        if let Some(v1) = self.v1_for("memory") {
            return v1.own.join("memory.memsw.limit_in_bytes").exists();
        }
        // The file is absent in the root cgroup, so ask by the controller and the kernel's feature.
        self.has("memory") && Path::new("/proc/swaps").exists()
    }
}

static CACHED: Mutex<Option<Layout>> = Mutex::new(None);

const V1_CONTROLLERS: [&str; 12] = [
    "cpu",
    "cpuacct",
    "cpuset",
    "memory",
    "devices",
    "freezer",
    "blkio",
    "pids",
    "net_cls",
    "net_prio",
    "perf_event",
    "hugetlb",
];

/// Path of the process in the hierarchy whose controller list (field 2) satisfies `wanted`.
fn membership(memberships: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
    memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, names, path) = (fields.next()?, fields.next()?, fields.next()?);
        wanted(names).then_some(path)
    })
}

/// A mount may show only a part of the tree, whose name is `root`: take that off the path. The
/// daemon's own leaf does not count: containers go beside it.
fn own_directory(mount: &Path, root: &str, path: &str) -> PathBuf {
    let root = root.trim_end_matches('/');
    let below = path
        .strip_prefix(root)
        .filter(|p| p.is_empty() || p.starts_with('/'))
        .unwrap_or(path);
    let below = below.trim_start_matches('/');
    let own = if below.is_empty() || below.starts_with("..") {
        mount.to_owned()
    } else {
        mount.join(below)
    };
    match own.parent() {
        Some(parent) if own.file_name().is_some_and(|n| n == DAEMON_LEAF) => parent.to_owned(),
        _ => own,
    }
}

/// mountinfo writes space, tab, newline and backslash as octal.
fn unescape(field: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    escapes
        .iter()
        .fold(field.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Makes this process's own cgroup fit to hold containers. For the start of the daemon.
///
/// In a v2 tree a cgroup with processes cannot hand controllers to its children, so unless it is
/// the root of the tree the daemon moves itself to a leaf of its own first. What cannot be done
/// (other processes share the cgroup, nothing is delegated) is no error here: containers without
/// limits still work, and a limit that cannot be set fails where it is asked for.
pub fn prepare_parent() -> Result<(), StepError> {
    let layout = Layout::detect()?;
    if let (Some(v2), true) = (&layout.v2, layout.v1.is_empty()) {
        // Only the root has no cgroup.type.
        if v2.own.join("cgroup.type").exists() {
            let leaf = v2.own.join(DAEMON_LEAF);
            match rustix::fs::mkdir(&leaf, rustix::fs::Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => {
                    return Err(StepError::call(
                        "make cgroup",
                        &leaf.to_string_lossy(),
                        errno,
                    ));
                }
            }
            let _moved = fs::write(leaf.join("cgroup.procs"), "0");
        }
        enable_controllers(&v2.own);
    }
    if !layout.v1.is_empty() {
        reserve::prepare(&layout);
    }
    *CACHED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(layout);
    Ok(())
}

/// Hands every available controller that containers use to the children of `directory`.
pub(super) fn enable_controllers(directory: &Path) {
    let available = fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
    let enabled = fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap_or_default();
    for wanted in ["cpu", "cpuset", "io", "memory", "pids"] {
        let has = |list: &str| list.split_ascii_whitespace().any(|c| c == wanted);
        if has(&available) && !has(&enabled) {
            // One at a time: one that is refused must not hold up the others.
            let _refused = fs::write(
                directory.join("cgroup.subtree_control"),
                format!("+{wanted}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_host_has_both_trees() {
        let layout = Layout::parse("4:memory:/a/b\n2:cpu,cpuacct:/\n0::/\n", HYBRID_MOUNTS);
        assert_eq!(
            layout.v2.map(|h| h.own),
            Some(PathBuf::from("/sys/fs/cgroup/unified"))
        );
        assert_eq!(layout.v1.len(), 2);
        assert_eq!(layout.v1[0].controllers, ["cpu", "cpuacct"]);
        assert_eq!(layout.v1[1].own, PathBuf::from("/sys/fs/cgroup/memory/a/b"));
    }

    #[test]
    fn a_mount_of_a_part_of_the_tree_is_followed() {
        let mounts = "30 1 0:9 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let layout = Layout::parse("0::/docker/x/y\n", mounts);
        assert_eq!(
            layout.v2.map(|h| h.own),
            Some(PathBuf::from("/sys/fs/cgroup/y"))
        );
        let outside = Layout::parse(
            "0::/../z\n",
            "30 1 0:9 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
        );
        assert_eq!(
            outside.v2.map(|h| h.own),
            Some(PathBuf::from("/sys/fs/cgroup"))
        );
    }

    #[test]
    fn a_parent_is_found_where_it_was_made() {
        let hierarchy = Hierarchy {
            controllers: Vec::new(),
            mount: "/m".into(),
            own: "/m/own".into(),
        };
        let at = |parent| hierarchy.locate(parent, "c");
        assert_eq!(at(None), Path::new("/m/own/c"));
        assert_eq!(at(Some("a/b")), Path::new("/m/own/a/b/c"));
        assert_eq!(at(Some("/a")), Path::new("/m/a/c"));
        assert_eq!(at(Some("/../a")), Path::new("/m/a/c"));
    }

    #[test]
    fn the_leaf_of_the_daemon_is_not_the_parent() {
        let mounts = "30 1 0:9 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let layout = Layout::parse("0::/system.slice/rt.service/rt-daemon\n", mounts);
        assert_eq!(
            layout.v2.map(|h| h.own),
            Some(PathBuf::from("/sys/fs/cgroup/system.slice/rt.service"))
        );
    }
}
