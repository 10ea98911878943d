//! Two stacks of layers against each other.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::changes::{opaque, whiteout};
use super::{Scene, is_root};
use crate::{TreeError, difference};

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn layer(scene: &Scene, name: &str) -> PathBuf {
    let path = scene.path().join(name);
    fs::create_dir(&path).unwrap();
    path
}

/// As "added file etc/a 0→5 mode,owner".
fn told(before: &[&Path], after: &[&Path]) -> Vec<String> {
    let owned = |paths: &[&Path]| {
        paths
            .iter()
            .map(|path| path.to_path_buf())
            .collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    difference(&owned(before), &owned(after), &mut |change| {
        let size = |size: Option<u64>| size.map_or(String::from("-"), |size| size.to_string());
        lines.push(format!(
            "{} {} {} {}→{} {}",
            change.change,
            change.kind,
            String::from_utf8_lossy(change.path),
            size(change.before),
            size(change.after),
            change.what.join(",")
        ));
        Ok(())
    })
    .unwrap();
    lines
}

#[test]
fn added_changed_and_deleted_files_are_told_with_their_sizes() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let base = layer(&scene, "base");
    for name in ["etc/a", "etc/b", "etc/same", "gone/deep/x", "hidden/old"] {
        write(&base, name, name);
    }
    let top = layer(&scene, "top");
    write(&top, "etc/a", "longer than it was");
    write(&top, "etc/same", "etc/same");
    whiteout(&top, "etc/b");
    whiteout(&top, "gone");
    write(&top, "hidden/new", "n");
    opaque(&top.join("hidden"));
    assert_eq!(
        told(&[&base], &[&top, &base]),
        [
            "changed file etc/a 5→18 size",
            "deleted file etc/b 5→- ",
            "deleted directory gone 0→- ",
            "deleted directory gone/deep 0→- ",
            "deleted file gone/deep/x 11→- ",
            "added file hidden/new -→1 ",
            "deleted file hidden/old 10→- ",
        ]
    );
    let back = told(&[&top, &base], &[&base]);
    assert_eq!(back[0], "changed file etc/a 18→5 size");
    assert_eq!(back.len(), 7);
}

#[test]
fn types_modes_owners_contents_targets_and_attributes_count_as_changes() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let (old, new) = (layer(&scene, "old"), layer(&scene, "new"));
    for root in [&old, &new] {
        for name in ["cap", "content", "kind/x", "mode", "owner", "time"] {
            write(root, name, "12345");
        }
        symlink(if root == &old { "a" } else { "b" }, root.join("link")).unwrap();
    }
    fs::write(new.join("content"), "54321").unwrap();
    fs::remove_dir_all(new.join("kind")).unwrap();
    fs::write(new.join("kind"), "now").unwrap();
    fs::set_permissions(new.join("mode"), fs::Permissions::from_mode(0o4755)).unwrap();
    chown(new.join("owner"), Some(1000), None).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH;
    let file = fs::File::open(new.join("time")).unwrap();
    file.set_modified(time).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(new.join("cap"), "trusted.test", b"1", flags).unwrap();
    assert_eq!(
        told(&[&old], &[&new]),
        [
            "changed file cap 5→5 attributes",
            "changed file content 5→5 content",
            "changed file kind 0→3 type",
            "deleted file kind/x 5→- ",
            "changed link link 1→1 target",
            "changed file mode 5→5 mode",
            "changed file owner 5→5 owner",
        ]
    );
}

#[test]
fn the_same_layers_are_not_looked_at_and_links_are_not_followed() {
    let scene = Scene::new();
    let (base, top) = (layer(&scene, "base"), layer(&scene, "top"));
    write(&base, "dir/file", "1");
    symlink(scene.outside(), top.join("way")).unwrap();
    assert!(told(&[&top, &base], &[&top, &base]).is_empty());
    let size = scene.outside().as_os_str().len();
    assert_eq!(
        told(&[&base], &[&top, &base]),
        [format!("added link way -→{size} ")]
    );
}

#[test]
fn whoever_is_told_can_end_it() {
    let scene = Scene::new();
    let (old, new) = (layer(&scene, "old"), layer(&scene, "new"));
    write(&new, "a", "1");
    write(&new, "b", "1");
    let mut count = 0;
    let ended = difference(&[old], &[new], &mut |_| {
        count += 1;
        Err(TreeError::Cancelled)
    });
    assert!(matches!(ended, Err(TreeError::Cancelled)));
    assert_eq!(count, 1);
}
