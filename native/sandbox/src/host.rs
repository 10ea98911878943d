//! Facts about this host and its processes.

use std::fs;

use serde::Serialize;

use crate::cgroup::Layout;

/// What `info` and the planner need to know; `HostFacts` of `src/native-types.ts`.
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
    pub ncpu: usize,
    pub mem_total: u64,
}

/// Reads the facts anew at each call (some small files).
pub fn host_facts() -> HostFacts {
    let layout = Layout::detect();
    let has = |controller: &str| layout.as_ref().is_ok_and(|l| l.has(controller));
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
        ncpu: std::thread::available_parallelism().map_or(1, Into::into),
        mem_total: mem_total(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
    }
}

/// True if `pid` is alive (a zombie is not) and started at `start_time`.
pub fn is_alive(pid: u32, start_time: u64) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    parse_stat(&stat)
        .is_some_and(|(state, start)| start == start_time && !matches!(state, 'Z' | 'X'))
}

/// Field 22 of `/proc/PID/stat`: clock ticks between boot and the start of the process.
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&stat).map(|(_, start)| start)
}

/// (state, start time). The name in field 2 may hold spaces and parentheses, so count after the
/// last parenthesis.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let started_at = fields.nth(18)?.parse().ok()?;
    Some((state, started_at))
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
    fn a_hostile_process_name_does_not_shift_the_fields() {
        let stat = "7 (a) R 1 (b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 10 1 184467";
        assert_eq!(parse_stat(stat), Some(('S', 4242)));
    }

    #[test]
    fn this_process_is_alive_at_its_start_time_only() {
        let pid = std::process::id();
        let start = start_time(pid).expect("own start time");
        assert!(is_alive(pid, start));
        assert!(!is_alive(pid, start + 1));
    }

    #[test]
    fn mem_total_is_in_bytes() {
        assert_eq!(
            mem_total("MemTotal:       24684084 kB\nMemFree: 1 kB\n"),
            25_276_502_016
        );
    }
}
