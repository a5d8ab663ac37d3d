//! What a request ends in when it does not succeed.

use sci_store_api::dsse::VerifyError;
use sci_store_api::{ApiError, ErrorCode};

use crate::blobs::BlobError;
use crate::keys::KeyError;
use crate::sql::SqlError;

/// An error of the service. [`Error::to_wire`] is what a caller may be told of it; the rest is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request was refused.
    #[error("{0}")]
    Refused(ApiError),
    /// The store of objects failed.
    #[error("the object store failed: {0}")]
    Blobs(BlobError),
    /// The index failed.
    #[error("the index failed: {0}")]
    Sql(#[from] SqlError),
    /// The signing key could not be used.
    #[error("the signing key cannot be used: {0}")]
    Keys(#[from] KeyError),
    /// A row of the index does not verify.
    #[error("a record in the index does not verify: {0}")]
    Record(#[from] VerifyError),
}

impl Error {
    /// A refusal.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(ApiError::new(code, message))
    }

    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(error) => error.code,
            Self::Blobs(BlobError::Busy(_)) => ErrorCode::Busy,
            Self::Blobs(_) | Self::Sql(_) | Self::Keys(_) => ErrorCode::Unavailable,
            Self::Record(_) => ErrorCode::Corrupt,
        }
    }

    /// Whether there is no room left where the backend keeps things.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Blobs(BlobError::Full(_)) | Self::Sql(SqlError::Full(_)))
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => error.hint.as_deref(),
            Self::Blobs(BlobError::Unreachable { hint, .. }) => Some(hint),
            Self::Blobs(BlobError::Busy(_)) => Some("repeat it later"),
            _ if self.is_full() => Some("free some room where the store is; what it holds is not affected"),
            _ => None,
        }
    }

    /// The error as a remote caller may see it: a backend's own words stay with the operator.
    pub fn to_wire(&self) -> ApiError {
        match self {
            Self::Refused(error) => error.clone(),
            Self::Blobs(BlobError::Busy(_)) => {
                ApiError::new(ErrorCode::Busy, "the backend's store of objects has too much to do")
                    .with_hint("repeat the request later")
            }
            Self::Blobs(_) | Self::Sql(_) | Self::Keys(_) => {
                ApiError::new(ErrorCode::Unavailable, "the backend could not answer; the outcome is unknown")
                    .with_hint("repeat the request; the operator finds the cause in the backend's log")
            }
            Self::Record(_) => {
                ApiError::new(ErrorCode::Corrupt, "the backend's index holds a record that does not verify")
                    .with_hint("forget the snapshot, or restore the index from a backup")
            }
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::WrongContent { .. } => Self::refused(ErrorCode::WrongContent, error.to_string()),
            BlobError::Missing => Self::refused(ErrorCode::UnknownObject, "the object is not in the store"),
            BlobError::Full(_) | BlobError::Busy(_) | BlobError::Unreachable { .. } | BlobError::Failed(_) => {
                Self::Blobs(error)
            }
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Sql(SqlError::Failed(format!("a stored value cannot be read: {error}")))
    }
}
