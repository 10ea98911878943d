//! Blobs that go to clients without passing through JavaScript.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::run;
use crate::failure::Failure;

#[napi]
pub struct FileSending {
    inner: Arc<layer::Sending>,
    file: Arc<OwnedFd>,
    size: u64,
}

#[napi]
impl FileSending {
    /// Takes the numbers of a socket and a file that JavaScript holds; both are copied.
    ///
    /// # Errors
    /// If one of them is not open.
    #[napi(constructor)]
    pub fn new(socket: i32, file: i32, size: i64) -> Result<Self> {
        let copied = |fd| {
            sandbox::sys::copied(fd)
                .map_err(|errno| Failure::new("internal", format!("copy a descriptor: {errno}")))
        };
        Ok(Self {
            inner: Arc::new(layer::Sending::new(copied(socket)?)),
            file: Arc::new(copied(file)?),
            size: size.unsigned_abs(),
        })
    }

    /// True once all of it is with the kernel; false if the client is gone.
    #[napi]
    pub fn wait<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let (inner, file, size) = (Arc::clone(&self.inner), Arc::clone(&self.file), self.size);
        run(env, move || Ok(inner.send(&file, size)?))
    }

    #[napi]
    pub fn cancel(&self) {
        self.inner.cancel();
    }
}
