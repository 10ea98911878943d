//! The container plan as the daemon writes it: the Rust half of `src/native-types/`.
//!
//! The shapes are equal to the TypeScript ones (camelCase JSON). Nothing unknown is denied, so that
//! a daemon may say more than this version understands. All paths are absolute, all sizes bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::whole::{maybe_whole, whole};

/// Everything that is decided about a container before its monitor starts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPlan {
    /// 64 hex digits.
    pub id: String,
    /// Exists, mode 0700. The monitor's socket is `${run_dir}/monitor.sock`.
    pub run_dir: String,
    /// The exit record, written to a temporary name and renamed.
    pub exit_path: String,
    /// None for the driver "none".
    pub log: Option<LogPlan>,
    pub rootfs: RootfsPlan,
    /// Made after the default ones, in this order.
    #[serde(default)]
    pub mounts: Vec<PlannedMount>,
    pub process: ProcessPlan,
    /// Run a small reaper as PID 1 that forwards signals.
    #[serde(default)]
    pub init: bool,
    #[serde(default)]
    pub hostname: String,
    #[serde(default)]
    pub domainname: String,
    /// Its networks have names: the monitor is its resolver, by the file `${run_dir}/names`.
    #[serde(default)]
    pub has_names: bool,
    pub namespaces: NamespacePlan,
    pub cgroup: CgroupPlan,
    /// `/sys` writable, all host devices, no device rules.
    #[serde(default)]
    pub privileged: bool,
    /// None: as `privileged`.
    #[serde(default)]
    pub writable_cgroups: Option<bool>,
    #[serde(default)]
    pub masked_paths: Vec<String>,
    #[serde(default)]
    pub readonly_paths: Vec<String>,
    #[serde(default)]
    pub sysctls: BTreeMap<String, String>,
    /// 0: no `/dev/shm` at all.
    #[serde(deserialize_with = "whole")]
    pub shm_size: i64,
    /// Nodes of host devices, which the container may use.
    #[serde(default)]
    pub devices: Vec<DevicePlan>,
    /// Allowed beyond the default devices and `devices`.
    #[serde(default)]
    pub device_rules: Vec<DeviceRule>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DevicePlan {
    /// In the container.
    pub path: String,
    pub kind: DeviceKind,
    pub major: u32,
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Letters of "rwm".
    pub access: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeviceRule {
    pub kind: DeviceKind,
    /// None: any.
    pub major: Option<u32>,
    /// None: any.
    pub minor: Option<u32>,
    /// Letters of "rwm".
    pub access: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    All,
    Block,
    Char,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPlan {
    pub driver: LogDriver,
    /// The current file; rotated ones are `path.1`, `path.2.gz` …
    pub path: String,
    /// Bytes at which a file is closed; none: never.
    pub max_size: Option<u64>,
    /// Files in all.
    pub max_file: u32,
    pub compress: bool,
    /// The program waits for the disk; otherwise `buffer_size` bytes may wait, and the rest is lost.
    pub blocking: bool,
    pub buffer_size: u64,
    /// A JSON object of strings that comes with every record.
    pub attrs: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogDriver {
    JsonFile,
    Local,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootfsPlan {
    /// Layer directories, topmost first; at least one.
    pub lower: Vec<String>,
    pub upper: String,
    pub work: String,
    pub readonly: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum PlannedMount {
    Bind {
        source: String,
        /// Below the source; links may not lead out of it.
        #[serde(default)]
        subpath: Option<String>,
        target: String,
        readonly: bool,
        /// What is mounted below a read-only source stays writable.
        #[serde(default)]
        writable_below: bool,
        recursive: bool,
        propagation: Propagation,
        #[serde(default)]
        id_map: Option<IdMap>,
    },
    Tmpfs {
        target: String,
        readonly: bool,
        #[serde(default)]
        options: Vec<String>,
    },
    /// A file system as mount(8) would mount it, in the container's mount namespace alone.
    Device {
        fs_type: String,
        device: String,
        options: Vec<String>,
        target: String,
        readonly: bool,
        /// The process whose network reaches it.
        #[serde(default)]
        network_of: Option<u32>,
    },
    /// Layers of an image, topmost first, at least two.
    Image {
        lower: Vec<String>,
        #[serde(default)]
        subpath: Option<String>,
        target: String,
    },
}

/// Which owner of a file is shown as which; an empty one shows the source's owner as root.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IdMap {
    pub uids: Vec<IdRange>,
    pub gids: Vec<IdRange>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IdRange {
    pub inside: u32,
    pub host: u32,
    pub size: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    Private,
    Rprivate,
    Shared,
    Rshared,
    Slave,
    Rslave,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)]
pub struct ProcessPlan {
    pub argv: Vec<String>,
    pub env: Vec<String>,
    pub cwd: String,
    /// As typed: "", "user", "uid", "user:group", "uid:gid". Looked up inside the root.
    pub user: String,
    #[serde(default)]
    pub groups: Vec<String>,
    pub tty: bool,
    pub rows: u16,
    pub cols: u16,
    /// Keep a pipe (or the pty) for stdin; otherwise `/dev/null`.
    pub open_stdin: bool,
    /// Close the pipe after the first attached client has closed its side.
    pub stdin_once: bool,
    /// Bit n is capability n: the bounding set and, for root, the effective one.
    pub capabilities: u64,
    pub no_new_privileges: bool,
    /// None: every system call is let through.
    #[serde(default)]
    pub seccomp: Option<SeccompPlan>,
    /// A profile that the kernel knows; none: the program keeps what the daemon has.
    #[serde(default)]
    pub app_armor: Option<String>,
    pub oom_score_adj: i32,
    #[serde(default)]
    pub rlimits: Vec<RlimitPlan>,
}

/// Which system calls are let through.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SeccompPlan {
    /// As Docker writes it; none: the built-in one.
    pub profile: Option<String>,
    /// What the conditions of the profile are about: those of the container, also for a further process
    /// that has more.
    pub capabilities: u64,
}

/// A further process of a container that runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecPlan {
    /// 64 hex digits.
    pub id: String,
    pub process: ProcessPlan,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RlimitPlan {
    /// The kernel's number, see getrlimit(2).
    pub resource: u32,
    /// Negative for no limit.
    #[serde(deserialize_with = "whole")]
    pub soft: i64,
    /// Negative for no limit.
    #[serde(deserialize_with = "whole")]
    pub hard: i64,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    New,
    Host,
    /// That of another container.
    Join(Donor),
}

/// A container that others share namespaces of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Donor {
    pub id: String,
    /// Its first process.
    pub pid: u32,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NamespacePlan {
    pub network: Namespace,
    pub pid: Namespace,
    pub ipc: Namespace,
    pub uts: Namespace,
    pub cgroup: Namespace,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CgroupPlan {
    /// None: the daemon's own cgroup.
    pub parent: Option<String>,
    /// Leaf name below `parent`.
    pub name: String,
    #[serde(default)]
    pub resources: PlannedResources,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlannedResources {
    #[serde(deserialize_with = "maybe_whole")]
    pub memory: Option<i64>,
    /// Memory plus swap; -1 for no limit.
    #[serde(deserialize_with = "maybe_whole")]
    pub memory_swap: Option<i64>,
    #[serde(deserialize_with = "maybe_whole")]
    pub memory_reservation: Option<i64>,
    /// CPU time in units of 1e-9 CPUs.
    #[serde(deserialize_with = "maybe_whole")]
    pub nano_cpus: Option<i64>,
    #[serde(deserialize_with = "maybe_whole")]
    pub cpu_shares: Option<i64>,
    #[serde(deserialize_with = "maybe_whole")]
    pub cpu_quota: Option<i64>,
    #[serde(deserialize_with = "maybe_whole")]
    pub cpu_period: Option<i64>,
    pub cpuset_cpus: Option<String>,
    pub cpuset_mems: Option<String>,
    /// Negative: no limit.
    #[serde(deserialize_with = "maybe_whole")]
    pub pids_limit: Option<i64>,
    /// 0 … 100; v1 alone.
    #[serde(deserialize_with = "maybe_whole")]
    pub memory_swappiness: Option<i64>,
    /// v1 alone.
    pub oom_kill_disable: Option<bool>,
    /// v1 alone.
    #[serde(deserialize_with = "maybe_whole")]
    pub cpu_realtime_period: Option<i64>,
    /// v1 alone.
    #[serde(deserialize_with = "maybe_whole")]
    pub cpu_realtime_runtime: Option<i64>,
    /// 10 … 1000.
    #[serde(deserialize_with = "maybe_whole")]
    pub blkio_weight: Option<i64>,
    pub blkio_weight_device: Vec<DeviceLimit>,
    pub blkio_read_bps: Vec<DeviceLimit>,
    pub blkio_write_bps: Vec<DeviceLimit>,
    pub blkio_read_iops: Vec<DeviceLimit>,
    pub blkio_write_iops: Vec<DeviceLimit>,
}

/// A limit, or a weight, on one block device.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeviceLimit {
    pub major: u32,
    pub minor: u32,
    #[serde(deserialize_with = "whole")]
    pub value: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_written_in_typescript_is_read() {
        let text = include_str!("../testdata/plan.json");
        let plan: ContainerPlan = serde_json::from_str(text).expect("plan");
        assert_eq!(plan.process.argv, ["/hello"]);
        assert_eq!(plan.cgroup.resources.memory, Some(67_108_864));
        assert_eq!(plan.cgroup.resources.cpu_quota, None);
        assert!(
            matches!(&plan.mounts[0], PlannedMount::Bind { target, .. } if target == "/etc/hosts")
        );
        assert!(
            matches!(&plan.mounts[1], PlannedMount::Tmpfs { options, .. } if options.len() == 2)
        );
    }

    #[test]
    fn a_limit_that_went_through_a_double_means_no_limit() {
        let text = r#"{"resource":7,"soft":1024,"hard":18446744073709552000}"#;
        let limit: RlimitPlan = serde_json::from_str(text).expect("rlimit");
        assert_eq!((limit.soft, limit.hard), (1024, -1));
    }
}
