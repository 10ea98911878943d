//! Small files are written by a thread of their own.
//!
//! The tree's thread makes every name, in the order of the archive, and so alone decides what is where.
//! Data, owner, mode, attributes and times of a new small file concern nothing but its descriptor: they
//! go in batches to the thread "layer-files", while the next names are made. Whoever is about to touch
//! such a file by a name calls [`Bodies::flush`] first.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::error::LayerError;
use crate::meta::Finish;
use crate::reader::{Entry, Meta, Reader, Stream};
use crate::tree::fail;

/// Larger ones are written by the tree's thread itself, without a copy.
pub(crate) const SMALL: u64 = 64 * 1024;
/// A batch is sent once it has so many files or bytes.
const FILES: usize = 16;
const BYTES: usize = 64 * 1024;
/// Batches that may exist at a time.
const DEPTH: usize = 4;

/// True if the entry's data may go by a batch. Attributes would make batches as large as an archive likes.
pub(crate) fn is_small(entry: &Entry) -> bool {
    entry.size <= SMALL && entry.sparse.is_none() && entry.meta.xattrs.is_empty()
}

/// Files made with their names, and what is to be written to them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    files: Vec<Small>,
    data: Vec<u8>,
}

#[derive(Debug)]
struct Small {
    fd: OwnedFd,
    /// Where its data ends in the batch's; it begins where that of the one before ends.
    end: usize,
    name: Vec<u8>,
    meta: Meta,
    finish: Finish,
}

/// An emptied batch, and whether all of it could be written.
type Done = (Batch, Result<(), LayerError>);

/// The two ends: one for the tree, one for the thread.
pub(crate) fn bodies() -> (Bodies, Writer) {
    let (to, batches) = channel();
    let (done, back) = channel();
    let bodies = Bodies {
        to,
        back,
        batch: Batch::default(),
        spare: Vec::new(),
        out: 0,
    };
    (bodies, Writer { batches, done })
}

#[derive(Debug)]
pub(crate) struct Bodies {
    to: Sender<Batch>,
    back: Receiver<Done>,
    batch: Batch,
    spare: Vec<Batch>,
    /// Batches that are with the thread.
    out: usize,
}

impl Bodies {
    /// Takes a file just made over, with its data from the reader.
    pub(crate) fn add(
        &mut self,
        fd: OwnedFd,
        entry: &Entry,
        finish: Finish,
        reader: &mut Reader<impl Stream>,
    ) -> Result<(), LayerError> {
        while let Some(piece) = reader.piece(u64::MAX)? {
            self.batch.data.extend_from_slice(piece);
        }
        self.batch.files.push(Small {
            fd,
            end: self.batch.data.len(),
            name: entry.name.clone(),
            meta: entry.meta.clone(),
            finish,
        });
        if self.batch.files.len() < FILES && self.batch.data.len() < BYTES {
            return Ok(());
        }
        self.send()?;
        if self.spare.is_empty() && self.out == DEPTH {
            self.receive()?;
        }
        self.batch = self.spare.pop().unwrap_or_default();
        Ok(())
    }

    /// Returns when everything that was taken over is written; the first failure if there was one.
    pub(crate) fn flush(&mut self) -> Result<(), LayerError> {
        let sent = !self.batch.files.is_empty();
        if sent {
            self.send()?;
        }
        while self.out > 0 {
            self.receive()?;
        }
        if sent {
            self.batch = self.spare.pop().unwrap_or_default();
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), LayerError> {
        self.out += 1;
        let batch = std::mem::take(&mut self.batch);
        self.to.send(batch).map_err(|_| gone())
    }

    fn receive(&mut self) -> Result<(), LayerError> {
        let (batch, written) = self.back.recv().map_err(|_| gone())?;
        self.out -= 1;
        self.spare.push(batch);
        written
    }
}

fn gone() -> LayerError {
    LayerError::Internal("the thread that writes files is gone".into())
}

#[derive(Debug)]
pub(crate) struct Writer {
    batches: Receiver<Batch>,
    done: Sender<Done>,
}

impl Writer {
    /// Writes what comes until the tree has no more; nothing after the first failure.
    pub(crate) fn run(self) {
        let mut failed = false;
        for mut batch in self.batches {
            let written = if failed { Ok(()) } else { batch.write() };
            failed |= written.is_err();
            batch.clear();
            if self.done.send((batch, written)).is_err() {
                return;
            }
        }
    }
}

impl Batch {
    fn write(&mut self) -> Result<(), LayerError> {
        let mut start = 0;
        for file in self.files.drain(..) {
            let fd = file.fd.as_fd();
            let mut data = &self.data[start..file.end];
            start = file.end;
            while !data.is_empty() {
                let count = rustix::io::write(fd, data)
                    .map_err(|errno| fail(&file.name, "write", errno))?;
                data = &data[count..];
            }
            file.finish.file(fd, &file.name, &file.meta)?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.files.clear();
        self.data.clear();
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode, OFlags};

    use super::*;
    use crate::reader::Kind;

    struct Nothing;

    impl Stream for Nothing {
        fn fill(&mut self) -> Result<&[u8], LayerError> {
            Ok(&[])
        }

        fn consume(&mut self, _count: usize) {}
    }

    fn add(bodies: &mut Bodies, name: &str, flags: OFlags) -> Result<(), LayerError> {
        let entry = Entry {
            name: name.into(),
            kind: Kind::File,
            meta: Meta::default(),
            size: 0,
            sparse: None,
        };
        let fd = rustix::fs::openat(CWD, "/dev/null", flags, Mode::empty()).unwrap();
        let finish = Finish::nothing();
        bodies.add(fd, &entry, finish, &mut Reader::new(Nothing))
    }

    #[test]
    fn bodies_are_bounded_however_often_they_are_flushed() {
        let (mut bodies, writer) = bodies();
        let thread = std::thread::spawn(|| writer.run());
        for _ in 0..1000 {
            let _first_fails = add(&mut bodies, "file", OFlags::PATH);
            let _first_fails = bodies.flush();
        }
        assert!(bodies.spare.len() <= DEPTH);
        drop(bodies);
        thread.join().unwrap();
    }

    #[test]
    fn bodies_tell_the_first_failure_and_wait_for_nobody_after_it() {
        let (mut bodies, writer) = bodies();
        let thread = std::thread::spawn(|| writer.run());
        // Times cannot be set by such a descriptor.
        let mut outcome = add(&mut bodies, "first", OFlags::PATH);
        for _ in 0..10 * FILES * DEPTH {
            outcome = outcome.and_then(|()| add(&mut bodies, "later", OFlags::PATH));
        }
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("first"), "{error}");
        bodies.flush().unwrap();
        drop(bodies);
        thread.join().unwrap();
    }

    #[test]
    fn bodies_without_their_thread_fail() {
        let (mut bodies, writer) = bodies();
        drop(writer);
        add(&mut bodies, "file", OFlags::RDONLY).unwrap();
        assert!(bodies.flush().is_err());
    }
}
