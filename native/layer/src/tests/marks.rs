//! Whiteouts and opaque directories.

use crate::testing::{Archive, Head, is_root};

#[test]
fn whiteouts_become_marks_of_overlayfs_wherever_they_stand() {
    if !is_root() {
        return;
    }
    let tree = Archive::new()
        .dir("a")
        .file("a/.wh.gone", b"")
        .file("deep/er/.wh.gone", b"data is skipped")
        .file(".wh..hidden", b"")
        .extract()
        .tree();
    assert!(tree.is_whiteout("a/gone"));
    assert!(tree.is_whiteout("deep/er/gone"));
    assert!(tree.is_whiteout(".hidden"));
    assert!(tree.is_absent("a/.wh.gone"));
}

#[test]
fn an_opaque_mark_hides_lower_layers_only() {
    if !is_root() {
        return;
    }
    let tree = Archive::new()
        .file("d/before", b"1")
        .file("d/.wh..wh..opq", b"")
        .file("d/after", b"2")
        .file("new/.wh..wh..opq", b"")
        .extract()
        .tree();
    assert!(tree.is_opaque("d") && tree.is_opaque("new"));
    assert_eq!(tree.read("d/before"), b"1");
    assert_eq!(tree.read("d/after"), b"2");
    assert!(tree.is_absent("d/.wh..wh..opq"));
}

#[test]
fn only_the_last_component_makes_a_whiteout() {
    let tree = Archive::new().file(".wh.dir/file", b"x").extract().tree();
    assert_eq!(tree.read(".wh.dir/file"), b"x");
}

#[test]
fn bookkeeping_of_aufs_is_left_out() {
    let tree = Archive::new()
        .file(".wh..wh.aufs", b"")
        .dir("d/.wh..wh.plnk/")
        .extract()
        .tree();
    assert!(tree.is_absent(".wh..wh.aufs") && tree.is_absent("d"));
}

#[test]
fn a_whiteout_of_a_name_that_this_layer_has_hides_only_the_lower_one() {
    if !is_root() {
        return;
    }
    let tree = Archive::new()
        .file("file", b"kept")
        .file(".wh.file", b"")
        .file("dir/x", b"kept")
        .file(".wh.dir", b"")
        .symlink("link", "dir")
        .file(".wh.link", b"")
        .extract()
        .tree();
    assert_eq!(tree.read("file"), b"kept");
    assert_eq!(tree.read("dir/x"), b"kept");
    assert!(tree.is_opaque("dir"));
    assert!(tree.stat("link").is_symlink());
}

#[test]
fn what_follows_a_whiteout_of_its_name_takes_its_place() {
    if !is_root() {
        return;
    }
    let tree = Archive::new()
        .file(".wh.file", b"")
        .file("file", b"new")
        .file(".wh.dir", b"")
        .dir("dir")
        .file(".wh.implied", b"")
        .file("implied/x/y", b"new")
        .file(".wh.again", b"")
        .file(".wh.again", b"")
        .extract()
        .tree();
    assert_eq!(tree.read("file"), b"new");
    assert!(tree.is_opaque("dir"));
    assert!(tree.is_opaque("implied") && !tree.is_opaque("implied/x"));
    assert_eq!(tree.read("implied/x/y"), b"new");
    assert!(tree.is_whiteout("again"));
}

#[test]
fn whiteouts_of_any_type_mean_the_same() {
    if !is_root() {
        return;
    }
    let tree = Archive::new()
        .dir(".wh.a")
        .symlink(".wh.b", "/etc")
        .head(&Head::new(b'3', ".wh.c"))
        .extract();
    let tree = tree.tree();
    assert!(tree.is_whiteout("a") && tree.is_whiteout("b") && tree.is_whiteout("c"));
}
