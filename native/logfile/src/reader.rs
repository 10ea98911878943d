//! From the files of a log to what a client is sent.

use std::collections::VecDeque;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use crate::chain::{self, Source};
use crate::json;
use crate::record::{Format, Record, Step, Stream, Text};
use crate::tail;

/// Read from a file at once.
const READ: usize = 256 * 1024;
/// A piece of output is handed out when it has so many bytes.
const FULL: usize = 768 * 1024;
/// How much a follower that is slow holds of what the writer deletes: files, and bytes in all.
const HELD_FILES: usize = 64;
const HELD_BYTES: u64 = 256 << 20;
/// Of a frame: stream, three zero bytes, length.
const HEADER: usize = 8;

#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)]
pub struct ReadOptions {
    pub format: Format,
    /// The current file.
    pub path: PathBuf,
    pub stdout: bool,
    pub stderr: bool,
    pub timestamps: bool,
    /// Attributes before the text.
    pub details: bool,
    /// Text alone instead of Docker's stream frames.
    pub raw: bool,
    /// Neighbouring records of one stream share a frame, which costs its readers less.
    pub joined: bool,
    /// There may be more later.
    pub follow: bool,
    /// Only so many of the last records.
    pub tail: Option<u64>,
    /// Nanoseconds since 1970.
    pub since: Option<i64>,
    pub until: Option<i64>,
}

pub struct Reader {
    options: ReadOptions,
    /// The first is being read.
    sources: VecDeque<Source>,
    /// Wanted records that are passed over still.
    skips: u64,
    /// Read, but not understood yet.
    pending: Vec<u8>,
    /// Of the first source: bytes that are read.
    position: u64,
    /// Of the last source, when it is not followed: bytes to read in all.
    limit: Option<u64>,
    is_over: bool,
    /// Where the last frame of the output begins.
    frame: Option<usize>,
    details: Details,
}

impl Reader {
    pub fn open(options: ReadOptions) -> io::Result<Self> {
        let mut sources = chain::open_all(&options.path)?;
        let limit = match sources.last_mut().and_then(Source::plain) {
            Some(file) if !options.follow => Some(file.metadata()?.len()),
            _ => None,
        };
        let mut reader = Self {
            options,
            sources: VecDeque::new(),
            skips: 0,
            pending: Vec::new(),
            position: 0,
            limit,
            is_over: false,
            frame: None,
            details: Details::default(),
        };
        if let Some(count) = reader.options.tail {
            reader.seek(&mut sources, count)?;
        } else {
            reader.sources = sources.into();
        }
        Ok(reader)
    }

    fn seek(&mut self, sources: &mut Vec<Source>, count: u64) -> io::Result<()> {
        let options = &self.options;
        let selects = |record: &Record| selects(options, record);
        let start = tail::find(sources, options.format, count, &selects)?;
        let rest = sources.drain(start.files..);
        self.sources = rest.map(Source::rewind).collect::<io::Result<_>>()?;
        self.skips = start.records;
        self.position = start.offset;
        if let Some(file) = self.sources.front_mut().and_then(Source::plain) {
            file.seek(SeekFrom::Start(start.offset))?;
        }
        Ok(())
    }

    /// Nothing more will come, whatever is written.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Holds files that are not read yet before the writer deletes them. For a follower that reads
    /// slower than the container writes; to be called when files change.
    pub fn hold(&mut self) {
        let Some(last) = self.sources.back() else {
            return;
        };
        let inode = last.inode;
        if !self.options.follow
            || self.sources.len() >= HELD_FILES
            || !chain::has_moved(&self.options.path, inode)
            || self.sources.iter().map(Source::size).sum::<u64>() >= HELD_BYTES
        {
            return;
        }
        if let Ok(behind) = chain::open_behind(&self.options.path, inode) {
            self.sources.extend(behind);
        }
    }

    /// The next piece of output; None if there is no more now.
    pub fn read_next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        self.frame = None;
        while out.len() < FULL && !self.is_over {
            if !self.fill()? {
                break;
            }
            self.emit(&mut out);
        }
        Ok((!out.is_empty()).then_some(out))
    }

    /// Reads more; false if there is no more now.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            if self.sources.is_empty() && !self.find_more()? {
                return Ok(false);
            }
            self.hold();
            if self.read()? > 0 {
                return Ok(true);
            }
            if self.sources.len() > 1 {
                self.advance();
            } else if !self.options.follow {
                self.is_over = true;
                return Ok(false);
            } else if !self.follow()? {
                return Ok(false);
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let is_last = self.sources.len() == 1;
        let Some(source) = self.sources.front_mut() else {
            return Ok(0);
        };
        let left = match self.limit {
            Some(limit) if is_last => limit.saturating_sub(self.position),
            _ => u64::MAX,
        };
        let length = usize::try_from(left).unwrap_or(READ).min(READ);
        let before = self.pending.len();
        self.pending.resize(before + length, 0);
        let read = match source.read(&mut self.pending[before..]) {
            Ok(count) => count,
            // Of a compressed file that is damaged there is what could be read.
            Err(_) if source.plain().is_none() => 0,
            Err(error) => return Err(error),
        };
        self.pending.truncate(before + read);
        self.position += read as u64;
        Ok(read)
    }

    /// To the next file. What is left of this one is torn.
    fn advance(&mut self) {
        self.sources.pop_front();
        self.pending.clear();
        self.position = 0;
        self.skips = 0;
    }

    /// At the end of the last file: true if there is something to read now.
    fn follow(&mut self) -> io::Result<bool> {
        let Some(source) = self.sources.front_mut() else {
            return Ok(false);
        };
        let inode = source.inode;
        if chain::has_moved(&self.options.path, inode) {
            // Nobody writes to this one any more, but what was written last is not read yet.
            if self.read()? > 0 {
                return Ok(true);
            }
            let behind = chain::open_behind(&self.options.path, inode)?;
            if behind.is_empty() {
                return Ok(false);
            }
            self.sources.extend(behind);
            self.advance();
            return Ok(true);
        }
        let Some(file) = source.plain() else {
            return Ok(false);
        };
        let size = file.metadata()?.len();
        if size >= self.position {
            return Ok(false);
        }
        // It was cut: a torn record at its end, or all of it.
        let understood = self.position - self.pending.len() as u64;
        let start = if size < understood { 0 } else { understood };
        file.seek(SeekFrom::Start(start))?;
        self.pending.clear();
        self.position = start;
        Ok(size > start)
    }

    /// A log that was not there yet.
    fn find_more(&mut self) -> io::Result<bool> {
        if !self.options.follow {
            self.is_over = true;
            return Ok(false);
        }
        self.sources = chain::open_all(&self.options.path)?.into();
        Ok(!self.sources.is_empty())
    }

    /// Turns what has been read into output.
    fn emit(&mut self, out: &mut Vec<u8>) {
        let pending = std::mem::take(&mut self.pending);
        let mut at = 0;
        while !self.is_over {
            match self.options.format.step(&pending[at..]) {
                Step::Record(length, record) => {
                    at += length;
                    if let Some(record) = record {
                        self.take(&record, out);
                    }
                }
                Step::Incomplete => break,
                Step::Broken => at = pending.len(),
            }
            if at == pending.len() {
                break;
            }
        }
        self.pending = pending;
        self.pending.drain(..at);
    }

    fn take(&mut self, record: &Record, out: &mut Vec<u8>) {
        let options = &self.options;
        if !selects(options, record) {
            return;
        }
        if self.skips > 0 {
            self.skips -= 1;
            return;
        }
        if options.since.is_some() || options.until.is_some() {
            let nanos = record.time.nanos().unwrap_or_default();
            if options.since.is_some_and(|since| nanos < since) {
                return;
            }
            if options.until.is_some_and(|until| nanos > until) {
                self.is_over = true;
                return;
            }
        }
        let number = record.stream.number();
        let joins = |at: &usize| options.joined && out.get(*at) == Some(&number);
        let header = self.frame.filter(joins).unwrap_or(out.len());
        if !options.raw && header == out.len() {
            out.extend_from_slice(&[number, 0, 0, 0, 0, 0, 0, 0]);
            self.frame = Some(header);
        }
        if options.timestamps {
            record.time.write(out);
            out.push(b' ');
        }
        if options.details {
            out.extend_from_slice(self.details.of(record.attrs));
            out.push(b' ');
        }
        match record.text {
            Text::Escaped(text) => json::unescape(out, text),
            Text::Plain(text) => out.extend_from_slice(text),
        }
        if !options.raw {
            let start = header + HEADER;
            let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
            out[header + HEADER / 2..start].copy_from_slice(&length.to_be_bytes());
        }
    }
}

fn selects(options: &ReadOptions, record: &Record) -> bool {
    match record.stream {
        Stream::Output => options.stdout,
        Stream::Error => options.stderr,
    }
}

/// Attributes as Docker shows them: `a=1,b=2`, sorted, each part as in a URL's query.
#[derive(Default)]
struct Details {
    of: Vec<u8>,
    text: Vec<u8>,
}

impl Details {
    fn of(&mut self, attrs: Option<&[u8]>) -> &[u8] {
        let attrs = attrs.unwrap_or_default();
        if self.of != attrs {
            self.of = attrs.to_vec();
            let mut pairs = json::pairs(attrs);
            pairs.sort();
            self.text.clear();
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    self.text.push(b',');
                }
                quote(&mut self.text, key);
                self.text.push(b'=');
                quote(&mut self.text, value);
            }
        }
        &self.text
    }
}

fn quote(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            _ => out.extend(format!("%{byte:02X}").bytes()),
        }
    }
}
