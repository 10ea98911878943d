//! Limits and weights of block devices as files, see [`super::resources`].

use super::resources::{Setting, asked, set};
use crate::plan::{DeviceLimit, PlannedResources};

/// `io.max` takes one key at a time and keeps the others. A weight is BFQ's where that scheduler is,
/// else that of `io.weight`, whose range is ten times as wide.
pub(super) fn v2(r: &PlannedResources) -> Vec<Setting> {
    let weights = asked(r.blkio_weight).map(|weight| Setting {
        instead: Some(("io.weight", wide(weight).to_string())),
        ..set("io", "io.bfq.weight", weight)
    });
    let of_devices = r.blkio_weight_device.iter().map(|d| Setting {
        instead: Some(("io.weight", line(d, "", wide(d.value)))),
        ..set("io", "io.bfq.weight", line(d, "", d.value))
    });
    let limits = [
        (&r.blkio_read_bps, "rbps="),
        (&r.blkio_write_bps, "wbps="),
        (&r.blkio_read_iops, "riops="),
        (&r.blkio_write_iops, "wiops="),
    ];
    let limits = limits.into_iter().flat_map(|(devices, key)| {
        devices
            .iter()
            .map(move |d| set("io", "io.max", line(d, key, d.value)))
    });
    weights
        .into_iter()
        .chain(of_devices)
        .chain(limits)
        .collect()
}

pub(super) fn v1(r: &PlannedResources) -> Vec<Setting> {
    let weights = asked(r.blkio_weight).map(|weight| Setting {
        instead: Some(("blkio.weight", weight.to_string())),
        ..set("blkio", "blkio.bfq.weight", weight)
    });
    let of_devices = r.blkio_weight_device.iter().map(|d| Setting {
        instead: Some(("blkio.weight_device", line(d, "", d.value))),
        ..set("blkio", "blkio.bfq.weight_device", line(d, "", d.value))
    });
    let limits = [
        (&r.blkio_read_bps, "blkio.throttle.read_bps_device"),
        (&r.blkio_write_bps, "blkio.throttle.write_bps_device"),
        (&r.blkio_read_iops, "blkio.throttle.read_iops_device"),
        (&r.blkio_write_iops, "blkio.throttle.write_iops_device"),
    ];
    let limits = limits.into_iter().flat_map(|(devices, file)| {
        devices
            .iter()
            .map(move |d| set("blkio", file, line(d, "", d.value)))
    });
    weights
        .into_iter()
        .chain(of_devices)
        .chain(limits)
        .collect()
}

fn line(device: &DeviceLimit, key: &str, value: i64) -> String {
    format!("{}:{} {key}{value}", device.major, device.minor)
}

/// 10 … 1000 as 1 … 10000.
fn wide(weight: i64) -> i64 {
    1 + (weight.clamp(10, 1000) - 10) * 9999 / 990
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_spelt_in_each_tongue() {
        let limit = |value| {
            vec![DeviceLimit {
                major: 8,
                minor: 16,
                value,
            }]
        };
        let r = PlannedResources {
            blkio_weight: Some(1000),
            blkio_read_bps: limit(1_048_576),
            blkio_write_iops: limit(100),
            ..Default::default()
        };
        let pairs = |settings: Vec<Setting>| -> Vec<(&str, String)> {
            settings.into_iter().map(|s| (s.file, s.value)).collect()
        };
        let expected = [
            ("io.bfq.weight", "1000".to_owned()),
            ("io.max", "8:16 rbps=1048576".to_owned()),
            ("io.max", "8:16 wiops=100".to_owned()),
        ];
        assert_eq!(v2(&r)[0].instead, Some(("io.weight", "10000".to_owned())));
        assert_eq!(pairs(v2(&r)), expected);
        let expected = [
            ("blkio.bfq.weight", "1000".to_owned()),
            ("blkio.throttle.read_bps_device", "8:16 1048576".to_owned()),
            ("blkio.throttle.write_iops_device", "8:16 100".to_owned()),
        ];
        assert_eq!(pairs(v1(&r)), expected);
    }

    #[test]
    fn weights_reach_both_ends_of_the_wider_range() {
        assert_eq!([10, 1000].map(wide), [1, 10_000]);
    }
}
