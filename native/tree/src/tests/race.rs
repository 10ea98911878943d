//! A container that exchanges a directory and a link to the host's while files are copied.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use layer::tar::Kind;
use rustix::fs::{CWD, RenameFlags};

use super::{CANARY, Scene, tar};

const ROUNDS: usize = 2000;

/// Exchanges the two names as fast as it can while `work` runs.
fn racing(a: &Path, b: &Path, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
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

/// A root where "x" is now a directory with files, now a link that would lead out by the host's root.
fn scene(link: impl Fn(&Scene) -> String) -> Scene {
    let scene = Scene::new();
    fs::create_dir_all(scene.root().join("x/sub")).unwrap();
    fs::write(scene.root().join("x/secret"), "of the container").unwrap();
    symlink(link(&scene), scene.root().join("y")).unwrap();
    scene
}

fn absolute(scene: &Scene) -> String {
    scene.outside().to_str().unwrap().to_owned()
}

fn climbing(scene: &Scene) -> String {
    format!("../../../../../../..{}", absolute(scene))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn what_is_read_is_never_the_hosts() {
    for link in [absolute, climbing] {
        let scene = scene(link);
        let (x, y) = (scene.root().join("x"), scene.root().join("y"));
        let mut found = 0;
        racing(&x, &y, || {
            for round in 0..ROUNDS / 2 {
                let path = ["/x/secret", "/x/", "/x/.", "/"][round % 4];
                if let Ok(bytes) = scene.archive(path) {
                    assert!(!contains(&bytes, CANARY), "{path} was read from the host");
                    found += usize::from(contains(&bytes, "of the container"));
                }
            }
        });
        assert!(
            found > 0,
            "the race was never won by the container's own file"
        );
        scene.check();
    }
}

#[test]
fn what_is_written_is_never_the_hosts() {
    let archives = [
        tar(&[("secret", Kind::File, "planted")]),
        tar(&[("x/planted", Kind::File, "planted")]),
        tar(&[
            ("x", Kind::Directory, ""),
            ("x/secret", Kind::File, "planted"),
        ]),
        tar(&[("x/link", Kind::HardLink(b"x/secret".to_vec()), "")]),
    ];
    for link in [absolute, climbing] {
        let scene = scene(link);
        let (x, y) = (scene.root().join("x"), scene.root().join("y"));
        let mut written = 0;
        racing(&x, &y, || {
            for round in 0..ROUNDS / 2 {
                // An entry "x" is made in place of the link, so it goes elsewhere; the others race.
                let (path, index) = [("/x", 0), ("/", 1), ("/x/sub", 2), ("/", 3)][round % 4];
                written += usize::from(scene.receive(path, &archives[index]).is_ok());
                let _ = fs::remove_file(scene.root().join("x/link"));
            }
        });
        assert!(written > 0, "nothing was ever written");
        scene.check();
    }
}

#[test]
fn a_file_that_becomes_a_pipe_or_a_link_does_not_hold_the_reader() {
    let scene = Scene::new();
    let (file, other) = (scene.root().join("file"), scene.root().join("other"));
    fs::write(&file, "of the container").unwrap();
    rustix::fs::mknodat(
        CWD,
        &other,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    racing(&file, &other, || {
        for _ in 0..ROUNDS / 4 {
            scene.archive("/file").unwrap();
        }
    });
}
