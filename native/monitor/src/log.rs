//! Docker's json-file log: one JSON object a line, `{"log":"…\n","stream":"stdout","time":"…"}`.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use sandbox::{Context, StepError};

use crate::json;
use crate::time;

/// A longer line is cut into records of this size, all but the last without its newline.
const MAX_LINE: usize = 16 * 1024;

#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Output,
    Error,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Output => "stdout",
            Self::Error => "stderr",
        }
    }
}

/// The log of one container. A disk that is full loses lines, never the container.
pub(crate) struct Log {
    file: Option<OwnedFd>,
    /// What has come of an unfinished line, by stream.
    pending: [Vec<u8>; 2],
    batch: Vec<u8>,
}

impl Log {
    /// Opens (or makes) the file; None keeps no log.
    pub(crate) fn open(path: Option<&str>) -> Result<Self, StepError> {
        let flags =
            OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open =
            |path| rustix::fs::open(path, flags, Mode::from_raw_mode(0o640)).step("open log", path);
        let file = path.map(open).transpose()?;
        Ok(Self {
            file,
            pending: [Vec::new(), Vec::new()],
            batch: Vec::new(),
        })
    }

    /// Takes what a stream has brought and writes every line that is complete.
    pub(crate) fn take(&mut self, stream: Stream, bytes: &[u8]) {
        if self.file.is_none() {
            return;
        }
        let now = time::now();
        let mut pending = std::mem::take(&mut self.pending[stream as usize]);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(piece);
            while pending.len() > MAX_LINE && pending.get(MAX_LINE) != Some(&b'\n') {
                let rest = pending.split_off(cut(&pending));
                self.record(stream, &pending, &now);
                pending = rest;
            }
            if pending.last() == Some(&b'\n') {
                self.record(stream, &pending, &now);
                pending.clear();
            }
        }
        self.pending[stream as usize] = pending;
        self.flush();
    }

    /// Gives unused memory back.
    pub(crate) fn rest(&mut self) {
        self.batch = Vec::new();
        for pending in &mut self.pending {
            pending.shrink_to_fit();
        }
    }

    /// Writes lines that never got their newline.
    pub(crate) fn finish(&mut self) {
        let now = time::now();
        for stream in [Stream::Output, Stream::Error] {
            let pending = std::mem::take(&mut self.pending[stream as usize]);
            if !pending.is_empty() && self.file.is_some() {
                self.record(stream, &pending, &now);
            }
        }
        self.flush();
    }

    fn record(&mut self, stream: Stream, line: &[u8], now: &str) {
        self.batch.extend(b"{\"log\":\"");
        json::escape(&mut self.batch, line);
        self.batch.extend(b"\",");
        json::field(&mut self.batch, "stream", stream.name());
        self.batch.push(b',');
        json::field(&mut self.batch, "time", now);
        self.batch.extend(b"}\n");
    }

    fn flush(&mut self) {
        let mut rest = self.batch.as_slice();
        while let (Some(file), false) = (&self.file, rest.is_empty()) {
            match rustix::io::write(file, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        self.batch.clear();
        self.batch.shrink_to(MAX_LINE);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[(Stream, &[u8])]) -> Vec<String> {
        let name = format!(
            "/tmp/rt-monitor-log-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        );
        let mut log = Log::open(Some(&name)).expect("log");
        for (stream, bytes) in chunks {
            log.take(*stream, bytes);
        }
        log.finish();
        let text = std::fs::read_to_string(&name).expect("log");
        std::fs::remove_file(&name).expect("log is there");
        text.lines()
            .map(|line| line.split("\",\"time\"").next().expect("a part").to_owned())
            .collect()
    }

    #[test]
    fn a_line_in_two_pieces_is_one_record() {
        let found = lines(&[
            (Stream::Output, b"ab"),
            (Stream::Error, b"x\n"),
            (Stream::Output, b"c\nrest"),
        ]);
        let expected = [
            r#"{"log":"x\n","stream":"stderr"#,
            r#"{"log":"abc\n","stream":"stdout"#,
            r#"{"log":"rest","stream":"stdout"#,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let long = "é".repeat(MAX_LINE);
        let found = lines(&[(Stream::Output, long.as_bytes()), (Stream::Output, b"\n")]);
        let back: String = found
            .iter()
            .map(|line| {
                line.trim_start_matches("{\"log\":\"")
                    .split("\",\"stream")
                    .next()
                    .expect("text")
            })
            .collect();
        assert_eq!(back, format!("{long}\\n"));
        assert!(found.len() > 1);
    }

    #[test]
    fn a_line_of_exactly_the_limit_keeps_its_newline() {
        let line = [vec![b'a'; MAX_LINE], vec![b'\n']].concat();
        assert_eq!(lines(&[(Stream::Output, &line)]).len(), 1);
    }
}
