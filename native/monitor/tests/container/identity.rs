//! Which program, as whom, where.

use serde_json::{Value, json};

use crate::machine::Machine;

fn status(machine: &Machine, key: &str, changes: &Value) -> String {
    let outcome = machine.run(&["/probe", "read", "/proc/self/status"], changes);
    let line = outcome
        .stdout
        .lines()
        .find_map(|l| l.strip_prefix(key))
        .expect("line");
    line.trim_start_matches(':').trim().to_owned()
}

#[test]
fn programs_that_cannot_run_are_named_in_dockers_words() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.file("bin/plain", "no program", 0o644);
    machine.file("bin/garbage", "no program", 0o755);
    machine.file("bin/script", "#!/no/such/shell\n", 0o755);
    let cases = [
        (
            "foo",
            "command_not_found",
            "exec: \"foo\": executable file not found in $PATH",
        ),
        (
            "/foo",
            "command_not_found",
            "exec: \"/foo\": stat /foo: no such file or directory",
        ),
        (
            "/etc",
            "command_not_executable",
            "exec: \"/etc\": permission denied",
        ),
        (
            "plain",
            "command_not_executable",
            "exec: \"plain\": permission denied",
        ),
        (
            "/bin/plain",
            "command_not_executable",
            "exec: \"/bin/plain\": permission denied",
        ),
        (
            "/bin/garbage",
            "command_not_executable",
            "exec: \"/bin/garbage\": exec format error",
        ),
        (
            "/bin/script",
            "command_not_found",
            "exec: \"/bin/script\": no such file or directory",
        ),
    ];
    for (name, code, message) in cases {
        assert_eq!(
            machine.failure(&[name], &json!({})),
            (code.to_owned(), message.to_owned())
        );
    }
}

#[test]
fn a_program_is_found_by_path() {
    let Some(machine) = Machine::new() else {
        return;
    };
    std::fs::rename(machine.lower("probe"), machine.lower("bin/probe")).expect("moved");
    assert_eq!(
        machine.run(&["probe", "arg0"], &json!({})).stdout,
        "probe\n"
    );
}

#[test]
fn users_are_looked_up_inside() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let id = |user: &str, groups: &[&str]| {
        machine
            .run(
                &["/probe", "id"],
                &json!({"process": {"user": user, "groups": groups}}),
            )
            .stdout
    };
    assert_eq!(id("", &[]), "0 0 [0]\n");
    assert_eq!(id("web", &[]), "33 44 [44, 50]\n");
    assert_eq!(id("33:50", &["77"]), "33 50 [50, 77]\n");
    assert_eq!(id("1234", &[]), "1234 0 [0]\n");
    let failed =
        |user: &str| machine.failure(&["/probe", "id"], &json!({"process": {"user": user}}));
    assert_eq!(
        failed("nobody").1,
        "unable to find user nobody: no matching entries in passwd file"
    );
    assert_eq!(
        failed("web:nobody").1,
        "unable to find group nobody: no matching entries in group file"
    );
}

#[test]
fn a_passwd_file_that_blocks_or_is_a_link_out_does_no_harm() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let passwd = machine.lower("etc/passwd");
    std::fs::remove_file(&passwd).expect("removed");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &passwd,
        rustix::fs::FileType::Fifo,
        0o644.into(),
        0,
    )
    .expect("fifo");
    assert_eq!(
        machine.failure(&["/probe", "id"], &json!({})).0,
        "invalid_argument"
    );
    std::fs::remove_file(&passwd).expect("removed");
    std::os::unix::fs::symlink("/../../../../etc/passwd", &passwd).expect("link");
    // In its own root the link leads to itself.
    assert!(
        machine
            .launch(&machine.plan(&["/probe", "id"], &json!({"process": {"user": "daemon"}})))
            .is_err()
    );
}

#[test]
fn home_comes_from_the_passwd_file_unless_it_is_set() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let env = |process: Value| {
        machine
            .run(&["/probe", "env"], &json!({"process": process}))
            .stdout
    };
    assert!(env(json!({"user": "web"})).contains("HOME=/srv/web\n"));
    assert!(env(json!({"user": "999"})).contains("HOME=/\n"));
    assert!(env(json!({"env": ["HOME=/x"]})).contains("HOME=/x\n"));
}

#[test]
fn capabilities_are_dockers() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for (key, expected) in [
        ("CapEff", "00000000a80425fb"),
        ("CapPrm", "00000000a80425fb"),
        ("CapBnd", "00000000a80425fb"),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "0"),
    ] {
        assert_eq!(status(&machine, key, &json!({})), expected, "{key}");
    }
    let user = json!({"process": {"user": "33", "noNewPrivileges": true}});
    assert_eq!(status(&machine, "CapEff", &user), "0000000000000000");
    assert_eq!(status(&machine, "CapBnd", &user), "00000000a80425fb");
    assert_eq!(status(&machine, "NoNewPrivs", &user), "1");
    assert_eq!(status(&machine, "SigBlk", &json!({})), "0000000000000000");
    assert_eq!(status(&machine, "Umask", &json!({})), "0022");
}

#[test]
fn only_the_standard_streams_cross_over() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for changes in [
        json!({}),
        json!({"init": true}),
        json!({"process": {"tty": true}}),
    ] {
        assert_eq!(
            machine.run(&["/probe", "fds"], &changes).stdout.trim_end(),
            "0 1 2"
        );
    }
    // The reaper is the monitor's program; nobody inside may reach for it.
    let init = machine.run(&["/probe", "open", "/proc/1/exe"], &json!({"init": true}));
    assert_eq!(init.stdout, "errno 13\n");
    let listed = machine.run(&["/probe", "list", "/proc/1/fd"], &json!({"init": true}));
    assert_eq!(listed.stdout, "0 1 2\n");
}

#[test]
fn the_working_directory_is_made_inside_the_root() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let at = |cwd: &str| json!({"process": {"cwd": cwd}, "rootfs": {"readonly": true}});
    assert_eq!(
        machine.run(&["/probe", "cwd"], &at("/new/deep")).stdout,
        "/new/deep\n"
    );
    std::os::unix::fs::symlink("/../../out", machine.lower("esc")).expect("link");
    assert_eq!(
        machine.run(&["/probe", "cwd"], &at("/esc/x")).stdout,
        "/out/x\n"
    );
    assert_eq!(
        machine.failure(&["/probe", "cwd"], &at("/probe")).0,
        "invalid_argument"
    );
    assert_eq!(
        machine
            .failure(&["/probe", "cwd"], &at("/proc/self/fd/3"))
            .0,
        "invalid_argument"
    );
}

#[test]
fn limits_and_scores_are_set() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let changes = json!({"process": {"rlimits": [{"resource": 7, "soft": 100, "hard": 200}], "oomScoreAdj": 77}});
    let limits = machine
        .run(&["/probe", "read", "/proc/self/limits"], &changes)
        .stdout;
    let line = limits
        .lines()
        .find(|l| l.starts_with("Max open files"))
        .expect("line");
    let numbers: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["100", "200"]);
    assert_eq!(
        machine
            .run(&["/probe", "read", "/proc/self/oom_score_adj"], &changes)
            .stdout,
        "77\n"
    );
}
