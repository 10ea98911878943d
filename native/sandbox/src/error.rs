//! One shape for every failure of a set-up step, from the child in its namespaces to the client.

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The kinds of failure this crate can tell apart; the names are those of `src/errors.ts`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    InvalidArgument,
    NotFound,
    Conflict,
    Unavailable,
    Internal,
    CommandNotFound,
    CommandNotExecutable,
    MountConflict,
    NotImplemented,
}

impl Code {
    /// The name used on the wire and in `src/errors.ts`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::CommandNotFound => "command_not_found",
            Self::CommandNotExecutable => "command_not_executable",
            Self::MountConflict => "mount_conflict",
            Self::NotImplemented => "not_implemented",
        }
    }
}

/// Which step failed, on what, with which errno, and the sentence for the user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// Name of the step, for example "mount" or "exec".
    pub op: String,
    /// What the step worked on: a path, a name, or empty.
    pub target: String,
    /// 0 when no system call failed.
    pub errno: i32,
    pub message: String,
    pub code: Code,
}

impl StepError {
    /// A failed system call: the message is `OP "TARGET": strerror`.
    pub fn call(op: &str, target: &str, errno: Errno) -> Self {
        let message = if target.is_empty() {
            format!("{op}: {}", reason(errno))
        } else {
            format!("{op} \"{target}\": {}", reason(errno))
        };
        let code = match errno {
            // Of a path that somebody asked for; none of the engine's own is like that.
            Errno::LOOP | Errno::NAMETOOLONG => Code::InvalidArgument,
            _ => Code::Internal,
        };
        Self::new(code, op, target, errno.raw_os_error(), message)
    }

    /// A step that failed for a reason of its own.
    pub fn new(code: Code, op: &str, target: &str, errno: i32, message: impl Into<String>) -> Self {
        let (op, target, message) = (op.to_owned(), clip(target, 256), message.into());
        let message = clip(&message, 1024);
        Self {
            op,
            target,
            errno,
            message,
            code,
        }
    }

    /// The same failure under another code.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}

/// An error travels in one packet, and quotes what an image may have made a megabyte long: beginning and end
/// will do.
fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(most - most / 4);
    let tail = text.ceil_char_boundary(text.len() - most / 4);
    let part = |range: Option<&str>| range.unwrap_or_default().to_owned();
    format!("{}…{}", part(text.get(..head)), part(text.get(tail..)))
}

/// Adds the step and its target to a bare errno.
pub trait Context<T> {
    fn step(self, op: &str, target: &str) -> Result<T, StepError>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn step(self, op: &str, target: &str) -> Result<T, StepError> {
        self.map_err(|errno| StepError::call(op, target, errno))
    }
}

impl<T> Context<T> for std::io::Result<T> {
    fn step(self, op: &str, target: &str) -> Result<T, StepError> {
        self.map_err(|e| StepError::call(op, target, Errno::from_io_error(&e).unwrap_or(Errno::IO)))
    }
}

/// The kernel's words for an errno, in lower case as Docker prints them.
pub fn reason(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let bare = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = bare.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_names_step_target_and_reason() {
        let error = StepError::call("mount proc", "/proc", Errno::PERM);
        assert_eq!(
            error.to_string(),
            "mount proc \"/proc\": operation not permitted"
        );
        assert_eq!(error.errno, 1);
    }

    #[test]
    fn a_path_that_leads_nowhere_is_the_clients_fault() {
        for errno in [Errno::LOOP, Errno::NAMETOOLONG] {
            assert_eq!(
                StepError::call("open", "x", errno).code,
                Code::InvalidArgument
            );
        }
    }

    #[test]
    fn what_is_quoted_is_bounded_and_the_reason_stays() {
        let error = StepError::call("open", &"ä".repeat(1 << 20), Errno::NOENT);
        assert!(error.message.len() < 1100, "{}", error.message.len());
        assert!(error.message.starts_with("open \"ä"));
        assert!(error.message.ends_with("no such file or directory"));
    }

    #[test]
    fn code_names_are_those_of_the_json() {
        for code in [
            Code::InvalidArgument,
            Code::CommandNotFound,
            Code::MountConflict,
        ] {
            let json = serde_json::to_string(&code).expect("json");
            assert_eq!(json, format!("\"{}\"", code.name()));
        }
    }
}
