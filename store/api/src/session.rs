//! `POST /v1/session`: an identity becomes a short-lived ticket; the answer says what the caller may do, and the keys that
//! it should expect on records.

use serde::{Deserialize, Serialize};

use crate::dsse::PublicKey;
use crate::{RepositoryId, RunId, Scope, Secret, StoreId, UnixMillis};

/// The version of the protocol that this crate speaks; every route but `/health` begins with it.
pub const PROTOCOL: u32 = 1;
/// How long a ticket is good for, in milliseconds. A client asks for the next one with a fresh identity.
pub const TICKET_LIFE: u64 = 15 * 60 * 1_000;
/// The longest identity, token or ticket that is looked at, in bytes.
pub const MAX_BEARER: usize = 16 * 1_024;

/// Asks for a ticket. The identity (an OIDC token, or one made by `sci token`) is the request's bearer; without one, only
/// a repository that is open to the public can be read, and with an administrator's token one can be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The repository that is meant. Who shows no identity, or an administrator's token, must name it; any other identity
    /// opens its own, and is refused when it is not this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryId>,
    /// What tells apart the runs of one `sci token`, chosen by its holder; an OIDC token names its run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// A ticket and what it opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionResponse {
    /// The bearer of every further request.
    pub ticket: Secret,
    /// When the ticket ends, by the store's clock.
    pub expires: UnixMillis,
    /// The store's clock, so that a client knows how far its own is off.
    pub now: UnixMillis,
    /// What the ticket opens.
    pub session: Session,
}

/// What the store knows of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The store.
    pub store: StoreId,
    /// The caller's repository.
    pub repository: RepositoryId,
    /// The run that the caller belongs to.
    pub run: RunId,
    /// Where the caller may write; nowhere when absent.
    pub scope_write: Option<Scope>,
    /// Where the caller may read, in the order of resolve.
    pub scopes_read: Vec<Scope>,
    /// The keys that sign the store's records, retired ones with their windows.
    pub public_keys: Vec<PublicKey>,
}

/// `GET /health`: whether the backend is up, and which protocols it speaks. No ticket is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The store.
    pub store: StoreId,
    /// The version of the program.
    pub version: String,
    /// The oldest protocol that is spoken.
    pub oldest_protocol: u32,
    /// The newest protocol that is spoken.
    pub newest_protocol: u32,
}
