//! Writable layers as overlayfs leaves them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, XattrFlags};

use super::{Scene, is_root};
use crate::{Change, Layers, changes, pack};

pub(super) fn write(root: &Path, name: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, name).unwrap();
}

pub(super) fn whiteout(root: &Path, name: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let kind = FileType::CharacterDevice;
    rustix::fs::mknodat(CWD, path, kind, Mode::empty(), 0).unwrap();
}

pub(super) fn opaque(path: &Path) {
    let name = "trusted.overlay.opaque";
    rustix::fs::setxattr(path, name, b"y", XattrFlags::empty()).unwrap();
}

fn layers(scene: &Scene, mount_points: &[&str]) -> Layers {
    let mount_points = mount_points.iter().map(|path| path.as_bytes().to_vec());
    Layers {
        upper: scene.path().join("upper"),
        lower: vec![scene.path().join("top"), scene.path().join("base")],
        mount_points: mount_points.collect::<HashSet<_>>(),
    }
}

fn listed(layers: &Layers) -> Vec<String> {
    let letter = |change| match change {
        Change::Modified => 'C',
        Change::Added => 'A',
        Change::Deleted => 'D',
    };
    let all = changes(layers).unwrap().into_iter();
    all.map(|(path, change)| format!("{} {}", letter(change), String::from_utf8(path).unwrap()))
        .collect()
}

fn scene() -> Scene {
    let scene = Scene::new();
    let dir = |name: &str| scene.path().join(name);
    for name in ["upper", "top", "base"] {
        fs::create_dir(dir(name)).unwrap();
    }
    for name in [
        "etc/a",
        "etc/b",
        "deep/one/two/x",
        "gone/by/top",
        "hidden/old",
    ] {
        write(&dir("base"), name);
    }
    whiteout(&dir("top"), "gone");
    fs::create_dir(dir("top").join("hidden")).unwrap();
    opaque(&dir("top").join("hidden"));
    write(&dir("top"), "hidden/new");
    scene
}

#[test]
fn changes_are_told_against_all_layers() {
    if !is_root() {
        return;
    }
    let scene = scene();
    let upper = scene.path().join("upper");
    write(&upper, "etc/a");
    fs::write(upper.join("etc/a"), "changed").unwrap();
    whiteout(&upper, "etc/b");
    whiteout(&upper, "nothing/there");
    write(&upper, "deep/one/two/y");
    write(&upper, "gone/again");
    write(&upper, "hidden/old");
    assert_eq!(
        listed(&layers(&scene, &[])),
        [
            "C deep",
            "C deep/one",
            "C deep/one/two",
            "A deep/one/two/y",
            "C etc",
            "C etc/a",
            "D etc/b",
            "A gone",
            "A gone/again",
            "C hidden",
            "A hidden/old",
            "A nothing",
        ]
    );
}

#[test]
fn an_opaque_directory_deletes_all_that_it_does_not_have() {
    if !is_root() {
        return;
    }
    let scene = scene();
    let upper = scene.path().join("upper");
    fs::create_dir_all(upper.join("deep/one")).unwrap();
    opaque(&upper.join("deep"));
    assert_eq!(
        listed(&layers(&scene, &[])),
        ["C deep", "C deep/one", "D deep/one/two"]
    );
}

#[test]
fn mount_points_and_what_was_made_for_them_are_left_out() {
    if !is_root() {
        return;
    }
    let scene = scene();
    let upper = scene.path().join("upper");
    fs::create_dir_all(upper.join("data/volume")).unwrap();
    fs::create_dir(upper.join("proc")).unwrap();
    fs::write(upper.join("proc/own"), "").unwrap();
    fs::create_dir(upper.join("etc")).unwrap();
    fs::write(upper.join("etc/hosts"), "").unwrap();
    let layers = layers(&scene, &["data/volume", "etc/hosts", "proc"]);
    assert_eq!(listed(&layers), ["A proc", "A proc/own"]);
}

#[test]
fn a_packed_layer_has_whiteouts_and_both_digests() {
    if !is_root() {
        return;
    }
    let scene = scene();
    let upper = scene.path().join("upper");
    write(&upper, "etc/a");
    fs::write(upper.join("etc/a"), "changed").unwrap();
    whiteout(&upper, "etc/b");
    let to = scene.path().join("layer.gz");
    let packed = pack(&layers(&scene, &[]), &to).unwrap();
    assert_eq!(packed.size, fs::metadata(&to).unwrap().len());
    assert!(packed.digest.starts_with("sha256:") && packed.digest != packed.diff_id);
    let mut plain = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(fs::File::open(&to).unwrap());
    std::io::Read::read_to_end(&mut gzip, &mut plain).unwrap();
    let names: Vec<&[u8]> = plain
        .chunks(512)
        .filter(|block| block.get(257..262) == Some(b"ustar"))
        .map(|block| block.split(|byte| *byte == 0).next().unwrap())
        .filter(|name| !name.starts_with(b"PaxHeaders"))
        .collect();
    assert_eq!(names, [&b"etc/"[..], b"etc/a", b"etc/.wh.b"]);
    assert!(
        pack(&layers(&scene, &[]), &to).is_err(),
        "never over a file"
    );
}
