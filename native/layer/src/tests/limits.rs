//! Budgets, bombs and full disks: a clear error, and the space is given back.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::testing::{Archive, Head, TempDir, extract_within, is_root};
use crate::{ErrorKind, ExtractOptions, Extraction};

#[test]
fn more_entries_than_allowed_are_refused() {
    let many = |count: u32| {
        let archive = (0..count).fold(Archive::new(), |archive, index| {
            archive.file(format!("f{index}"), b"")
        });
        archive.end()
    };
    let (kind, text) = extract_within(&many(6), 1000, 5).failed();
    assert_eq!(kind, ErrorKind::Budget);
    assert!(text.contains("5 entries"), "{text}");
    extract_within(&many(5), 1000, 5).tree();
}

#[test]
fn more_bytes_than_allowed_are_refused_before_they_are_written() {
    let blob = Archive::new()
        .file("a", &[1; 600])
        .file("b", &[1; 600])
        .end();
    let (kind, text) = extract_within(&blob, 1199, 5).failed();
    assert_eq!(kind, ErrorKind::Budget);
    assert!(text.contains("1199 bytes"), "{text}");
    extract_within(&blob, 1200, 5).tree();
    // The header alone is enough.
    let mut head = Head::new(b'0', "huge");
    head.size = 0o77_777_777_777;
    let blob = Archive::new().head(&head).open_end();
    assert_eq!(
        extract_within(&blob, 1 << 20, 5).failed().0,
        ErrorKind::Budget
    );
}

#[test]
fn the_size_with_the_holes_counts() {
    let blob = Archive::new()
        .pax(&[
            ("GNU.sparse.size", b"9000000000000000000"),
            ("GNU.sparse.map", b"0,1"),
        ])
        .file("holes", b"x")
        .end();
    assert_eq!(
        extract_within(&blob, 1 << 40, 5).failed().0,
        ErrorKind::Budget
    );
}

#[test]
fn a_bomb_of_nothing_but_zeros_or_extension_headers_ends() {
    let zeros = Archive::new().end();
    let global = Archive::new().extension(b'g', &[b'\n'; 4096]).open_end();
    for piece in [zeros, global] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..(64 << 20) / piece.len() {
            gzip.write_all(&piece).unwrap();
        }
        let bomb = gzip.finish().unwrap();
        let (kind, text) = extract_within(&bomb, 1 << 20, 1000).failed();
        assert_eq!(kind, ErrorKind::Budget, "{text}");
    }
}

/// Runs `check` in a directory on a filesystem of `options`, mounted for this thread alone.
fn on_small_disk(options: &str, check: impl FnOnce(&std::path::Path) + Send) {
    let temp = TempDir::new();
    let options = std::ffi::CString::new(options).unwrap();
    std::thread::scope(|scope| {
        let in_namespace = || {
            crate::sys::own_mounts().unwrap();
            rustix::mount::mount(
                "none",
                temp.path(),
                "tmpfs",
                rustix::mount::MountFlags::empty(),
                options.as_c_str(),
            )
            .unwrap();
            check(temp.path());
        };
        scope.spawn(in_namespace).join().unwrap();
    });
}

#[test]
fn a_full_disk_is_told_and_the_space_given_back() {
    if !is_root() {
        return;
    }
    let big = Archive::new().file("big", &vec![7; 12 << 20]).end();
    let small = (0..40).fold(Archive::new(), |archive, index| {
        archive.file(format!("f{index}"), &vec![7; 300 << 10])
    });
    for (blob, options) in [(big, "size=8m"), (small.end(), "size=8m")] {
        let blob_dir = TempDir::new();
        let blob_path = blob_dir.path().join("blob");
        std::fs::write(&blob_path, &blob).unwrap();
        on_small_disk(options, |disk| {
            let extraction = Extraction::start(ExtractOptions {
                blob_path: blob_path.clone(),
                staging_dir: disk.join("tree"),
                max_bytes: 1 << 30,
                max_entries: 1000,
            })
            .unwrap();
            extraction.grown(blob.len() as u64);
            extraction.finish();
            let error = extraction.wait().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
            let stat = rustix::fs::statvfs(disk).unwrap();
            assert_eq!(stat.f_bfree, stat.f_blocks);
            assert!(!disk.join("tree").exists());
        });
    }
}

#[test]
fn a_disk_without_inodes_is_told() {
    if !is_root() {
        return;
    }
    let blob = (0..200).fold(Archive::new(), |archive, index| {
        archive.file(format!("f{index}"), b"")
    });
    let blob = blob.end();
    let blob_dir = TempDir::new();
    let blob_path = blob_dir.path().join("blob");
    std::fs::write(&blob_path, &blob).unwrap();
    on_small_disk("nr_inodes=100", |disk| {
        let extraction = Extraction::start(ExtractOptions {
            blob_path: blob_path.clone(),
            staging_dir: disk.join("tree"),
            max_bytes: 1 << 30,
            max_entries: 1000,
        })
        .unwrap();
        extraction.grown(blob.len() as u64);
        extraction.finish();
        let error = extraction.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
        assert!(!disk.join("tree").exists());
    });
}
