//! The targets of `fuzz.rs` over the saved corpus and over what seeded mutations make of it; `RT_FUZZ_ROUNDS` says
//! how many, and `RT_FULL=1` makes it fifty times as many; `RT_FUZZ_SEED` makes others.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::fuzz;

const ROUNDS: u64 = 20_000;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

fn number_of(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}

fn rounds() -> u64 {
    let is_full = std::env::var("RT_FULL").is_ok_and(|value| value == "1");
    number_of("RT_FUZZ_ROUNDS").unwrap_or(if is_full { 50 * ROUNDS } else { ROUNDS })
}

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(kind);
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    const ODD: [u8; 8] = [0, 1, 12, 0x3f, 0x40, 0x7f, 0xc0, 0xff];
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 => bytes.insert(at, ODD[random.below(ODD.len())]),
            1 => bytes.truncate(at),
            2 => bytes.extend_from_slice(&other[random.below(other.len() + 1)..]),
            kind => {
                let odd = ODD[random.below(ODD.len())];
                let bit = 1 << random.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = if kind == 3 { odd } else { *byte ^ bit };
                }
            }
        }
    }
}

fn run(target: &str, run: fn(&[u8])) {
    if let Some(path) = std::env::var_os("RT_FUZZ_INPUT") {
        return run(&fs::read(path).unwrap());
    }
    let seeds = corpus(target);
    assert!(seeds.len() > 2);
    for seed in &seeds {
        check(target, seed, run);
    }
    let mut random = Random(number_of("RT_FUZZ_SEED").unwrap_or(0x5eed) | 1);
    for _ in 0..rounds() {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let other = &seeds[random.below(seeds.len())];
        mutate(&mut random, &mut bytes, other);
        check(target, &bytes, run);
    }
}

/// An input that a target fails for is kept, and named in the failure.
fn check(target: &str, bytes: &[u8], run: fn(&[u8])) {
    if catch_unwind(AssertUnwindSafe(|| run(bytes))).is_err() {
        let path = std::env::temp_dir().join(format!("rt-resolver-crash-{target}"));
        fs::write(&path, bytes).unwrap();
        panic!(
            "{target} fails; RT_FUZZ_INPUT={} runs it alone",
            path.display()
        );
    }
}

#[test]
fn queries_of_any_bytes() {
    run("query", fuzz::query);
}

#[test]
fn replies_of_any_bytes() {
    run("reply", fuzz::reply);
}

#[test]
fn files_of_any_bytes() {
    run("files", fuzz::files);
}
