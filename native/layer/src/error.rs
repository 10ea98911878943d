//! The one error type of this crate; [`ErrorKind`] is what callers decide by.

use std::fmt;
use std::io;

/// What went wrong, coarsely: the addon maps these to error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// An entry of the archive breaks a rule; the layer is hostile or malformed.
    Refused,
    /// The stream ends before the archive does.
    Truncated,
    /// The compressed stream is damaged or of an unknown format.
    Corrupt,
    /// More bytes or entries than the caller allows.
    Budget,
    /// No space, inodes or quota left for the tree.
    DiskFull,
    /// A system call failed for another reason.
    Io,
    /// [`crate::Extraction::cancel`] was called.
    Cancelled,
    /// A bug of ours, caught before it could cross a thread.
    Internal,
}

/// Why a layer could not be extracted, committed or removed.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// `entry` is escaped: safe for a terminal, lossless for plain ASCII names.
    #[error("layer entry {entry} is refused: {reason}")]
    Refused { entry: String, reason: String },
    #[error("layer ends early: {0}")]
    Truncated(&'static str),
    #[error("layer is not readable: {0}")]
    Corrupt(String),
    #[error("layer is over its budget: {0}")]
    Budget(String),
    #[error("no space left for the layer: {0}")]
    DiskFull(String),
    #[error("{action}: {source}")]
    Io {
        /// What was tried, on what, e.g. `open "usr/bin"`.
        action: String,
        source: io::Error,
    },
    #[error("extraction was cancelled")]
    Cancelled,
    #[error("extraction failed inside: {0}")]
    Internal(String),
}

impl LayerError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } => ErrorKind::Refused,
            Self::Truncated(_) => ErrorKind::Truncated,
            Self::Corrupt(_) => ErrorKind::Corrupt,
            Self::Budget(_) => ErrorKind::Budget,
            Self::DiskFull(_) => ErrorKind::DiskFull,
            Self::Io { .. } => ErrorKind::Io,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Internal(_) => ErrorKind::Internal,
        }
    }

    pub(crate) fn refused(entry: &[u8], reason: impl Into<String>) -> Self {
        Self::Refused {
            entry: quote(entry),
            reason: reason.into(),
        }
    }

    /// Errno → error: what means "full" becomes `DiskFull`, the rest `Io`.
    pub(crate) fn sys(verb: &str, name: &[u8], errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        let action = format!("{verb} {}", quote(name));
        if matches!(errno, Errno::NOSPC | Errno::DQUOT) {
            return Self::DiskFull(action);
        }
        Self::Io {
            action,
            source: errno.into(),
        }
    }
}

/// A name as text in quotes: printable ASCII and whole UTF-8 as is, everything else escaped, and
/// cut at 256 bytes.
pub fn quote(name: &[u8]) -> String {
    const LIMIT: usize = 256;
    let cut = name.len() > LIMIT;
    let shown = Shown(if cut { &name[..LIMIT] } else { name });
    format!("\"{shown}{}\"", if cut { "…" } else { "" })
}

struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    c if c.is_control() || is_bidi(c) => write!(f, "{}", c.escape_unicode())?,
                    c => write!(f, "{c}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Direction marks, which could make a terminal show another name than the real one.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_escapes_control_bytes_and_invalid_utf8() {
        assert_eq!(quote(b"a\x1b[0m\xff\"b"), "\"a\\u{1b}[0m\\xff\\\"b\"");
        assert_eq!(quote("naïve".as_bytes()), "\"naïve\"");
        assert_eq!(quote("\u{202e}x".as_bytes()), "\"\\u{202e}x\"");
    }

    #[test]
    fn quote_cuts_long_names() {
        assert!(quote(&[b'a'; 4096]).len() < 300);
    }

    #[test]
    fn sys_tells_a_full_disk_from_other_failures() {
        use rustix::io::Errno;
        assert_eq!(
            LayerError::sys("write", b"x", Errno::NOSPC).kind(),
            ErrorKind::DiskFull
        );
        assert_eq!(
            LayerError::sys("write", b"x", Errno::DQUOT).kind(),
            ErrorKind::DiskFull
        );
        assert_eq!(
            LayerError::sys("write", b"x", Errno::IO).kind(),
            ErrorKind::Io
        );
    }
}
