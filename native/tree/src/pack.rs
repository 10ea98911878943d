//! The layer of a commit: what a container changed, as a compressed OCI layer.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::archive::join;
use crate::changes::{Change, Layers, changes, open_host, open_upper};
use crate::entry::Archiver;
use crate::error::TreeError;

#[derive(Debug, Clone)]
pub struct Packed {
    /// Of the compressed file, "sha256:…", and its size.
    pub digest: String,
    pub size: u64,
    /// Of the plain archive.
    pub diff_id: String,
}

/// Writes the changes to a new file `to`, compressed with gzip, synced. Nothing is left on failure.
pub fn pack(layers: &Layers, to: &Path) -> Result<Packed, TreeError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(to)
        .map_err(TreeError::stream)?;
    let packed = write(layers, file);
    if packed.is_err() {
        let _ = std::fs::remove_file(to);
    }
    packed
}

fn write(layers: &Layers, file: File) -> Result<Packed, TreeError> {
    let hashed = Hashed::new(BufWriter::with_capacity(256 * 1024, file));
    // The container stands still meanwhile: time counts for more than the last few percent of size.
    let mut plain = Hashed::new(GzEncoder::new(hashed, Compression::fast()));
    write_changes(layers, &mut plain)?;
    let (gzip, diff_id, _) = plain.finish();
    let hashed = gzip.finish().map_err(full)?;
    let (buffer, digest, size) = hashed.finish();
    let file = buffer
        .into_inner()
        .map_err(|error| full(error.into_error()))?;
    file.sync_all().map_err(full)?;
    Ok(Packed {
        digest,
        size,
        diff_id,
    })
}

fn write_changes(layers: &Layers, out: &mut dyn Write) -> Result<(), TreeError> {
    let upper = open_host(&layers.upper)?;
    let mut archiver = Archiver::new(out);
    for (path, change) in changes(layers)? {
        if change == Change::Deleted {
            let slash = path.iter().rposition(|byte| *byte == b'/');
            let (dir, base) =
                slash.map_or((&b""[..], &path[..]), |at| (&path[..at], &path[at + 1..]));
            archiver.mark(&join(dir, &[b".wh.", base].concat()))?;
            continue;
        }
        match open_upper(upper.as_fd(), &path) {
            Ok(fd) => drop(archiver.add(&path, &fd)?),
            // Gone since it was found, in a container that runs on.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(TreeError::sys("read", &path, errno)),
        }
    }
    archiver.finish()
}

fn full(error: io::Error) -> TreeError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            TreeError::DiskFull("write the layer".into())
        }
        _ => TreeError::stream(error),
    }
}

/// Hashes what goes through.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Hashed<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            size: 0,
        }
    }

    fn finish(self) -> (W, String, u64) {
        use std::fmt::Write as _;
        let mut text = String::from("sha256:");
        for byte in self.hash.finalize() {
            let _infallible = write!(text, "{byte:02x}");
        }
        (self.inner, text, self.size)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
