//! The last records of a log, found from its end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::chain::Source;
use crate::local;
use crate::record::{Format, Record, Step};

const BLOCK: usize = 64 * 1024;

/// Where the last records begin: so many files are passed over, and in the next one so many bytes or,
/// where a file can only be read from its beginning, so many of the wanted records.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Start {
    pub(crate) files: usize,
    pub(crate) offset: u64,
    pub(crate) records: u64,
}

/// `sources` are the oldest first; they are read from their beginning afterwards.
pub(crate) fn find(
    sources: &mut [Source],
    format: Format,
    count: u64,
    selects: &dyn Fn(&Record) -> bool,
) -> io::Result<Start> {
    let mut wanted = count;
    for (files, source) in sources.iter_mut().enumerate().rev() {
        let backwards = match source.plain() {
            Some(file) => last_records(file, format, &mut wanted, selects)?,
            None => None,
        };
        let (offset, records) = match backwards {
            Some(offset) => (offset, 0),
            None => (0, count_forwards(source, format, &mut wanted, selects)),
        };
        if wanted == 0 {
            return Ok(Start {
                files,
                offset,
                records,
            });
        }
    }
    Ok(Start::default())
}

/// The offset of the first of the last `wanted` records, from the end; None if the end is no end of a
/// record and the format does not say where the last one is.
fn last_records(
    file: &File,
    format: Format,
    wanted: &mut u64,
    selects: &dyn Fn(&Record) -> bool,
) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    // Bytes of the file from `start` on, up to the first record that is known.
    let mut bytes: Vec<u8> = Vec::new();
    let mut start = size;
    let mut is_end = true;
    loop {
        let mut last = bytes.len();
        while let Some(at) = start_of_last(&bytes[..last], format, start == 0, &mut is_end) {
            match format.step(&bytes[at..last]) {
                Step::Record(..) if *wanted == 0 => return Ok(Some(start + last as u64)),
                Step::Record(_, Some(record)) if selects(&record) => *wanted -= 1,
                _ => {}
            }
            last = at;
            if *wanted == 0 {
                return Ok(Some(start + at as u64));
            }
        }
        if start == 0 {
            return Ok((format == Format::Json || last == 0).then_some(0));
        }
        if format == Format::Local && last > local::LONGEST {
            return Ok(None);
        }
        bytes.truncate(last);
        let length = BLOCK
            .max(bytes.len())
            .min(usize::try_from(start).unwrap_or(BLOCK));
        start -= length as u64;
        let mut block = vec![0; length];
        file.read_exact_at(&mut block, start)?;
        block.extend_from_slice(&bytes);
        bytes = block;
    }
}

/// Where the last record of `bytes` begins, if that can be told.
fn start_of_last(
    bytes: &[u8],
    format: Format,
    is_whole_file: bool,
    is_end: &mut bool,
) -> Option<usize> {
    if bytes.is_empty() {
        return None;
    }
    if format == Format::Local {
        return local::last_start(bytes);
    }
    // A line without its end, at the very end, is a record that is passed over.
    let searched = if std::mem::take(is_end) && bytes.last() != Some(&b'\n') {
        bytes
    } else {
        bytes.get(..bytes.len() - 1).unwrap_or_default()
    };
    match memchr::memrchr(b'\n', searched) {
        Some(at) => Some(at + 1),
        None => is_whole_file.then_some(0),
    }
}

/// Counts what is there; the records to pass over.
fn count_forwards(
    source: &mut Source,
    format: Format,
    wanted: &mut u64,
    selects: &dyn Fn(&Record) -> bool,
) -> u64 {
    let mut count = 0;
    let mut bytes = Vec::new();
    let mut block = vec![0; BLOCK];
    loop {
        // A compressed file that is damaged has what can be read.
        let length = source.read(&mut block).unwrap_or(0);
        if length == 0 {
            break;
        }
        bytes.extend_from_slice(&block[..length]);
        let mut at = 0;
        while let Step::Record(length, record) = format.step(&bytes[at..]) {
            count += u64::from(record.is_some_and(|record| selects(&record)));
            at += length;
        }
        bytes.drain(..at);
    }
    let taken = count.min(*wanted);
    *wanted -= taken;
    count - taken
}
