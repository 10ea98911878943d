//! A directory for one test, and what is in a log there.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::reader::{ReadOptions, Reader};
use crate::record::Format;
use crate::writer::{Settings, Writer};

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Place {
    pub(crate) dir: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("rt-logfile-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("directory");
        Self { dir }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join("x.log")
    }

    pub(crate) fn settings(&self, format: Format) -> Settings {
        Settings {
            format,
            path: self.path().to_string_lossy().into_owned(),
            max_size: None,
            max_file: 5,
            compress: false,
            queue: None,
            attrs: None,
        }
    }

    pub(crate) fn writer(&self, format: Format) -> Writer {
        Writer::open(self.settings(format)).expect("writer")
    }

    pub(crate) fn options(&self, format: Format) -> ReadOptions {
        ReadOptions {
            format,
            path: self.path(),
            stdout: true,
            stderr: true,
            timestamps: false,
            details: false,
            raw: true,
            joined: false,
            follow: false,
            tail: None,
            since: None,
            until: None,
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.dir)
            .expect("directory")
            .map(|entry| {
                entry
                    .expect("entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _absent = std::fs::remove_dir_all(&self.dir);
    }
}

pub(crate) fn read(options: ReadOptions) -> String {
    let mut reader = Reader::open(options).expect("reader");
    String::from_utf8(read_on(&mut reader)).expect("UTF-8")
}

/// All that there is now.
pub(crate) fn read_on(reader: &mut Reader) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(piece) = reader.read_next().expect("read") {
        all.extend(piece);
    }
    all
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("log")
}

/// "line 5\nline 6\n" …
pub(crate) fn numbered(range: std::ops::Range<u32>) -> String {
    use std::fmt::Write;
    range.fold(String::new(), |mut text, number| {
        writeln!(text, "line {number}").expect("text");
        text
    })
}
