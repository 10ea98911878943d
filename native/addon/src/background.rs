//! Work off the JavaScript thread. Each call gets a thread of its own: some of the work waits for
//! minutes (a layer on a slow wire), and a pool would let it starve a start.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, Result};

use crate::failure::Failure;

/// Runs `work` on a thread; the promise that is returned follows it. A panic is an `internal` error.
pub(crate) fn run<T, W>(env: &Env, work: W) -> Result<Object<'_>>
where
    T: ToNapiValue + Send + 'static,
    W: FnOnce() -> std::result::Result<T, Failure> + Send + 'static,
{
    let (deferred, promise) = env.create_deferred::<T, _>()?;
    let spawned = thread::Builder::new()
        .name("rt-addon".into())
        .spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                Err(Failure::new("internal", "the native addon failed inside"))
            });
            match outcome {
                Ok(value) => deferred.resolve(move |_| Ok(value)),
                Err(failure) => deferred.reject(failure.into()),
            }
        });
    spawned.map_err(|error| Failure::new("unavailable", format!("start a thread: {error}")))?;
    Ok(promise)
}
