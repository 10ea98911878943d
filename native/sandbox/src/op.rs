//! What the child does, as data. A list of these is decided in the daemon (see [`crate::build`]),
//! sent to the monitor, and run in order by the container's first process (see [`crate::child`]).

use serde::{Deserialize, Serialize};

use crate::plan::{IdMap, Propagation};

/// Attributes of one mount; the values are the kernel's `MOUNT_ATTR_*`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attrs(pub u32);

impl Attrs {
    pub const READ_ONLY: Self = Self(0x1);
    pub const NO_SUID: Self = Self(0x2);
    pub const NO_DEV: Self = Self(0x4);
    pub const NO_EXEC: Self = Self(0x8);
    pub const NO_ATIME: Self = Self(0x10);
    pub const STRICT_ATIME: Self = Self(0x20);
    pub const NO_DIR_ATIME: Self = Self(0x80);
    /// What a mount gets that is neither for programs nor for devices.
    pub const PLAIN: Self = Self(0x2 | 0x4 | 0x8);

    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A new file system to mount.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileSystem {
    pub kind: String,
    /// (key, value); a key without a value is a flag.
    pub options: Vec<(String, Option<String>)>,
    pub attrs: Attrs,
}

/// How much of a tree is read-only.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ReadOnly {
    No,
    /// The topmost mount alone.
    Top,
    Recursive,
}

/// The overlay that becomes the container's root.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Overlay {
    /// Topmost first.
    pub lower: Vec<String>,
    pub upper: String,
    pub work: String,
    /// A directory of the host to mount on, in the container's mount namespace alone.
    pub at: String,
}

/// One step of the set-up. Paths are absolute; up to [`Op::PivotRoot`] those of targets count from
/// the container's root, and those of sources from the host's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Op {
    /// SIGKILL when the monitor ends. Given twice: a change of user takes it away.
    DieWithMonitor,
    /// Keeps the container's processes away from this one's memory and descriptors. Given twice: with a
    /// change of user the kernel chooses anew.
    Undumpable,
    /// Waits until the monitor has put this process into the v1 cgroups.
    AwaitJoined,
    /// A cgroup namespace whose root is the container's cgroup.
    UnshareCgroup,
    /// Takes a tree of the host's, to be mounted later by [`Op::PlaceTree`]; they count from 0.
    /// Taken before [`Op::PrivateTree`], so that it stays in its peer group.
    OpenTree {
        source: String,
        /// Below the source, from which no link may lead out.
        subpath: Option<String>,
        recursive: bool,
        id_map: Option<IdMap>,
    },
    /// Takes the layers of an image as a tree like those; behind [`Op::PrivateTree`].
    OpenImage {
        lower: Vec<String>,
        subpath: Option<String>,
        /// A directory of the host to mount on for a moment.
        at: String,
    },
    /// Makes a file system as a tree like those; behind [`Op::PrivateTree`].
    OpenDevice {
        device: String,
        fs: FileSystem,
        /// The process whose network reaches it.
        network_of: Option<u32>,
    },
    /// Takes the `/dev/shm` of the container whose mount namespace came along, as one more tree.
    DonorMemory,
    /// Cuts this mount namespace off from the host's.
    PrivateTree,
    Rootfs(Overlay),
    /// Makes the container's own procfs, mounted nowhere: until [`Op::PlaceProc`] no path leads to what is
    /// written below it, and later steps go on to write by its descriptor.
    OpenProc(FileSystem),
    /// Mounts it at `/proc`.
    PlaceProc,
    /// Mounts a new file system; the target is made if absent.
    Mount {
        target: String,
        /// What `/proc/mounts` names as such.
        source: String,
        fs: FileSystem,
    },
    /// A directory in a file system that an earlier step has mounted.
    Directory {
        path: String,
    },
    /// A character device `/dev/NAME`, mode 0666.
    Device {
        name: String,
        major: u32,
        minor: u32,
    },
    /// A device node anywhere in the root; its directory is made if absent.
    Node {
        path: String,
        block: bool,
        major: u32,
        minor: u32,
        mode: u32,
        uid: u32,
        gid: u32,
    },
    /// Nodes for all devices of the host.
    HostDevices,
    /// A symbolic link `/dev/NAME`.
    DeviceLink {
        name: String,
        to: String,
    },
    /// Mounts the tree number `index`; a target that is absent is made in the kind of the source.
    PlaceTree {
        index: u32,
        target: String,
        readonly: ReadOnly,
        propagation: Propagation,
    },
    /// Writes below `/proc/sys` through this container's own procfs; path as "net/ipv4/x".
    Sysctl {
        path: String,
        value: String,
    },
    /// Hides a file behind `/dev/null`, a directory behind an empty one; what is absent is no error.
    Mask {
        path: String,
    },
    /// What is absent is no error.
    ReadOnlyPath {
        path: String,
    },
    OomScoreAdj(i32),
    /// Makes the root mount itself read-only.
    ReadOnlyRoot,
    PivotRoot,
    Hostname(String),
    Domainname(String),
    /// Brings `lo` up.
    LoopbackUp,
    /// The resource is the kernel's number; `u64::MAX` is no limit.
    Rlimit {
        resource: u32,
        soft: u64,
        hard: u64,
    },
    NewKeyring,
    NewSession,
    /// Opens a terminal in the container's devpts, sends its master to the monitor, and makes it
    /// stdin, stdout, stderr and `/dev/console`.
    Console {
        rows: u16,
        cols: u16,
        /// Of the container's first process: `/dev/console` is this terminal too.
        main: bool,
    },
    /// Joins the namespaces of the container's first process, and takes its root.
    Enter {
        oom_score_adj: i32,
    },
    /// Looks the user up in the container's files.
    FindUser {
        user: String,
        groups: Vec<String>,
    },
    /// Lets the user found open `/dev/stdout` and its kin anew.
    OwnStdio,
    /// Made if absent.
    WorkingDirectory(String),
    /// Has to be there.
    ChangeDirectory(String),
    /// Reports that all is ready, and waits for START.
    Gate,
    /// Drops every capability from the bounding set that is not in this set.
    BoundCapabilities(u64),
    /// Becomes the user found, with these capabilities if that is root.
    BecomeUser {
        capabilities: u64,
        /// Kept beside them, whoever it is, up to [`Op::DropHeld`].
        held: u64,
    },
    /// Finds the program as that user.
    FindProgram {
        name: String,
        /// The value of PATH.
        path: Option<String>,
    },
    NoNewPrivileges,
    /// Filters system calls from here on: what follows has to get by with few.
    Seccomp {
        /// `SECCOMP_FILTER_FLAG_*`.
        flags: u32,
        /// `struct sock_filter`, 8 bytes each.
        program: Vec<u8>,
    },
    /// Gives up what was held.
    DropHeld,
    /// Takes the profile with the program that is executed, or at once.
    AppArmor {
        profile: String,
        at_once: bool,
    },
    /// Forks: the parent stays as a reaper that forwards signals, the child goes on.
    Reaper,
    Exec {
        argv: Vec<String>,
        env: Vec<String>,
    },
}
