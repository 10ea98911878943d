//! Out of one root and into another.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, symlink};

use rustix::fs::{CWD, FileType, Mode, XattrFlags};

use super::Scene;
use crate::{ErrorKind, Target, TreeError, stat};

#[test]
fn a_tree_comes_out_and_goes_in_as_it_was() {
    let (from, to) = (Scene::new(), Scene::new());
    let root = from.root().join("d");
    let long = "n".repeat(120);
    fs::create_dir_all(root.join(&long)).unwrap();
    fs::write(root.join(&long).join("ü"), vec![7u8; 300_000]).unwrap();
    fs::write(root.join("one"), "content").unwrap();
    fs::hard_link(root.join("one"), root.join("two")).unwrap();
    symlink(&long, root.join("link")).unwrap();
    rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let has_xattrs =
        rustix::fs::setxattr(root.join("one"), "user.k", b"a=\n\0b", XattrFlags::empty()).is_ok();
    let bytes = from.archive("/d").unwrap();
    to.receive("/", &bytes).unwrap();

    let copy = to.root().join("d");
    let same = |name: &str| {
        let (a, b) = (root.join(name), copy.join(name));
        let (a, b) = (
            fs::symlink_metadata(a).unwrap(),
            fs::symlink_metadata(b).unwrap(),
        );
        assert_eq!(a.mode(), b.mode(), "{name}");
        assert_eq!(
            (a.mtime(), a.mtime_nsec()),
            (b.mtime(), b.mtime_nsec()),
            "{name}"
        );
        assert_eq!(a.uid(), b.uid());
    };
    for name in [
        "",
        "one",
        "two",
        "link",
        "pipe",
        &long,
        &format!("{long}/ü"),
    ] {
        same(name);
    }
    assert_eq!(
        fs::read(copy.join(&long).join("ü")).unwrap(),
        vec![7u8; 300_000]
    );
    assert_eq!(
        fs::read_link(copy.join("link")).unwrap().to_str(),
        Some(&long[..])
    );
    let ino = |name| fs::metadata(copy.join(name)).unwrap().ino();
    assert_eq!(ino("one"), ino("two"));
    if has_xattrs {
        let mut value = [0u8; 16];
        let length = rustix::fs::getxattr(copy.join("one"), "user.k", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"a=\n\0b");
    }
}

#[test]
fn the_end_of_a_path_decides_on_the_names() {
    let scene = Scene::new();
    fs::create_dir(scene.root().join("d")).unwrap();
    fs::write(scene.root().join("d/f"), "x").unwrap();
    symlink("/d", scene.root().join("l")).unwrap();
    let first = |path: &str| {
        let mut bytes = scene.archive(path).unwrap();
        if bytes[156] == b'x' {
            // Fractions of a time are in a header of their own, with one block of records.
            bytes.drain(..1024);
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        (
            String::from_utf8(bytes[..end].to_vec()).unwrap(),
            bytes[156],
        )
    };
    assert_eq!(first("/d"), ("d/".into(), b'5'));
    assert_eq!(first("/d/."), ("./".into(), b'5'));
    assert_eq!(first("/"), ("/".into(), b'5'));
    assert_eq!(first("/d/f"), ("f".into(), b'0'));
    assert_eq!(first("/l"), ("l".into(), b'2'));
    assert_eq!(first("/l/"), ("l/".into(), b'5'));
    let below_a_file = scene.archive("/d/f/").unwrap_err();
    assert_eq!(below_a_file.kind(), ErrorKind::Invalid);
    assert_eq!(
        scene.archive("/no").unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn stat_says_where_a_link_leads_inside_the_root() {
    let scene = Scene::new();
    fs::create_dir_all(scene.root().join("a/b")).unwrap();
    symlink("/a/../../../a", scene.root().join("l")).unwrap();
    symlink("../../l/b/none", scene.root().join("a/m")).unwrap();
    symlink("loop", scene.root().join("loop")).unwrap();
    let of = |path: &str| {
        let found = stat(scene.open().as_fd(), &Target::parse(path).unwrap()).unwrap();
        (found.name, found.link_target)
    };
    assert_eq!(of("/l"), ("l".into(), "/a".into()));
    assert_eq!(of("/a/m"), ("m".into(), "/a/b/none".into()));
    assert_eq!(of("/a/b"), ("b".into(), String::new()));
    of("/loop");
}

#[test]
fn nothing_at_all_is_an_archive_of_nothing_and_half_an_archive_is_none() {
    let scene = Scene::new();
    scene.receive("/", b"").unwrap();
    assert_eq!(fs::read_dir(scene.root()).unwrap().count(), 0);
    assert!(scene.receive("/", &[b'x'; 100]).is_err());
    let error = scene.receive("/absent", b"").unwrap_err();
    assert!(matches!(error, TreeError::NotFound(_)));
}

#[test]
fn what_is_wrong_with_a_path_is_said_in_plain_words() {
    let error = TreeError::sys("find", b"file/", rustix::io::Errno::NOTDIR);
    assert_eq!(error.to_string(), "find \"file/\": not a directory");
}
