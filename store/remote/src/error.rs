//! Why an operation on a remote store did not succeed.

use sci_store_api::{ApiError, ErrorCode};

use crate::address::AddressError;
use crate::identity::IdentityError;
use crate::tls::Untrusted;

/// How a reason begins when what came is no HTTP at all.
pub(crate) const NO_HTTP: &str = "no HTTP: ";

/// Why an operation on a remote store did not succeed. Text in it that a server sent is cleaned and cut.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There are no certificates to check a server's with.
    #[error("this machine has no certificates to check the store's with: {0}")]
    Roots(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// Nobody said who is asking.
    #[error("no identity for the store: {0}")]
    Identity(#[from] IdentityError),
    /// No answer came in the time that there was.
    #[error("{address} did not answer: {reason}{}", unknown(*.outcome_unknown))]
    NoAnswer {
        /// The store.
        address: String,
        /// What happened at the last attempt, and how many there were.
        reason: String,
        /// Whether the store may have done nevertheless what it was asked for.
        outcome_unknown: bool,
    },
    /// An earlier operation found the store down.
    #[error("{address} was given up: {reason}")]
    GivenUp {
        /// The store.
        address: String,
        /// Why.
        reason: String,
    },
    /// The server is not the one that was meant: nothing was asked of it.
    #[error("{address} is not trusted: {why}")]
    Untrusted {
        /// The store.
        address: String,
        /// Why.
        why: Untrusted,
    },
    /// The answer is none that a backend gives.
    #[error("{address} does not answer as a store does: {reason}{}", unknown(*.outcome_unknown))]
    Nonsense {
        /// The store.
        address: String,
        /// What is wrong with it.
        reason: String,
        /// Whether the store may have done nevertheless what it was asked for.
        outcome_unknown: bool,
    },
    /// The answer is longer than it may be.
    #[error("{address} does not answer as a store does: it sends more than {most} bytes")]
    TooLong {
        /// The store.
        address: String,
        /// How long it may be.
        most: u64,
    },
    /// An object's bytes are not its own.
    #[error("object {object} is damaged: its bytes have another SHA-256")]
    Damaged {
        /// The object.
        object: sci_store_api::ObjectId,
    },
    /// The store refused.
    #[error("{0}")]
    Refused(ApiError),
}

/// The part of a hint that is no advice to who does just that.
pub const DOCTOR: &str = "`sci doctor` tries the connection";

fn unknown(outcome_unknown: bool) -> &'static str {
    if outcome_unknown { "; whether it was done is unknown" } else { "" }
}

impl Error {
    /// Whether the store may have done nevertheless what it was asked for.
    pub const fn outcome_unknown(&self) -> bool {
        matches!(self, Self::NoAnswer { outcome_unknown: true, .. } | Self::Nonsense { outcome_unknown: true, .. })
    }

    /// The stable code of a refusal; none when there was no answer to rely on.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => Some(error.code),
            Self::Damaged { .. } => Some(ErrorCode::Corrupt),
            _ => None,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => error.hint.as_deref(),
            Self::Identity(error) => error.hint(),
            Self::Untrusted { why, .. } => Some(why.hint()),
            Self::Address(AddressError::Clear { .. }) => {
                Some("use https://, or set SCI_ALLOW_HTTP=1 where nobody else is on the network")
            }
            Self::NoAnswer { .. } => Some("`sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited"),
            Self::Nonsense { address, reason, .. } if address.starts_with("http:") && reason.starts_with(NO_HTTP) => {
                Some("does the store speak TLS? Then `url` in [store] begins with https://")
            }
            Self::Nonsense { .. } | Self::TooLong { .. } => {
                Some("is `url` in [store] that of a sci backend? `sci doctor` tries the connection")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_to_run_doctor_can_be_left_out() {
        let address = || "https://sci.example".to_owned();
        let reason = || "r".to_owned();
        for error in [
            Error::NoAnswer { address: address(), reason: reason(), outcome_unknown: false },
            Error::Nonsense { address: address(), reason: reason(), outcome_unknown: false },
            Error::TooLong { address: address(), most: 1 },
        ] {
            assert!(error.hint().unwrap().contains(DOCTOR), "{error}");
        }
    }
}
