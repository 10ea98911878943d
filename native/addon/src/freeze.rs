//! A container's life beyond its monitor: pausing it, measuring what it has written.

use std::path::Path;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;
use sandbox::cgroup;
use serde::Deserialize;

use crate::background::run;
use crate::failure::Failure;

/// `CgroupRef` of `src/native-types/`, with what is wanted of it.
#[derive(Deserialize)]
struct Request {
    parent: Option<String>,
    name: String,
    #[serde(default)]
    frozen: bool,
}

#[napi(object)]
pub struct TreeUsage {
    pub bytes: i64,
    pub disk: i64,
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn freeze(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let request: Request = serde_json::from_str(&request)?;
        let (parent, name) = (request.parent.as_deref(), request.name.as_str());
        Ok(cgroup::freeze(parent, name, request.frozen)?)
    })
}

/// # Errors
/// If the cgroup cannot be asked.
#[napi]
#[allow(clippy::needless_pass_by_value)]
pub fn is_frozen(cgroup: String) -> Result<bool> {
    let request: Request = serde_json::from_str(&cgroup).map_err(Failure::from)?;
    let found = cgroup::is_frozen(request.parent.as_deref(), &request.name);
    Ok(found.map_err(Failure::from)?)
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn compare_trees(env: &Env, left: String, right: String) -> Result<Object<'_>> {
    run(env, move || {
        Ok(layer::compare_trees(Path::new(&left), Path::new(&right))?)
    })
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn tree_usage(env: &Env, path: String) -> Result<Object<'_>> {
    run(env, move || {
        let usage = layer::tree_usage(Path::new(&path))?;
        Ok(TreeUsage {
            bytes: usage.bytes.cast_signed(),
            disk: usage.disk.cast_signed(),
        })
    })
}
