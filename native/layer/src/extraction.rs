//! The handle on one layer being extracted.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

use crate::error::LayerError;
use crate::pipeline::{guarded, no_thread, run};
use crate::source::Progress;

/// What to extract, where to, and how much of it at most.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// The compressed layer, perhaps still growing. Must exist when the extraction starts.
    pub blob_path: PathBuf,
    /// Must not exist; its parent must. Absent again when the extraction fails.
    pub staging_dir: PathBuf,
    /// Budget for the sum of the sizes of regular files (as the archive says, holes included).
    pub max_bytes: u64,
    pub max_entries: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractResult {
    /// sha256 of the bytes of the file, "sha256:<hex>".
    pub digest: String,
    pub blob_size: u64,
    /// sha256 of the plain tar stream, "sha256:<hex>".
    pub diff_id: String,
    /// Sum of the sizes of regular files.
    pub size: u64,
    pub entries: u64,
}

#[derive(Debug, Default)]
struct Outcome {
    /// Taken by the first `wait`; `Internal` for those after it.
    result: Mutex<Option<Result<ExtractResult, LayerError>>>,
    set: Condvar,
}

/// One layer being extracted by threads of its own. May be shared between threads; dropping it
/// cancels the work without waiting for its end.
#[derive(Debug)]
pub struct Extraction {
    progress: Arc<Progress>,
    outcome: Arc<Outcome>,
}

impl Extraction {
    /// Starts the work; fails only if there is no thread to be had.
    pub fn start(options: ExtractOptions) -> Result<Self, LayerError> {
        let progress = Arc::new(Progress::default());
        let outcome = Arc::new(Outcome::default());
        let extraction = Self {
            progress: Arc::clone(&progress),
            outcome: Arc::clone(&outcome),
        };
        let work = move || {
            let result = guarded(|| run(&options, &progress));
            let mut slot = outcome
                .result
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *slot = Some(result);
            outcome.set.notify_all();
        };
        Builder::new()
            .name("layer-tree".into())
            .spawn(work)
            .map_err(no_thread)?;
        Ok(extraction)
    }

    /// The file now holds `total` bytes in all; no byte beyond is read.
    pub fn grown(&self, total: u64) {
        self.progress.grown(total);
    }

    /// No more bytes will come.
    pub fn finish(&self) {
        self.progress.finish();
    }

    /// Stops soon; [`Self::wait`] then gives `Cancelled`, and the staging directory is gone.
    pub fn cancel(&self) {
        self.progress.cancel();
    }

    /// Blocks until the tree is whole or removed. Gives the result once; a second call gives
    /// `Internal`.
    pub fn wait(&self) -> Result<ExtractResult, LayerError> {
        let result = self.outcome.result.lock();
        let mut result = result.unwrap_or_else(PoisonError::into_inner);
        loop {
            let again = || Err(LayerError::Internal("the result was taken before".into()));
            if let Some(result) = result.as_mut() {
                return std::mem::replace(result, again());
            }
            let woken = self.outcome.set.wait(result);
            result = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Extraction {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}
