//! Archives that try to leave the directory they are unpacked in.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, symlink as link};

use layer::tar::Kind;

use super::{Scene, add, is_root, symlink, tar};
use crate::header::end;
use crate::{ErrorKind, Receive, Target, receive};

#[test]
fn names_that_climb_are_refused_and_absolute_ones_stay_inside() {
    let scene = Scene::new();
    for name in ["../escaped", "a/../../escaped", "..", "./../escaped"] {
        let error = scene
            .receive("/", &tar(&[(name, Kind::File, "x")]))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name}: {error}");
    }
    let name = scene.outside().join("planted");
    let name = name.to_str().unwrap();
    scene
        .receive("/", &tar(&[(name, Kind::File, "x")]))
        .unwrap();
    assert!(scene.root().join(&name[1..]).is_file());
    scene.check();
}

#[test]
fn links_of_the_archive_lead_inside() {
    let scene = Scene::new();
    let entries = [
        ("out", symlink(scene.outside()), ""),
        ("up", symlink("../../../../../../../tmp"), ""),
        ("root", symlink("/"), ""),
    ];
    scene.receive("/", &tar(&entries)).unwrap();
    for name in ["out/planted", "up/planted", "root/planted", "out/secret"] {
        let _may_fail = scene.receive("/", &tar(&[(name, Kind::File, "planted")]));
    }
    assert!(scene.root().join("root").is_symlink());
    assert!(scene.root().join("planted").is_file(), "root/ is the root");
    scene.check();
}

#[test]
fn hard_links_name_files_inside_only() {
    let scene = Scene::new();
    link(scene.outside(), scene.root().join("out")).unwrap();
    for to in ["out/secret", "../outside/secret", "absent", ""] {
        let kind = Kind::HardLink(to.as_bytes().to_vec());
        let error = scene.receive("/", &tar(&[("l", kind, "")])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}: {error}");
        assert!(error.to_string().contains("\"l\""), "{to}: {error}");
    }
    assert_eq!(
        fs::metadata(scene.outside().join("secret"))
            .unwrap()
            .nlink(),
        1
    );
    scene.check();
}

#[test]
fn a_file_in_place_of_a_link_replaces_the_link() {
    let scene = Scene::new();
    link(scene.outside().join("secret"), scene.root().join("file")).unwrap();
    scene
        .receive("/", &tar(&[("file", Kind::File, "mine")]))
        .unwrap();
    assert!(!scene.root().join("file").is_symlink());
    assert_eq!(
        fs::read_to_string(scene.root().join("file")).unwrap(),
        "mine"
    );
    scene.check();
}

#[test]
fn marks_of_overlayfs_are_refused() {
    let scene = Scene::new();
    let device = Kind::Char { major: 0, minor: 0 };
    assert!(scene.receive("/", &tar(&[("w", device, "")])).is_err());
    let mut bytes = Vec::new();
    let mark = (b"trusted.overlay.opaque".to_vec(), b"y".to_vec());
    add(&mut bytes, "d", &Kind::Directory, "", &[mark]);
    end(&mut bytes).unwrap();
    assert!(scene.receive("/", &bytes).is_err());
    assert_eq!(fs::read_dir(scene.root()).unwrap().count(), 0);
}

#[test]
fn kinds_are_kept_if_asked_for() {
    let scene = Scene::new();
    fs::create_dir(scene.root().join("d")).unwrap();
    fs::write(scene.root().join("f"), "").unwrap();
    let keep = Receive {
        keep_kinds: true,
        owner: None,
    };
    let into = |tar: &[u8]| {
        let target = Target::parse("/").unwrap();
        receive(scene.open().as_fd(), &target, keep, || {}, tar)
    };
    let error = into(&tar(&[("d", Kind::File, "")])).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot overwrite directory"),
        "{error}"
    );
    let error = into(&tar(&[("f", Kind::Directory, "")])).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot overwrite non-directory"),
        "{error}"
    );
    scene.receive("/", &tar(&[("d", Kind::File, "")])).unwrap();
    assert!(scene.root().join("d").is_file());
}

#[test]
fn what_is_no_directory_or_absent_takes_no_archive() {
    let scene = Scene::new();
    fs::write(scene.root().join("f"), "").unwrap();
    let bytes = tar(&[("x", Kind::File, "")]);
    assert_eq!(
        scene.receive("/f", &bytes).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(
        scene.receive("/no", &bytes).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(
        scene
            .receive(
                "/",
                b"not an archive at all, but text".repeat(99).as_slice()
            )
            .is_err()
    );
}

#[test]
fn a_truncated_archive_is_an_error() {
    let scene = Scene::new();
    let bytes = tar(&[("x", Kind::File, &"content".repeat(1000))]);
    assert!(scene.receive("/", &bytes[..3000]).is_err());
}

#[test]
fn setuid_comes_after_the_owner() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let mut out = Vec::new();
    let header = crate::header::Header {
        name: b"su",
        kind: &Kind::File,
        mode: 0o4755,
        uid: 70,
        gid: 71,
        size: 0,
        seconds: 5,
        nanos: 500_000_000,
        xattrs: &[],
    };
    header.write(&mut out).unwrap();
    end(&mut out).unwrap();
    scene.receive("/", &out).unwrap();
    let stat = fs::metadata(scene.root().join("su")).unwrap();
    assert_eq!(
        (stat.mode() & 0o7777, stat.uid(), stat.gid()),
        (0o4755, 70, 71)
    );
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (5, 500_000_000));
}
