//! Tar headers as they are written: POSIX ustar, with PAX records for what does not fit.

use std::io::{self, Write};

use layer::tar::Kind;

const BLOCK: usize = 512;
/// What an octal field of 11 digits holds.
const MAX_OCTAL: u64 = 0o77_777_777_777;
/// What an octal field of 7 digits holds.
const MAX_ID: u32 = 0o7_777_777;

/// One entry, whose data follows it if it is a file.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) kind: &'a Kind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
    pub(crate) xattrs: &'a [(Vec<u8>, Vec<u8>)],
}

impl Header<'_> {
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let records = self.records();
        if !records.is_empty() {
            let mut block = Block::new(b"PaxHeaders.0/entry", b'x');
            block.number(124, 12, records.len() as u64);
            out.write_all(&block.finish())?;
            out.write_all(&records)?;
            pad(out, records.len() as u64)?;
        }
        let mut block = Block::new(self.name, self.flag());
        block.number(100, 8, self.mode.into());
        block.number(108, 8, self.uid.min(MAX_ID).into());
        block.number(116, 8, self.gid.min(MAX_ID).into());
        block.number(124, 12, self.size.min(MAX_OCTAL));
        let seconds = u64::try_from(self.seconds).unwrap_or(0);
        block.number(136, 12, seconds.min(MAX_OCTAL));
        block.text(157, 100, self.link());
        if let Kind::Char { major, minor } | Kind::Block { major, minor } = self.kind {
            block.number(329, 8, u64::from(*major));
            block.number(337, 8, u64::from(*minor));
        }
        out.write_all(&block.finish())
    }

    fn flag(&self) -> u8 {
        match self.kind {
            Kind::File => b'0',
            Kind::HardLink(_) => b'1',
            Kind::Symlink(_) => b'2',
            Kind::Char { .. } => b'3',
            Kind::Block { .. } => b'4',
            Kind::Directory => b'5',
            Kind::Fifo => b'6',
        }
    }

    fn link(&self) -> &[u8] {
        match self.kind {
            Kind::HardLink(to) | Kind::Symlink(to) => to,
            _ => &[],
        }
    }

    /// What the fields of the header cannot say.
    fn records(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let fits = |text: &[u8]| text.len() <= 100 && text.is_ascii();
        if !fits(self.name) {
            record(&mut out, b"path", self.name);
        }
        if !fits(self.link()) {
            record(&mut out, b"linkpath", self.link());
        }
        if self.size > MAX_OCTAL {
            record(&mut out, b"size", self.size.to_string().as_bytes());
        }
        for (key, id) in [("uid", self.uid), ("gid", self.gid)] {
            if id > MAX_ID {
                record(&mut out, key.as_bytes(), id.to_string().as_bytes());
            }
        }
        let fits = u64::try_from(self.seconds).is_ok_and(|seconds| seconds <= MAX_OCTAL);
        if self.nanos > 0 || !fits {
            record(
                &mut out,
                b"mtime",
                time(self.seconds, self.nanos).as_bytes(),
            );
        }
        for (name, value) in self.xattrs {
            record(&mut out, &[b"SCHILY.xattr.", &name[..]].concat(), value);
        }
        out
    }
}

/// Decimal seconds; before 1970 the fraction counts downwards.
fn time(seconds: i64, nanos: u32) -> String {
    let text = if seconds < 0 && nanos > 0 {
        let whole = seconds + 1;
        let sign = if whole == 0 { "-" } else { "" };
        format!("{sign}{whole}.{:09}", 1_000_000_000 - nanos)
    } else {
        format!("{seconds}.{nanos:09}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// "LENGTH KEY=VALUE\n", where the length counts its own digits.
fn record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} ").as_bytes());
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

struct Block([u8; BLOCK]);

impl Block {
    fn new(name: &[u8], flag: u8) -> Self {
        let mut block = Self([0; BLOCK]);
        block.text(0, 100, name);
        block.text(257, 8, b"ustar\x0000");
        block.0[156] = flag;
        block
    }

    fn text(&mut self, at: usize, width: usize, text: &[u8]) {
        let count = text.len().min(width);
        self.0[at..at + count].copy_from_slice(&text[..count]);
    }

    fn number(&mut self, at: usize, width: usize, value: u64) {
        let text = format!("{value:0width$o}", width = width - 1);
        self.text(at, width - 1, text.as_bytes());
    }

    fn finish(mut self) -> [u8; BLOCK] {
        for (at, width) in [(100, 8), (108, 8), (116, 8), (124, 12), (136, 12)] {
            if self.0[at] == 0 {
                self.number(at, width, 0);
            }
        }
        self.text(148, 8, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.text(148, 7, format!("{sum:06o}").as_bytes());
        self.0[154] = 0;
        self.0
    }
}

/// Zeros up to the next block after `size` bytes of data.
pub(crate) fn pad(out: &mut dyn Write, size: u64) -> io::Result<()> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over > 0 {
        out.write_all(&[0; BLOCK][over..])?;
    }
    Ok(())
}

/// The two blocks of zeros that end an archive.
pub(crate) fn end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

#[cfg(test)]
mod unit {
    use super::{record, time};

    #[test]
    fn record_counts_its_own_length() {
        let mut out = Vec::new();
        record(&mut out, b"path", b"a");
        record(&mut out, b"k", &[b'v'; 94]);
        assert!(
            out.starts_with(b"9 path=a\n101 k="),
            "{}",
            out.escape_ascii()
        );
    }

    #[test]
    fn time_counts_fractions_before_1970_downwards() {
        assert_eq!(time(7, 500_000_000), "7.5");
        assert_eq!(time(-2, 750_000_000), "-1.25");
        assert_eq!(time(-1, 750_000_000), "-0.25");
        assert_eq!(time(-3, 0), "-3");
    }
}
