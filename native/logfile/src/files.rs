//! The writing side of a log's files: appending, and the chain of rotated files.

use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::gzip::Gzip;
use crate::record::Format;

/// After a rotation that failed the file grows by so much before the next try.
const RETRY_AFTER: u64 = 1 << 20;
/// Looked at from the end for the last whole record; no record is longer.
const TAIL: u64 = 2 << 20;

pub(crate) struct Files {
    format: Format,
    path: String,
    /// None: no rotation.
    max_size: Option<u64>,
    max_file: u32,
    compress: bool,
    file: OwnedFd,
    size: u64,
    /// The last record has no end yet: a writer was killed, or the disk was full.
    torn: bool,
    rotate_at: u64,
    gzip: Option<Gzip>,
}

impl Files {
    pub(crate) fn open(
        format: Format,
        path: &str,
        max_size: Option<u64>,
        max_file: u32,
        compress: bool,
    ) -> Result<Self, Errno> {
        let file = open(path, OFlags::CREATE)?;
        let size = size_of(&file)?;
        let mut files = Self {
            format,
            path: path.to_owned(),
            max_size,
            max_file: max_file.max(1),
            compress: compress && max_file > 1,
            file,
            size,
            torn: false,
            rotate_at: max_size.unwrap_or(u64::MAX),
            gzip: None,
        };
        for left_over in ["new", "gz.new", "gz.done"] {
            let _absent = rustix::fs::unlink(files.beside(left_over));
        }
        files.torn = !files.ends_whole();
        Ok(files)
    }

    /// Appends whole records. What a full disk does not take is lost.
    pub(crate) fn append(&mut self, records: &[u8]) {
        let mut rest = records;
        while !rest.is_empty() {
            if self.size >= self.rotate_at {
                self.rotate();
            }
            let room = usize::try_from(self.rotate_at - self.size).unwrap_or(usize::MAX);
            let end = if rest.len() <= room {
                rest.len()
            } else {
                self.format.cut(rest, room)
            };
            let (now, later) = rest.split_at(end);
            if !self.write(now) {
                return;
            }
            rest = later;
        }
    }

    fn write(&mut self, records: &[u8]) -> bool {
        if self.torn && !self.mend() {
            return false;
        }
        let mut written = 0;
        while let Some(rest @ [_, ..]) = records.get(written..) {
            match rustix::io::write(&self.file, rest) {
                Ok(count @ 1..) => {
                    written += count;
                    self.size += count as u64;
                }
                Err(Errno::INTR) => {}
                _ => {
                    let whole = self.format.whole(&records[..written]);
                    self.torn = whole < written;
                    return false;
                }
            }
        }
        true
    }

    /// Makes a fresh start possible behind a torn record.
    fn mend(&mut self) -> bool {
        let mended = match self.format {
            // Whoever has read the beginning of the line keeps his place.
            Format::Json => rustix::io::write(&self.file, b"\n").map(|_| 1),
            Format::Local => self.cut_torn_record().map(|()| 0),
        };
        if let Ok(added) = mended {
            self.size += added;
            self.torn = false;
        }
        mended.is_ok()
    }

    fn cut_torn_record(&mut self) -> Result<(), Errno> {
        let whole = self.whole_size()?;
        rustix::fs::ftruncate(&self.file, whole)?;
        self.size = whole;
        Ok(())
    }

    /// Where the last whole record of a local log ends. All of it is read: this happens once.
    fn whole_size(&self) -> Result<u64, Errno> {
        let file = rustix::fs::open(
            self.path.as_str(),
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        let mut whole = 0;
        let mut buffer = vec![0; usize::try_from(TAIL).unwrap_or(0)];
        loop {
            rustix::fs::seek(&file, SeekFrom::Start(whole))?;
            let mut filled = 0;
            while let Some(space @ [_, ..]) = buffer.get_mut(filled..) {
                match rustix::io::read(&file, space)? {
                    0 => break,
                    count => filled += count,
                }
            }
            match self.format.whole(&buffer[..filled]) {
                0 => return Ok(whole),
                length => whole += length as u64,
            }
        }
    }

    fn ends_whole(&self) -> bool {
        if self.size == 0 {
            return true;
        }
        let length = match self.format {
            Format::Json => 1,
            Format::Local => self.size.min(TAIL),
        };
        let Ok(file) = rustix::fs::open(
            self.path.as_str(),
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
        ) else {
            return false;
        };
        let mut end = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = rustix::io::pread(&file, end.as_mut_slice(), self.size - length);
        read == Ok(end.len())
            && match self.format {
                Format::Json => end == b"\n",
                Format::Local => crate::local::last_start(&end).is_some(),
            }
    }

    /// Never fails: where no new file can be had, the old one goes on.
    fn rotate(&mut self) {
        self.rotate_at = self.max_size.unwrap_or(u64::MAX);
        // Somebody else may have made it shorter.
        self.size = size_of(&self.file).unwrap_or(self.size);
        if self.size < self.rotate_at {
            return;
        }
        if self.torn && self.mend() {
            self.torn = false;
        }
        if self.max_file == 1 {
            if rustix::fs::ftruncate(&self.file, 0).is_ok() {
                self.size = 0;
            }
        } else if self.owns_chain() {
            self.tend();
            match self.move_chain() {
                Ok(file) => {
                    self.file = file;
                    self.size = 0;
                    self.torn = false;
                    self.compress_next();
                }
                Err(_) => {
                    let _absent = rustix::fs::unlink(self.beside("new"));
                }
            }
        }
        if self.size >= self.rotate_at {
            self.rotate_at = self.size + RETRY_AFTER;
        }
    }

    /// The new file is there before any name changes, so that a full disk changes nothing.
    fn move_chain(&mut self) -> Result<OwnedFd, Errno> {
        let fresh = open(&self.beside("new"), OFlags::CREATE | OFlags::TRUNC)?;
        let last = self.max_file - 1;
        if self.gzip.as_ref().is_some_and(|gzip| gzip.index >= last) {
            self.gzip = None;
        }
        for kind in ["", ".gz"] {
            let _absent = rustix::fs::unlink(self.rotated(last, kind));
        }
        for index in (1..last).rev() {
            for kind in ["", ".gz"] {
                let _absent =
                    rustix::fs::rename(self.rotated(index, kind), self.rotated(index + 1, kind));
            }
        }
        if let Some(gzip) = &mut self.gzip {
            gzip.index += 1;
        }
        match rustix::fs::rename(self.path.as_str(), self.rotated(1, "")) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(failed) => return Err(failed),
        }
        rustix::fs::rename(self.beside("new"), self.path.as_str())?;
        Ok(fresh)
    }

    /// Looks after a compression under way; true while there is one.
    pub(crate) fn tend(&mut self) -> bool {
        if let Some(gzip) = &mut self.gzip {
            if gzip.is_running() {
                return true;
            }
            let index = gzip.index;
            self.gzip = None;
            if rustix::fs::rename(self.beside("gz.done"), self.rotated(index, ".gz")).is_ok() {
                let _absent = rustix::fs::unlink(self.rotated(index, ""));
                self.compress_next();
            }
        }
        self.gzip.is_some()
    }

    /// A writer of before may still be compressing: until it is done, names stay as they are.
    fn owns_chain(&self) -> bool {
        rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// Begins with the newest rotated file that is still plain: it will be there longest.
    pub(crate) fn compress_next(&mut self) {
        if !self.compress || self.gzip.is_some() || !self.owns_chain() {
            return;
        }
        let plain = (1..self.max_file).find(|index| {
            rustix::fs::access(self.rotated(*index, ""), rustix::fs::Access::EXISTS).is_ok()
        });
        if let Some(index) = plain {
            self.gzip = Gzip::start(
                index,
                &self.rotated(index, ""),
                &self.beside("gz.new"),
                &self.beside("gz.done"),
            );
        }
    }

    /// Compresses what is still plain, however long it takes, or until the next writer wants the names.
    pub(crate) fn settle(&mut self) {
        self.compress_next();
        while let Some(gzip) = &mut self.gzip {
            if !gzip.wait() {
                return;
            }
            self.tend();
        }
    }

    fn beside(&self, ending: &str) -> String {
        format!("{}.{ending}", self.path)
    }

    fn rotated(&self, index: u32, kind: &str) -> String {
        format!("{}.{index}{kind}", self.path)
    }
}

fn open(path: &str, more: OFlags) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::open(path, flags | more, Mode::from_raw_mode(0o640))
}

fn size_of(file: &OwnedFd) -> Result<u64, Errno> {
    Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0))
}
