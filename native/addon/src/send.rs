//! Blobs that go to clients without passing through JavaScript.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::run;
use crate::failure::Failure;

#[napi]
pub struct FileSending {
    /// None once it is closed: what is copied here keeps a connection and a removed file alive.
    parts: Mutex<Option<Parts>>,
}

#[derive(Clone)]
struct Parts {
    sending: Arc<layer::Sending>,
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
        let parts = Parts {
            sending: Arc::new(layer::Sending::new(copied(socket)?)),
            file: Arc::new(copied(file)?),
            size: size.unsigned_abs(),
        };
        Ok(Self {
            parts: Mutex::new(Some(parts)),
        })
    }

    /// True once all of it is with the kernel; false if the client is gone, or after `close`.
    #[napi]
    pub fn wait<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let parts = self.parts();
        run(env, move || {
            parts.map_or(Ok(false), |it| Ok(it.sending.send(&it.file, it.size)?))
        })
    }

    #[napi]
    pub fn cancel(&self) {
        if let Some(parts) = self.parts() {
            parts.sending.cancel();
        }
    }

    /// Gives both copies back at once, or when the thread has ended that still sends.
    #[napi]
    pub fn close(&self) {
        drop(self.lock().take());
    }

    fn parts(&self) -> Option<Parts> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Parts>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
