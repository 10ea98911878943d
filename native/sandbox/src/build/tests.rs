use super::planned::tmpfs;
use super::sysctl::sysctl;
use super::*;
use crate::op::Attrs;
use crate::op::ReadOnly;
use crate::plan::{PlannedMount, Propagation, RlimitPlan, SeccompPlan};

fn plan() -> ContainerPlan {
    serde_json::from_str(include_str!("../../testdata/plan.json")).expect("plan")
}

fn ops_of(plan: &ContainerPlan) -> Vec<Op> {
    build(plan, &CgroupView::Unified, false).expect("ops").1
}

fn position(ops: &[Op], wanted: impl Fn(&Op) -> bool) -> usize {
    ops.iter().position(wanted).expect("operation is there")
}

fn targets(ops: &[Op]) -> Vec<&str> {
    ops.iter()
        .filter_map(|op| match op {
            Op::PlaceProc => Some("/proc"),
            Op::Mount { target, .. } | Op::PlaceTree { target, .. } => Some(target.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn mounts_come_in_the_order_of_the_defaults_then_of_the_plan() {
    let ops = ops_of(&plan());
    let expected = [
        "/proc",
        "/dev",
        "/dev/pts",
        "/sys",
        "/sys/fs/cgroup",
        "/dev/mqueue",
        "/dev/shm",
        "/etc/hosts",
        "/tmp",
    ];
    assert_eq!(targets(&ops), expected);
}

#[test]
fn steps_keep_the_order_that_safety_needs() {
    let ops = ops_of(&plan());
    let pivot = position(&ops, |op| *op == Op::PivotRoot);
    let gate = position(&ops, |op| *op == Op::Gate);
    let open = position(&ops, |op| matches!(op, Op::OpenTree { .. }));
    let private = position(&ops, |op| *op == Op::PrivateTree);
    let sysctl = position(&ops, |op| matches!(op, Op::Sysctl { .. }));
    let readonly = position(&ops, |op| matches!(op, Op::ReadOnlyPath { .. }));
    let become_user = position(&ops, |op| matches!(op, Op::BecomeUser { .. }));
    assert!(open < private && private < pivot && pivot < gate && gate < become_user);
    assert!(sysctl < readonly && readonly < pivot);
    assert!(ops[become_user..].contains(&Op::DieWithMonitor));
    assert!(ops[become_user..].contains(&Op::Undumpable));
    // Written while no path leads to it.
    let place_proc = position(&ops, |op| *op == Op::PlaceProc);
    let score = position(&ops, |op| matches!(op, Op::OomScoreAdj(_)));
    assert!(sysctl < place_proc && score < place_proc);
    assert!(matches!(ops.last(), Some(Op::Exec { .. })));
}

/// What comes from becoming the user on, by the names of the steps.
fn end_of(plan: &ContainerPlan) -> Vec<String> {
    let ops = ops_of(plan);
    let from = position(&ops, |op| matches!(op, Op::BecomeUser { .. }));
    let name = |op: &Op| {
        format!("{op:?}")
            .split([' ', '('])
            .next()
            .map(str::to_owned)
    };
    ops[from..].iter().filter_map(name).collect()
}

#[test]
fn a_filter_comes_after_all_that_it_may_forbid() {
    let mut plan = plan();
    plan.init = true;
    let unfiltered = [
        "BecomeUser",
        "DieWithMonitor",
        "Undumpable",
        "FindProgram",
        "Reaper",
        "Exec",
    ];
    assert_eq!(end_of(&plan), unfiltered);
    plan.process.seccomp = Some(SeccompPlan {
        profile: None,
        capabilities: 0,
    });
    // CAP_SYS_ADMIN is what loads it; then it goes.
    let held = Op::BecomeUser {
        capabilities: 33,
        held: 1 << 21,
    };
    assert!(ops_of(&plan).contains(&held));
    assert_eq!(
        end_of(&plan),
        [
            "BecomeUser",
            "DieWithMonitor",
            "Undumpable",
            "FindProgram",
            "Seccomp",
            "DropHeld",
            "Reaper",
            "Exec"
        ]
    );
    plan.process.no_new_privileges = true;
    let unheld = Op::BecomeUser {
        capabilities: 33,
        held: 0,
    };
    assert!(ops_of(&plan).contains(&unheld));
    assert_eq!(
        end_of(&plan),
        [
            "BecomeUser",
            "DieWithMonitor",
            "Undumpable",
            "FindProgram",
            "NoNewPrivileges",
            "Seccomp",
            "Reaper",
            "Exec"
        ]
    );
}

#[test]
fn a_profile_that_cannot_be_used_is_refused_before_anything_is_done() {
    let mut plan = plan();
    let error = |profile: &str, plan: &mut ContainerPlan| {
        plan.process.seccomp = Some(SeccompPlan {
            profile: Some(profile.to_owned()),
            capabilities: 0,
        });
        build(plan, &CgroupView::Unified, false).expect_err(profile)
    };
    let invalid = error("nonsense", &mut plan);
    assert_eq!(invalid.code, crate::Code::InvalidArgument);
    let unsupported = error(r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#, &mut plan);
    assert_eq!(unsupported.code, crate::Code::NotImplemented);
}

#[test]
fn a_mount_planned_for_a_default_place_replaces_it() {
    let mut plan = plan();
    plan.mounts = vec![PlannedMount::Tmpfs {
        target: "/dev/shm/".into(),
        readonly: false,
        options: vec![],
    }];
    let ops = ops_of(&plan);
    assert_eq!(
        targets(&ops)
            .iter()
            .filter(|t| t.starts_with("/dev/shm"))
            .count(),
        1
    );
}

#[test]
fn nothing_is_mounted_into_a_device_directory_of_the_users_but_terminals() {
    let mut plan = plan();
    plan.mounts = vec![PlannedMount::Tmpfs {
        target: "/dev".into(),
        readonly: true,
        options: vec![],
    }];
    let ops = ops_of(&plan);
    let below = targets(&ops).into_iter().filter(|t| t.starts_with("/dev"));
    assert_eq!(below.collect::<Vec<_>>(), ["/dev", "/dev/pts"]);
}

#[test]
fn privileged_has_all_devices_and_writes_sys_and_cgroups() {
    let attrs = |plan: &ContainerPlan, place: &str| {
        let found = ops_of(plan).into_iter().find_map(|op| match op {
            Op::Mount { target, fs, .. } if target == place => Some(fs.attrs),
            _ => None,
        });
        found.expect("mounted")
    };
    let readonly = Attrs::PLAIN.with(Attrs::READ_ONLY);
    let mut plan = plan();
    assert_eq!(attrs(&plan, "/sys"), readonly);
    assert_eq!(attrs(&plan, "/sys/fs/cgroup"), readonly);
    plan.writable_cgroups = Some(true);
    assert_eq!(attrs(&plan, "/sys"), readonly);
    assert_eq!(attrs(&plan, "/sys/fs/cgroup"), Attrs::PLAIN);
    plan.privileged = true;
    plan.writable_cgroups = None;
    assert!(ops_of(&plan).contains(&Op::HostDevices));
    assert_eq!(attrs(&plan, "/sys"), Attrs::PLAIN);
    assert_eq!(attrs(&plan, "/sys/fs/cgroup"), Attrs::PLAIN);
    plan.writable_cgroups = Some(false);
    assert_eq!(attrs(&plan, "/sys/fs/cgroup"), readonly);
}

#[test]
fn tmpfs_options_are_split_into_attributes_and_the_rest() {
    let fs = tmpfs(true, &["exec,size=64m".into(), "mode=1777".into()]);
    assert_eq!(
        fs.attrs,
        Attrs::PLAIN.without(Attrs::NO_EXEC).with(Attrs::READ_ONLY)
    );
    let expected =
        [("size", "64m"), ("mode", "1777")].map(|(k, v)| (k.to_owned(), Some(v.to_owned())));
    assert_eq!(fs.options, expected);
}

#[test]
fn a_sysctl_of_the_host_is_refused() {
    let mut plan = plan();
    plan.sysctls.insert("kernel.panic".into(), "1".into());
    assert_eq!(
        build(&plan, &CgroupView::Unified, false)
            .expect_err("refused")
            .code,
        Code::InvalidArgument
    );
    plan.sysctls.clear();
    plan.sysctls
        .insert("net.core.somaxconn".into(), "99".into());
    plan.namespaces.network = Namespace::Host;
    assert!(build(&plan, &CgroupView::Unified, false).is_err());
}

#[test]
fn a_sysctl_for_an_interface_with_a_dot_keeps_it() {
    let op = sysctl(&plan(), "net.ipv4.conf.eth0/1.forwarding", "1").expect("op");
    assert_eq!(
        op,
        Op::Sysctl {
            path: "net/ipv4/conf/eth0.1/forwarding".into(),
            value: "1".into()
        }
    );
}

#[test]
fn host_namespaces_are_not_cloned() {
    let mut plan = plan();
    plan.namespaces.network = Namespace::Host;
    plan.namespaces.pid = Namespace::Host;
    plan.sysctls.clear();
    let (flags, ops) = build(&plan, &CgroupView::Unified, false).expect("ops");
    assert_eq!(flags, 0x0002_0000 | 0x0400_0000 | 0x0800_0000);
    assert!(!ops.contains(&Op::LoopbackUp));
}

#[test]
fn limits_are_set_when_nothing_is_opened_any_more() {
    let mut plan = plan();
    let (soft, hard) = (0, -1);
    plan.process.rlimits.push(RlimitPlan {
        resource: 7,
        soft,
        hard,
    });
    let ops = ops_of(&plan);
    let limit = Op::Rlimit {
        resource: 7,
        soft: 0,
        hard: u64::MAX,
    };
    let at = position(&ops, |op| *op == limit);
    assert!(at > position(&ops, |op| matches!(op, Op::FindUser { .. })));
    assert!(at > position(&ops, |op| matches!(op, Op::WorkingDirectory(_))));
    assert!(at < position(&ops, |op| *op == Op::Gate));
}

#[test]
fn a_split_view_mounts_each_hierarchy() {
    let view = CgroupView::Split(vec![
        ("unified".into(), vec![]),
        ("memory".into(), vec!["memory".into()]),
    ]);
    let (_, ops) = build(&plan(), &view, true).expect("ops");
    assert!(targets(&ops).contains(&"/sys/fs/cgroup/memory"));
    assert!(ops.contains(&Op::AwaitJoined));
}

fn bind(target: &str, writable_below: bool) -> PlannedMount {
    PlannedMount::Bind {
        source: "/source".into(),
        subpath: None,
        target: target.into(),
        readonly: true,
        writable_below,
        recursive: true,
        propagation: Propagation::Rprivate,
        id_map: None,
    }
}

#[test]
fn trees_that_are_made_are_opened_where_nothing_spreads_any_more_and_keep_their_numbers() {
    let mut plan = plan();
    plan.mounts = vec![
        PlannedMount::Image {
            lower: vec!["/a".into(), "/b".into()],
            subpath: None,
            target: "/image".into(),
        },
        bind("/bind", true),
        PlannedMount::Device {
            fs_type: "ext4".into(),
            device: "/dev/sdz".into(),
            options: vec!["noatime,ro".into()],
            target: "/disk".into(),
            readonly: false,
            network_of: None,
        },
        bind("/other", false),
    ];
    let ops = ops_of(&plan);
    let private = position(&ops, |op| *op == Op::PrivateTree);
    let opened: Vec<usize> = (0..ops.len())
        .filter(|at| {
            matches!(
                ops[*at],
                Op::OpenTree { .. } | Op::OpenImage { .. } | Op::OpenDevice { .. }
            )
        })
        .collect();
    assert!(opened[1] < private && private < opened[2]);
    let placed: Vec<(u32, &str, ReadOnly)> = ops
        .iter()
        .filter_map(|op| match op {
            Op::PlaceTree {
                index,
                target,
                readonly,
                ..
            } => Some((*index, target.as_str(), *readonly)),
            _ => None,
        })
        .collect();
    let expected = [
        (2, "/image", ReadOnly::Recursive),
        (0, "/bind", ReadOnly::Top),
        (3, "/disk", ReadOnly::No),
        (1, "/other", ReadOnly::Recursive),
    ];
    assert_eq!(placed, expected);
    let Op::OpenDevice { fs, .. } = &ops[opened[3]] else {
        panic!("a device");
    };
    assert_eq!(fs.attrs, Attrs::NO_ATIME.with(Attrs::READ_ONLY));
    assert_eq!(fs.options, [("ro".to_owned(), None)]);
}
