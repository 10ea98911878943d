//! `extract BLOB STAGING [FINAL]`: extracts one layer and commits it; tells the result and the
//! times. For measuring.

use std::io::{Error, Write};
use std::time::Instant;

use layer::{ExtractOptions, Extraction};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args_os().skip(1).map(std::path::PathBuf::from);
    let (Some(blob_path), Some(staging_dir)) = (paths.next(), paths.next()) else {
        return Err("usage: extract BLOB STAGING".into());
    };
    let staging = staging_dir.clone();
    let size = std::fs::metadata(&blob_path)?.len();
    let start = Instant::now();
    let extraction = Extraction::start(ExtractOptions {
        blob_path,
        staging_dir,
        max_bytes: u64::MAX,
        max_entries: u64::MAX,
    })?;
    extraction.grown(size);
    extraction.finish();
    let result = extraction.wait()?;
    let extracted = start.elapsed().as_secs_f64();
    if let Some(target) = paths.next() {
        layer::commit(&staging, &target)?;
    }
    let all = start.elapsed().as_secs_f64();
    let mut out = std::io::stdout();
    writeln!(out, "{extracted:.3} s, {all:.3} s with commit, {result:?}").map_err(Error::into)
}
