//! Facts about this host.

use std::fs;

use serde::Serialize;

use crate::cgroup::Layout;
use crate::sys;

/// What `info` and the planner need to know; `HostFacts` of `src/native-types/`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)]
pub struct HostFacts {
    pub kernel_version: String,
    pub cgroup_version: u8,
    /// v1 controllers beside a v2 tree.
    pub cgroup_hybrid: bool,
    pub memory_limit: bool,
    pub swap_limit: bool,
    pub cpu_quota: bool,
    pub pids_limit: bool,
    pub cpuset: bool,
    pub memory_swappiness: bool,
    pub oom_kill_disable: bool,
    pub cpu_realtime: bool,
    pub blkio_weight: bool,
    pub blkio_throttle: bool,
    /// CPUs and memory nodes that a container may be bound to, as "0-3,8".
    pub cpus: String,
    pub mems: String,
    /// System calls can be filtered.
    pub seccomp: bool,
    pub ncpu: usize,
    pub mem_total: u64,
}

/// Reads the facts anew at each call (some small files).
pub fn host_facts() -> HostFacts {
    let layout = Layout::detect();
    let has = |controller: &str| layout.as_ref().is_ok_and(|l| l.has(controller));
    let has_file = |controller: &str, file: &str| {
        let layout = layout.as_ref().ok();
        let v1 = layout.and_then(|l| l.v1_for(controller));
        v1.is_some_and(|hierarchy| hierarchy.own.join(file).exists())
    };
    HostFacts {
        kernel_version: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        cgroup_version: if layout.as_ref().is_ok_and(|l| l.v1.is_empty()) {
            2
        } else {
            1
        },
        cgroup_hybrid: layout
            .as_ref()
            .is_ok_and(|l| !l.v1.is_empty() && l.v2.is_some()),
        memory_limit: has("memory"),
        swap_limit: layout.as_ref().is_ok_and(Layout::has_swap_limit),
        cpu_quota: has("cpu"),
        pids_limit: has("pids"),
        cpuset: has("cpuset"),
        memory_swappiness: has_file("memory", "memory.swappiness"),
        oom_kill_disable: has_file("memory", "memory.oom_control"),
        cpu_realtime: has_file("cpu", "cpu.rt_runtime_us"),
        blkio_weight: layout.as_ref().is_ok_and(Layout::has_io_weight),
        blkio_throttle: has("io") || has_file("blkio", "blkio.throttle.read_bps_device"),
        cpus: online("cpu"),
        mems: online("node"),
        seccomp: sys::has_seccomp(),
        ncpu: std::thread::available_parallelism().map_or(1, Into::into),
        mem_total: mem_total(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
    }
}

/// Since Linux 6.8 overlay can be told its layers one by one, by options as long as they need be. Up to 6.4
/// it takes any option at first, and refuses all of them in the end.
pub(crate) fn takes_single_layers() -> bool {
    is_at_least(&rustix::system::uname().release().to_string_lossy(), (6, 8))
}

/// "6.1.0-56-cloud-amd64" is at least (6, 1).
fn is_at_least(release: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    (next(), next()) >= wanted
}

fn online(kind: &str) -> String {
    let path = format!("/sys/devices/system/{kind}/online");
    let text = fs::read_to_string(path).unwrap_or_else(|_| "0".into());
    text.trim().to_owned()
}

fn mem_total(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_compared_by_number() {
        for (release, newer) in [
            ("6.8.0", true),
            ("6.18.44-fc", true),
            ("7.0-rc1", true),
            ("6.7.12", false),
            ("6.1.0-56-cloud-amd64", false),
            ("5.15", false),
            ("", false),
        ] {
            assert_eq!(is_at_least(release, (6, 8)), newer, "{release}");
        }
    }

    #[test]
    fn mem_total_is_in_bytes() {
        assert_eq!(
            mem_total("MemTotal:       24684084 kB\nMemFree: 1 kB\n"),
            25_276_502_016
        );
    }
}
