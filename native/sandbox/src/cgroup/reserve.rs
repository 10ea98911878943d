//! What a container without limits leaves to the daemon: the last processes of the machine, and processors.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use super::layout::{Hierarchy, Layout};
use crate::spawner::{self, Cgroup, Places, TRIES};

/// The v1 cgroup in which containers begin.
const CONTAINERS: &str = "rt-containers";
/// Of all containers against one thread of the daemon, which has 1024.
const SHARES: &str = "8192";

/// On v1: makes the cgroups in which containers begin, and the thread that starts them there. What cannot be made is no
/// error: then containers share with the daemon as any processes do.
pub(super) fn prepare(layout: &Layout) {
    let make = |hierarchy: &Hierarchy, file: &'static str, value: String| {
        let directory = hierarchy.own.join(CONTAINERS);
        let cgroup = Cgroup {
            directory,
            file,
            value,
        };
        (0..TRIES).any(|_| cgroup.make()).then_some(cgroup)
    };
    let pids = layout.v1_for("pids");
    let cpu = layout.v1_for("cpu").filter(|cpu| !sessions_are_fair(cpu));
    spawner::start(Places {
        shared: pids
            .and_then(|pids| make(pids, "pids.max", most_processes(pids).to_string()))
            .into_iter()
            .collect(),
        apart: cpu.and_then(|cpu| make(cpu, "cpu.shares", SHARES.to_owned())),
    });
}

/// How long what ends with the daemon, or shortly before it, may stay in its cgroup.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes those cgroups away when the daemon ends and none of its containers runs. A daemon that starts meanwhile makes
/// anew what it cannot enter.
pub fn retire() {
    let Ok(layout) = Layout::cached() else {
        return;
    };
    spawner::end();
    let deadline = Instant::now() + PATIENCE;
    let mut directories: Vec<_> = ["pids", "cpu"]
        .into_iter()
        .filter_map(|name| Some(layout.v1_for(name)?.own.join(CONTAINERS)))
        .collect();
    loop {
        directories.retain(|directory| !remove_tree(directory));
        if directories.is_empty() || Instant::now() > deadline {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// True if nothing is there; what is below goes as far as it is empty.
fn remove_tree(directory: &Path) -> bool {
    for child in children(directory) {
        let _busy = fs::remove_dir(child);
    }
    let removed = fs::remove_dir(directory);
    !removed.is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

/// True if the scheduler shares processors by session, as it does in the root cgroup alone: a container is one.
fn sessions_are_fair(cpu: &Hierarchy) -> bool {
    let enabled = fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled");
    cpu.own == cpu.mount && enabled.is_ok_and(|text| text.trim() == "1")
}

/// How many processes a container may have that nobody has set a limit for. At the machine's very limit, or that of the
/// daemon's own cgroup, the daemon could start no thread any more, which ends it.
pub(super) fn most_processes(hierarchy: &Hierarchy) -> u64 {
    let number = |path: &Path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let machine = ["pid_max", "threads-max"]
        .into_iter()
        .filter_map(|name| number(&Path::new("/proc/sys/kernel").join(name)));
    let groups = hierarchy
        .own
        .ancestors()
        .take_while(|path| path.starts_with(&hierarchy.mount))
        .filter_map(|path| number(&path.join("pids.max")));
    without_reserve(machine.chain(groups).min().unwrap_or(32_768))
}

/// A tenth is kept back; enough for the daemon's threads and monitors, and no more than they could use.
fn without_reserve(total: u64) -> u64 {
    total - (total / 10).clamp(total.min(100) / 2, 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_kept_back_within_bounds() {
        assert_eq!(without_reserve(32_768), 31_768);
        assert_eq!(without_reserve(4_000), 3_600);
        assert_eq!(without_reserve(300), 250);
        assert_eq!(without_reserve(10), 5);
        assert_eq!(without_reserve(0), 0);
    }
}
