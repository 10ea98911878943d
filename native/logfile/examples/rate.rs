//! How quickly records are written and read: `cargo run --release -p logfile --example rate [DIRECTORY]`.

#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::time::Instant;

use logfile::{Format, ReadOptions, Reader, Settings, Stream, Writer};

const TOTAL: usize = 100 << 20;
/// What the monitor reads at once.
const READ: usize = 32 * 1024;

fn main() -> std::io::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "/tmp".into());
    let path = format!("{directory}/rate-{}.log", std::process::id());
    for format in [Format::Json, Format::Local] {
        for length in [10, 100, 1000] {
            let lines = "x".repeat(length - 1) + "\n";
            let chunk = lines.repeat(READ / length);
            let mut writer = Writer::open(Settings {
                format,
                path: path.clone(),
                max_size: None,
                max_file: 1,
                compress: false,
                queue: None,
                attrs: None,
            })?;
            let begun = Instant::now();
            for _ in 0..TOTAL / chunk.len() {
                writer.take(Stream::Output, chunk.as_bytes());
            }
            writer.finish();
            let written = begun.elapsed();
            let begun = Instant::now();
            let mut reader = Reader::open(ReadOptions {
                format,
                path: path.clone().into(),
                stdout: true,
                stderr: true,
                timestamps: false,
                details: false,
                raw: false,
                joined: false,
                follow: false,
                tail: None,
                since: None,
                until: None,
            })?;
            while reader.read_next()?.is_some() {}
            let read = begun.elapsed();
            let rate = |time: std::time::Duration| (TOTAL >> 20) as f64 / time.as_secs_f64();
            println!(
                "{format:?}, lines of {length}: written {:.0} MB/s, read {:.0} MB/s",
                rate(written),
                rate(read)
            );
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
