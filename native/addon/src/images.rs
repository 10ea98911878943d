//! What images are made of: what layers bring and hide, and how two images differ.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, Object};
use napi::{Env, Result};
use napi_derive::napi;
use serde::{Deserialize, Serialize};
use tree::{Difference, PipeWriter, TreeError};

use crate::background::run;
use crate::failure::Failure;
use crate::job::Job;

/// Takes a list of directories, lowest first; JSON of `tree::Anatomy`.
#[napi]
pub fn image_anatomy(env: &Env, layers: String) -> Result<Object<'_>> {
    run(env, move || {
        let layers: Vec<PathBuf> = serde_json::from_str(&layers)?;
        Ok(serde_json::to_string(&tree::anatomy(&layers)?)?)
    })
}

/// Layers of both, topmost first.
#[derive(Deserialize)]
struct DifferenceRequest {
    before: Vec<PathBuf>,
    after: Vec<PathBuf>,
}

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    path: String,
    /// The name's bytes in hexadecimal digits, if they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(flatten)]
    difference: &'a Difference<'a>,
}

impl<'a> Line<'a> {
    fn new(difference: &'a Difference<'a>) -> Self {
        let bytes = [b"/", difference.path].concat();
        let raw = std::str::from_utf8(&bytes).is_err().then(|| to_hex(&bytes));
        Self {
            raw,
            path: String::from_utf8_lossy(&bytes).into_owned(),
            difference,
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// What differs, a line of JSON for each path, found as it is read.
#[napi]
pub struct DifferenceReader {
    job: Job,
}

#[napi]
impl DifferenceReader {
    /// # Errors
    /// If there is no thread to be had.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(request: String) -> Result<Self> {
        let request: DifferenceRequest = serde_json::from_str(&request).map_err(Failure::from)?;
        let job = Job::start(move |job| {
            let mut out = PipeWriter::new(Arc::clone(&job.pipe));
            let mut tell = |difference: &Difference<'_>| {
                let line = serde_json::to_vec(&Line::new(difference));
                let mut line = line.map_err(|_| TreeError::Cancelled)?;
                line.push(b'\n');
                out.write_all(&line).map_err(|_| TreeError::Cancelled)
            };
            tree::difference(&request.before, &request.after, &mut tell)?;
            Ok(out.flush().map_err(|_| TreeError::Cancelled)?)
        })?;
        Ok(Self { job })
    }

    /// The next bytes, or null after the last.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let job = self.job.clone();
        run(env, move || match job.pipe.pull() {
            Some(chunk) => Ok(Some(Buffer::from(chunk))),
            None => job.done().map(|()| None),
        })
    }

    #[napi]
    pub fn cancel(&self) {
        self.job.pipe.cut();
    }
}

impl Drop for DifferenceReader {
    fn drop(&mut self) {
        self.job.pipe.cut();
    }
}
