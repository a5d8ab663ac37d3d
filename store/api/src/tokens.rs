//! Tokens for machines and people without OIDC, made by an administrator. A token is signed by the store, so nothing of it
//! can be edited, and listed in the index, so it can be revoked.

use serde::{Deserialize, Serialize};

use crate::{RepositoryId, Scope, Secret, TokenId, UnixMillis};

/// The longest life of a token, in milliseconds: two years.
pub const MAX_LIFE: u64 = 2 * 365 * crate::admin::DAY;
/// The longest note, in bytes.
pub const MAX_NOTE: usize = 200;

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TokenPower {
    /// The administration of the whole store; no snapshot.
    Admin,
    /// One repository.
    Repository {
        /// The repository, which must be registered.
        repository: RepositoryId,
        /// Where the holder writes, a branch scope unless the administrator says otherwise; nowhere when absent. What the
        /// holder reads is this, then the default branch's trusted scope.
        scope_write: Option<Scope>,
    },
}

/// Makes a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// Its id; drawn by the client, so that a repeated request makes one token.
    pub id: TokenId,
    /// What it opens.
    pub power: TokenPower,
    /// How long it is good for, in milliseconds; at most [`MAX_LIFE`].
    pub life: u64,
    /// Who or what has it, for people.
    #[serde(default)]
    pub note: String,
    /// Says that a scope above a branch's is meant.
    #[serde(default)]
    pub allow_trusted: bool,
}

/// A token, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The token itself.
    pub token: Secret,
    /// As in a list.
    pub summary: TokenSummary,
}

/// A token, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSummary {
    /// Its id.
    pub id: TokenId,
    /// What it opens.
    pub power: TokenPower,
    /// Who or what has it.
    pub note: String,
    /// When it was made.
    pub created: UnixMillis,
    /// When it ends by itself.
    pub expires: UnixMillis,
    /// When it was revoked.
    pub revoked: Option<UnixMillis>,
}

/// Every token, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<TokenSummary>,
}
