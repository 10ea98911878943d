//! Writer and reader together.

mod follow;
mod records;
mod rotation;

use crate::record::{Format, Stream};
use crate::testing::{Place, numbered, read, read_on, text};
use crate::writer::MAX_LINE;
use crate::{ReadOptions, Reader, Settings, Writer};

const FORMATS: [Format; 2] = [Format::Json, Format::Local];

fn rotating(place: &Place, format: Format, max_file: u32) -> Writer {
    Writer::open(Settings {
        max_size: Some(2000),
        max_file,
        ..place.settings(format)
    })
    .expect("writer")
}

/// Writes numbered lines in small batches, so that rotations fall between and within them.
fn write_lines(writer: &mut Writer, range: std::ops::Range<u32>) {
    for start in range.clone().step_by(7) {
        let end = range.end.min(start + 7);
        writer.take(Stream::Output, numbered(start..end).as_bytes());
    }
}

/// Tends to compressions until there is none.
fn settle(writer: &mut Writer) {
    while writer.rest() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Number of the first line that is there; from it on none may be missing.
fn first_without_gap(found: &str, end: u32) -> u32 {
    let first = found.lines().next().expect("a line");
    let first = first.trim_start_matches("line ").parse().expect("number");
    assert_eq!(found, numbered(first..end));
    first
}
