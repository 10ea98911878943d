//! What must hold of any bytes at all that are taken for a layer. Each function panics if it does not; they are run
//! by `tests/fuzz.rs` over a saved corpus, and can be run by any fuzzer: see docs/design/fuzz.md.

#![allow(clippy::missing_panics_doc, reason = "to panic is how they tell")]

mod print;

use std::io::Read;

use crate::error::LayerError;
use crate::header::BLOCK;
use crate::inflate::Plain;
use crate::name::Name;
use crate::reader::{Entry, Kind, Reader, Stream};

/// More than this is not inflated of one input.
const INFLATED: u64 = 16 << 20;

/// Bytes in memory as a stream that lends so many at a time.
struct Slice<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Stream for Slice<'_> {
    fn fill(&mut self) -> Result<&[u8], LayerError> {
        Ok(&self.bytes[..self.step.min(self.bytes.len())])
    }

    fn consume(&mut self, count: usize) {
        self.bytes = &self.bytes[count..];
    }
}

/// An entry with its stored bytes.
#[derive(Debug, PartialEq)]
struct Item {
    entry: Entry,
    data: Vec<u8>,
}

/// All entries, and the error after them if there is one.
fn read(bytes: &[u8], step: usize) -> (Vec<Item>, Option<String>) {
    let mut reader = Reader::new(Slice { bytes, step });
    let mut items = Vec::new();
    let failed = loop {
        match reader.next() {
            Ok(None) => return (items, None),
            Err(error) => break error,
            Ok(Some(entry)) => {
                let mut data = Vec::new();
                let end = loop {
                    match reader.piece(1000) {
                        Ok(None) => break None,
                        Err(error) => break Some(error),
                        Ok(Some(piece)) => data.extend_from_slice(piece),
                    }
                };
                if let Some(error) = end {
                    break error;
                }
                items.push(Item { entry, data });
            }
        }
    };
    (items, Some(failed.to_string()))
}

/// The reader: what it reads does not depend on how the bytes come, is within its limits, and is read again
/// from an archive that is printed of it.
pub fn reader(bytes: &[u8]) {
    let (items, error) = read(bytes, usize::MAX);
    for step in [1, 511, 513] {
        assert_eq!(
            (&items, &error),
            (&read(bytes, step).0, &read(bytes, step).1)
        );
    }
    assert!(
        items.len() <= bytes.len() / BLOCK,
        "more entries than headers"
    );
    for Item { entry, data } in &items {
        assert!(entry.name.len() <= 4096 && !entry.name.contains(&0));
        assert!(data.len() <= bytes.len());
        name(&entry.name);
        if let Some(map) = &entry.sparse {
            let stored: u64 = map.iter().map(|segment| segment.length).sum();
            assert_eq!(stored, data.len() as u64);
            assert!(
                map.iter()
                    .all(|segment| segment.offset + segment.length <= entry.size)
            );
        } else {
            assert_eq!(entry.size, data.len() as u64);
        }
    }
    let held: usize = items.iter().map(held).sum();
    assert!(held <= bytes.len(), "{held} bytes held of {}", bytes.len());
    let printed = print::archive(items.iter().map(|item| (&item.entry, &item.data[..])));
    let (again, failed) = read(&printed, usize::MAX);
    assert_eq!(failed, None, "what was read cannot be read again");
    assert_eq!(items, again);
}

/// What an entry takes of memory: never more than the archive did for it.
fn held(Item { entry, data }: &Item) -> usize {
    let xattrs = entry.meta.xattrs.iter();
    let target = match &entry.kind {
        Kind::HardLink(target) | Kind::Symlink(target) => target.len(),
        _ => 0,
    };
    entry.name.len()
        + target
        + data.len()
        + entry.sparse.as_ref().map_or(0, Vec::len)
        + xattrs
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
}

/// Names: what is cleaned is below the root, and cleaning it again changes nothing.
pub fn name(bytes: &[u8]) {
    let Ok(name) = Name::clean(bytes) else { return };
    let path = name.path();
    let is_plain = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && part.len() <= 255;
    assert!(path.is_empty() || path.split(|byte| *byte == b'/').all(is_plain));
    assert_eq!(Name::clean(path).as_ref(), Ok(&name));
    let joined = [name.parent(), b"/", name.base()].concat();
    assert_eq!(Name::clean(&joined).as_ref(), Ok(&name));
}

/// Compressed streams: any bytes inflate to the same or are refused, however they are read. (The words of a refusal
/// may differ: what is wrong with a frame of zstd is found earlier with more room to write to.)
pub fn inflate(bytes: &[u8]) {
    let read = |step: usize| -> Option<Vec<u8>> {
        let plain = Plain::sniff(bytes).ok()?;
        let mut plain = plain.take(INFLATED);
        let (mut all, mut piece) = (Vec::new(), vec![0; step]);
        loop {
            match plain.read(&mut piece) {
                Ok(0) => return Some(all),
                Ok(count) => all.extend_from_slice(&piece[..count]),
                Err(_) => return None,
            }
        }
    };
    assert_eq!(read(64 << 10), read(777));
}
