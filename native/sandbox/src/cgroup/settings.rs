//! Writes limits into the files of a control group.

use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::resources::Setting;
use crate::error::{Code, Context, StepError};

/// The kernel refuses what does not go with a value that has yet to be written (memory beyond the limit
/// of both, a period too long for the quota): what it refuses gets a second turn.
pub(super) fn write_all<'a>(
    directory: &Path,
    settings: impl Iterator<Item = &'a Setting>,
) -> Result<(), StepError> {
    let mut refused = Vec::new();
    for setting in settings {
        match write(directory, setting) {
            Err(e) if e.code == Code::InvalidArgument => refused.push(setting),
            other => other?,
        }
    }
    refused
        .into_iter()
        .try_for_each(|setting| write(directory, setting))
}

fn write(directory: &Path, setting: &Setting) -> Result<(), StepError> {
    let written = match (
        put(directory, setting.file, &setting.value),
        &setting.instead,
    ) {
        (Err(e), Some((file, value))) if e.errno == Errno::NOENT.raw_os_error() => {
            put(directory, file, value)
        }
        (written, _) => written,
    };
    match written {
        Err(e) if setting.optional && e.errno == Errno::NOENT.raw_os_error() => Ok(()),
        Err(e)
            if e.errno == Errno::NOENT.raw_os_error()
                || e.errno == Errno::ACCESS.raw_os_error() =>
        {
            let text = format!(
                "set limit \"{}\": the controller \"{}\" is not available to the daemon's cgroup",
                setting.file, setting.controller
            );
            Err(StepError {
                message: text,
                code: Code::Unavailable,
                ..e
            })
        }
        Err(e)
            if e.errno == Errno::INVAL.raw_os_error() || e.errno == Errno::RANGE.raw_os_error() =>
        {
            let text = format!(
                "set limit \"{}\": the kernel refuses \"{}\"",
                setting.file, setting.value
            );
            Err(StepError {
                message: text,
                code: Code::InvalidArgument,
                ..e
            })
        }
        other => other,
    }
}

/// Writes one file of a control group.
pub(super) fn put(directory: &Path, file: &str, value: &str) -> Result<(), StepError> {
    let path = directory.join(file);
    let shown = path.to_string_lossy();
    let fd = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .step("set limit", &shown)?;
    rustix::io::write(&fd, value.as_bytes())
        .step("set limit", &shown)
        .map(drop)
}
