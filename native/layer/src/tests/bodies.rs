//! What goes by the thread that writes small files is as if the tree's thread had written it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::bodies::SMALL;
use crate::testing::{Archive, Head};

fn head(flag: u8, name: &str, mtime: u64) -> Head {
    let mut head = Head::new(flag, name);
    head.mtime = mtime;
    head
}

#[test]
fn files_of_all_sizes_hold_their_own_data() {
    let small = usize::try_from(SMALL).unwrap();
    let sizes = [0, 1, 511, 512, 513, small - 1, small, small + 1, 3 * small];
    let data = |index: usize| vec![u8::try_from(index % 251).unwrap(); sizes[index % sizes.len()]];
    let mut archive = Archive::new();
    for index in 0..200 {
        archive = archive.file(format!("f{index}"), &data(index));
    }
    let tree = archive.extract().tree();
    for index in 0..200 {
        assert!(tree.read(&format!("f{index}")) == data(index), "f{index}");
    }
}

#[test]
fn a_hard_link_gives_its_metadata_to_a_file_that_was_just_made() {
    let mut archive = Archive::new();
    for index in 0..100 {
        let name = format!("f{index}");
        let mut link = head(b'1', &format!("l{index}"), 2_000);
        (link.link, link.mode) = (name.clone().into_bytes(), 0o600);
        archive = archive.head(&head(b'0', &name, 1_000)).head(&link);
    }
    let tree = archive.extract().tree();
    for index in 0..100 {
        let stat = tree.stat(&format!("f{index}"));
        let found = (stat.mtime(), stat.permissions().mode() & 0o7777);
        assert_eq!(found, (2_000, 0o600), "f{index}");
    }
}

#[test]
fn of_files_of_one_name_the_last_stays_and_its_directory_keeps_its_time() {
    let mut archive = Archive::new().head(&head(b'5', "d/", 1_000));
    for index in 0..100 {
        archive = archive.file("d/x", format!("{index}").as_bytes());
    }
    let tree = archive.extract().tree();
    assert_eq!(tree.read("d/x"), b"99");
    assert_eq!(tree.stat("d").mtime(), 1_000);
}

#[test]
fn directories_get_what_their_entries_say_whether_they_are_new_or_not() {
    let mut archive = Archive::new();
    // With the bit that hands the group on, then below it, then implied, then named again.
    for (name, mode) in [
        ("s/", 0o2775),
        ("s/in/", 0o700),
        ("a/b/c/", 0o711),
        ("a/", 0o1777),
    ] {
        let mut head = head(b'5', name, 1_000);
        head.mode = mode;
        archive = archive.head(&head);
    }
    let tree = archive.extract().tree();
    let found = ["s", "s/in", "a", "a/b", "a/b/c"].map(|name| tree.stat(name).mode() & 0o7777);
    assert_eq!(found, [0o2775, 0o700, 0o1777, 0o755, 0o711]);
}
