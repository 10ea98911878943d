//! Layers as large as real ones, extracted by GNU tar as well: the trees are the same.
//!
//! `RT_FULL=1` takes more of this machine's root file system, and 40,000 files instead of 4,000.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use super::peer::{ATTRIBUTES, build, describe, run, set_time};
use crate::testing::{TempDir, extract_within, is_root};

/// What of this machine makes a Debian root file system: directory by directory, since GNU tar is
/// done with one once it is left. Those of which only a part is taken are not gone into.
const PARTS: &[&str] = &[
    "--recursion",
    "etc",
    "--no-recursion",
    "usr",
    "--recursion",
    "usr/sbin",
];
const MORE_PARTS: &[&str] = &[
    "--no-recursion",
    "usr/lib",
    "--recursion",
    "usr/lib/x86_64-linux-gnu",
    "--no-recursion",
    "usr/share",
    "--recursion",
    "usr/share/doc",
];
const LAST_PARTS: &[&str] = &[
    "--no-recursion",
    "var",
    "var/lib",
    "--recursion",
    "var/lib/dpkg",
];

fn is_full() -> bool {
    std::env::var("RT_FULL").is_ok_and(|value| value == "1")
}

fn tar() -> Command {
    let mut tar = Command::new("tar");
    tar.env("LC_ALL", "C").arg("--numeric-owner");
    tar.args(ATTRIBUTES);
    tar.arg("--xattrs-exclude=security.selinux");
    tar
}

/// Extracts the archive here and by GNU tar; gives the number of entries of either tree.
fn compare(archive: &Path, temp: &TempDir) -> usize {
    let theirs = temp.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    run(tar().arg("-xpf").arg(archive).arg("-C").arg(&theirs));
    let ours = extract_within(&fs::read(archive).unwrap(), 8 << 30, 1_000_000).tree();
    let (ours, theirs) = (describe(&ours.path("")), describe(&theirs));
    for (name, text) in &theirs {
        assert_eq!(ours.get(name), Some(text), "{}", name.escape_ascii());
    }
    assert_eq!(ours.len(), theirs.len());
    ours.len()
}

#[test]
fn a_root_file_system_gives_the_tree_that_gnu_tar_gives() {
    if !is_root() {
        return;
    }
    let temp = TempDir::new();
    let (source, archive) = (temp.path().join("source"), temp.path().join("layer.tar.gz"));
    fs::create_dir(&source).unwrap();
    // Devices, setuid, capabilities, hard links, holes and long names, which this machine may lack.
    build(&source, true);
    let more = if is_full() { MORE_PARTS } else { &[] };
    let mut make = tar();
    make.args(["--format=pax", "--sparse", "--one-file-system", "-czf"]);
    make.arg(&archive)
        .arg("-C")
        .arg(&source)
        .args([".", "-C", "/"]);
    let is_there = |part: &&&str| {
        part.starts_with("--") || Path::new("/").join(part).symlink_metadata().is_ok()
    };
    make.args([PARTS, more, LAST_PARTS].concat().iter().filter(is_there));
    // 1: something changed while it was read; what the archive holds is all that counts.
    let output = make.output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    assert!(compare(&archive, &temp) > 500);
}

#[test]
fn a_layer_of_many_small_files_gives_the_tree_that_gnu_tar_gives() {
    if !is_root() {
        return;
    }
    let count = if is_full() { 40_000 } else { 4_000 };
    let temp = TempDir::new();
    let (source, archive) = (temp.path().join("source"), temp.path().join("layer.tar.gz"));
    fs::create_dir(&source).unwrap();
    for index in 0..count {
        let dir = source.join(format!("modules/m{}/lib", index / 60));
        if index % 60 == 0 {
            fs::create_dir_all(&dir).unwrap();
        }
        let path = dir.join(format!("f{index}"));
        if index % 50 == 49 {
            fs::hard_link(dir.join(format!("f{}", index - index % 60)), &path).unwrap();
            continue;
        }
        fs::write(&path, vec![b'x'; index * 37 % 9000]).unwrap();
        let owner = u32::try_from(index % 3 * 1000).unwrap();
        chown(&path, Some(owner), Some(owner)).unwrap();
        let mode = [0o644, 0o755, 0o4711, 0o600][index % 4];
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let seconds = i64::try_from(index).unwrap();
        set_time(&path, 1_000_000_000 + seconds, seconds * 1000);
    }
    let mut make = tar();
    make.args(["--format=pax", "-czf"]);
    run(make.arg(&archive).arg("-C").arg(&source).arg("."));
    assert!(compare(&archive, &temp) > count);
}
