//! The same archive, extracted by GNU tar: the trees are the same in every respect.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use crate::testing::{TempDir, extract, is_root};

pub(super) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

pub(super) fn set_time(path: &Path, seconds: i64, nanos: i64) {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanos,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

pub(super) fn build(root: &Path, with_attributes: bool) {
    let at = |name: &str| root.join(name);
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    for dir in ["bin", "etc/deep/er", "mail", "empty", &"d".repeat(120)] {
        fs::create_dir_all(at(dir)).unwrap();
    }
    fs::write(at("bin/su"), vec![1; 70_000]).unwrap();
    fs::write(at("etc/passwd"), "root").unwrap();
    fs::write(at("etc/none"), "").unwrap();
    fs::write(at(&long), "long").unwrap();
    for index in 0..50 {
        fs::write(at(&format!("etc/deep/f{index}")), vec![b'x'; index * 37]).unwrap();
    }
    fs::hard_link(at("bin/su"), at("bin/sudo")).unwrap();
    fs::hard_link(at(&long), at("etc/deep/linked")).unwrap();
    symlink("/etc/passwd", at("link")).unwrap();
    symlink("x/".repeat(150), at("etc/long-link")).unwrap();
    fs::hard_link(at("link"), at("link-too")).unwrap();
    let nodes = [
        ("fifo", FileType::Fifo, 0),
        ("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3)),
        (
            "disk",
            FileType::BlockDevice,
            rustix::fs::makedev(259, 70_000),
        ),
    ];
    for (name, kind, device) in nodes {
        rustix::fs::mknodat(CWD, at(name), kind, Mode::from_raw_mode(0o640), device).unwrap();
    }
    let mut sparse = fs::File::create(at("sparse")).unwrap();
    for index in 0..30 {
        sparse.seek(SeekFrom::Start(index * 300_000)).unwrap();
        sparse.write_all(&[7; 5000]).unwrap();
    }
    sparse.set_len(20_000_000).unwrap();
    chown(at("bin/su"), Some(1000), Some(4_000_000)).unwrap();
    lchown(at("link"), Some(7), Some(8)).unwrap();
    chown(at("mail"), Some(0), Some(8)).unwrap();
    for (name, mode) in [
        ("bin/su", 0o4755),
        ("mail", 0o2775),
        ("empty", 0o1777),
        ("etc/none", 0),
    ] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    if with_attributes {
        let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let set = |name: &str, key: &str, value: &[u8]| {
            rustix::fs::lsetxattr(at(name), key, value, XattrFlags::empty()).unwrap();
        };
        set("bin/su", "security.capability", &capability);
        set("etc", "user.on-directory", b"a=b");
        set("link", "trusted.on-link", b"\0\n");
    }
    set_time(&at("etc/passwd"), -86_400, 0);
    set_time(&at("link"), 1_234_567_890, 123_456_789);
    set_time(&at("bin/su"), 5_000_000_000, 1);
    set_time(&at("etc/deep"), 1_000_000_000, 999_999_999);
    set_time(root, 1_100_000_000, 5);
}

/// Everything that can be told about an entry but its inode: by path, with hard links as the set
/// of their names.
pub(super) fn describe(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut found = BTreeMap::new();
    let mut inodes: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        if stat.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            todo.sort();
        }
        let name = path
            .strip_prefix(root)
            .unwrap()
            .as_os_str()
            .as_bytes()
            .to_vec();
        let first = inodes.entry(stat.ino()).or_insert_with(|| name.clone());
        let content = if stat.is_file() {
            let bytes = fs::read(&path).unwrap();
            crate::source::to_digest(sha2::Digest::new_with_prefix(&bytes))
        } else if stat.is_symlink() {
            format!("{:?}", fs::read_link(&path).unwrap())
        } else {
            String::new()
        };
        let size = if stat.is_dir() { 0 } else { stat.size() };
        let text = format!(
            "{:o} {}:{} {} {} {size} {}.{:09} {:?} {} {}",
            stat.mode(),
            stat.uid(),
            stat.gid(),
            stat.rdev(),
            if stat.is_dir() { 0 } else { stat.nlink() },
            stat.mtime(),
            stat.mtime_nsec(),
            String::from_utf8_lossy(first),
            content,
            attributes(&path),
        );
        found.insert(name, text);
    }
    found
}

fn attributes(path: &Path) -> String {
    let mut list = vec![0; 4096];
    let count = rustix::fs::llistxattr(path, &mut list[..]).unwrap();
    let mut texts: Vec<String> = Vec::new();
    for name in list[..count]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        texts.push(format!("{}={:?}", name.escape_ascii(), &value[..length]));
    }
    texts.sort();
    texts.join(" ")
}

fn compare(make: &[&str], take: &[&str], with_attributes: bool) {
    if !is_root() {
        return;
    }
    let temp = TempDir::new();
    let (source, theirs) = (temp.path().join("source"), temp.path().join("theirs"));
    let file = temp.path().join("archive.tar");
    fs::create_dir(&source).unwrap();
    fs::create_dir(&theirs).unwrap();
    build(&source, with_attributes);
    let tar = || {
        let mut tar = Command::new("tar");
        tar.env("LC_ALL", "C").arg("--numeric-owner");
        tar
    };
    run(tar()
        .args(make)
        .arg("-cf")
        .arg(&file)
        .arg("-C")
        .arg(&source)
        .arg("."));
    run(tar()
        .args(take)
        .arg("-xpf")
        .arg(&file)
        .arg("-C")
        .arg(&theirs));
    let ours = extract(&fs::read(&file).unwrap()).tree();
    let (ours, theirs) = (describe(&ours.path("")), describe(&theirs));
    assert!(theirs.len() > 70);
    for (name, text) in &theirs {
        assert_eq!(ours.get(name), Some(text), "{}", name.escape_ascii());
    }
    assert_eq!(ours.len(), theirs.len());
}

pub(super) const ATTRIBUTES: [&str; 2] = ["--xattrs", "--xattrs-include=*"];

#[test]
fn a_pax_archive_gives_the_tree_that_gnu_tar_gives() {
    for version in ["0.0", "0.1", "1.0"] {
        let version = format!("--sparse-version={version}");
        let make = [
            "--format=pax",
            "--sparse",
            &version,
            ATTRIBUTES[0],
            ATTRIBUTES[1],
        ];
        compare(&make, &ATTRIBUTES, true);
    }
}

#[test]
fn a_gnu_archive_gives_the_tree_that_gnu_tar_gives() {
    compare(&["--format=gnu", "--sparse"], &[], false);
    compare(&["--format=gnu", "--blocking-factor=1"], &[], false);
}
