//! The threads of one extraction and what goes between them.

use std::any::Any;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, Scope, ScopedJoinHandle, scope};

use rustix::fs::Mode;
use sha2::{Digest, Sha256};

use crate::bodies::{Writer, bodies};
use crate::budget::Budget;
use crate::error::{LayerError, quote};
use crate::extraction::{ExtractOptions, ExtractResult};
use crate::inflate::{Plain, to_layer_error};
use crate::queue::{CHUNK, Consumer, Next, Producer, queue};
use crate::reader::{Reader, Stream};
use crate::remove::remove_tree;
use crate::source::{Progress, Source, to_digest};
use crate::sys::own_umask;
use crate::tree::{Totals, Tree};

/// Plain bytes that an entry may cost besides its data; a stream beyond all of them is a bomb.
const OVERHEAD: u64 = 4096;

/// Extracts the layer; to be called on a thread of its own, which becomes the tree's.
pub(crate) fn run(
    options: &ExtractOptions,
    progress: &Progress,
) -> Result<ExtractResult, LayerError> {
    let file = File::open(&options.blob_path).map_err(|source| LayerError::Io {
        action: format!("open {}", quote(options.blob_path.as_os_str().as_bytes())),
        source,
    })?;
    let budget = Budget::new(options.max_bytes, options.max_entries);
    let limit = options
        .max_entries
        .saturating_mul(OVERHEAD)
        .saturating_add(options.max_bytes);
    make_staging(options)?;
    let result = guarded(|| {
        let (bodies, writer) = bodies();
        let tree = Tree::create(&options.staging_dir, budget, bodies, own_umask())?;
        extract(file, progress, tree, writer, limit)
    });
    if result.is_err() {
        // The first error is the one to tell.
        let _ = remove_tree(&options.staging_dir);
    }
    result
}

fn make_staging(options: &ExtractOptions) -> Result<(), LayerError> {
    let name = options.staging_dir.as_os_str().as_bytes();
    rustix::fs::mkdir(&options.staging_dir, Mode::RWXU)
        .map_err(|errno| LayerError::sys("make", name, errno))
}

fn extract(
    file: File,
    progress: &Progress,
    tree: Tree,
    writer: Writer,
    limit: u64,
) -> Result<ExtractResult, LayerError> {
    let (producer, for_hash, for_tree) = queue();
    let stop = StopReading(progress);
    scope(|scope| {
        let source = Source::new(file, progress);
        let inflate = spawn(scope, "layer-inflate", move || inflate(source, producer))?;
        let hash = spawn(scope, "layer-hash", move || hash(for_hash))?;
        let files = spawn(scope, "layer-files", move || writer.run())?;
        let written = guarded(move || {
            let mut reader = Reader::new(PlainStream::new(for_tree, progress, limit));
            tree.write(&mut reader)
        });
        if written.is_err() {
            drop(stop);
        }
        let (inflated, hashed) = (join(inflate), join(hash));
        join(files)?;
        let Totals { size, entries } = written?;
        let (digest, blob_size) = inflated?;
        Ok(ExtractResult {
            digest,
            blob_size,
            diff_id: hashed??,
            size,
            entries,
        })
    })
}

/// Lets the inflating thread end even if it waits for bytes that may never come.
struct StopReading<'a>(&'a Progress);

impl Drop for StopReading<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Gives the digest and size of the blob; failures go through the queue.
fn inflate(mut source: Source<'_>, queue: Producer) -> (String, u64) {
    let result = Plain::sniff(&mut source).and_then(|plain| pump(plain, &queue));
    queue.end(result);
    source.into_digest()
}

fn pump(mut plain: impl Read, queue: &Producer) -> Result<(), LayerError> {
    while let Some(mut chunk) = queue.take() {
        chunk.len = match plain.read(&mut chunk.bytes[..CHUNK]) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(to_layer_error(error)),
        };
        queue.give(chunk);
    }
    // Nobody wants more, and whoever stopped says why.
    Err(LayerError::Cancelled)
}

/// Gives the digest of the plain stream.
fn hash(mut queue: Consumer) -> Result<String, LayerError> {
    let mut hash = Sha256::new();
    loop {
        match queue.next() {
            Next::Bytes(bytes) => hash.update(bytes),
            Next::End => return Ok(to_digest(hash)),
            Next::Broken => return Err(LayerError::Internal("the stream is broken".into())),
        }
    }
}

/// The queue as the tar reader sees it.
struct PlainStream<'a> {
    queue: Consumer,
    progress: &'a Progress,
    /// Bytes consumed of the chunk held.
    offset: usize,
    /// Bytes that may still come.
    limit: u64,
}

impl<'a> PlainStream<'a> {
    fn new(queue: Consumer, progress: &'a Progress, limit: u64) -> Self {
        Self {
            queue,
            progress,
            offset: 0,
            limit,
        }
    }
}

impl Stream for PlainStream<'_> {
    fn fill(&mut self) -> Result<&[u8], LayerError> {
        while self.offset == self.queue.held().len() {
            if self.progress.is_cancelled() {
                return Err(LayerError::Cancelled);
            }
            self.offset = 0;
            match self.queue.next() {
                Next::Bytes(bytes) => {
                    let left = self.limit.checked_sub(bytes.len() as u64);
                    self.limit = left.ok_or_else(|| {
                        LayerError::Budget("it inflates to more than its entries may hold".into())
                    })?;
                }
                Next::End => return Ok(&[]),
                Next::Broken => return Err(self.queue.error()),
            }
        }
        Ok(&self.queue.held()[self.offset..])
    }

    fn consume(&mut self, count: usize) {
        self.offset += count;
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, LayerError> {
    Builder::new()
        .name(name.into())
        .spawn_scoped(scope, work)
        .map_err(no_thread)
}

pub(crate) fn no_thread(source: io::Error) -> LayerError {
    LayerError::Io {
        action: "start a thread".into(),
        source,
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, LayerError> {
    thread.join().map_err(|panic| to_error(&*panic))
}

/// A panic becomes an error: none may cross into the runtime that called us.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, LayerError>) -> Result<T, LayerError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(to_error(&*panic)))
}

fn to_error(panic: &(dyn Any + Send)) -> LayerError {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned());
    LayerError::Internal(text.unwrap_or_else(|| "panic".into()))
}
