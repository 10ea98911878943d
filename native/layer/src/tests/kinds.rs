//! Types, owners, modes, times, attributes and dialects.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use crate::header::BLOCK;
use crate::testing::{Archive, Head, Tree, is_root, sum};

fn owner_and_mode(tree: &Tree, name: &str) -> (u32, u32, u32) {
    let stat = tree.stat(name);
    (stat.uid(), stat.gid(), stat.mode() & 0o7777)
}

#[test]
fn every_type_gets_its_owner_mode_and_time() {
    if !is_root() {
        return;
    }
    let mut archive = Archive::new();
    for (flag, name) in [
        (b'0', "file"),
        (b'7', "contiguous"),
        (b'5', "dir/"),
        (b'2', "link"),
        (b'6', "fifo"),
        (b'3', "char"),
        (b'4', "block"),
    ] {
        let mut head = Head::new(flag, name);
        (head.mode, head.uid, head.gid) = (0o6755, 1000, 100_000);
        (head.link, head.device) = (b"/target".to_vec(), (7, 300));
        if flag != b'2' {
            head.link.clear();
        }
        head.mtime = 1_234_567_890;
        archive = archive.head(&head);
    }
    let tree = archive.extract().tree();
    for name in ["file", "contiguous", "dir", "fifo", "char", "block"] {
        assert_eq!(
            owner_and_mode(&tree, name),
            (1000, 100_000, 0o6755),
            "{name}"
        );
        assert_eq!(tree.stat(name).mtime(), 1_234_567_890, "{name}");
    }
    assert_eq!(tree.stat("link").uid(), 1000);
    assert_eq!(tree.stat("link").mtime(), 1_234_567_890);
    assert!(tree.stat("fifo").file_type().is_fifo());
    assert!(tree.stat("char").file_type().is_char_device());
    assert!(tree.stat("block").file_type().is_block_device());
    assert_eq!(tree.stat("block").rdev(), rustix::fs::makedev(7, 300));
}

#[test]
fn directories_keep_their_times_whatever_is_made_in_them_later() {
    let mut archive = Archive::new();
    let mut top = Head::new(b'5', "./");
    (top.mtime, top.mode) = (77, 0o711);
    archive = archive.head(&top);
    // More directories than are kept open, visited twice, and one of them by a link as well.
    for round in 0..2 {
        for index in 0..100 {
            let mut head = Head::new(b'5', format!("d{index}"));
            (head.mtime, head.mode) = (1000 + index, 0o750);
            if round == 0 {
                archive = archive.head(&head);
            }
            archive = archive.file(format!("d{index}/f{round}"), b"x");
        }
        archive = archive.symlink(format!("l{round}"), "d5");
        archive = archive.file(format!("l{round}/through-{round}"), b"x");
        archive = archive.file(format!("d5/again-{round}"), b"x");
        archive = archive.file(format!("d7/made/up/{round}"), b"x");
    }
    // Replacing a link forgets all directories.
    archive = archive.file("l0", b"now a file").file("d9/last", b"x");
    let tree = archive.extract().tree();
    for index in 0..100u64 {
        let stat = tree.stat(&format!("d{index}"));
        assert_eq!(u64::try_from(stat.mtime()), Ok(1000 + index), "d{index}");
        assert_eq!(stat.mode() & 0o7777, 0o750);
    }
    assert_eq!(tree.stat(".").mtime(), 77);
    assert_eq!(tree.stat(".").mode() & 0o7777, 0o711);
    assert_eq!(tree.read("d5/through-1"), b"x");
}

#[test]
fn entries_of_a_setgid_directory_keep_their_own_group() {
    if !is_root() {
        return;
    }
    let mut dir = Head::new(b'5', "mail");
    (dir.mode, dir.gid) = (0o2775, 8);
    let tree = Archive::new()
        .head(&dir)
        .file("mail/box", b"x")
        .dir("mail/sub")
        .symlink("mail/link", "box")
        .extract()
        .tree();
    for name in ["mail/box", "mail/sub", "mail/link"] {
        assert_eq!(tree.stat(name).gid(), 0, "{name}");
    }
    assert_eq!(owner_and_mode(&tree, "mail/sub").2, 0o755);
    assert_eq!(owner_and_mode(&tree, "mail").2, 0o2775);
}

#[test]
fn a_default_access_list_does_not_spread_to_other_entries() {
    if !is_root() {
        return;
    }
    // Version 2; user::rwx, user 7:rwx, group::rwx, mask::rwx, other::---
    let entry = |tag: u16, perm: u16, id: u32| {
        [
            &tag.to_le_bytes()[..],
            &perm.to_le_bytes(),
            &id.to_le_bytes(),
        ]
        .concat()
    };
    let none = u32::MAX;
    let list = [
        2u32.to_le_bytes().to_vec(),
        entry(1, 7, none),
        entry(2, 7, 7),
        entry(4, 7, none),
        entry(16, 7, none),
        entry(32, 0, none),
    ];
    let tree = Archive::new()
        .pax(&[("SCHILY.xattr.system.posix_acl_default", &list.concat())])
        .dir("d")
        .file("d/f", b"x")
        .dir("d/sub")
        .extract()
        .tree();
    assert!(tree.xattr("d", "system.posix_acl_default").is_some());
    for name in ["d/f", "d/sub"] {
        assert_eq!(tree.xattr(name, "system.posix_acl_access"), None, "{name}");
        assert_eq!(tree.xattr(name, "system.posix_acl_default"), None, "{name}");
    }
    assert_eq!(owner_and_mode(&tree, "d/f").2, 0o644);
}

#[test]
fn attributes_are_set_after_the_owner_and_foreign_labels_left_out() {
    if !is_root() {
        return;
    }
    // cap_net_raw=ep, revision 2.
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut ping = Head::new(b'0', "ping");
    (ping.uid, ping.mode) = (7, 0o755);
    let mut link = Head::new(b'1', "ping2");
    (link.link, link.uid, link.mode) = (b"ping".to_vec(), 7, 0o755);
    let tree = Archive::new()
        .pax(&[
            ("SCHILY.xattr.security.capability", &capability),
            ("SCHILY.xattr.security.selinux", b"label"),
            ("SCHILY.xattr.system.nfs4_acl", b"list"),
            ("SCHILY.xattr.user.with=equals", b"a=b\n\0c"),
        ])
        .head(&ping)
        .head(&link)
        .pax(&[
            ("SCHILY.xattr.trusted.on-link", b"v"),
            ("SCHILY.xattr.user.on-link", b"v"),
        ])
        .symlink("soft", "ping")
        .extract()
        .tree();
    assert_eq!(
        tree.xattr("ping", "security.capability"),
        Some(capability.to_vec())
    );
    assert_eq!(
        tree.xattr("ping2", "security.capability"),
        Some(capability.to_vec())
    );
    assert_ne!(
        tree.xattr("ping", "security.selinux"),
        Some(b"label".to_vec())
    );
    assert_eq!(
        tree.xattr("ping", "user.with"),
        Some(b"equals=a=b\n\0c".to_vec())
    );
    assert_eq!(tree.xattr("soft", "trusted.on-link"), Some(b"v".to_vec()));
    assert_eq!(tree.xattr("ping", "trusted.on-link"), None);
}

#[test]
fn an_extended_header_overrides_every_field_it_names() {
    if !is_root() {
        return;
    }
    let name = format!("{}/\u{fc}ber", "long-component".repeat(15));
    let tree = Archive::new()
        .pax(&[
            ("path", name.as_bytes()),
            ("uid", b"4000000000"),
            ("gid", b"3000000000"),
            ("mtime", b"-1.5"),
        ])
        .file("short", b"x")
        .pax(&[("linkpath", "t/".repeat(100).as_bytes())])
        .symlink("soft", "short")
        .extract()
        .tree();
    let stat = tree.stat(&name);
    assert_eq!((stat.uid(), stat.gid()), (4_000_000_000, 3_000_000_000));
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (-2, 500_000_000));
    let target = fs::read_link(tree.path("soft")).unwrap();
    assert_eq!(target.as_os_str().len(), 200);
}

#[test]
fn gnu_long_names_and_links_are_read() {
    let (name, target) = ("n".repeat(150), "t/".repeat(120));
    let tree = Archive::new()
        .extension(b'L', format!("{name}\0").as_bytes())
        .extension(b'K', format!("{target}\0").as_bytes())
        .symlink("short", "short")
        .extract()
        .tree();
    let found = fs::read_link(tree.path(&name)).unwrap();
    assert_eq!(found.as_os_str(), &target[..]);
}

#[test]
fn names_are_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let tree = Archive::new().file(b"\xff\xfe\x01", b"x").extract().tree();
    let entry = fs::read_dir(tree.path("."))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(entry.file_name().as_bytes(), b"\xff\xfe\x01");
}

#[test]
fn archives_older_than_posix_are_read() {
    let old = |name: &str, size: u64| {
        let mut head = Head::new(0, name);
        head.size = size;
        let mut block = head.block();
        block[257..].fill(0);
        sum(block)
    };
    let tree = Archive::new()
        .raw(&old("dir/", 0))
        .raw(&old("dir/file", 2))
        .data(b"ab")
        .extract()
        .tree();
    assert!(tree.stat("dir").is_dir());
    assert_eq!(tree.read("dir/file"), b"ab");
}

#[test]
fn links_directories_and_devices_have_no_data_whatever_size_they_state() {
    if !is_root() {
        return;
    }
    let mut archive = Archive::new().file("f", b"x");
    for (flag, name) in [
        (b'1', "h"),
        (b'2', "s"),
        (b'5', "d"),
        (b'6', "p"),
        (b'3', "c"),
    ] {
        let mut head = Head::new(flag, name);
        (head.size, head.device, head.link) = (700, (1, 3), b"f".to_vec());
        archive = archive.head(&head);
    }
    let (tree, result) = archive.file("last", b"y").extract().done();
    assert_eq!(tree.read("last"), b"y");
    assert_eq!((result.size, result.entries), (2, 7));
}

#[test]
fn sparse_files_of_all_formats_get_their_holes() {
    let real = 1 << 20;
    let mut data = b"3\n0\n1\n4096\n2\n1048576\n0\n".to_vec();
    data.resize(BLOCK, 0);
    data.extend_from_slice(b"abc");
    let size = real.to_string();
    let (size, data) = (size.as_bytes(), &data[..]);
    let mut old = Head::new(b'S', "old");
    old.size = 3;
    let mut old = old.block();
    old[257..265].copy_from_slice(b"ustar  \0");
    old[386..398].copy_from_slice(b"00000000000\0");
    old[398..410].copy_from_slice(b"00000000001\0");
    old[482] = 1;
    old[483..495].copy_from_slice(b"00004000000\0");
    let mut more = [0; BLOCK];
    more[0..12].copy_from_slice(b"00000010000\0");
    more[12..24].copy_from_slice(b"00000000002\0");
    let tree = Archive::new()
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"v1.0"),
            ("GNU.sparse.realsize", size),
        ])
        .file("GNUSparseFile.1/v1.0", data)
        .pax(&[
            ("GNU.sparse.size", size),
            ("GNU.sparse.numblocks", b"2"),
            ("GNU.sparse.name", b"v0.1"),
            ("GNU.sparse.map", b"0,1,4096,2"),
        ])
        .file("x", b"abc")
        .pax(&[
            ("GNU.sparse.size", size),
            ("GNU.sparse.numblocks", b"2"),
            ("GNU.sparse.offset", b"0"),
            ("GNU.sparse.numbytes", b"1"),
            ("GNU.sparse.offset", b"4096"),
            ("GNU.sparse.numbytes", b"2"),
        ])
        .file("v0.0", b"abc")
        .raw(&sum(old))
        .raw(&more)
        .data(b"abc")
        .file("after", b"x")
        .extract();
    let (tree, result) = tree.done();
    for name in ["v1.0", "v0.1", "v0.0", "old"] {
        let content = tree.read(name);
        assert_eq!(content.len(), real, "{name}");
        assert_eq!(
            (content[0], &content[4096..4098]),
            (b'a', &b"bc"[..]),
            "{name}"
        );
        assert_eq!(
            content.iter().filter(|byte| **byte != 0).count(),
            3,
            "{name}"
        );
        assert!(tree.stat(name).blocks() < 100, "{name} has no holes");
    }
    assert_eq!(tree.read("after"), b"x");
    assert_eq!(result.size, 4 * real as u64 + 1);
}

/// Runs itself again in a user namespace: a thread among others cannot enter one.
#[test]
fn in_a_user_namespace_devices_are_left_out_and_marks_are_the_users() {
    const INNER: &str = "RT_LAYER_IN_USER_NAMESPACE";
    if !is_root() {
        return;
    }
    if std::env::var_os(INNER).is_none() {
        let name = "tests::kinds::in_a_user_namespace_devices_are_left_out_and_marks_are_the_users";
        let output = std::process::Command::new("unshare")
            .args(["--user", "--map-root-user"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(INNER, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let is_done = output.status.success() && text.contains("1 passed");
        assert!(is_done, "{text}{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let mut device = Head::new(b'3', "null");
    device.device = (1, 3);
    let tree = Archive::new()
        .head(&device)
        .file("d/.wh..wh..opq", b"")
        .file("d/.wh.gone", b"")
        .file("d/file", b"x")
        .extract()
        .tree();
    assert!(tree.is_absent("null"));
    assert_eq!(tree.xattr("d", "user.overlay.opaque"), Some(b"y".to_vec()));
    assert!(tree.is_whiteout("d/gone"));
    assert_eq!(tree.read("d/file"), b"x");
}
