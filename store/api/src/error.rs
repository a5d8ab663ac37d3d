//! The one error of the protocol: a stable code for programs, a sentence and a hint for people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong. The text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request breaks a rule of the protocol.
    Invalid,
    /// No identity was given, or it is not good (any more): a fresh one may be.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing for this caller.
    NotFound,
    /// A cited object does not exist for this caller.
    UnknownObject,
    /// The bytes sent are not what their address or size says.
    WrongContent,
    /// The same id was used for another request before.
    Conflict,
    /// The state changed meanwhile; send the objects again and repeat.
    Retry,
    /// The scope or the repository has used up what it may keep.
    Quota,
    /// Too many requests; send fewer, later.
    Busy,
    /// The client speaks a protocol that this backend does not.
    Protocol,
    /// The backend failed; the outcome is unknown.
    Unavailable,
    /// The store holds something that it must not hold.
    Corrupt,
}

impl ErrorCode {
    /// The status of the code over HTTP.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid | Self::WrongContent => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::UnknownObject => 422,
            Self::Conflict => 409,
            Self::Quota => 507,
            Self::Busy => 429,
            Self::Protocol => 426,
            Self::Retry => 425,
            Self::Unavailable => 503,
            Self::Corrupt => 500,
        }
    }

    /// Whether the same request may succeed when it is repeated.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Retry | Self::Busy | Self::Unavailable)
    }
}

/// An error as it is sent. It names nothing that the caller may not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// The stable code.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ApiError {
    /// An error without a hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
