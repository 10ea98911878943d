//! Limits as files of the control groups: pure, (controller, file, value) in the order of writing.

use super::block;
use crate::error::{Code, StepError};
use crate::plan::PlannedResources;

/// One value to write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Setting {
    pub controller: &'static str,
    pub file: &'static str,
    pub value: String,
    /// May be absent on this host (swap accounting that nobody asked for by name).
    pub optional: bool,
    /// Written instead where `file` is absent.
    pub instead: Option<(&'static str, String)>,
}

pub(super) fn set(
    controller: &'static str,
    file: &'static str,
    value: impl std::fmt::Display,
) -> Setting {
    Setting {
        controller,
        file,
        value: value.to_string(),
        optional: false,
        instead: None,
    }
}

/// Absent, and 0, mean "not asked for".
pub(super) fn asked(value: Option<i64>) -> Option<i64> {
    value.filter(|v| *v != 0)
}

const DEFAULT_PERIOD: i64 = 100_000;

/// (quota, period) in microseconds; a quota below 0 is none.
fn bandwidth(r: &PlannedResources) -> Option<(i64, i64)> {
    if let Some(nano) = asked(r.nano_cpus) {
        return Some((nano / (1_000_000_000 / DEFAULT_PERIOD), DEFAULT_PERIOD));
    }
    match (asked(r.cpu_quota), asked(r.cpu_period)) {
        (None, None) => None,
        (quota, period) => Some((quota.unwrap_or(-1), period.unwrap_or(DEFAULT_PERIOD))),
    }
}

/// Memory plus swap: twice the memory unless it was said, as Docker has it.
fn memory_and_swap(r: &PlannedResources) -> Result<Option<i64>, StepError> {
    let (memory, swap) = (asked(r.memory), asked(r.memory_swap));
    match (memory, swap) {
        (Some(memory), Some(both)) if both > 0 && both < memory => {
            let text = "set memory limit: memory plus swap is less than memory";
            Err(StepError::new(
                Code::InvalidArgument,
                "set memory limit",
                "",
                0,
                text,
            ))
        }
        (Some(memory), None) if memory > 0 => Ok(Some(memory.saturating_mul(2))),
        _ => Ok(swap),
    }
}

/// The files of a v2 cgroup.
pub(super) fn v2(r: &PlannedResources) -> Result<Vec<Setting>, StepError> {
    let limit = |v: i64| {
        if v < 0 {
            "max".to_owned()
        } else {
            v.to_string()
        }
    };
    let mut out = Vec::new();
    if let Some(memory) = asked(r.memory) {
        out.push(set("memory", "memory.max", limit(memory)));
    }
    if let Some(both) = memory_and_swap(r)? {
        let swap = if both < 0 {
            both
        } else {
            both - asked(r.memory).unwrap_or(0).max(0)
        };
        let optional = asked(r.memory_swap).is_none();
        out.push(Setting {
            optional,
            ..set("memory", "memory.swap.max", limit(swap))
        });
    }
    if let Some(low) = asked(r.memory_reservation) {
        out.push(set("memory", "memory.low", limit(low)));
    }
    if let Some(shares) = asked(r.cpu_shares) {
        out.push(set("cpu", "cpu.weight", weight_from_shares(shares)));
    }
    if let Some((quota, period)) = bandwidth(r) {
        out.push(set("cpu", "cpu.max", format!("{} {period}", limit(quota))));
    }
    out.extend(cpuset(r));
    if let Some(pids) = asked(r.pids_limit) {
        out.push(set("pids", "pids.max", limit(pids)));
    }
    out.extend(block::v2(r));
    Ok(out)
}

/// The files of v1 cgroups.
pub(super) fn v1(r: &PlannedResources) -> Result<Vec<Setting>, StepError> {
    let mut out = Vec::new();
    if let Some(memory) = asked(r.memory) {
        out.push(set("memory", "memory.limit_in_bytes", memory));
    }
    if let Some(both) = memory_and_swap(r)? {
        let optional = asked(r.memory_swap).is_none();
        out.push(Setting {
            optional,
            ..set("memory", "memory.memsw.limit_in_bytes", both)
        });
    }
    if let Some(soft) = asked(r.memory_reservation) {
        out.push(set("memory", "memory.soft_limit_in_bytes", soft));
    }
    if let Some(swappiness) = r.memory_swappiness.filter(|v| *v >= 0) {
        out.push(set("memory", "memory.swappiness", swappiness));
    }
    if r.oom_kill_disable == Some(true) {
        out.push(set("memory", "memory.oom_control", 1));
    }
    if let Some(shares) = asked(r.cpu_shares) {
        out.push(set("cpu", "cpu.shares", shares));
    }
    if let Some((quota, period)) = bandwidth(r) {
        out.push(set("cpu", "cpu.cfs_period_us", period));
        out.push(set("cpu", "cpu.cfs_quota_us", quota));
    }
    if let Some(period) = asked(r.cpu_realtime_period) {
        out.push(set("cpu", "cpu.rt_period_us", period));
    }
    if let Some(runtime) = asked(r.cpu_realtime_runtime) {
        out.push(set("cpu", "cpu.rt_runtime_us", runtime));
    }
    out.extend(cpuset(r));
    if let Some(pids) = asked(r.pids_limit) {
        let pids = if pids < 0 {
            "max".to_owned()
        } else {
            pids.to_string()
        };
        out.push(set("pids", "pids.max", pids));
    }
    out.extend(block::v1(r));
    Ok(out)
}

fn cpuset(r: &PlannedResources) -> Vec<Setting> {
    let given = |v: &Option<String>| v.clone().filter(|v| !v.is_empty());
    let cpus = given(&r.cpuset_cpus).map(|v| set("cpuset", "cpuset.cpus", v));
    let mems = given(&r.cpuset_mems).map(|v| set("cpuset", "cpuset.mems", v));
    cpus.into_iter().chain(mems).collect()
}

/// v1 shares (2…262144, default 1024) as a v2 weight (1…10000, default 100): the curve through the
/// three points (2, 1), (1024, 100), (262144, 10000) that the OCI runtimes agreed on.
fn weight_from_shares(shares: i64) -> i64 {
    match shares {
        ..=2 => 1,
        262_144.. => 10_000,
        _ => {
            #[allow(clippy::cast_precision_loss)]
            let l = (shares as f64).log2();
            let exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
            #[allow(clippy::cast_possible_truncation)]
            let weight = 10f64.powf(exponent).ceil() as i64;
            weight
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(settings: &[Setting]) -> Vec<(&str, &str)> {
        settings
            .iter()
            .map(|s| (s.file, s.value.as_str()))
            .collect()
    }

    #[test]
    fn nothing_asked_for_writes_nothing() {
        let none = PlannedResources {
            memory: Some(0),
            pids_limit: Some(0),
            ..Default::default()
        };
        assert!(v2(&none).expect("v2").is_empty());
        assert!(v1(&none).expect("v1").is_empty());
    }

    #[test]
    fn memory_and_cpus_are_translated_for_v2() {
        let r = PlannedResources {
            memory: Some(1000),
            memory_swap: Some(1500),
            nano_cpus: Some(1_500_000_000),
            pids_limit: Some(9),
            ..Default::default()
        };
        let expected = [
            ("memory.max", "1000"),
            ("memory.swap.max", "500"),
            ("cpu.max", "150000 100000"),
            ("pids.max", "9"),
        ];
        assert_eq!(pairs(&v2(&r).expect("v2")), expected);
    }

    #[test]
    fn unlimited_swap_is_said_in_each_tongue() {
        let r = PlannedResources {
            memory: Some(1000),
            memory_swap: Some(-1),
            ..Default::default()
        };
        assert_eq!(pairs(&v2(&r).expect("v2"))[1], ("memory.swap.max", "max"));
        assert_eq!(
            pairs(&v1(&r).expect("v1"))[1],
            ("memory.memsw.limit_in_bytes", "-1")
        );
    }

    #[test]
    fn swap_below_memory_is_refused() {
        let r = PlannedResources {
            memory: Some(1000),
            memory_swap: Some(10),
            ..Default::default()
        };
        assert_eq!(v2(&r).expect_err("refused").code, Code::InvalidArgument);
    }

    #[test]
    fn what_only_v1_has_is_not_written_to_v2() {
        let r = PlannedResources {
            memory_swappiness: Some(0),
            oom_kill_disable: Some(true),
            cpu_realtime_runtime: Some(1000),
            pids_limit: Some(-1),
            ..Default::default()
        };
        assert_eq!(pairs(&v2(&r).expect("v2")), [("pids.max", "max")]);
        let expected = [
            ("memory.swappiness", "0"),
            ("memory.oom_control", "1"),
            ("cpu.rt_runtime_us", "1000"),
            ("pids.max", "max"),
        ];
        assert_eq!(pairs(&v1(&r).expect("v1")), expected);
    }

    #[test]
    fn shares_become_weights_at_the_agreed_points() {
        let at = [2, 1024, 262_144].map(weight_from_shares);
        assert_eq!(at, [1, 100, 10_000]);
        assert!(weight_from_shares(512) < 100 && weight_from_shares(2048) > 100);
    }
}
