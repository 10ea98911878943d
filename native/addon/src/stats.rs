//! What a container's processes are, and what they use.

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;
use sandbox::cgroup;
use serde::Deserialize;

use crate::background::run;

/// `CgroupRef` of `src/native-types/`, with the container's first process.
#[derive(Deserialize)]
struct Request {
    parent: Option<String>,
    name: String,
    #[serde(default)]
    pid: u32,
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn list_processes(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let request: Request = serde_json::from_str(&request)?;
        let list = cgroup::list_processes(request.parent.as_deref(), &request.name)?;
        Ok(serde_json::to_string(&list)?)
    })
}

/// # Errors
/// If the runtime takes no more work.
#[napi]
pub fn read_stats(env: &Env, request: String) -> Result<Object<'_>> {
    run(env, move || {
        let request: Request = serde_json::from_str(&request)?;
        let sample = cgroup::read_stats(request.parent.as_deref(), &request.name, request.pid)?;
        Ok(serde_json::to_string(&sample)?)
    })
}
