//! Sparse files: where the stored bytes belong.

use crate::header::{BLOCK, number, to_size};
use crate::pax::decimal;

/// Segments of one map; more than 1 MiB of extension header cannot hold many more either.
const SEGMENTS: usize = 1 << 16;
const BAD: &str = "its sparse map is malformed";

/// `length` stored bytes that belong at `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub offset: u64,
    pub length: u64,
}

/// Collects the map of a file of `real_size` bytes in order of offsets.
#[derive(Debug)]
pub(crate) struct MapBuilder {
    segments: Vec<Segment>,
    real_size: u64,
    end: u64,
    stored: u64,
}

impl MapBuilder {
    pub(crate) fn new(real_size: u64) -> Self {
        Self {
            segments: Vec::new(),
            real_size,
            end: 0,
            stored: 0,
        }
    }

    pub(crate) fn add(&mut self, offset: u64, length: u64) -> Result<(), &'static str> {
        let end = offset.checked_add(length).ok_or(BAD)?;
        if offset < self.end || end > self.real_size {
            return Err(BAD);
        }
        if self.segments.len() == SEGMENTS {
            return Err("its sparse map has too many segments");
        }
        self.end = end;
        self.stored += length;
        if length > 0 {
            self.segments.push(Segment { offset, length });
        }
        Ok(())
    }

    /// 24 bytes a segment, as in old GNU headers; unused places are zero.
    pub(crate) fn add_old(&mut self, fields: &[u8]) -> Result<(), &'static str> {
        for field in fields.chunks_exact(24) {
            let (offset, length) = field.split_at(12);
            if offset[0] == 0 || length[0] == 0 {
                break;
            }
            self.add(to_size(number(offset)?)?, to_size(number(length)?)?)?;
        }
        Ok(())
    }

    /// `stored` is what the archive holds of the file: neither more nor less than the map says.
    pub(crate) fn finish(self, stored: u64) -> Result<Vec<Segment>, &'static str> {
        if self.stored != stored {
            return Err("its sparse map does not fit its size");
        }
        Ok(self.segments)
    }
}

/// The map at the beginning of the data in format 1.0: decimal lines, a count first, padded to a
/// block. Fed block by block.
#[derive(Debug, Default)]
pub(crate) struct MapText {
    line: Vec<u8>,
    count: Option<u64>,
    numbers: Vec<u64>,
}

impl MapText {
    /// True once the map is whole.
    pub(crate) fn feed(&mut self, block: &[u8; BLOCK]) -> Result<bool, &'static str> {
        for byte in block {
            if self.is_whole() {
                break;
            }
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() > 20 {
                    return Err(BAD);
                }
                continue;
            }
            if !self.line.iter().all(u8::is_ascii_digit) {
                return Err(BAD);
            }
            let number = to_size(decimal(&self.line)?)?;
            self.line.clear();
            match self.count {
                None if number > SEGMENTS as u64 => {
                    return Err("its sparse map has too many segments");
                }
                None => self.count = Some(number),
                Some(_) => self.numbers.push(number),
            }
        }
        Ok(self.is_whole())
    }

    fn is_whole(&self) -> bool {
        self.count
            .is_some_and(|count| self.numbers.len() as u64 == count * 2)
    }

    /// Offsets and lengths in turn.
    pub(crate) fn into_numbers(self) -> Vec<u64> {
        self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_refuses_overlaps_overflows_and_what_is_beyond_the_size() {
        let mut map = MapBuilder::new(100);
        map.add(10, 10).unwrap();
        assert!(map.add(19, 1).is_err());
        assert!(map.add(20, 81).is_err());
        assert!(map.add(u64::MAX, 2).is_err());
        map.add(100, 0).unwrap();
        assert!(map.finish(11).is_err());
    }

    #[test]
    fn map_text_is_read_across_blocks() {
        let mut text = b"200\n".to_vec();
        for index in 0..200 {
            text.extend(format!("{}\n1\n", index * 10).bytes());
        }
        text.resize(text.len().next_multiple_of(BLOCK), 0);
        let mut map = MapText::default();
        let blocks = text.as_chunks::<BLOCK>().0;
        assert!(blocks.len() > 2);
        for (index, block) in blocks.iter().enumerate() {
            assert_eq!(map.feed(block), Ok(index + 1 == blocks.len()));
        }
        assert_eq!(map.into_numbers().len(), 400);
    }

    #[test]
    fn map_text_refuses_words_signs_and_endless_numbers() {
        let bad: [&[u8]; 4] = [
            b"1\n-1\n2\n",
            b"x\n",
            b"99999999\n",
            b"111111111111111111111111",
        ];
        for text in bad {
            let mut block = [0; BLOCK];
            block[..text.len()].copy_from_slice(text);
            assert!(MapText::default().feed(&block).is_err());
        }
    }
}
