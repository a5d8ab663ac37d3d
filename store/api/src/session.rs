//! `POST /v1/session`: what a caller may do, and the keys that it should expect on records.

use serde::{Deserialize, Serialize};

use crate::dsse::PublicKey;
use crate::{RepositoryId, Scope, StoreId};

/// What the store knows of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The store.
    pub store: StoreId,
    /// The caller's repository.
    pub repository: RepositoryId,
    /// Where the caller may write; nowhere when absent.
    pub scope_write: Option<Scope>,
    /// Where the caller may read, in the order of resolve.
    pub scopes_read: Vec<Scope>,
    /// The keys that sign the store's records, retired ones with their windows.
    pub public_keys: Vec<PublicKey>,
}
