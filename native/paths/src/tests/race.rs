//! Names that are exchanged for links, and directories that are moved out, while we walk.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::{Make, Root, handle};
use rustix::fs::{CWD, OFlags, RenameFlags};
use rustix::io::Errno;

use super::support::{CANARY, Scene, inode};

const ROUNDS: usize = 3000;

/// Does `disturb` as fast as it can while `work` runs.
fn during(disturb: impl Fn() + Sync, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                disturb();
            }
        });
        let _done = Done(&done);
        work();
    });
}

/// The other thread ends also when an assertion fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn exchange(a: &Path, b: &Path) {
    rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
}

/// "x" is now a directory with files, now a link that would lead out by the host's root.
fn scene(climbing: bool) -> Scene {
    let scene = Scene::new();
    let outside = scene.outside();
    fs::create_dir_all(scene.path().join("x/sub")).unwrap();
    for name in ["x/canary", "x/sub/canary"] {
        fs::write(scene.path().join(name), "of the container").unwrap();
    }
    let link = if climbing {
        Path::new("../../../../../../..").join(outside.strip_prefix("/").unwrap())
    } else {
        outside
    };
    symlink(link, scene.path().join("y")).unwrap();
    scene
}

fn each(work: impl Fn(&Scene, Root<'_>)) {
    for climbing in [false, true] {
        let scene = scene(climbing);
        for root in scene.both() {
            let (x, y) = (scene.path().join("x"), scene.path().join("y"));
            during(|| exchange(&x, &y), || work(&scene, root));
        }
        scene.assert_untouched();
    }
}

#[test]
fn what_is_opened_is_never_the_hosts() {
    each(|scene, root| {
        let canary = inode(&scene.outside().join("canary"));
        let paths = ["x/canary", "/x/sub/../canary", "y/canary", "x/sub/canary"];
        let mut opened = 0;
        for round in 0..ROUNDS {
            let path = paths[round % paths.len()];
            match root.open(path, OFlags::RDONLY) {
                Ok(fd) => {
                    assert_ne!(handle::identity(fd.as_fd()), Ok(canary));
                    opened += 1;
                }
                Err(errno) => assert!(
                    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::AGAIN),
                    "{path}: {errno}"
                ),
            }
        }
        assert!(opened > 0, "the race was never lost: it is no race");
    });
}

#[test]
fn beneath_never_leads_out() {
    each(|scene, root| {
        let canary = inode(&scene.outside().join("canary"));
        for round in 0..ROUNDS {
            let root = root.beneath();
            let root = if round % 2 == 0 {
                root.without_links()
            } else {
                root
            };
            if let Ok(fd) = root.open("x/canary", OFlags::RDONLY) {
                assert_ne!(handle::identity(fd.as_fd()), Ok(canary));
            }
        }
    });
}

#[test]
fn what_is_read_is_never_the_hosts() {
    each(|_, root| {
        for _ in 0..ROUNDS {
            if let Ok(content) = root.read_plain("x/canary", 100) {
                assert_ne!(content, CANARY.as_bytes());
            }
        }
    });
}

#[test]
fn what_is_made_is_made_inside() {
    each(|scene, root| {
        for round in 0..ROUNDS / 4 {
            let (path, make) = if round % 2 == 0 {
                (format!("x/d{round}/sub"), Make::Directory)
            } else {
                (format!("x/../x/sub/f{round}"), Make::File)
            };
            // EAGAIN and the like are no way out.
            let _ = root.ensure(&path, make);
            if round % 100 == 0 {
                scene.assert_untouched();
            }
        }
    });
}

/// What a container can do with a directory that it shares: the walk is in it while it is moved
/// away, and ".." would lead to where it is by then.
#[test]
fn dots_do_not_climb_out_of_a_directory_that_is_moved_out() {
    let scene = Scene::new();
    let (inside, outside) = (scene.path().join("a/b"), scene.outside().join("b"));
    fs::create_dir_all(inside.join("c")).unwrap();
    let canary = inode(&scene.outside().join("canary"));
    let back_and_forth = || {
        fs::rename(&inside, &outside).unwrap();
        fs::rename(&outside, &inside).unwrap();
    };
    for root in scene.both() {
        during(back_and_forth, || {
            for _ in 0..ROUNDS {
                for path in [
                    "a/b/../canary",
                    "a/b/c/../../canary",
                    "a/b/../outside/canary",
                ] {
                    for root in [root, root.beneath()] {
                        match root.open(path, OFlags::PATH) {
                            Ok(fd) => assert_ne!(handle::identity(fd.as_fd()), Ok(canary)),
                            Err(errno) => assert!(
                                matches!(errno, Errno::NOENT | Errno::AGAIN | Errno::XDEV),
                                "{path}: {errno}"
                            ),
                        }
                    }
                }
            }
        });
    }
    scene.assert_untouched();
}
