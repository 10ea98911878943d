//! The one error type of this crate.

use std::io;

use layer::LayerError;
use layer::tar::quote;
use rustix::io::Errno;

/// What callers decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    NotFound,
    Invalid,
    /// Not allowed on this file system: it is read-only.
    ReadOnly,
    DiskFull,
    Cancelled,
    Io,
}

#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("{0}: no such file or directory")]
    NotFound(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    ReadOnly(&'static str),
    #[error("{0}: no space left on device")]
    DiskFull(String),
    #[error("the transfer was cancelled")]
    Cancelled,
    #[error("{action}: {source}")]
    Io { action: String, source: io::Error },
    #[error(transparent)]
    Archive(#[from] LayerError),
}

impl TreeError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::ReadOnly(_) => ErrorKind::ReadOnly,
            Self::DiskFull(_) => ErrorKind::DiskFull,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Io { .. } => ErrorKind::Io,
            Self::Archive(error) => match error.kind() {
                layer::ErrorKind::Io | layer::ErrorKind::Internal => ErrorKind::Io,
                layer::ErrorKind::DiskFull => ErrorKind::DiskFull,
                layer::ErrorKind::Cancelled => ErrorKind::Cancelled,
                _ => ErrorKind::Invalid,
            },
        }
    }

    pub(crate) fn sys(verb: &str, name: &[u8], errno: Errno) -> Self {
        let action = format!("{verb} {}", quote(name));
        match errno {
            Errno::NOENT => Self::NotFound(action),
            Errno::NOSPC | Errno::DQUOT => Self::DiskFull(action),
            // Of the path that was asked for, or of what the container has put in its way.
            Errno::NAMETOOLONG => Self::Invalid(format!("{action}: file name too long")),
            Errno::LOOP => Self::Invalid(format!("{action}: too many levels of symbolic links")),
            Errno::NOTDIR => Self::Invalid(format!("{action}: not a directory")),
            Errno::INVAL => Self::Invalid(format!("{action}: invalid argument")),
            errno => Self::Io {
                action,
                source: errno.into(),
            },
        }
    }

    /// Of writing the stream: whoever reads it is gone.
    pub(crate) fn stream(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Self::Cancelled;
        }
        Self::Io {
            action: "write the archive".into(),
            source,
        }
    }
}
