//! Compression, growth, cancelling, and what surrounds the archive.

use std::io::Write;
use std::os::unix::fs::MetadataExt;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::source::to_digest;
use crate::testing::{Archive, TempDir, extract};
use crate::{ErrorKind, ExtractOptions, Extraction};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn digest(bytes: &[u8]) -> String {
    to_digest(Sha256::new_with_prefix(bytes))
}

/// Bytes that do not compress, the same each time.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn archive() -> Vec<u8> {
    let noise = noise(3 << 20);
    Archive::new()
        .dir("d")
        .file("d/noise", &noise)
        .file("d/small", b"x")
        .end()
}

#[test]
fn plain_gzip_and_zstd_give_the_same_tree_and_both_digests() {
    let plain = archive();
    let zstd = zstd::encode_all(&plain[..], 3).unwrap();
    for blob in [plain.clone(), gzip(&plain), zstd] {
        let (tree, result) = extract(&blob).done();
        assert_eq!(result.digest, digest(&blob));
        assert_eq!(result.diff_id, digest(&plain));
        assert_eq!(result.blob_size, blob.len() as u64);
        assert_eq!((result.size, result.entries), ((3 << 20) + 1, 3));
        assert_eq!(tree.read("d/noise"), noise(3 << 20));
    }
}

#[test]
fn members_and_frames_follow_one_another() {
    let plain = archive();
    let (one, two) = plain.split_at(1000);
    let members = [gzip(one), gzip(b""), gzip(two)].concat();
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    let frame = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let frames = [
        skippable.clone(),
        frame(one),
        skippable.clone(),
        frame(two),
        skippable,
    ]
    .concat();
    for blob in [members, frames] {
        let (_, result) = extract(&blob).done();
        assert_eq!(result.diff_id, digest(&plain));
        assert_eq!(result.digest, digest(&blob));
    }
}

#[test]
fn zeros_after_gzip_are_padding_and_junk_is_not() {
    let blob = [gzip(&archive()), vec![0; 300_000]].concat();
    let (_, result) = extract(&blob).done();
    assert_eq!(result.digest, digest(&blob));
    for junk in [&b"junk"[..], b"\0\0\x1f\x8b\x08", b"\x1fno gzip header"] {
        let blob = [&gzip(&archive())[..], junk].concat();
        assert_eq!(extract(&blob).failed().0, ErrorKind::Corrupt);
    }
    let blob = [&zstd::encode_all(&archive()[..], 1).unwrap()[..], b"junk"].concat();
    assert!(matches!(
        extract(&blob).failed().0,
        ErrorKind::Corrupt | ErrorKind::Truncated
    ));
}

#[test]
fn what_follows_the_archive_is_hashed_and_means_nothing() {
    let plain = [
        archive(),
        vec![0; 100_000],
        b"junk".to_vec(),
        Archive::new().file("late", b"").end(),
    ];
    let plain = plain.concat();
    let (tree, result) = extract(&gzip(&plain)).done();
    assert_eq!(result.diff_id, digest(&plain));
    assert!(tree.is_absent("late"));
}

#[test]
fn an_archive_may_end_in_the_padding_of_its_last_entry() {
    let plain = Archive::new()
        .file("first", b"1")
        .file("last", b"data")
        .end();
    let last = 3 * 512 + 4;
    for length in [last, last + 1, last + 507, last + 508] {
        let (_, result) = extract(&gzip(&plain[..length])).done();
        assert_eq!(result.diff_id, digest(&plain[..length]));
        assert_eq!((result.entries, result.size), (2, 5));
    }
    let (kind, _) = extract(&gzip(&plain[..last - 1])).failed();
    assert_eq!(kind, ErrorKind::Truncated);
}

#[test]
fn streams_cut_off_anywhere_are_truncated() {
    let plain = archive();
    let (gzip, zstd) = (gzip(&plain), zstd::encode_all(&plain[..], 3).unwrap());
    for blob in [&gzip, &zstd] {
        for length in [7, 12, 1000, blob.len() / 2, blob.len() - 9, blob.len() - 1] {
            let (kind, text) = extract(&blob[..length]).failed();
            assert_eq!(kind, ErrorKind::Truncated, "{length}: {text}");
        }
    }
    assert_eq!(extract(b"").failed().0, ErrorKind::Truncated);
}

#[test]
fn damaged_and_unknown_streams_are_told_apart_from_short_ones() {
    let mut gzip = gzip(&archive());
    let last = gzip.len() - 6;
    gzip[last] ^= 1;
    assert_eq!(extract(&gzip).failed().0, ErrorKind::Corrupt);
    let mut zstd = zstd::encode_all(&archive()[..], 3).unwrap();
    zstd[4] ^= 0xff;
    assert!(matches!(
        extract(&zstd).failed().0,
        ErrorKind::Corrupt | ErrorKind::Truncated
    ));
    let (kind, text) = extract(b"\xfd7zXZ\0rest").failed();
    assert_eq!(kind, ErrorKind::Corrupt);
    assert!(text.contains("xz"), "{text}");
    assert!(extract(b"BZh91AY").failed().1.contains("bzip2"));
}

#[test]
fn zstd_windows_beyond_128_mib_are_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&archive()).unwrap();
    let blob = encoder.finish().unwrap();
    assert_eq!(extract(&blob).failed().0, ErrorKind::Corrupt);
}

#[test]
fn extractions_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Extraction>();
}

struct Growing {
    temp: TempDir,
    extraction: Extraction,
}

/// A layer of which nothing is announced yet.
fn growing(blob: &[u8]) -> Growing {
    let temp = TempDir::new();
    std::fs::write(temp.path().join("blob"), blob).unwrap();
    let extraction = Extraction::start(ExtractOptions {
        blob_path: temp.path().join("blob"),
        staging_dir: temp.path().join("tree"),
        max_bytes: 1 << 30,
        max_entries: 1000,
    });
    let extraction = extraction.unwrap();
    Growing { temp, extraction }
}

#[test]
fn a_growing_file_is_followed_in_steps_of_any_size() {
    let plain = archive();
    let blob = gzip(&plain);
    let layer = growing(&blob);
    let mut total = 0;
    for step in (1..).map(|round| round * 7) {
        if total >= blob.len() {
            break;
        }
        total = (total + step).min(blob.len());
        layer.extraction.grown(total as u64);
    }
    layer.extraction.finish();
    let result = layer.extraction.wait().unwrap();
    assert_eq!(result.diff_id, digest(&plain));
    assert_eq!(result.digest, digest(&blob));
}

#[test]
fn bytes_beyond_what_was_announced_do_not_exist() {
    let plain = archive();
    let layer = growing(&[gzip(&plain), b"of another download".to_vec()].concat());
    layer.extraction.grown(gzip(&plain).len() as u64);
    layer.extraction.finish();
    assert_eq!(
        layer.extraction.wait().unwrap().digest,
        digest(&gzip(&plain))
    );
}

#[test]
fn cancelling_ends_the_work_wherever_it_stands() {
    let blob = gzip(&archive());
    for announced in [0, 3, 1000, blob.len()] {
        let layer = growing(&blob);
        layer.extraction.grown(announced as u64);
        layer.extraction.cancel();
        let error = layer.extraction.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(!layer.temp.path().join("tree").exists());
    }
}

#[test]
fn a_refused_layer_does_not_wait_for_its_end() {
    let blob = Archive::new().file("../x", b"").raw(&noise(1 << 20)).end();
    let layer = growing(&blob);
    layer.extraction.grown(1 << 19);
    let error = layer.extraction.wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!layer.temp.path().join("tree").exists());
}

#[test]
fn a_staging_directory_that_exists_is_left_alone() {
    let temp = TempDir::new();
    let blob_path = temp.path().join("blob");
    std::fs::write(&blob_path, archive()).unwrap();
    std::fs::create_dir(temp.path().join("tree")).unwrap();
    let staging_dir = temp.path().join("tree");
    let inode = std::fs::metadata(&staging_dir).unwrap().ino();
    let (max_bytes, max_entries) = (1 << 30, 1000);
    let options = ExtractOptions {
        blob_path,
        staging_dir: staging_dir.clone(),
        max_bytes,
        max_entries,
    };
    let error = Extraction::start(options.clone())
        .unwrap()
        .wait()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(std::fs::metadata(&staging_dir).unwrap().ino(), inode);
    // An absent blob is told before anything is made.
    let options = ExtractOptions {
        blob_path: temp.path().join("absent"),
        staging_dir: temp.path().join("other"),
        ..options
    };
    let error = Extraction::start(options).unwrap().wait().unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
    assert!(!temp.path().join("other").exists());
}

#[test]
fn a_result_is_given_once() {
    let layer = growing(&archive());
    layer.extraction.grown(archive().len() as u64);
    layer.extraction.finish();
    layer.extraction.wait().unwrap();
    assert_eq!(
        layer.extraction.wait().unwrap_err().kind(),
        ErrorKind::Internal
    );
}
