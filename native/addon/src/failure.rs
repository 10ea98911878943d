//! Errors on their way to TypeScript: JSON `{"code", "message", "hint"}` in the message, which
//! `src/native.ts` turns into an `EngineError`.

use layer::{ErrorKind, LayerError};
use net::ports::PortError;
use net::{NetError, NetErrorKind};
use sandbox::StepError;
use tree::TreeError;

/// A failure with its code of `src/errors.ts`.
#[derive(Clone)]
pub(crate) struct Failure {
    code: &'static str,
    message: String,
    hint: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl From<Failure> for napi::Error {
    fn from(failure: Failure) -> Self {
        let mut json = serde_json::json!({ "code": failure.code, "message": failure.message });
        if let Some(hint) = failure.hint {
            json["hint"] = hint.into();
        }
        napi::Error::from_reason(json.to_string())
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self::new(error.code.name(), error.message)
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        let code = match error.kind {
            NetErrorKind::Invalid => "invalid_argument",
            NetErrorKind::Overlap | NetErrorKind::Conflict => "conflict",
            NetErrorKind::Full | NetErrorKind::Unsupported => "unavailable",
            NetErrorKind::NotFound => "not_found",
            NetErrorKind::Denied => "forbidden",
            NetErrorKind::Kernel => "internal",
        };
        Self::new(code, error.to_string())
    }
}

/// As Docker, which answers 500 whatever a port cannot be published for.
impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Rules(error) => error.into(),
            error if error.is_strangers() => Self::new("internal", error.to_string())
                .with_hint("another program of this host has the port: `ss -lntup` shows which"),
            error => {
                let failure = Self::new("internal", error.to_string());
                error.hint().into_iter().fold(failure, Self::with_hint)
            }
        }
    }
}

impl From<LayerError> for Failure {
    fn from(error: LayerError) -> Self {
        let message = error.to_string();
        match error.kind() {
            ErrorKind::Refused | ErrorKind::Corrupt | ErrorKind::Truncated | ErrorKind::Budget => {
                Self::new("invalid_argument", message)
                    .with_hint("the image is damaged or hostile; nothing of the layer was kept")
            }
            ErrorKind::DiskFull => {
                Self::new("unavailable", message).with_hint("free some space and pull again")
            }
            ErrorKind::Cancelled => Self::new("unavailable", message),
            ErrorKind::Io | ErrorKind::Internal => Self::new("internal", message),
        }
    }
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Self {
        use tree::ErrorKind;
        let code = match error.kind() {
            ErrorKind::NotFound => "not_found",
            ErrorKind::Invalid => "invalid_argument",
            ErrorKind::ReadOnly => "forbidden",
            ErrorKind::DiskFull | ErrorKind::Cancelled => "unavailable",
            ErrorKind::Io => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(
            "internal",
            format!("read what the daemon asked of the addon: {error}"),
        )
    }
}
