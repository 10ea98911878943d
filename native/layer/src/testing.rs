//! What the tests of this crate share: a directory of their own, archives built in memory, and
//! extraction as the daemon does it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::header::BLOCK;
use crate::{ErrorKind, ExtractOptions, ExtractResult, Extraction, LayerError};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory of its own, removed at the end.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rt-layer-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Copies of the machine's own files may lie in it.
        let mut builder = fs::DirBuilder::new();
        let made = builder.mode(0o700).create(&path);
        made.expect("make a temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        crate::remove_tree(&self.0).expect("remove the temporary directory");
    }
}

/// False if the test cannot run since it makes devices and changes owners.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let must_run = std::env::var("RT_MUST_RUN").is_ok_and(|value| value == "1");
    assert!(is_root || !must_run, "this test needs root");
    if !is_root {
        eprintln!("SKIPPED: this test needs root");
    }
    is_root
}

/// The fields of a POSIX header, ready to be changed.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) flag: u8,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) mtime: u64,
    pub(crate) device: (u32, u32),
}

impl Head {
    pub(crate) fn new(flag: u8, name: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            link: Vec::new(),
            flag,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 1_000_000_000,
            device: (0, 0),
        }
    }

    pub(crate) fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, format!("{:07o}", self.uid).as_bytes());
        put(116, format!("{:07o}", self.gid).as_bytes());
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, format!("{:011o}", self.mtime).as_bytes());
        put(156, &[self.flag]);
        put(157, &self.link);
        put(257, b"ustar\x0000");
        put(329, format!("{:07o}", self.device.0).as_bytes());
        put(337, format!("{:07o}", self.device.1).as_bytes());
        sum(block)
    }
}

/// The block with its checksum made right.
pub(crate) fn sum(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// An archive, entry by entry.
#[derive(Default, Clone)]
pub(crate) struct Archive(Vec<u8>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Data and its padding; the header before it states its own size.
    pub(crate) fn data(mut self, data: &[u8]) -> Self {
        self.0.extend_from_slice(data);
        let padded = self.0.len().next_multiple_of(BLOCK);
        self.0.resize(padded, 0);
        self
    }

    pub(crate) fn head(self, head: &Head) -> Self {
        self.raw(&head.block())
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, data: &[u8]) -> Self {
        let mut head = Head::new(b'0', name);
        head.size = data.len() as u64;
        self.head(&head).data(data)
    }

    pub(crate) fn dir(self, name: impl AsRef<[u8]>) -> Self {
        let mut head = Head::new(b'5', name);
        head.mode = 0o755;
        self.head(&head)
    }

    pub(crate) fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        let mut head = Head::new(b'2', name);
        head.link = target.as_ref().to_vec();
        self.head(&head)
    }

    pub(crate) fn link(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        let mut head = Head::new(b'1', name);
        head.link = target.as_ref().to_vec();
        self.head(&head)
    }

    /// An extended header for the next entry.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.extension(b'x', &to_records(records))
    }

    pub(crate) fn extension(self, flag: u8, data: &[u8]) -> Self {
        let mut head = Head::new(flag, "extension");
        head.size = data.len() as u64;
        self.head(&head).data(data)
    }

    /// Without the two zero blocks.
    pub(crate) fn open_end(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.raw(&[0; 2 * BLOCK]).0
    }

    pub(crate) fn extract(self) -> Extracted {
        extract(&self.end())
    }

    /// The text of the error with which the layer is refused.
    pub(crate) fn refused(self) -> String {
        let (kind, text) = self.extract().failed();
        assert_eq!(kind, ErrorKind::Refused, "{text}");
        text
    }
}

pub(crate) fn to_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length += 1;
        }
        text.extend(format!("{length} {key}=").bytes());
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    text
}

/// A finished extraction and what is on the disk after it.
pub(crate) struct Extracted {
    temp: TempDir,
    result: Result<ExtractResult, LayerError>,
}

/// Extracts a layer that is whole from the start, with budgets that do not matter.
pub(crate) fn extract(blob: &[u8]) -> Extracted {
    extract_within(blob, 1 << 30, 100_000)
}

pub(crate) fn extract_within(blob: &[u8], max_bytes: u64, max_entries: u64) -> Extracted {
    let temp = TempDir::new();
    let blob_path = temp.path().join("blob");
    fs::write(&blob_path, blob).expect("write the blob");
    let extraction = Extraction::start(ExtractOptions {
        blob_path,
        staging_dir: temp.path().join("tree"),
        max_bytes,
        max_entries,
    });
    let extraction = extraction.expect("start");
    extraction.grown(blob.len() as u64);
    extraction.finish();
    let result = extraction.wait();
    Extracted { temp, result }
}

impl Extracted {
    pub(crate) fn done(self) -> (Tree, ExtractResult) {
        match self.result {
            Ok(result) => (Tree(self.temp), result),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn tree(self) -> Tree {
        self.done().0
    }

    /// The error; nothing may be left but the blob.
    pub(crate) fn failed(self) -> (ErrorKind, String) {
        let left = fs::read_dir(self.temp.path()).expect("list");
        let left: Vec<_> = left.map(|entry| entry.expect("list").file_name()).collect();
        assert_eq!(left, ["blob"]);
        match self.result {
            Ok(_) => panic!("the layer was accepted"),
            Err(error) => (error.kind(), error.to_string()),
        }
    }
}

/// An extracted tree.
pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("tree").join(name)
    }

    pub(crate) fn stat(&self, name: &str) -> fs::Metadata {
        let stat = fs::symlink_metadata(self.path(name));
        stat.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        assert!(self.stat(name).is_file(), "{name} is no file");
        fs::read(self.path(name)).expect("read")
    }

    pub(crate) fn is_absent(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_err()
    }

    pub(crate) fn is_whiteout(&self, name: &str) -> bool {
        let stat = self.stat(name);
        stat.mode() & 0o170_000 == 0o020_000 && stat.rdev() == 0
    }

    pub(crate) fn is_opaque(&self, name: &str) -> bool {
        self.xattr(name, "trusted.overlay.opaque") == Some(b"y".to_vec())
    }

    pub(crate) fn xattr(&self, name: &str, key: &str) -> Option<Vec<u8>> {
        let mut value = vec![0; 65536];
        let count = rustix::fs::lgetxattr(self.path(name), key, &mut value[..]).ok()?;
        value.truncate(count);
        Some(value)
    }
}

/// Extracts in a directory that holds other things too; says what is not as it should be after it.
pub(crate) fn extract_in(temp: &TempDir, blob: &[u8]) -> Result<(), String> {
    let names = || -> Vec<_> {
        let listed = fs::read_dir(temp.path()).expect("list");
        listed
            .map(|entry| entry.expect("list").file_name())
            .collect()
    };
    let blob_path = temp.path().join("blob");
    fs::write(&blob_path, blob).expect("write the blob");
    let before = names();
    let extraction = Extraction::start(ExtractOptions {
        blob_path,
        staging_dir: temp.path().join("tree"),
        max_bytes: 1 << 30,
        max_entries: 100_000,
    });
    let extraction = extraction.expect("start");
    extraction.grown(blob.len() as u64);
    extraction.finish();
    let result = extraction.wait();
    let made: Vec<_> = names()
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    match result {
        Ok(_) if made == ["tree"] => Ok(()),
        Err(error) if error.kind() == ErrorKind::Internal => Err(format!("a panic: {error}")),
        Err(_) if made.is_empty() => Ok(()),
        _ => Err(format!("this was left or made beside the tree: {made:?}")),
    }
}
