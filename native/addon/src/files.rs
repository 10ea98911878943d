//! Files of a container. Each job has a thread of its own, which ends with it: a stopped container's
//! root is mounted for that thread alone.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, Object};
use napi::{Env, Result};
use napi_derive::napi;
use sandbox::{Inside, Place};
use serde::Deserialize;
use tree::{Layers, PipeReader, PipeWriter, Receive, Target, TreeError};

use crate::background::run;
use crate::failure::Failure;
use crate::job::Job;

type Outcome<T> = std::result::Result<T, Failure>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileRequest {
    place: Place,
    path: String,
    /// The root's own file system alone.
    #[serde(default)]
    bare: bool,
    #[serde(default)]
    keep_kinds: bool,
    /// Owner of what is received; empty for what the archive says.
    #[serde(default)]
    user: String,
}

impl FileRequest {
    fn parse(request: &str) -> Outcome<(Self, Target)> {
        let request: Self = serde_json::from_str(request)?;
        let target = Target::parse(&request.path)?;
        Ok((request, target))
    }

    fn open(&self) -> Outcome<Inside> {
        let open = if self.bare {
            Inside::open_bare
        } else {
            Inside::open
        };
        Ok(open(&self.place)?)
    }
}

/// An archive of files of a container, made as it is read.
#[napi]
pub struct ArchiveReader {
    job: Job,
}

#[napi]
impl ArchiveReader {
    /// # Errors
    /// If there is no thread to be had.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(request: String) -> Result<Self> {
        let (request, target) = FileRequest::parse(&request)?;
        let job = Job::start(move |job| {
            let inside = request.open()?;
            let found = |stat| {
                let text = serde_json::to_string(&stat).map_err(Failure::from);
                job.found.put(text);
            };
            let mut out = PipeWriter::new(Arc::clone(&job.pipe));
            // An export is of what is in the root, not of the root.
            let name = request.bare.then_some(&b""[..]);
            tree::archive(inside.as_fd(), &target, name, found, &mut out)?;
            Ok(out.flush().map_err(|_| TreeError::Cancelled)?)
        })?;
        Ok(Self { job })
    }

    /// What is at the path, as JSON; before anything is read.
    #[napi]
    pub fn found<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let job = self.job.clone();
        run(env, move || job.found())
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

impl Drop for ArchiveReader {
    fn drop(&mut self) {
        self.job.pipe.cut();
    }
}

/// An archive that is unpacked in a container as it comes.
#[napi]
pub struct ArchiveWriter {
    job: Job,
}

#[napi]
impl ArchiveWriter {
    /// # Errors
    /// If there is no thread to be had.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(request: String) -> Result<Self> {
        let (request, target) = FileRequest::parse(&request)?;
        let job = Job::start(move |job| {
            let inside = request.open()?;
            let owner = match request.user.as_str() {
                "" => None,
                user => Some(inside.find_user(user)?),
            };
            let options = Receive {
                keep_kinds: request.keep_kinds,
                owner,
            };
            let input = PipeReader::new(Arc::clone(&job.pipe));
            let found = || job.found.put(Ok(String::new()));
            let received = tree::receive(inside.as_fd(), &target, options, found, input);
            if received.is_err() {
                job.pipe.cut();
            }
            Ok(received?)
        })?;
        Ok(Self { job })
    }

    /// The directory is there and can be written to.
    #[napi]
    pub fn found<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let job = self.job.clone();
        run(env, move || job.found())
    }

    /// Resolves once there is room for more; false if no more is wanted: see `finish`.
    #[napi]
    #[allow(clippy::needless_pass_by_value)]
    pub fn write<'env>(&self, env: &'env Env, chunk: Buffer) -> Result<Object<'env>> {
        let job = self.job.clone();
        let chunk = chunk.to_vec();
        run(env, move || Ok(job.pipe.push(chunk)))
    }

    /// No more bytes will come; resolves when all is unpacked.
    #[napi]
    pub fn finish<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let job = self.job.clone();
        job.pipe.end();
        run(env, move || job.done())
    }

    #[napi]
    pub fn cancel(&self) {
        self.job.pipe.cut();
    }
}

impl Drop for ArchiveWriter {
    fn drop(&mut self) {
        if !self.job.pipe.is_ended() {
            self.job.pipe.cut();
        }
    }
}

#[napi]
pub fn stat_file(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let (request, target) = FileRequest::parse(&request)?;
        let inside = request.open()?;
        let stat = tree::stat(inside.as_fd(), &target)?;
        Ok(serde_json::to_string(&stat)?)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayersRequest {
    upper: PathBuf,
    lower: Vec<PathBuf>,
    mount_points: Vec<String>,
}

impl LayersRequest {
    fn parse(request: &str) -> Outcome<Layers> {
        let request: Self = serde_json::from_str(request)?;
        let clean = |path: &String| path.trim_matches('/').as_bytes().to_vec();
        Ok(Layers {
            upper: request.upper,
            lower: request.lower,
            mount_points: request.mount_points.iter().map(clean).collect(),
        })
    }
}

/// JSON: a list of [path, kind].
#[napi]
pub fn list_changes(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let changes = tree::changes(&LayersRequest::parse(&request)?)?;
        let list: Vec<(String, u8)> = changes
            .into_iter()
            .map(|(path, change)| (format!("/{}", String::from_utf8_lossy(&path)), change as u8))
            .collect();
        Ok(serde_json::to_string(&list)?)
    })
}

#[napi(object)]
pub struct PackedLayer {
    pub digest: String,
    pub size: i64,
    pub diff_id: String,
}

#[napi]
pub fn pack_changes(env: &Env, request: String, to: String) -> Result<Object<'_>> {
    run(env, move || {
        let packed = tree::pack(&LayersRequest::parse(&request)?, Path::new(&to))?;
        Ok(PackedLayer {
            digest: packed.digest,
            size: packed.size.cast_signed(),
            diff_id: packed.diff_id,
        })
    })
}
