//! Damaged archives: the reader and the writer may refuse them, but never panic, hang or let
//! anything out of the tree. Seeded, so that a failure can be repeated.

use crate::error::LayerError;
use crate::header::BLOCK;
use crate::reader::{Reader, Stream};
use crate::testing::{Archive, Head, extract, sum};

struct Slice<'a> {
    bytes: &'a [u8],
    /// Bytes lent at a time.
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

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

/// `RT_FUZZ_ROUNDS` of them instead of `usual`, to look for longer.
fn rounds(usual: u32) -> u32 {
    let rounds = std::env::var("RT_FUZZ_ROUNDS").ok();
    rounds.map_or(usual, |rounds| rounds.parse().unwrap())
}

fn seed_archive() -> Vec<u8> {
    let mut old = Head::new(b'S', "old-sparse");
    old.size = 1;
    let mut old = old.block();
    old[257..265].copy_from_slice(b"ustar  \0");
    old[386..410].copy_from_slice(b"00000000000\x0000000000001\0");
    old[483..495].copy_from_slice(b"00000010000\0");
    let mut map = b"1\n0\n1\n".to_vec();
    map.resize(BLOCK, 0);
    map.push(b'x');
    Archive::new()
        .dir("d")
        .file("d/file", b"content")
        .symlink("d/up", "../../..")
        .file("d/up/in", b"x")
        .link("hard", "d/file")
        .pax(&[
            ("path", b"d/long"),
            ("mtime", b"1.5"),
            ("SCHILY.xattr.user.k", b"v"),
        ])
        .file("x", &[7; 1000])
        .extension(b'L', b"gnu-name\0")
        .file("y", b"")
        .raw(&sum(old))
        .data(b"x")
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"4096"),
        ])
        .file("sparse", &map)
        .file("d/.wh.gone", b"")
        .file("d/.wh..wh..opq", b"")
        .head(&Head::new(b'6', "fifo"))
        .end()
}

/// Changes a few bytes, moves or repeats or cuts blocks; mostly mends the checksums.
fn mutate(archive: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    for _ in 0..=random.below(4) {
        let blocks = bytes.len() / BLOCK;
        if blocks == 0 {
            return bytes;
        }
        let (from, to) = (random.below(blocks) * BLOCK, random.below(blocks) * BLOCK);
        match random.below(8) {
            0 => bytes.copy_within(from..from + BLOCK, to),
            1 => {
                let block = bytes[from..from + BLOCK].to_vec();
                bytes.splice(to..to, block);
            }
            2 => drop(bytes.drain(from..from + BLOCK)),
            3 => bytes.truncate(random.below(bytes.len())),
            _ => {
                let interesting = b"\0\xff\x80/.-0179 \n=,xgLKS512";
                let at = from + random.below(BLOCK);
                for (offset, byte) in bytes[at..].iter_mut().take(1 + random.below(3)).enumerate() {
                    *byte = interesting[random.below(interesting.len()) ^ (offset & 1)];
                }
                if random.below(10) > 0 && bytes.len() >= from + BLOCK {
                    let mut block = [0; BLOCK];
                    block.copy_from_slice(&bytes[from..from + BLOCK]);
                    bytes[from..from + BLOCK].copy_from_slice(&sum(block));
                }
            }
        }
    }
    bytes
}

#[test]
fn the_reader_survives_damaged_archives() {
    let archive = seed_archive();
    let mut random = Random(0x5eed);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..rounds(20_000) {
        let bytes = mutate(&archive, &mut random);
        let step = 1 + random.below(2000);
        let mut reader = Reader::new(Slice {
            bytes: &bytes,
            step,
        });
        let mut entries = 0;
        let result = loop {
            match reader.next() {
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
                Ok(Some(_)) => entries += 1,
            }
            assert!(entries <= bytes.len() / BLOCK);
            while let Ok(Some(piece)) = reader.piece(1 + random.next() % 600) {
                assert!(!piece.is_empty());
            }
        };
        match result {
            Ok(()) => read += 1,
            Err(_) => refused += 1,
        }
    }
    // Both happen often, or the mutations would be of no use.
    assert!(
        read > 1000 && refused > 1000,
        "{read} read, {refused} refused"
    );
}

#[test]
fn the_writer_keeps_damaged_archives_inside() {
    let archive = seed_archive();
    let mut random = Random(0xfeed);
    for _ in 0..rounds(1500) {
        let extracted = extract(&mutate(&archive, &mut random));
        // The directory of a test may hold the blob and, if all went well, the tree.
        extracted.holds_only_blob_and_tree();
    }
}
