//! What has a meaning inside the root stays inside the root.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::testing::{Archive, Head, is_root};

#[test]
fn absolute_names_and_link_targets_are_taken_from_the_root() {
    let tree = Archive::new()
        .file("/etc/passwd", b"x")
        .symlink("link", "/etc")
        .link("hard", "/etc/passwd")
        .extract()
        .tree();
    assert_eq!(tree.read("etc/passwd"), b"x");
    assert_eq!(
        fs::read_link(tree.path("link")).unwrap().as_os_str(),
        "/etc"
    );
    assert_eq!(tree.stat("hard").ino(), tree.stat("etc/passwd").ino());
}

#[test]
fn writing_through_an_absolute_link_stays_inside() {
    let tree = Archive::new()
        .dir("tmp/")
        .symlink("out", "/tmp")
        .file("out/file", b"inside")
        .extract()
        .tree();
    assert_eq!(tree.read("tmp/file"), b"inside");
    assert!(tree.stat("out").is_symlink());
}

#[test]
fn writing_through_a_climbing_link_stays_inside() {
    let tree = Archive::new()
        .dir("a")
        .symlink("a/out", "../../../../../../tmp")
        .file("a/out/file", b"inside")
        .extract()
        .tree();
    assert_eq!(tree.read("tmp/file"), b"inside");
}

#[test]
fn a_link_to_what_only_a_lower_layer_has_makes_it_here() {
    let tree = Archive::new()
        .symlink("var/run", "../x/../run/./deep")
        .file("var/run/pid", b"1")
        .extract()
        .tree();
    assert_eq!(tree.read("run/deep/pid"), b"1");
}

#[test]
fn links_in_a_circle_are_refused() {
    let text = Archive::new()
        .symlink("a", "b")
        .symlink("b", "a")
        .file("a/file", b"")
        .refused();
    assert!(
        text.contains("\"a/file\"") && text.contains("links"),
        "{text}"
    );
}

#[test]
fn a_long_chain_of_links_ends_in_an_error_in_time() {
    // Every target climbs up and down before it leads on.
    let target = format!("{}y", "d/../".repeat(17));
    let mut archive = Archive::new().dir("d");
    for index in 0..45 {
        archive = archive.symlink(format!("l{index}"), format!("{target}/../l{}", index + 1));
    }
    let text = archive.file("l0/file", b"").refused();
    assert!(text.contains("links"), "{text}");
}

#[test]
fn links_that_climb_up_and_down_all_day_are_refused() {
    let mut archive = Archive::new().dir("d");
    for index in 0..39 {
        let target = format!("{}missing/../l{}", "d/../".repeat(800), index + 1);
        archive = archive
            .pax(&[("linkpath", target.as_bytes())])
            .symlink(format!("l{index}"), "x");
    }
    let text = archive.file("l0/file", b"").refused();
    assert!(text.contains("links"), "{text}");
}

#[test]
fn a_directory_entry_replaces_a_link_and_later_entries_go_into_it() {
    let tree = Archive::new()
        .dir("real")
        .symlink("d", "real")
        .file("d/one", b"1")
        .dir("d")
        .file("d/two", b"2")
        .extract()
        .tree();
    assert!(tree.stat("d").is_dir());
    assert_eq!(tree.read("real/one"), b"1");
    assert_eq!(tree.read("d/two"), b"2");
    assert!(tree.is_absent("real/two"));
}

#[test]
fn a_link_that_replaces_a_directory_is_followed_by_later_entries() {
    let tree = Archive::new()
        .file("d/one", b"1")
        .dir("real")
        .symlink("d", "real")
        .file("d/two", b"2")
        .extract()
        .tree();
    assert!(tree.stat("d").is_symlink());
    assert!(tree.is_absent("real/one"));
    assert_eq!(tree.read("real/two"), b"2");
}

#[test]
fn a_replaced_link_inside_a_known_path_is_resolved_anew() {
    let tree = Archive::new()
        .dir("one")
        .dir("two")
        .dir("d")
        .symlink("d/l", "/one")
        .file("d/l/file", b"1")
        .symlink("d/l", "/two")
        .file("d/l/file", b"2")
        .extract()
        .tree();
    assert_eq!(tree.read("one/file"), b"1");
    assert_eq!(tree.read("two/file"), b"2");
}

#[test]
fn a_file_entry_replaces_a_link_and_leaves_its_target_alone() {
    let tree = Archive::new()
        .file("target", b"kept")
        .symlink("link", "target")
        .file("link", b"new")
        .extract()
        .tree();
    assert_eq!(tree.read("target"), b"kept");
    assert_eq!(tree.read("link"), b"new");
}

#[test]
fn of_duplicate_entries_the_last_wins_and_hard_links_keep_the_old_inode() {
    let tree = Archive::new()
        .file("a", b"old")
        .link("b", "a")
        .file("a", b"n")
        .extract()
        .tree();
    assert_eq!(tree.read("a"), b"n");
    assert_eq!(tree.read("b"), b"old");
}

#[test]
fn a_file_entry_replaces_a_whole_directory() {
    let tree = Archive::new()
        .file("d/e/f/one", b"1")
        .file("d", b"file")
        .extract()
        .tree();
    assert_eq!(tree.read("d"), b"file");
}

#[test]
fn metadata_of_a_hard_link_to_a_symlink_does_not_reach_the_links_target() {
    if !is_root() {
        return;
    }
    let mut secret = Head::new(b'0', "secret");
    secret.mode = 0o600;
    let mut hard = Head::new(b'1', "hard");
    (hard.link, hard.mode, hard.uid) = (b"soft".to_vec(), 0o4777, 7);
    let tree = Archive::new()
        .head(&secret)
        .symlink("soft", "secret")
        .head(&hard)
        .extract()
        .tree();
    let stat = tree.stat("secret");
    assert_eq!((stat.mode() & 0o7777, stat.uid()), (0o600, 0));
    assert!(tree.stat("hard").is_symlink());
    assert_eq!(tree.stat("hard").uid(), 7);
}

#[test]
fn a_hard_link_to_itself_changes_nothing() {
    let tree = Archive::new()
        .file("a", b"x")
        .link("a", "./a")
        .extract()
        .tree();
    assert_eq!(tree.read("a"), b"x");
}

#[test]
fn inner_climbs_that_stay_inside_are_taken_literally() {
    let tree = Archive::new()
        .file("a/b/../c", b"x")
        .file("./d//e/.", b"y")
        .extract()
        .tree();
    assert_eq!(tree.read("a/c"), b"x");
    assert_eq!(tree.read("d/e"), b"y");
}
