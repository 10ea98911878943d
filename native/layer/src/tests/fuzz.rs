//! The targets of `fuzz.rs` over the saved corpus and over what seeded mutations make of it, so many rounds in each run and
//! `RT_FUZZ_ROUNDS` or, with `RT_FULL=1`, fifty times as many; `RT_FUZZ_SEED` makes others. What fails is kept as a file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::fuzz;
use crate::header::BLOCK;
use crate::testing::{TempDir, extract_in, sum};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

fn number_of(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap())
}

fn rounds(usual: u64) -> u64 {
    let is_full = std::env::var("RT_FULL").is_ok_and(|value| value == "1");
    number_of("RT_FUZZ_ROUNDS").unwrap_or(if is_full { 50 * usual } else { usual })
}

/// The saved seeds, by name.
fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(kind);
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs a target; an input that it fails for is kept, and named in the failure.
fn check(target: &str, bytes: &[u8], run: impl FnOnce(&[u8])) {
    if catch_unwind(AssertUnwindSafe(|| run(bytes))).is_ok() {
        return;
    }
    let number = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = crashes().join(format!("{target}-{number:016x}"));
    fs::create_dir_all(crashes()).unwrap();
    fs::write(&path, bytes).unwrap();
    panic!(
        "{target} fails for {}; RT_FUZZ_INPUT={0} runs it alone",
        path.display()
    );
}

fn crashes() -> PathBuf {
    std::env::temp_dir().join("rt-layer-crashes")
}

/// Every seed as it is, then mutations of them; or the one file of `RT_FUZZ_INPUT`.
fn fuzz(target: &str, kind: &str, usual: u64, mutate: Mutate, run: impl Fn(&[u8])) {
    if let Some(path) = std::env::var_os("RT_FUZZ_INPUT") {
        return run(&fs::read(path).unwrap());
    }
    let seeds = corpus(kind);
    assert!(seeds.len() > 2);
    for seed in &seeds {
        check(target, seed, &run);
    }
    let mut random = Random(number_of("RT_FUZZ_SEED").unwrap_or(0x5eed) | 1);
    for _ in 0..rounds(usual) {
        let seed = &seeds[random.below(seeds.len())];
        check(target, &mutate(seed, &seeds, &mut random), &run);
    }
}

type Mutate = fn(&[u8], &[Vec<u8>], &mut Random) -> Vec<u8>;

/// Changes a few bytes, moves, repeats or cuts blocks or takes them from another seed; mostly mends the checksums.
fn mutate_blocks(archive: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    for _ in 0..=random.below(4) {
        let blocks = bytes.len() / BLOCK;
        if blocks == 0 {
            return bytes;
        }
        let (from, to) = (random.below(blocks) * BLOCK, random.below(blocks) * BLOCK);
        match random.below(10) {
            0 => bytes.copy_within(from..from + BLOCK, to),
            1 => {
                let block = bytes[from..from + BLOCK].to_vec();
                bytes.splice(to..to, block);
            }
            2 => drop(bytes.drain(from..from + BLOCK)),
            3 => bytes.truncate(random.below(bytes.len())),
            4 => {
                let other = &others[random.below(others.len())];
                let at = random.below(other.len() / BLOCK) * BLOCK;
                let end = (at + BLOCK * (1 + random.below(4))).min(other.len());
                bytes.splice(to..to, other[at..end].iter().copied());
            }
            _ => change_bytes(&mut bytes, from, random),
        }
    }
    bytes
}

fn change_bytes(bytes: &mut [u8], from: usize, random: &mut Random) {
    let interesting = b"\0\xff\x80/.-0179 \n=,xgLKS512";
    let at = from + random.below(BLOCK);
    for (offset, byte) in bytes[at..].iter_mut().take(1 + random.below(3)).enumerate() {
        *byte = interesting[random.below(interesting.len()) ^ (offset & 1)];
    }
    if random.below(10) > 0 {
        let mut block = [0; BLOCK];
        block.copy_from_slice(&bytes[from..from + BLOCK]);
        bytes[from..from + BLOCK].copy_from_slice(&sum(block));
    }
}

/// Changes, cuts, repeats or joins at any byte.
fn mutate_bytes(seed: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_slice(&others[random.below(others.len())]),
            2 => {
                let end = (at + 1 + random.below(32)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(random.below(256)).unwrap();
                }
            }
        }
    }
    bytes
}

#[test]
fn the_reader_reads_any_bytes_the_same_way_or_refuses_them() {
    fuzz("reader", "tar", 10_000, mutate_blocks, fuzz::reader);
}

#[test]
fn any_name_is_below_the_root_or_refused() {
    fuzz("name", "name", 50_000, mutate_bytes, fuzz::name);
}

#[test]
fn any_bytes_inflate_or_are_refused() {
    fuzz("inflate", "compressed", 3_000, mutate_bytes, fuzz::inflate);
}

#[test]
fn the_writer_changes_nothing_outside_of_its_tree() {
    fuzz("tree", "tar", 1_000, mutate_blocks, |bytes| {
        let temp = TempDir::new();
        let outside = temp.path().join("outside");
        fs::write(&outside, "canary").unwrap();
        let before = (
            fs::metadata(&outside).unwrap(),
            fs::metadata(temp.path()).unwrap().mode(),
        );
        extract_in(&temp, bytes).unwrap_or_else(|error| panic!("{error}"));
        let after = (
            fs::metadata(&outside).unwrap(),
            fs::metadata(temp.path()).unwrap().mode(),
        );
        assert_eq!(fs::read(&outside).unwrap(), b"canary");
        assert_eq!(before.1, after.1);
        let facts = |stat: &fs::Metadata| {
            (
                stat.mode(),
                stat.uid(),
                stat.nlink(),
                stat.mtime(),
                stat.ctime_nsec(),
            )
        };
        assert_eq!(facts(&before.0), facts(&after.0));
    });
}
