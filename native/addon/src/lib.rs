//! The door between the daemon's JavaScript and the native crates: shells only. Structures cross as
//! JSON, in the shapes of `src/native-types/`; errors as in `failure.rs`.

mod background;
mod exec;
mod facts;
mod failure;
pub mod files;
pub mod freeze;
pub mod images;
mod job;
mod launch;
mod logs;
pub mod networks;
mod pool;
pub mod ports;
pub mod send;
pub mod stats;
mod update;
mod volumes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use napi::bindgen_prelude::{Buffer, Object};
use napi::{Env, Result};
use napi_derive::napi;
use serde::Deserialize;

use crate::background::run;
use crate::failure::Failure;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtractOptions {
    blob_path: PathBuf,
    staging_dir: PathBuf,
    max_bytes: u64,
    max_entries: u64,
}

#[napi(object)]
pub struct ExtractResult {
    pub digest: String,
    pub blob_size: i64,
    pub diff_id: String,
    pub size: i64,
    pub entries: i64,
}

#[napi]
pub struct Extraction {
    inner: Arc<layer::Extraction>,
}

#[napi]
impl Extraction {
    /// # Errors
    /// If there is no thread to be had.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(options: String) -> Result<Self> {
        let options: ExtractOptions = serde_json::from_str(&options).map_err(Failure::from)?;
        let extraction = layer::Extraction::start(layer::ExtractOptions {
            blob_path: options.blob_path,
            staging_dir: options.staging_dir,
            max_bytes: options.max_bytes,
            max_entries: options.max_entries,
        })
        .map_err(Failure::from)?;
        Ok(Self {
            inner: Arc::new(extraction),
        })
    }

    /// The file now holds `total` bytes.
    #[napi]
    pub fn grown(&self, total: i64) {
        self.inner.grown(total.unsigned_abs());
    }

    #[napi]
    pub fn finish(&self) {
        self.inner.finish();
    }

    #[napi]
    pub fn cancel(&self) {
        self.inner.cancel();
    }

    #[napi]
    pub fn wait<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let extraction = Arc::clone(&self.inner);
        run(env, move || {
            let result = extraction.wait()?;
            Ok(ExtractResult {
                digest: result.digest,
                blob_size: result.blob_size.cast_signed(),
                diff_id: result.diff_id,
                size: result.size.cast_signed(),
                entries: result.entries.cast_signed(),
            })
        })
    }
}

#[napi]
pub fn commit_layer(env: &Env, staging: String, r#final: String) -> Result<Object<'_>> {
    run(env, move || {
        Ok(layer::commit(Path::new(&staging), Path::new(&r#final))?)
    })
}

#[napi]
pub fn remove_tree(env: &Env, path: String) -> Result<Object<'_>> {
    run(env, move || Ok(layer::remove_tree(Path::new(&path))?))
}

#[napi]
pub fn copy_up(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || volumes::copy_up(&request))
}

#[napi]
pub fn finish_copy_up(env: &Env, directory: String) -> Result<Object<'_>> {
    run(env, move || volumes::finish_copy_up(&directory))
}

#[napi]
pub fn launch(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || launch::launch(&request))
}

/// The payload of an EXEC frame for a container's monitor.
#[napi]
#[allow(clippy::needless_pass_by_value)]
pub fn build_exec(plan: String) -> Result<Buffer> {
    Ok(exec::build(&plan).map_err(napi::Error::from)?.into())
}

/// The forms in which this addon asks monitors: `MonitorForms`.
#[napi]
pub fn monitor_forms() -> String {
    exec::forms()
}

/// Gives the client's connection to the monitor at the other end of the first; false if that cannot be.
#[napi]
#[allow(clippy::needless_pass_by_value)]
pub fn adopt(monitor: i32, client: i32, adoption: String) -> Result<bool> {
    exec::adopt(monitor, client, &adoption).map_err(napi::Error::from)
}

/// Sends bytes that the reader is to get apart from all that follows; false if nothing was sent.
#[napi]
#[allow(clippy::needless_pass_by_value)]
pub fn send_alone(socket: i32, bytes: Buffer) -> bool {
    exec::send_alone(socket, &bytes)
}

/// Gives back memory of the process that comes again when it is needed.
#[napi]
pub fn rest() {
    sandbox::sys::drop_code_pages();
}

#[napi]
pub fn prepare_monitor(env: &Env) -> Result<Object<'_>> {
    run(env, pool::fill)
}

/// As many monitors and networks are made ahead at most.
#[napi]
pub fn configure_pool(most: u32) {
    pool::configure(usize::try_from(most).unwrap_or(0));
}

/// Lets go of monitors and networks that have not been needed for a while.
#[napi]
pub fn rest_pool() {
    pool::rest();
}

#[napi]
pub fn retire(env: &Env) -> Result<Object<'_>> {
    run(env, || {
        launch::retire();
        Ok(())
    })
}

#[napi]
pub fn update_resources(env: &Env, plan: String) -> Result<Object<'_>> {
    run(env, move || update::update_resources(&plan))
}

#[napi]
pub fn prepare_cgroup() -> Result<()> {
    Ok(sandbox::cgroup::prepare_parent().map_err(Failure::from)?)
}

/// Refuses a profile that no container could have: takes a `SeccompPlan`.
#[napi]
#[allow(clippy::needless_pass_by_value)]
pub fn check_seccomp(plan: String) -> Result<()> {
    let plan = serde_json::from_str(&plan).map_err(Failure::from)?;
    Ok(sandbox::check_seccomp(&plan).map_err(Failure::from)?)
}

#[napi]
pub fn host_facts() -> Result<String> {
    Ok(facts::host_facts()?)
}
