//! What the process is and is surrounded by.

use std::ffi::c_int;
use std::fs;

use serde_json::{Map, Value, json};

use crate::errno;
use crate::sys;

/// Fields of `/proc/self/status`.
fn status(names: &[&str]) -> Map<String, Value> {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .filter(|(name, _)| names.contains(name))
        .map(|(name, value)| (name.to_owned(), Value::from(value.trim())))
        .collect()
}

fn line(path: &str) -> Value {
    match fs::read_to_string(path) {
        Ok(text) => Value::from(text.trim_end()),
        Err(e) => Value::from(errno::name(e.raw_os_error().unwrap_or_default())),
    }
}

pub(crate) fn capabilities() -> Value {
    let mut found = status(&[
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
        "Seccomp_filters",
    ]);
    let bits = sys::prctl(libc::PR_GET_SECUREBITS, 0).ok();
    found.insert("securebits".to_owned(), json!(bits));
    Value::Object(found)
}

pub(crate) fn signals() -> Value {
    Value::Object(status(&["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"]))
}

/// Users and groups, numbers all.
pub(crate) fn identity() -> Value {
    let groups: Vec<u32> = status(&["Groups"])
        .get("Groups")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    json!({ "uid": sys::user_ids(), "gid": sys::group_ids(), "groups": groups })
}

const LIMITS: [(&str, c_int); 16] = [
    ("cpu", 0),
    ("fsize", 1),
    ("data", 2),
    ("stack", 3),
    ("core", 4),
    ("rss", 5),
    ("nproc", 6),
    ("nofile", 7),
    ("memlock", 8),
    ("as", 9),
    ("locks", 10),
    ("sigpending", 11),
    ("msgqueue", 12),
    ("nice", 13),
    ("rtprio", 14),
    ("rttime", 15),
];

/// `[soft, hard]` of each resource; "unlimited" for the highest number.
pub(crate) fn limits() -> Value {
    let shown = |value: u64| {
        if value == libc::RLIM_INFINITY {
            Value::from("unlimited")
        } else {
            Value::from(value)
        }
    };
    let all = LIMITS.iter().map(|(name, number)| {
        let pair = sys::limit(number.cast_unsigned()).map_or(Value::Null, |(soft, hard)| {
            json!([shown(soft), shown(hard)])
        });
        ((*name).to_owned(), pair)
    });
    Value::Object(all.collect())
}

/// The link of each namespace: "mnt:[4026531841]".
pub(crate) fn namespaces() -> Value {
    let mut found = Map::new();
    for entry in fs::read_dir("/proc/self/ns")
        .into_iter()
        .flatten()
        .flatten()
    {
        let link = fs::read_link(entry.path()).unwrap_or_default();
        let name = entry.file_name().to_string_lossy().into_owned();
        found.insert(name, Value::from(link.to_string_lossy()));
    }
    Value::Object(found)
}

/// `{id, description}` of the session keyring or the error, and the lines of `/proc/keys`.
pub(crate) fn keyring() -> Value {
    let session = match sys::session_keyring() {
        Ok((id, description)) => json!({ "id": id, "description": description }),
        Err(e) => Value::from(errno::name(e.raw_os_error().unwrap_or_default())),
    };
    let keys = fs::read_to_string("/proc/keys").map_or(Value::Null, |text| {
        Value::from(text.lines().map(str::trim).collect::<Vec<_>>())
    });
    json!({ "session": session, "keys": keys })
}

/// The path in each hierarchy, those that are alike once: "/" where it is the root of all it sees.
fn cgroups() -> String {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut paths: Vec<&str> = text
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths.join(" ")
}

pub(crate) fn surroundings() -> Value {
    let [pid, parent, group, session] = sys::relations();
    let cwd = std::env::current_dir().map_or_else(
        |e| errno::name(e.raw_os_error().unwrap_or_default()),
        |path| path.to_string_lossy().into_owned(),
    );
    let mut env: Vec<String> = std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    env.sort();
    json!({
        "pid": pid,
        "parent": parent,
        "group": group,
        "session": session,
        "cwd": cwd,
        "umask": format!("{:04o}", sys::umask()),
        "env": env,
        "dumpable": sys::prctl(libc::PR_GET_DUMPABLE, 0).ok(),
        "deathSignal": sys::parent_death_signal().ok(),
        "label": line("/proc/self/attr/current"),
        "oomScoreAdj": line("/proc/self/oom_score_adj"),
        "hostname": line("/proc/sys/kernel/hostname"),
        "cgroup": cgroups(),
        "timeOffsets": line("/proc/self/timens_offsets"),
        "executable": fs::read_link("/proc/self/exe").unwrap_or_default().to_string_lossy(),
        "terminal": errno::outcome(&fs::File::open("/dev/tty")),
    })
}
