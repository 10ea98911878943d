//! Reading the logs of containers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{Buffer, Object};
use napi::{Env, Result};
use napi_derive::napi;
use serde::Deserialize;

use crate::background::run;
use crate::failure::Failure;

/// `LogRequest` of `src/native-types/`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)]
struct LogRequest {
    driver: Driver,
    path: PathBuf,
    stdout: bool,
    stderr: bool,
    timestamps: bool,
    details: bool,
    raw: bool,
    joined: bool,
    follow: bool,
    tail: Option<u64>,
    since: Option<String>,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Driver {
    JsonFile,
    Local,
}

#[derive(Default)]
enum State {
    /// Opening a log looks for its last records, which is for a thread of its own too.
    Asked(logfile::ReadOptions),
    Open(logfile::Reader),
    #[default]
    Closed,
}

#[napi]
pub struct LogReader {
    state: Arc<Mutex<State>>,
}

#[napi(object)]
#[allow(unreachable_pub)]
pub struct LogChunk {
    pub bytes: Option<Buffer>,
    pub is_over: bool,
}

#[napi]
impl LogReader {
    /// # Errors
    /// If the request cannot be understood.
    #[napi(constructor)]
    #[allow(clippy::needless_pass_by_value)]
    pub fn new(request: String) -> Result<Self> {
        let request: LogRequest = serde_json::from_str(&request).map_err(Failure::from)?;
        let options = to_options(request)?;
        Ok(Self {
            state: Arc::new(Mutex::new(State::Asked(options))),
        })
    }

    /// Opens its files now, so that what they hold is read even if they are removed.
    #[napi]
    pub fn open<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let state = Arc::clone(&self.state);
        run(env, move || {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            opened(&mut state).map(|_| ()).map_err(failed)
        })
    }

    /// The next piece of output, none if there is no more now.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let state = Arc::clone(&self.state);
        run(env, move || {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let (bytes, is_over) = read(&mut state).map_err(failed)?;
            Ok(LogChunk {
                bytes: bytes.map(Buffer::from),
                is_over,
            })
        })
    }

    /// Holds files that are not read yet before they are deleted; a read under way does so itself.
    #[napi]
    pub fn hold(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && let State::Open(reader) = &mut *state
        {
            reader.hold();
        }
    }

    /// Closes its files, unless a read is under way: then the end of that does.
    #[napi]
    pub fn close(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            *state = State::Closed;
        }
    }
}

fn read(state: &mut State) -> std::io::Result<(Option<Vec<u8>>, bool)> {
    match opened(state)? {
        Some(reader) => {
            let bytes = reader.read_next()?;
            Ok((bytes, reader.is_over()))
        }
        None => Ok((None, true)),
    }
}

/// None once it is closed.
fn opened(state: &mut State) -> std::io::Result<Option<&mut logfile::Reader>> {
    if let State::Asked(options) = state {
        *state = State::Open(logfile::Reader::open(options.clone())?);
    }
    match state {
        State::Open(reader) => Ok(Some(reader)),
        _ => Ok(None),
    }
}

#[allow(clippy::needless_pass_by_value)]
fn failed(error: std::io::Error) -> Failure {
    Failure::new("internal", format!("read the container's log: {error}"))
}

fn to_options(request: LogRequest) -> Result<logfile::ReadOptions> {
    let moment = |text: Option<String>| match text {
        None => Ok(None),
        Some(text) => logfile::time::parse(text.as_bytes())
            .map(Some)
            .ok_or_else(|| Failure::new("invalid_argument", format!("invalid time \"{text}\""))),
    };
    Ok(logfile::ReadOptions {
        format: match request.driver {
            Driver::JsonFile => logfile::Format::Json,
            Driver::Local => logfile::Format::Local,
        },
        path: request.path,
        stdout: request.stdout,
        stderr: request.stderr,
        timestamps: request.timestamps,
        details: request.details,
        raw: request.raw,
        joined: request.joined,
        follow: request.follow,
        tail: request.tail,
        since: moment(request.since)?,
        until: moment(request.until)?,
    })
}
