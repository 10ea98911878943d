//! What leads out, and what is not a file.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::{Root, host, procfs};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::support::{CANARY, Scene, inode, outcome};

#[test]
fn links_and_dots_stay_inside() {
    let scene = Scene::new();
    let outside = scene.outside();
    fs::create_dir_all(scene.path().join("a/b")).unwrap();
    symlink(&outside, scene.path().join("absolute")).unwrap();
    symlink("../../../../../../..", scene.path().join("a/up")).unwrap();
    symlink("/", scene.path().join("a/b/top")).unwrap();
    for root in scene.both() {
        let top = Ok(inode(&scene.path()));
        for path in [
            "..",
            "/../..",
            "a/up",
            "a/up/..",
            "a/b/top",
            "a/b/top/../..",
            "",
        ] {
            assert_eq!(outcome(root.open(path, OFlags::PATH)), top, "{path:?}");
        }
        for path in ["absolute", "absolute/canary", "a/up/outside/canary"] {
            let found = outcome(root.open(path, OFlags::PATH));
            assert_eq!(found, Err(Errno::NOENT), "{path:?}");
        }
    }
}

#[test]
fn beneath_refuses_what_would_lead_out() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path().join("a/b")).unwrap();
    symlink("/a", scene.path().join("absolute")).unwrap();
    symlink("../a", scene.path().join("a/within")).unwrap();
    symlink("../../outside", scene.path().join("a/out")).unwrap();
    for root in scene.both() {
        let root = root.beneath();
        for path in ["..", "/a", "absolute", "a/out", "a/out/canary", "a/../.."] {
            let found = outcome(root.open(path, OFlags::PATH));
            assert_eq!(found, Err(Errno::XDEV), "{path:?}");
        }
        let a = Ok(inode(&scene.path().join("a")));
        assert_eq!(outcome(root.open("a/within", OFlags::PATH)), a);
        let root = root.without_links();
        let found = outcome(root.open("a/within", OFlags::PATH));
        assert_eq!(found, Err(Errno::LOOP));
        let link = root.open("a/within", OFlags::PATH | OFlags::NOFOLLOW);
        assert_eq!(outcome(link), Ok(inode(&scene.path().join("a/within"))));
    }
}

#[test]
fn magic_links_are_refused_and_the_plain_ones_of_procfs_are_not() {
    let top = host::find_dir("/").unwrap();
    for root in [Root::new(top.as_fd()), Root::new(top.as_fd()).by_steps()] {
        for path in [
            "/proc/self/root",
            "/proc/self/root/etc",
            "/proc/self/cwd/x",
            "/proc/self/exe",
            "/proc/self/fd/0",
            "/proc/thread-self/ns/mnt",
        ] {
            let found = outcome(root.open(path, OFlags::PATH));
            assert_eq!(found, Err(Errno::LOOP), "{path}");
        }
        for path in [
            "/proc/self/status",
            "/proc/mounts",
            "/proc/thread-self/comm",
        ] {
            assert!(root.open(path, OFlags::RDONLY).is_ok(), "{path}");
        }
    }
}

#[test]
fn a_link_into_the_hosts_procfs_leads_into_the_root() {
    let scene = Scene::new();
    symlink("/proc/self/fd/0", scene.path().join("fd")).unwrap();
    symlink("/proc/self/root", scene.path().join("root")).unwrap();
    for root in scene.both() {
        for path in ["fd", "root", "root/etc"] {
            let found = outcome(root.open(path, OFlags::PATH));
            assert_eq!(found, Err(Errno::NOENT), "{path}");
        }
    }
}

#[test]
fn other_mounts_are_refused_where_one_is_asked_for() {
    let top = host::find_dir("/").unwrap();
    for root in [Root::new(top.as_fd()), Root::new(top.as_fd()).by_steps()] {
        let root = root.on_one_mount();
        for path in ["proc", "/proc/self/status", "proc/.."] {
            let found = outcome(root.open(path, OFlags::PATH));
            assert_eq!(found, Err(Errno::XDEV), "{path}");
        }
        assert!(root.open("etc", OFlags::PATH).is_ok());
    }
}

#[test]
fn circles_and_long_chains_of_links_end() {
    let scene = Scene::new();
    symlink("b", scene.path().join("a")).unwrap();
    symlink("a", scene.path().join("b")).unwrap();
    symlink("self/x", scene.path().join("self")).unwrap();
    for index in 0..60 {
        let to = format!("c{}", index + 1);
        symlink(to, scene.path().join(format!("c{index}"))).unwrap();
    }
    fs::write(scene.path().join("c60"), "").unwrap();
    for root in scene.both() {
        for path in ["a", "a/x", "self", "c0", "c19"] {
            let found = outcome(root.open(path, OFlags::PATH));
            assert_eq!(found, Err(Errno::LOOP), "{path}");
        }
        let end = Ok(inode(&scene.path().join("c60")));
        assert_eq!(outcome(root.open("c20", OFlags::PATH)), end);
    }
}

#[test]
fn names_are_bytes_and_limits_are_the_kernels() {
    let scene = Scene::new();
    let odd = b"\xff\xfe new\nline";
    fs::write(scene.path().join(OsStr::from_bytes(odd)), "odd").unwrap();
    let long = "n".repeat(255);
    fs::create_dir(scene.path().join(&long)).unwrap();
    for root in scene.both() {
        assert_eq!(root.read_plain(odd, 10).unwrap(), b"odd");
        let there = Ok(inode(&scene.path().join(&long)));
        assert_eq!(outcome(root.open(&long, OFlags::PATH)), there);
        let fails = |path: &[u8]| outcome(root.open(path, OFlags::PATH)).unwrap_err();
        assert_eq!(fails("n".repeat(256).as_bytes()), Errno::NAMETOOLONG);
        assert_eq!(fails("./".repeat(2048).as_bytes()), Errno::NAMETOOLONG);
        assert!(root.open("./".repeat(2047), OFlags::PATH).is_ok());
        assert_eq!(fails(b"a\0b"), Errno::INVAL);
        let deep = "../".repeat(1300);
        assert_eq!(
            outcome(root.open(deep, OFlags::PATH)),
            Ok(inode(&scene.path()))
        );
    }
}

#[test]
fn nothing_is_created_by_opening() {
    let scene = Scene::new();
    for root in scene.both() {
        for flags in [
            OFlags::CREATE | OFlags::WRONLY,
            OFlags::TMPFILE | OFlags::RDWR,
        ] {
            assert_eq!(outcome(root.open("x", flags)), Err(Errno::INVAL));
        }
    }
    assert!(fs::read_dir(scene.path()).unwrap().next().is_none());
}

#[test]
fn plain_files_are_read_and_nothing_else() {
    let scene = Scene::new();
    let path = scene.path();
    fs::write(path.join("passwd"), "root:x:0:0").unwrap();
    symlink("/passwd", path.join("link")).unwrap();
    symlink(scene.outside().join("canary"), path.join("out")).unwrap();
    fs::create_dir(path.join("dir")).unwrap();
    rustix::fs::mknodat(CWD, path.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let huge = fs::File::create(path.join("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    for root in scene.both() {
        assert_eq!(root.read_plain("passwd", 10).unwrap(), b"root:x:0:0");
        assert_eq!(root.read_plain("link", 10).unwrap(), b"root:x:0:0");
        for (name, errno) in [
            ("passwd", Errno::FBIG),
            ("huge", Errno::FBIG),
            ("pipe", Errno::INVAL),
            ("dir", Errno::INVAL),
            ("out", Errno::NOENT),
            ("absent", Errno::NOENT),
        ] {
            assert_eq!(root.read_plain(name, 9).err(), Some(errno), "{name}");
        }
    }
    assert_eq!(
        fs::read(scene.outside().join("canary")).unwrap(),
        CANARY.as_bytes()
    );
}

#[test]
fn procfs_is_known_from_what_looks_like_it() {
    let proc = host::find_dir("/proc").unwrap();
    assert!(procfs::open(proc.as_fd(), "self/status", OFlags::RDONLY).is_err());
    let own = format!("{}/status", std::process::id());
    assert!(procfs::open(proc.as_fd(), own, OFlags::RDONLY).is_ok());
    let fd = format!("{}/fd/0", std::process::id());
    assert_eq!(
        procfs::open(proc.as_fd(), fd, OFlags::RDONLY).err(),
        Some(Errno::LOOP)
    );

    let scene = Scene::new();
    fs::create_dir_all(scene.path().join("sys/kernel")).unwrap();
    fs::write(scene.path().join("sys/kernel/domainname"), "old").unwrap();
    let fake = host::find_dir(scene.path()).unwrap();
    let wrote = procfs::write(fake.as_fd(), "sys/kernel/domainname", b"new");
    assert_eq!(wrote, Err(Errno::XDEV));
    let text = fs::read_to_string(scene.path().join("sys/kernel/domainname")).unwrap();
    assert_eq!(text, "old");
}
