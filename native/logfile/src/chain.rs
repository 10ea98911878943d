//! The files of a log in order, though the writer may be moving them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::{DirEntryExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::gzip;

/// How often to look again when the writer moves files meanwhile.
const TRIES: usize = 20;

/// An open file of a log.
pub(crate) struct Source {
    kind: Kind,
    /// Of the file that the writer wrote.
    pub(crate) inode: Option<u64>,
}

enum Kind {
    Plain(File),
    Gzip(Box<MultiGzDecoder<File>>),
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Entry {
    index: u32,
    is_gzip: bool,
    inode: u64,
    name: String,
}

/// The files that are there now, the oldest first. None at all if there is no log.
pub(crate) fn open_all(path: &Path) -> io::Result<Vec<Source>> {
    for _ in 0..TRIES {
        let entries = list(path)?;
        if let Some(sources) = open_entries(path, &entries)?
            && list(path)? == entries
        {
            return Ok(sources);
        }
    }
    Err(io::Error::other("the files of the log do not stand still"))
}

fn open_entries(path: &Path, entries: &[Entry]) -> io::Result<Option<Vec<Source>>> {
    let mut sources = Vec::with_capacity(entries.len());
    for entry in entries {
        match open(&path.with_file_name(&entry.name), entry) {
            Ok(source) => sources.push(source),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(sources))
}

/// The oldest first. Of a file that has just been compressed and is still there, the plain one counts.
fn list(path: &Path) -> io::Result<Vec<Entry>> {
    let (Some(directory), Some(base)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Ok(Vec::new());
    };
    let names = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut entries = Vec::new();
    for found in names {
        let found = found?;
        if let Some((index, is_gzip)) = found.file_name().to_str().and_then(|n| place(base, n)) {
            entries.push(Entry {
                index,
                is_gzip,
                inode: found.ino(),
                name: found.file_name().to_string_lossy().into_owned(),
            });
        }
    }
    entries.sort();
    entries.dedup_by_key(|entry| entry.index);
    entries.reverse();
    Ok(entries)
}

fn place(base: &str, name: &str) -> Option<(u32, bool)> {
    let ending = name.strip_prefix(base)?;
    if ending.is_empty() {
        return Some((0, false));
    }
    let ending = ending.strip_prefix('.')?;
    let (number, is_gzip) = match ending.strip_suffix(".gz") {
        Some(number) => (number, true),
        None => (ending, false),
    };
    let index = number.parse().ok().filter(|index| *index > 0)?;
    Some((index, is_gzip))
}

fn open(path: &Path, entry: &Entry) -> io::Result<Source> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    if !entry.is_gzip {
        let inode = Some(file.metadata()?.ino());
        let kind = Kind::Plain(file);
        return Ok(Source { kind, inode });
    }
    let decoder = MultiGzDecoder::new(file);
    let inode = decoder
        .header()
        .and_then(|header| std::str::from_utf8(header.extra()?).ok())
        .and_then(gzip::inode_of);
    let kind = Kind::Gzip(Box::new(decoder));
    Ok(Source { kind, inode })
}

/// What follows the file with this inode: the files behind it, or all if it is gone.
pub(crate) fn open_behind(path: &Path, inode: Option<u64>) -> io::Result<Vec<Source>> {
    let mut sources = open_all(path)?;
    // From the newest on: the number may have belonged to an older file before.
    let own = sources
        .iter()
        .rposition(|s| inode.is_some() && s.inode == inode);
    sources.drain(..own.map_or(0, |own| own + 1));
    Ok(sources)
}

/// True if the current file is another than this one.
pub(crate) fn has_moved(path: &Path, inode: Option<u64>) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| Some(found.ino()) != inode)
}

impl Source {
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Plain(file) => file.read(buffer),
            Kind::Gzip(decoder) => decoder.read(buffer),
        }
    }

    /// Bytes on the disk.
    pub(crate) fn size(&self) -> u64 {
        let file = match &self.kind {
            Kind::Plain(file) => file,
            Kind::Gzip(decoder) => decoder.get_ref(),
        };
        file.metadata().map_or(0, |found| found.len())
    }

    /// None for a compressed file, which can be read from its beginning only.
    pub(crate) fn plain(&mut self) -> Option<&mut File> {
        match &mut self.kind {
            Kind::Plain(file) => Some(file),
            Kind::Gzip(_) => None,
        }
    }

    pub(crate) fn rewind(self) -> io::Result<Self> {
        let kind = match self.kind {
            Kind::Plain(mut file) => {
                file.rewind()?;
                Kind::Plain(file)
            }
            Kind::Gzip(decoder) => {
                let mut file = decoder.into_inner();
                file.rewind()?;
                Kind::Gzip(Box::new(MultiGzDecoder::new(file)))
            }
        };
        Ok(Self { kind, ..self })
    }
}
