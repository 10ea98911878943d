//! Filling volumes with what an image has at their places.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use layer::ErrorKind;
use sandbox::Table;
use serde::Deserialize;

use crate::failure::Failure;

/// `CopyUpRequest` of `src/native-types/`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    lower: Vec<String>,
    path: String,
    directory: PathBuf,
    staged: bool,
}

/// Takes a `CopyUpRequest` as JSON; false if there was nothing to copy. For a thread of its own.
pub(crate) fn copy_up(request: &str) -> Result<bool, Failure> {
    let request: Request = serde_json::from_str(request)?;
    let Request {
        lower,
        path,
        directory,
        staged,
    } = &request;
    let tree = sandbox::image_tree(lower, &directory.to_string_lossy(), Table::Host)?;
    let Some(source) = sandbox::directory_in(tree.as_fd(), path)? else {
        return Ok(false);
    };
    let copied = if *staged {
        layer::copy_up(source.as_fd(), directory)
    } else {
        layer::copy_up_to(source.as_fd(), directory)
    };
    copied.map_err(|error| match error.kind() {
        ErrorKind::DiskFull => {
            let place = directory.display();
            let text = format!("no space left to fill volume \"{place}\" with the image's {path}");
            Failure::new("unavailable", text)
        }
        _ => error.into(),
    })
}

/// What a daemon that was killed has left half.
pub(crate) fn finish_copy_up(directory: &str) -> Result<(), Failure> {
    Ok(layer::finish_copy_up(Path::new(directory))?)
}
