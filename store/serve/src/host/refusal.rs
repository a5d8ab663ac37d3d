//! What the host itself answers, before or instead of the service.

use sci_service::http::Unread;
use sci_store_api::{ApiError, ErrorCode};

/// A refusal by the host.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: ApiError,
    /// Seconds after which it is worth to ask again.
    pub(super) retry_after: Option<u64>,
    /// Whether something broke here that the operator should know of.
    pub(super) is_fault: bool,
}

impl Refusal {
    fn new(status: u16, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, error: ApiError::new(code, message), retry_after: None, is_fault: false }
    }

    /// The peer did not send what it began.
    pub(super) fn slow() -> Self {
        Self::new(408, ErrorCode::Unavailable, "the body did not arrive in time")
    }

    pub(super) fn busy() -> Self {
        let refusal = Self::new(ErrorCode::Busy.status(), ErrorCode::Busy, "the backend has too much to do");
        Self { retry_after: Some(1), ..refusal }
    }

    pub(super) fn late() -> Self {
        let message = "the backend did not answer in time; the outcome is unknown";
        let refusal = Self::new(ErrorCode::Unavailable.status(), ErrorCode::Unavailable, message);
        Self { retry_after: Some(1), is_fault: true, ..refusal }
    }

    pub(super) fn panicked() -> Self {
        let message = "the backend failed; the outcome is unknown";
        Self { is_fault: true, ..Self::new(500, ErrorCode::Unavailable, message) }
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        Self { status: unread.status(), error: unread.error(), retry_after: None, is_fault: false }
    }
}
