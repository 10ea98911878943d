//! The walk by steps against the kernel's, on random trees.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::{Make, Root};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::support::{Scene, outcome};

const TREES: u64 = 60;
const PATHS: usize = 400;

/// xorshift64: the same trees in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Few names, so that most paths lead somewhere; all that a path can be made of.
    fn path(&mut self) -> String {
        let mut path = String::from(self.pick(&["", "", "", "/", "//", "./", "../"]));
        for _ in 0..=self.below(5) {
            let part = self.pick(&["a", "b", "c", "d", "..", ".", "", "a", "b", "c", "d"]);
            path += part;
            path += "/";
        }
        match self.below(4) {
            0 => path,
            1 => path + ".",
            _ => path.trim_end_matches('/').to_owned(),
        }
    }
}

fn grow(scene: &Scene, random: &mut Random) {
    let mut dirs = vec![scene.path()];
    for _ in 0..25 {
        let dir: PathBuf = dirs[random.below(dirs.len())].clone();
        let path = dir.join(random.pick(&["a", "b", "c", "d"]));
        if fs::symlink_metadata(&path).is_ok() {
            continue;
        }
        match random.below(8) {
            0..=2 => {
                fs::create_dir(&path).unwrap();
                dirs.push(path);
            }
            3 => fs::write(&path, "").unwrap(),
            4 => rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap(),
            _ => {
                let text = random.path();
                if !text.is_empty() {
                    symlink(text, &path).unwrap();
                }
            }
        }
    }
}

const RULES: [fn(Root<'_>) -> Root<'_>; 5] = [
    |root| root,
    |root| root.beneath(),
    |root| root.without_links(),
    |root| root.on_one_mount(),
    |root| root.beneath().without_links().on_one_mount(),
];

#[test]
fn steps_and_kernel_find_the_same_or_fail_alike() {
    let wait_free = OFlags::RDONLY | OFlags::NONBLOCK;
    let flags = [
        OFlags::PATH,
        OFlags::PATH | OFlags::NOFOLLOW,
        OFlags::PATH | OFlags::DIRECTORY,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW,
        wait_free,
        wait_free | OFlags::NOFOLLOW,
        wait_free | OFlags::DIRECTORY,
        wait_free | OFlags::DIRECTORY | OFlags::NOFOLLOW,
    ];
    let mut found = 0;
    for seed in 1..=TREES {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let scene = Scene::new();
        grow(&scene, &mut random);
        for _ in 0..PATHS {
            let (path, flags) = (random.path(), random.pick(&flags));
            let rules = random.pick(&RULES);
            let [kernel, steps] = scene
                .both()
                .map(|root| outcome(rules(root).open(&path, flags)));
            assert_eq!(steps, kernel, "tree {seed}, path {path:?}, {flags:?}");
            found += usize::from(kernel.is_ok());
        }
    }
    assert!(found > 2000, "the trees are too poor: {found}");
}

#[test]
fn what_is_made_is_where_the_kernel_finds_it() {
    let mut count = 0;
    for seed in 1..=TREES {
        let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95));
        let scene = Scene::new();
        grow(&scene, &mut random);
        for _ in 0..20 {
            let path = random.path();
            let make = random.pick(&[Make::Directory, Make::File]);
            let was = scene.root().open(&path, OFlags::PATH);
            let ensured = outcome(scene.root().ensure(&path, make));
            let there = outcome(scene.root().open(&path, OFlags::PATH));
            match ensured {
                Ok(_) if make == Make::File && there == Err(Errno::NOTDIR) => {
                    assert!(path.ends_with(['/', '.']), "tree {seed}, path {path:?}");
                }
                Ok(_) => assert_eq!(ensured, there, "tree {seed}, path {path:?}"),
                Err(errno) => assert!(
                    matches!(errno, Errno::NOTDIR | Errno::LOOP | Errno::NOENT),
                    "tree {seed}, path {path:?}: {errno}"
                ),
            }
            count += usize::from(was.is_err() && ensured.is_ok());
        }
        scene.assert_untouched();
    }
    assert!(count > 100, "too little was made: {count}");
}
