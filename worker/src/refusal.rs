//! What the host itself answers, before or instead of the service.

use sci_store_api::{ApiError, ErrorCode};

/// A refusal by the host.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// What the peer is told.
    pub error: ApiError,
    /// What the operator should know of.
    pub fault: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, error: ApiError::new(code, message), fault: None }
    }

    pub(crate) fn method() -> Self {
        Self::new(405, ErrorCode::Invalid, "this route does not take this method")
    }

    pub(crate) fn no_length() -> Self {
        Self::new(411, ErrorCode::Invalid, "an object is sent with its length: the header Content-Length is missing")
    }

    pub(crate) fn too_long(most: u64) -> Self {
        Self::new(413, ErrorCode::Invalid, format!("the body has at most {most} bytes"))
    }

    pub(crate) fn cut() -> Self {
        Self::new(400, ErrorCode::Invalid, "the body ended early")
    }

    pub(crate) fn failed(fault: impl Into<String>) -> Self {
        let message = "the backend failed; the outcome is unknown";
        Self { fault: Some(fault.into()), ..Self::new(500, ErrorCode::Unavailable, message) }
    }

    pub(crate) fn not_set_up(fault: String) -> Self {
        let message = "the backend is not set up";
        let refusal = Self::new(ErrorCode::Unavailable.status(), ErrorCode::Unavailable, message);
        Self { fault: Some(fault), ..refusal }
    }
}
