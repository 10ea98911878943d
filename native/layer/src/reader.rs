//! The tar reader: from the plain stream to entries, in constant memory.
//!
//! Where dialects leave room it follows what images in the wild were made for, Go's archive/tar;
//! where that is lenient with damage it refuses.

use crate::error::LayerError;
use crate::header::{BLOCK, Header, Time, text};
use crate::pax::Pax;
use crate::sparse::{MapBuilder, MapText, Segment};

/// The longest extension header (PAX records or a GNU long name).
const EXTENSION: u64 = 1024 * 1024;
/// The longest name or link target.
const PATH: usize = 4096;

/// The plain stream, lent piece by piece.
pub trait Stream {
    /// Bytes not consumed yet; empty only at the end.
    fn fill(&mut self) -> Result<&[u8], LayerError>;
    fn consume(&mut self, count: usize);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File,
    HardLink(Vec<u8>),
    Symlink(Vec<u8>),
    Directory,
    Char { major: u32, minor: u32 },
    Block { major: u32, minor: u32 },
    Fifo,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Meta {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// As in the archive: at most `PATH` bytes, no NUL, otherwise anything.
    pub name: Vec<u8>,
    pub kind: Kind,
    pub meta: Meta,
    /// Of the file, holes included.
    pub size: u64,
    /// Where the stored bytes belong, if the file has holes.
    pub sparse: Option<Vec<Segment>>,
}

/// What extension headers said of the entry to come.
#[derive(Debug, Default)]
struct Extensions {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

pub struct Reader<S> {
    stream: S,
    /// Bytes of the current entry's data that were not read.
    remaining: u64,
    padding: u64,
    /// Bytes lent by `piece` and to be consumed by the next call.
    lent: usize,
    block: [u8; BLOCK],
}

impl<S: Stream> Reader<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            remaining: 0,
            padding: 0,
            lent: 0,
            block: [0; BLOCK],
        }
    }

    /// The next entry, or `None` once the stream is read to its very end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry>, LayerError> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_data()?;
            if !self.read_block()? {
                return self.end(&extensions);
            }
            if Header(&self.block).is_zero() {
                self.expect_second_zero_block()?;
                return self.end(&extensions);
            }
            let header = Header(&self.block);
            let name = header.name();
            if !header.is_sum_right() {
                let reason = "the checksum of its header is wrong (is this a tar archive?)";
                return Err(LayerError::refused(&name, reason));
            }
            let refuse = |reason: &'static str| LayerError::refused(&name, reason);
            let flag = header.typeflag();
            if !matches!(flag, b'x' | b'g' | b'L' | b'K') {
                return self.entry(extensions).map(Some);
            }
            let size = header.size().map_err(refuse)?;
            if size > EXTENSION {
                return Err(refuse("its extension header is larger than 1 MiB"));
            }
            self.begin_data(size);
            if flag == b'g' {
                continue;
            }
            let data = self.read_data()?;
            let refuse = |reason: &'static str| LayerError::refused(&name, reason);
            match flag {
                b'x' => extensions.pax = Some(Pax::parse(&data).map_err(refuse)?),
                b'L' => extensions.long_name = Some(text(&data).to_vec()),
                _ => extensions.long_link = Some(text(&data).to_vec()),
            }
        }
    }

    /// Reads on to the end: what follows the archive is hashed with it and means nothing.
    fn end(&mut self, extensions: &Extensions) -> Result<Option<Entry>, LayerError> {
        if !extensions.is_empty() {
            return Err(LayerError::Truncated(
                "an extension header has no entry after it",
            ));
        }
        loop {
            let count = self.stream.fill()?.len();
            if count == 0 {
                return Ok(None);
            }
            self.stream.consume(count);
        }
    }

    fn expect_second_zero_block(&mut self) -> Result<(), LayerError> {
        if self.read_block()? && !Header(&self.block).is_zero() {
            return Err(LayerError::Corrupt(
                "a single zero block stands between entries".into(),
            ));
        }
        Ok(())
    }

    fn entry(&mut self, extensions: Extensions) -> Result<Entry, LayerError> {
        let block = self.block;
        let header = Header(&block);
        let Extensions {
            pax,
            long_name,
            long_link,
        } = extensions;
        let mut pax = pax.unwrap_or_default();
        let name = None
            .or(pax.sparse.name.take().filter(|name| !name.is_empty()))
            .or(long_name.filter(|name| !name.is_empty()))
            .or(pax.path.take())
            .unwrap_or_else(|| header.name());
        let link = None
            .or(long_link.filter(|link| !link.is_empty()))
            .or(pax.linkpath.take())
            .unwrap_or_else(|| header.linkname().to_vec());
        let refuse = |reason: &'static str| LayerError::refused(&name, reason);
        check_path(&name).map_err(refuse)?;
        let kind = to_kind(&header, &name, link).map_err(refuse)?;
        let meta = to_meta(&header, &mut pax).map_err(refuse)?;
        // Only files have data; what other entries state as their size is not there.
        let stored = match (&kind, pax.size) {
            (Kind::File, Some(size)) => size,
            (Kind::File, None) => header.size().map_err(refuse)?,
            _ => 0,
        };
        self.begin_data(stored);
        let (size, sparse) = match self.sparse_map(&header, &pax, &kind, &name)? {
            None => (stored, None),
            Some((real_size, map)) => {
                let map = map.finish(self.remaining).map_err(refuse)?;
                (real_size, Some(map))
            }
        };
        Ok(Entry {
            name,
            kind,
            meta,
            size,
            sparse,
        })
    }

    /// The size with the holes and the map, if the entry is sparse in any of the four formats.
    fn sparse_map(
        &mut self,
        header: &Header<'_>,
        pax: &Pax,
        kind: &Kind,
        name: &[u8],
    ) -> Result<Option<(u64, MapBuilder)>, LayerError> {
        let refuse = |reason: &'static str| LayerError::refused(name, reason);
        let keys = &pax.sparse;
        if header.typeflag() == b'S' {
            let (fields, mut more, real_size) = header.old_sparse().map_err(refuse)?;
            let mut map = MapBuilder::new(real_size);
            map.add_old(fields).map_err(refuse)?;
            while more {
                if !self.read_block()? {
                    return Err(cut_off());
                }
                map.add_old(&self.block[..504]).map_err(refuse)?;
                more = self.block[504] != 0;
            }
            return Ok(Some((real_size, map)));
        }
        let numbers = match (keys.major, keys.minor) {
            (Some(1), Some(0)) => self.read_map_text(name)?,
            (None | Some(0), None | Some(0 | 1)) if keys.is_old => keys.map.clone(),
            (None, None) => return Ok(None),
            _ => return Err(refuse("its sparse format is unknown")),
        };
        let (Some(real_size), Kind::File, true) =
            (keys.real_size, kind, numbers.len().is_multiple_of(2))
        else {
            return Err(refuse("its sparse map is malformed"));
        };
        let mut map = MapBuilder::new(real_size);
        for pair in numbers.as_chunks::<2>().0 {
            map.add(pair[0], pair[1]).map_err(refuse)?;
        }
        Ok(Some((real_size, map)))
    }

    fn read_map_text(&mut self, name: &[u8]) -> Result<Vec<u64>, LayerError> {
        let refuse = |reason: &'static str| LayerError::refused(name, reason);
        let mut map = MapText::default();
        loop {
            let rest = self.remaining.checked_sub(BLOCK as u64);
            let rest = rest.ok_or_else(|| refuse("its sparse map is malformed"))?;
            if !self.read_block()? {
                return Err(cut_off());
            }
            self.remaining = rest;
            if map.feed(&self.block).map_err(refuse)? {
                return Ok(map.into_numbers());
            }
        }
    }

    fn begin_data(&mut self, size: u64) {
        self.remaining = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// The next bytes of the entry's data, at most `limit` (> 0); `None` after the last.
    pub fn piece(&mut self, limit: u64) -> Result<Option<&[u8]>, LayerError> {
        self.stream.consume(std::mem::take(&mut self.lent));
        let limit = limit.min(self.remaining);
        if limit == 0 {
            return Ok(None);
        }
        let bytes = self.stream.fill()?;
        if bytes.is_empty() {
            return Err(cut_off());
        }
        let count = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        self.lent = count;
        self.remaining -= count as u64;
        Ok(Some(&bytes[..count]))
    }

    /// All data of an extension header, whose size was checked.
    fn read_data(&mut self) -> Result<Vec<u8>, LayerError> {
        let mut data = Vec::new();
        while let Some(piece) = self.piece(u64::MAX)? {
            data.extend_from_slice(piece);
        }
        Ok(data)
    }

    fn skip_data(&mut self) -> Result<(), LayerError> {
        while self.piece(u64::MAX)?.is_some() {}
        self.skip_padding()
    }

    /// As for Go, an archive may end within the padding of its last entry; umoci writes such.
    fn skip_padding(&mut self) -> Result<(), LayerError> {
        self.stream.consume(std::mem::take(&mut self.lent));
        let mut left = usize::try_from(std::mem::take(&mut self.padding)).unwrap_or(0);
        while left > 0 {
            let count = self.stream.fill()?.len().min(left);
            if count == 0 {
                break;
            }
            self.stream.consume(count);
            left -= count;
        }
        Ok(())
    }

    /// Fills `block`; false if the stream is at its end.
    fn read_block(&mut self) -> Result<bool, LayerError> {
        self.stream.consume(std::mem::take(&mut self.lent));
        let mut filled = 0;
        while filled < BLOCK {
            let bytes = self.stream.fill()?;
            if bytes.is_empty() {
                return if filled == 0 {
                    Ok(false)
                } else {
                    Err(cut_off())
                };
            }
            let count = bytes.len().min(BLOCK - filled);
            self.block[filled..filled + count].copy_from_slice(&bytes[..count]);
            self.stream.consume(count);
            filled += count;
        }
        Ok(true)
    }
}

fn cut_off() -> LayerError {
    LayerError::Truncated("the archive is cut off inside an entry")
}

fn check_path(path: &[u8]) -> Result<(), &'static str> {
    if path.len() > PATH {
        return Err("its name is longer than 4 KiB");
    }
    if path.contains(&0) {
        return Err("its name holds a NUL");
    }
    Ok(())
}

fn to_kind(header: &Header<'_>, name: &[u8], link: Vec<u8>) -> Result<Kind, &'static str> {
    let target = || {
        if link.is_empty() {
            return Err("its link target is empty");
        }
        check_path(&link).map_err(|_| "its link target is longer than 4 KiB or holds a NUL")?;
        Ok(link)
    };
    Ok(match header.typeflag() {
        // Before POSIX a directory was a file whose name ends so.
        0 if name.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink(target()?),
        b'2' => Kind::Symlink(target()?),
        b'3' => {
            let (major, minor) = header.device()?;
            Kind::Char { major, minor }
        }
        b'4' => {
            let (major, minor) = header.device()?;
            Kind::Block { major, minor }
        }
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        _ => return Err("its type is unknown"),
    })
}

fn to_meta(header: &Header<'_>, pax: &mut Pax) -> Result<Meta, &'static str> {
    Ok(Meta {
        mode: header.mode()?,
        uid: pax.uid.map_or_else(|| header.uid(), Ok)?,
        gid: pax.gid.map_or_else(|| header.gid(), Ok)?,
        mtime: pax.mtime.map_or_else(|| header.mtime(), Ok)?,
        xattrs: std::mem::take(&mut pax.xattrs),
    })
}
