//! What every host answers to a request that it cannot read, before the service is asked.

use sci_store_api::{ApiError, ErrorCode};

/// Why a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The route does not take the method.
    Method,
    /// An object comes without its length.
    NoLength,
    /// The body has more than so many bytes.
    TooLong(u64),
    /// The body ended early.
    Cut,
}

impl Unread {
    /// The status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::NoLength => 411,
            Self::TooLong(_) => 413,
            Self::Cut => 400,
        }
    }

    /// What the peer is told.
    pub fn error(self) -> ApiError {
        let message = match self {
            Self::Method => "this route does not take this method".to_owned(),
            Self::NoLength => "an object is sent with its length: the header Content-Length is missing".to_owned(),
            Self::TooLong(most) => format!("the body has at most {most} bytes"),
            Self::Cut => "the body ended early".to_owned(),
        };
        ApiError::new(ErrorCode::Invalid, message)
    }
}
