//! Identities: an OIDC token becomes an [`Identity`](crate::policy::Identity), or is refused.
//!
//! The issuer is pinned, the signature is RS256 or nothing, and the audience is this backend. It knows no network: the host
//! brings a [`Fetch`] for the issuers' keys.

mod claims;
mod gate;
mod jwks;
mod jwt;
mod keyring;

pub use claims::{ClaimMap, GenericClaims};
pub use gate::{Fetch, FetchError, Gate, Issuer, IssuerKind};

/// Why an identity is refused. The sentence names no secret and repeats nothing of the token but its key's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not a token at all.
    #[error("the identity is not a JSON Web Token")]
    Form,
    /// It is signed in a way that is not accepted.
    #[error("the identity is not signed with RS256")]
    Algorithm,
    /// Nobody whom this backend believes issued it.
    #[error("the identity comes from an issuer that this backend does not know")]
    Issuer,
    /// It was made for somebody else.
    #[error("the identity was made for another audience: it must be exactly {expected:?}")]
    Audience {
        /// What it must be.
        expected: String,
    },
    /// The issuer has no such key.
    #[error("the issuer has no key {key:?}")]
    UnknownKey {
        /// The key's id, cut at 80 characters.
        key: String,
    },
    /// The issuer's keys could not be fetched.
    #[error("the issuer's keys cannot be fetched now")]
    NoKeys,
    /// The signature is not the key's.
    #[error("the signature of the identity does not hold")]
    Signature,
    /// It has ended, has not begun, or is too old.
    #[error("the identity {fault}")]
    Time {
        /// What is wrong with its times.
        fault: &'static str,
    },
    /// A claim is missing or has an impossible value.
    #[error("the identity's claim {claim} is missing or malformed")]
    Claim {
        /// The claim's name.
        claim: String,
    },
}
