//! The processes of a container, as `/proc` shows them on the host's side. No `ps` is executed.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::layout::Layout;
use crate::error::{Context, StepError};

/// One process: what `ps` prints is made of. Times are in ticks of 1/100 s, sizes in KiB.
#[derive(Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    pub pid: u32,
    pub ppid: u32,
    pub pgid: i32,
    pub session: i32,
    /// The kernel's number of the terminal, 0 for none.
    pub tty: u32,
    /// Process group in the foreground of the terminal.
    pub foreground: i32,
    pub state: String,
    pub nice: i32,
    pub threads: u32,
    pub user_ticks: u64,
    pub kernel_ticks: u64,
    /// Of the children it has waited for.
    pub children_ticks: u64,
    /// Since boot.
    pub start_ticks: u64,
    pub uid: u32,
    pub gid: u32,
    pub virtual_size: u64,
    pub resident: u64,
    pub locked: u64,
    pub name: String,
    pub args: Vec<String>,
}

/// The processes of a container, and what their times count from.
#[derive(Debug, Serialize)]
pub struct ProcessList {
    /// Seconds since boot.
    pub uptime: f64,
    pub processes: Vec<Process>,
}

/// Lists the processes in the cgroup `name` below `parent` and in all cgroups below that.
pub fn list_processes(parent: Option<&str>, name: &str) -> Result<ProcessList, StepError> {
    let mut pids = Vec::new();
    if let Some(directory) = directories(&Layout::cached()?, parent, name).first() {
        collect_pids(directory, &mut pids);
    }
    pids.sort_unstable();
    pids.dedup();
    let uptime = fs::read_to_string("/proc/uptime").step("read", "/proc/uptime")?;
    Ok(ProcessList {
        uptime: first_number(&uptime),
        // One that has ended meanwhile is left out.
        processes: pids.into_iter().filter_map(read_process).collect(),
    })
}

/// Where the container has cgroups: its v2 one first.
pub(super) fn directories(layout: &Layout, parent: Option<&str>, name: &str) -> Vec<PathBuf> {
    let hierarchies = layout.v2.iter().chain(&layout.v1);
    hierarchies
        .map(|h| h.locate(parent, name))
        .filter(|directory| directory.is_dir())
        .collect()
}

/// Pids in the daemon's namespace; the kernel says 0 for what is outside of it.
pub(super) fn collect_pids(directory: &Path, pids: &mut Vec<u32>) {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let own = text.lines().filter_map(|line| line.parse::<u32>().ok());
    pids.extend(own.filter(|pid| *pid != 0));
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect_pids(&entry.path(), pids);
        }
    }
}

/// None if it is gone.
pub(super) fn read_process(pid: u32) -> Option<Process> {
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).ok();
    let stat = String::from_utf8_lossy(&read("stat")?).into_owned();
    let status = String::from_utf8_lossy(&read("status")?).into_owned();
    let cmdline = read("cmdline").unwrap_or_default();
    let mut process = parse_stat(pid, &stat)?;
    // The effective ids; the owner of /proc/PID tells them not for one that is not dumpable.
    process.uid = status_number(&status, "Uid:", 1);
    process.gid = status_number(&status, "Gid:", 1);
    process.resident = status_number(&status, "VmRSS:", 0);
    process.locked = status_number(&status, "VmLck:", 0);
    process.args = cmdline
        .strip_suffix(b"\0")
        .unwrap_or(&cmdline)
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    if cmdline.is_empty() {
        process.args.clear();
    }
    Some(process)
}

/// See `proc_pid_stat(5)`. The name stands in parentheses and may hold some itself.
fn parse_stat(pid: u32, stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    // Field 3 of the manual is the first one here.
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
    let count = |number: usize| field(number).parse::<u64>().unwrap_or(0);
    let signed = |number: usize| field(number).parse::<i32>().unwrap_or(0);
    Some(Process {
        pid,
        name: name.to_owned(),
        state: field(3).to_owned(),
        ppid: field(4).parse().unwrap_or(0),
        pgid: signed(5),
        session: signed(6),
        tty: field(7).parse().unwrap_or(0),
        foreground: signed(8),
        user_ticks: count(14),
        kernel_ticks: count(15),
        children_ticks: count(16) + count(17),
        nice: signed(19),
        threads: field(20).parse().unwrap_or(0),
        start_ticks: count(22),
        virtual_size: count(23) / 1024,
        ..Process::default()
    })
}

fn status_number<T: std::str::FromStr + Default>(status: &str, key: &str, index: usize) -> T {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|rest| rest.split_ascii_whitespace().nth(index));
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn first_number(text: &str) -> f64 {
    let word = text.split_ascii_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses_and_spaces() {
        let stat = "7 (a) b) S 1 7 7 34816 9 0 0 0 0 0 12 34 5 6 20 -3 2 0 900 4096 1 0";
        let process = parse_stat(7, stat).expect("parsed");
        assert_eq!(
            (process.name.as_str(), process.state.as_str()),
            ("a) b", "S")
        );
        assert_eq!(
            (process.ppid, process.tty, process.foreground),
            (1, 34816, 9)
        );
        assert_eq!((process.user_ticks, process.kernel_ticks), (12, 34));
        assert_eq!((process.children_ticks, process.start_ticks), (11, 900));
        assert_eq!(
            (process.nice, process.threads, process.virtual_size),
            (-3, 2, 4)
        );
    }

    #[test]
    fn this_process_is_read() {
        let process = read_process(std::process::id()).expect("read");
        assert!(process.threads >= 1 && process.resident > 0 && !process.args.is_empty());
        assert_eq!(process.uid, rustix::process::geteuid().as_raw());
    }

    #[test]
    fn what_is_gone_is_left_out() {
        assert_eq!(read_process(u32::MAX), None);
        assert!(directories(&Layout::default(), None, "c").is_empty());
    }
}
