//! From what a program says to records. A disk that is full loses lines, never the container.

use crate::files::Files;
use crate::queue::Queue;
use crate::record::{Format, Stream};
use crate::{json, local, time};

/// A longer line is cut into records of this size, all but the last without its newline.
pub(crate) const MAX_LINE: usize = 16 * 1024;
/// Records are written in batches of about this size.
const BATCH: usize = 256 * 1024;

#[derive(Clone, Debug)]
pub struct Settings {
    pub format: Format,
    /// The current file; the others are named after it.
    pub path: String,
    /// A file is closed when it has so many bytes; None: never.
    pub max_size: Option<u64>,
    /// Files in all; with 1 the file is emptied where it would be closed.
    pub max_file: u32,
    pub compress: bool,
    /// Bytes that may wait to be written; None: the program waits instead.
    pub queue: Option<usize>,
    /// A JSON object of strings that comes with every record.
    pub attrs: Option<String>,
}

pub struct Writer {
    format: Format,
    attrs: Option<String>,
    sink: Sink,
    /// What has come of an unfinished line, by stream.
    pending: [Vec<u8>; 2],
    batch: Vec<u8>,
    /// What follows the text of a JSON record.
    tail: Vec<u8>,
    nanos: i64,
}

enum Sink {
    Files(Files),
    Queue(Queue),
}

impl Writer {
    pub fn open(settings: Settings) -> std::io::Result<Self> {
        let Settings {
            format,
            path,
            max_size,
            max_file,
            compress,
            queue,
            attrs,
        } = settings;
        let files = Files::open(format, &path, max_size, max_file, compress)?;
        let sink = match queue {
            None => Sink::Files(files),
            Some(limit) => Sink::Queue(Queue::start(format, limit, files)?),
        };
        Ok(Self {
            format,
            attrs,
            sink,
            pending: [Vec::new(), Vec::new()],
            batch: Vec::new(),
            tail: Vec::new(),
            nanos: 0,
        })
    }

    /// Takes what a stream has brought and writes every line that is complete.
    pub fn take(&mut self, stream: Stream, bytes: &[u8]) {
        self.begin(stream);
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, later) = rest.split_at(at + 1);
            self.line(stream, line);
            rest = later;
        }
        if !rest.is_empty() {
            self.pending[stream as usize].extend_from_slice(rest);
            self.cut_pending(stream);
        }
        self.flush();
    }

    /// Gives unused memory back. True if there is work that has to be looked after: rest again soon.
    pub fn rest(&mut self) -> bool {
        self.batch = Vec::new();
        self.tail = Vec::new();
        for pending in &mut self.pending {
            pending.shrink_to_fit();
        }
        match &mut self.sink {
            Sink::Files(files) => {
                files.compress_next();
                files.tend()
            }
            Sink::Queue(_) => false,
        }
    }

    /// Writes lines that never got their newline, and what waits.
    pub fn finish(&mut self) {
        for stream in [Stream::Output, Stream::Error] {
            self.begin(stream);
            let pending = std::mem::take(&mut self.pending[stream as usize]);
            if !pending.is_empty() {
                self.record(stream, &pending);
            }
        }
        self.flush();
        if let Sink::Queue(queue) = &self.sink {
            queue.close();
        }
    }

    /// After the end, when nobody waits any more: compresses what is still plain.
    pub fn settle(self) {
        match self.sink {
            Sink::Files(mut files) => files.settle(),
            Sink::Queue(queue) => queue.settle(),
        }
    }

    /// All that comes at once has one time.
    fn begin(&mut self, stream: Stream) {
        self.nanos = time::now_nanos();
        if self.format == Format::Json {
            self.tail.clear();
            let time = time::format(self.nanos);
            json::tail(&mut self.tail, stream, self.attrs.as_deref(), &time);
        }
    }

    fn line(&mut self, stream: Stream, line: &[u8]) {
        let pending = &mut self.pending[stream as usize];
        if pending.is_empty() && line.len() <= MAX_LINE + 1 {
            self.record(stream, line);
            return;
        }
        pending.extend_from_slice(line);
        self.cut_pending(stream);
        let mut pending = std::mem::take(&mut self.pending[stream as usize]);
        self.record(stream, &pending);
        pending.clear();
        self.pending[stream as usize] = pending;
    }

    /// Writes the beginning of a line that is too long.
    fn cut_pending(&mut self, stream: Stream) {
        let mut pending = std::mem::take(&mut self.pending[stream as usize]);
        let mut start = 0;
        while let Some(rest) = pending.get(start..)
            && rest.len() > MAX_LINE
            && rest.get(MAX_LINE) != Some(&b'\n')
        {
            let end = cut(rest);
            self.record(stream, rest.get(..end).unwrap_or_default());
            start += end;
        }
        pending.drain(..start);
        self.pending[stream as usize] = pending;
    }

    fn record(&mut self, stream: Stream, line: &[u8]) {
        match self.format {
            Format::Json => json::encode(&mut self.batch, line, &self.tail),
            Format::Local => {
                let attrs = self.attrs.as_deref().unwrap_or_default().as_bytes();
                local::encode(&mut self.batch, stream, self.nanos, attrs, line);
            }
        }
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        match &mut self.sink {
            Sink::Files(files) => {
                files.append(&self.batch);
                files.tend();
            }
            Sink::Queue(queue) => queue.push(&self.batch),
        }
        self.batch.clear();
    }
}

/// Where to cut a line that is too long: not within a character.
fn cut(line: &[u8]) -> usize {
    let is_inside = |at: usize| line.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (MAX_LINE - 3..=MAX_LINE)
        .rev()
        .find(|at| !is_inside(*at))
        .unwrap_or(MAX_LINE)
}
