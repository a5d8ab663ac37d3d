//! What the host itself answers, before or instead of the service.

use sci_service::http::Unread;
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

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        Self { status: unread.status(), error: unread.error(), fault: None }
    }
}
