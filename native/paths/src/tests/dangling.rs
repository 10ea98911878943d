//! Making what is missing.

use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::symlink;
use std::thread::{self, ScopedJoinHandle};

use crate::{Absent, Make, entry};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::support::{Scene, inode, outcome};

#[test]
fn a_dangling_link_is_made_where_it_leads_inside() {
    let scene = Scene::new();
    let path = scene.path();
    fs::create_dir(path.join("var")).unwrap();
    symlink("/run/deep", path.join("var/run")).unwrap();
    symlink(scene.outside(), path.join("out")).unwrap();
    symlink("../../../up", path.join("var/up")).unwrap();
    let root = scene.root();
    root.ensure("/var/run/x", Make::File).unwrap();
    root.ensure("/var/run/y/z", Make::Directory).unwrap();
    root.ensure("out/new", Make::File).unwrap();
    root.ensure("var/up", Make::Directory).unwrap();
    root.ensure("/a/../../../b/c", Make::Directory).unwrap();
    assert!(path.join("run/deep/x").is_file());
    assert!(path.join("run/deep/y/z").is_dir());
    assert!(path.join("up").is_dir());
    assert!(path.join("b/c").is_dir());
    let inner = scene.outside().strip_prefix("/").unwrap().join("new");
    assert!(path.join(inner).is_file());
    scene.assert_untouched();
}

#[test]
fn what_is_there_stays_as_it_is() {
    let scene = Scene::new();
    let path = scene.path();
    fs::write(path.join("file"), "kept").unwrap();
    fs::create_dir(path.join("dir")).unwrap();
    let root = scene.root();
    assert_eq!(
        outcome(root.ensure("file", Make::Directory)),
        Ok(inode(&path.join("file")))
    );
    assert_eq!(
        outcome(root.ensure("dir", Make::File)),
        Ok(inode(&path.join("dir")))
    );
    for blocked in ["file/x", "file/x/y", "file/../x/"] {
        assert_eq!(
            outcome(root.ensure(blocked, Make::Directory)),
            Err(Errno::NOTDIR),
            "{blocked}"
        );
    }
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "kept");
}

#[test]
fn circles_are_an_error_and_make_nothing() {
    let scene = Scene::new();
    symlink("b", scene.path().join("a")).unwrap();
    symlink("a/x", scene.path().join("b")).unwrap();
    let made = scene.root().ensure("a/x", Make::File);
    assert_eq!(outcome(made), Err(Errno::LOOP));
    assert_eq!(fs::read_dir(scene.path()).unwrap().count(), 2);
}

#[test]
fn many_at_once_make_the_same() {
    let scene = Scene::new();
    for round in 0..200 {
        let path = format!("r{round}/a/b/c/d");
        let ensure = || outcome(scene.root().ensure(&path, Make::Directory)).unwrap();
        let made: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ensure)).collect();
            let ends = threads.into_iter().map(ScopedJoinHandle::join);
            ends.collect()
        });
        let there = inode(&scene.path().join(&path));
        for made in made {
            assert_eq!(made.unwrap(), there);
        }
    }
}

/// Says no to "never", and makes a directory of any other file that is in the way.
struct Picky;

impl Absent for Picky {
    fn make(&mut self, parent: BorrowedFd<'_>, name: &[u8], _last: bool) -> Result<(), Errno> {
        if name == b"never" {
            return Err(Errno::NOENT);
        }
        entry::make_dir(parent, name, Mode::RWXU)
    }

    fn replace(&mut self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool, Errno> {
        entry::remove_file(parent, name)?;
        entry::make_dir(parent, name, Mode::RWXU).map(|()| true)
    }
}

#[test]
fn the_caller_decides_on_what_is_absent_or_in_the_way() {
    let scene = Scene::new();
    fs::write(scene.path().join("file"), "").unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let root = scene.root();
    root.ensure_by("file/x", flags, &mut Picky).unwrap();
    assert!(scene.path().join("file/x").is_dir());
    let refused = root.ensure_by("x/never", flags, &mut Picky);
    assert_eq!(outcome(refused), Err(Errno::NOENT));
    assert!(scene.path().join("x").is_dir());
}
