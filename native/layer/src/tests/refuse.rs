//! What has no meaning inside the root refuses the whole layer, and nothing is left.

use crate::ErrorKind;
use crate::header::BLOCK;
use crate::testing::{Archive, Head, extract, is_root, sum, to_records};

#[test]
fn names_that_leave_the_root_are_refused() {
    for name in ["../x", "a/../../x", "/../x", ".."] {
        let text = Archive::new().file("kept", b"").file(name, b"").refused();
        assert!(text.contains(&format!("\"{name}\"")), "{text}");
    }
}

#[test]
fn hard_links_that_leave_the_root_are_refused() {
    let text = Archive::new().link("h", "../../etc/passwd").refused();
    assert!(
        text.contains("\"h\"") && text.contains("leaves the root"),
        "{text}"
    );
}

#[test]
fn hard_links_to_nothing_to_whiteouts_and_to_directories_are_refused() {
    if !is_root() {
        return;
    }
    for archive in [
        Archive::new().link("h", "absent"),
        Archive::new().link("h", "absent/file"),
        Archive::new().file(".wh.w", b"").link("h", "w"),
        Archive::new().dir("d").link("h", "d"),
        Archive::new().link("h", "/"),
    ] {
        let text = archive.refused();
        assert!(text.contains("hard link target"), "{text}");
    }
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    for name in ["/", ".", "a/..", ""] {
        for flag in [b'0', b'1', b'2', b'6'] {
            let mut head = Head::new(flag, name);
            head.link = b"x".to_vec();
            let text = Archive::new().head(&head).refused();
            assert!(text.contains("root"), "{text}");
        }
    }
}

#[test]
fn entries_below_something_that_is_no_directory_are_refused() {
    if !is_root() {
        return;
    }
    let mut fifo = Head::new(b'6', "f");
    fifo.mode = 0o600;
    for archive in [
        Archive::new().file("f", b"x").file("f/a", b""),
        Archive::new().file("f", b"x").file("f/a/b", b""),
        Archive::new().head(&fifo).file("f/a", b""),
        Archive::new()
            .file("t", b"x")
            .symlink("f", "t")
            .file("f/a", b""),
    ] {
        let text = archive.refused();
        assert!(text.contains("not a directory"), "{text}");
    }
}

#[test]
fn unknown_types_are_refused() {
    for flag in [b'8', b'9', b'V', b'M', b'D', b'N', b'A', b'X', b'z', 0xff] {
        let text = Archive::new().head(&Head::new(flag, "odd")).refused();
        assert!(text.contains("\"odd\"") && text.contains("type"), "{text}");
    }
}

#[test]
fn a_wrong_checksum_is_refused() {
    let mut block = Head::new(b'0', "name").block();
    block[100] ^= 1;
    assert!(Archive::new().raw(&block).refused().contains("checksum"));
    // Nor is a stream of anything else an archive.
    let text = Archive::new().raw(b"<html>").data(b"no layer").refused();
    assert!(text.contains("checksum"), "{text}");
}

#[test]
fn negative_and_malformed_numbers_are_refused() {
    let with = |at: usize, field: &[u8]| {
        let mut block = Head::new(b'0', "name").block();
        block[at..at + field.len()].copy_from_slice(field);
        Archive::new().raw(&sum(block)).refused()
    };
    assert!(with(124, &[0xff; 12]).contains("negative"));
    assert!(with(124, b"0000000000x\0").contains("malformed"));
    assert!(with(108, &[0xff; 8]).contains("owner"));
    assert!(with(108, &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]).contains("owner"));
    assert!(with(136, &[0x80, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).contains("too large"));
}

#[test]
fn names_with_nul_long_components_and_long_paths_are_refused() {
    let text = Archive::new()
        .pax(&[("path", b"a\0b")])
        .file("short", b"")
        .refused();
    assert!(text.contains("NUL"), "{text}");
    let text = Archive::new()
        .pax(&[("path", "c".repeat(256).as_bytes())])
        .file("short", b"")
        .refused();
    assert!(text.contains("255"), "{text}");
    let text = Archive::new()
        .pax(&[("path", "d/".repeat(2049).as_bytes())])
        .file("short", b"")
        .refused();
    assert!(text.contains("4 KiB"), "{text}");
    let text = Archive::new()
        .pax(&[("linkpath", "d/".repeat(2049).as_bytes())])
        .symlink("short", "x")
        .refused();
    assert!(text.contains("link target"), "{text}");
    let text = Archive::new()
        .extension(b'L', &b"e/".repeat(2049))
        .file("short", b"")
        .refused();
    assert!(text.contains("4 KiB"), "{text}");
}

#[test]
fn extension_headers_beyond_their_limits_are_refused() {
    for flag in [b'x', b'g', b'L', b'K'] {
        let mut head = Head::new(flag, "extension");
        head.size = 1024 * 1024 + 1;
        let text = Archive::new().head(&head).refused();
        assert!(text.contains("1 MiB"), "{text}");
    }
    let text = Archive::new()
        .pax(&[("SCHILY.xattr.user.big", &vec![b'v'; 65537])])
        .file("f", b"")
        .refused();
    assert!(text.contains("64 KiB"), "{text}");
    let text = Archive::new()
        .extension(b'x', b"7 path=\n")
        .file("f", b"")
        .refused();
    assert!(text.contains("record"), "{text}");
}

#[test]
fn an_attribute_that_the_filesystem_cannot_store_is_refused_and_is_no_full_disk() {
    let text = Archive::new()
        .pax(&[(&format!("SCHILY.xattr.user.{}", "k".repeat(300)), b"v")])
        .file("f", b"")
        .refused();
    assert!(text.contains("cannot be stored"), "{text}");
}

#[test]
fn overlays_own_marks_are_refused() {
    for key in [
        "trusted.overlay.opaque",
        "trusted.overlay.redirect",
        "user.overlay.whiteout",
    ] {
        for flag in [b'0', b'5'] {
            let archive = Archive::new().pax(&[(&format!("SCHILY.xattr.{key}"), b"y")]);
            let text = archive.head(&Head::new(flag, "marked")).refused();
            assert!(text.contains("marked") && text.contains(key), "{text}");
        }
    }
    let text = Archive::new().head(&Head::new(b'3', "null")).refused();
    assert!(text.contains("whiteout"), "{text}");
}

#[test]
fn devices_with_impossible_numbers_are_refused() {
    for device in [(4096, 0), (1, 1 << 20)] {
        let mut head = Head::new(b'4', "disk");
        head.device = device;
        assert!(
            Archive::new()
                .head(&head)
                .refused()
                .contains("device number")
        );
    }
}

#[test]
fn whiteouts_of_nothing_are_refused() {
    for name in ["a/.wh.", "a/.wh..", "a/.wh..."] {
        let text = Archive::new().file(name, b"").refused();
        assert!(text.contains("whiteout"), "{text}");
    }
}

#[test]
fn sparse_maps_that_lie_are_refused() {
    let lies: [&[u8]; 6] = [b"0,5,3,5", b"5,5,0,5", b"0,11", b"0,9", b"0", b"-1,11"];
    for map in lies {
        let text = Archive::new()
            .pax(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", map)])
            .file("holes", b"0123456789")
            .refused();
        assert!(
            text.contains("holes") || text.contains("extension"),
            "{text}"
        );
    }
    let text = Archive::new()
        .pax(&[("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0")])
        .file("holes", b"0123456789")
        .refused();
    assert!(text.contains("sparse format"), "{text}");
    let text = Archive::new()
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"9"),
        ])
        .file("holes", b"1\n")
        .refused();
    assert!(text.contains("sparse map"), "{text}");
}

#[test]
fn archives_cut_off_anywhere_inside_an_entry_are_refused() {
    let whole = Archive::new()
        .pax(&[("path", b"long/name")])
        .file("short", &[b'x'; 700])
        .open_end();
    for length in [
        1,
        511,
        513,
        512 + 19,
        1025,
        1536 + 1,
        1536 + 511,
        1536 + 512,
        1536 + 699,
    ] {
        let (kind, text) = extract(&whole[..length]).failed();
        assert_eq!(kind, ErrorKind::Truncated, "{length}: {text}");
    }
    // An extended header says nothing without its entry.
    let alone = Archive::new().pax(&[("path", b"long/name")]);
    for blob in [alone.clone().open_end(), alone.end()] {
        assert_eq!(extract(&blob).failed().0, ErrorKind::Truncated);
    }
}

#[test]
fn a_lone_zero_block_between_entries_is_refused() {
    let blob = Archive::new()
        .file("a", b"")
        .raw(&[0; BLOCK])
        .file("b", b"")
        .end();
    assert_eq!(extract(&blob).failed().0, ErrorKind::Corrupt);
}

#[test]
fn errors_name_entries_without_control_bytes() {
    let text = Archive::new().file(b"../\x1b[31m\xff\n", b"").refused();
    assert!(text.contains(r#""../\u{1b}[31m\xff\u{a}""#), "{text}");
}

#[test]
fn the_size_of_an_extended_header_wins_over_the_headers_own() {
    // CVE-2025-62518: a reader that trusts the wrong size finds other entries in the data.
    let inner = Archive::new().file("smuggled", b"").open_end();
    let mut head = Head::new(b'0', "outer");
    head.size = 0;
    let tree = Archive::new()
        .raw(&{
            let records = to_records(&[("size", inner.len().to_string().as_bytes())]);
            Archive::new().extension(b'x', &records).open_end()
        })
        .head(&head)
        .data(&inner)
        .file("after", b"x")
        .extract()
        .tree();
    assert_eq!(tree.read("outer"), inner);
    assert_eq!(tree.read("after"), b"x");
    assert!(tree.is_absent("smuggled"));
}

#[test]
fn an_extended_header_counts_for_the_next_file_entry_only() {
    // Its size belongs neither to the GNU long name between nor to the file after the next.
    let tree = Archive::new()
        .pax(&[("size", b"3"), ("SCHILY.xattr.user.k", b"v")])
        .extension(b'L', b"first\0")
        .head(&Head::new(b'0', "x"))
        .data(b"abc")
        .file("second", b"12345")
        .extract()
        .tree();
    assert_eq!(tree.read("first"), b"abc");
    assert_eq!(tree.read("second"), b"12345");
    assert_eq!(tree.xattr("second", "user.k"), None);
}

#[test]
fn a_global_header_changes_nothing() {
    let tree = Archive::new()
        .extension(b'g', &to_records(&[("path", b"other"), ("size", b"99")]))
        .file("name", b"abc")
        .extract()
        .tree();
    assert_eq!(tree.read("name"), b"abc");
    assert!(tree.is_absent("other"));
}
