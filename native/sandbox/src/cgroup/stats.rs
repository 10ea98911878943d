//! What a container uses. Every figure comes from the cgroup that counts it, v2 or v1, where the
//! container has one; otherwise (on a hybrid host it joins a v1 controller only for a limit) it is
//! summed over the container's processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::counters::{flat, parse_host_cpu, parse_io_stat, parse_networks, parse_v1_io, value};
use super::layout::Layout;
use super::processes::{Process, collect_pids, directories, read_process};
use crate::error::StepError;

/// Nanoseconds in a tick of `/proc`, which is 1/100 s on every architecture we run on.
pub(super) const TICK: u64 = 10_000_000;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    pub cpu: Cpu,
    pub memory: Memory,
    pub pids: u64,
    /// None: no limit.
    pub pids_limit: Option<u64>,
    pub block: Vec<BlockIo>,
    pub networks: BTreeMap<String, Network>,
}

/// Nanoseconds.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    pub total: u64,
    pub user: u64,
    pub kernel: u64,
    /// Of the whole host, idle time too.
    pub system: u64,
    pub online: u64,
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled_time: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    pub usage: u64,
    pub max_usage: u64,
    pub fail_count: u64,
    /// None: that of the host.
    pub limit: Option<u64>,
    /// `memory.stat`.
    pub stats: BTreeMap<String, u64>,
}

#[derive(Debug, Eq, PartialEq, Serialize)]
pub struct BlockIo {
    pub major: u64,
    pub minor: u64,
    pub op: &'static str,
    pub value: u64,
}

#[derive(Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

/// Reads what the container in the cgroup `name` below `parent`, whose first process is `pid`, uses.
pub fn read_stats(parent: Option<&str>, name: &str, pid: u32) -> Result<Sample, StepError> {
    let layout = Layout::cached()?;
    let place = Place {
        v2: layout.v2.as_ref().map(|h| h.locate(parent, name)),
        v1: |controller: &str| {
            let hierarchy = layout.v1_for(controller)?;
            Some(hierarchy.locate(parent, name)).filter(|directory| directory.is_dir())
        },
    };
    let mut pids = Vec::new();
    if let Some(directory) = directories(&layout, parent, name).first() {
        collect_pids(directory, &mut pids);
    }
    let processes: Vec<Process> = pids.iter().filter_map(|pid| read_process(*pid)).collect();
    let (count, pids_limit) = read_pids(&place, &processes);
    Ok(Sample {
        cpu: read_cpu(&place, &processes),
        memory: read_memory(&place, &processes),
        pids: count,
        pids_limit,
        block: read_block(&place, &processes),
        networks: parse_networks(&text(&PathBuf::from(format!("/proc/{pid}/net/dev")))),
    })
}

struct Place<F: Fn(&str) -> Option<PathBuf>> {
    v2: Option<PathBuf>,
    /// The container's directory in a v1 hierarchy that it has joined.
    v1: F,
}

impl<F: Fn(&str) -> Option<PathBuf>> Place<F> {
    /// The container's v2 directory if it has this file.
    fn v2_with(&self, file: &str) -> Option<&Path> {
        self.v2.as_deref().filter(|v2| v2.join(file).exists())
    }
}

fn read_cpu<F: Fn(&str) -> Option<PathBuf>>(place: &Place<F>, processes: &[Process]) -> Cpu {
    let mut cpu = parse_host_cpu(&text(Path::new("/proc/stat")));
    if let Some(v2) = place.v2_with("cpu.stat") {
        let stat = flat(&text(&v2.join("cpu.stat")));
        let micros = |key: &str| value(&stat, key) * 1000;
        cpu.total = micros("usage_usec");
        cpu.user = micros("user_usec");
        cpu.kernel = micros("system_usec");
        cpu.periods = value(&stat, "nr_periods");
        cpu.throttled_periods = value(&stat, "nr_throttled");
        cpu.throttled_time = micros("throttled_usec");
    } else {
        for process in processes {
            cpu.user += process.user_ticks * TICK;
            cpu.kernel += process.kernel_ticks * TICK;
            cpu.total +=
                (process.user_ticks + process.kernel_ticks + process.children_ticks) * TICK;
        }
        if let Some(accounting) = (place.v1)("cpuacct") {
            cpu.total = number(&accounting.join("cpuacct.usage")).unwrap_or(cpu.total);
        }
    }
    if let Some(quota) = (place.v1)("cpu") {
        let stat = flat(&text(&quota.join("cpu.stat")));
        cpu.periods = value(&stat, "nr_periods");
        cpu.throttled_periods = value(&stat, "nr_throttled");
        cpu.throttled_time = value(&stat, "throttled_time");
    }
    cpu
}

fn read_memory<F: Fn(&str) -> Option<PathBuf>>(place: &Place<F>, processes: &[Process]) -> Memory {
    if let Some(v2) = place.v2_with("memory.current") {
        return Memory {
            usage: number(&v2.join("memory.current")).unwrap_or(0),
            limit: number(&v2.join("memory.max")),
            stats: flat(&text(&v2.join("memory.stat"))),
            ..Memory::default()
        };
    }
    if let Some(v1) = (place.v1)("memory") {
        let read = |file: &str| number(&v1.join(file));
        return Memory {
            usage: read("memory.usage_in_bytes").unwrap_or(0),
            max_usage: read("memory.max_usage_in_bytes").unwrap_or(0),
            fail_count: read("memory.failcnt").unwrap_or(0),
            // No limit is the largest number of pages there.
            limit: read("memory.limit_in_bytes").filter(|limit| *limit < 1 << 60),
            stats: flat(&text(&v1.join("memory.stat"))),
        };
    }
    Memory {
        usage: processes.iter().map(proportional_size).sum(),
        ..Memory::default()
    }
}

/// Pages that are shared count in shares (PSS), so that the sum counts each once.
fn proportional_size(process: &Process) -> u64 {
    let rollup = text(&PathBuf::from(format!(
        "/proc/{}/smaps_rollup",
        process.pid
    )));
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
    kib.unwrap_or(process.resident) * 1024
}

fn read_pids<F: Fn(&str) -> Option<PathBuf>>(
    place: &Place<F>,
    processes: &[Process],
) -> (u64, Option<u64>) {
    let directory = place.v2_with("pids.current").map(Path::to_owned);
    if let Some(directory) = directory.or_else(|| (place.v1)("pids"))
        && let Some(count) = number(&directory.join("pids.current"))
    {
        return (count, number(&directory.join("pids.max")));
    }
    (processes.iter().map(|p| u64::from(p.threads)).sum(), None)
}

fn read_block<F: Fn(&str) -> Option<PathBuf>>(
    place: &Place<F>,
    processes: &[Process],
) -> Vec<BlockIo> {
    if let Some(v2) = place.v2_with("io.stat") {
        return parse_io_stat(&text(&v2.join("io.stat")));
    }
    if let Some(v1) = (place.v1)("blkio") {
        let file = v1.join("blkio.throttle.io_service_bytes_recursive");
        return parse_v1_io(&text(&file));
    }
    let sum = |key: &str| -> u64 {
        let read = |p: &Process| text(&PathBuf::from(format!("/proc/{}/io", p.pid)));
        processes.iter().map(|p| value(&flat(&read(p)), key)).sum()
    };
    let (read, written) = (sum("read_bytes:"), sum("write_bytes:"));
    if read + written == 0 {
        return Vec::new();
    }
    let entry = |op, value| BlockIo {
        major: 0,
        minor: 0,
        op,
        value,
    };
    vec![entry("read", read), entry("write", written)]
}

/// Empty if it is gone.
fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// None for what is absent, and for "max".
fn number(file: &Path) -> Option<u64> {
    text(file).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_without_cgroups_uses_what_its_processes_use() {
        let place = Place {
            v2: None,
            v1: |_: &str| None,
        };
        let own = read_process(std::process::id()).expect("read");
        let (threads, ticks) = (u64::from(own.threads), own.user_ticks + own.kernel_ticks);
        let processes = [own];
        assert_eq!(read_pids(&place, &processes), (threads, None));
        assert!(read_memory(&place, &processes).usage > 0);
        assert!(read_cpu(&place, &processes).total >= ticks * TICK);
    }
}
