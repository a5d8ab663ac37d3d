//! Who calls. The host makes a [`Caller`] from an identity that it has checked; nothing here believes a request's word.

use std::collections::BTreeMap;

use sci_store_api::repositories::Quota;
use sci_store_api::{RepositoryId, RunId, Scope};
use serde::{Deserialize, Serialize};

/// A checked identity and what policy grants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The repository; everything that the caller sees or writes belongs to it.
    pub repository: RepositoryId,
    /// Where the caller writes; nowhere when absent.
    pub scope_write: Option<Scope>,
    /// Where the caller reads, in the order of resolve: its own first.
    pub scopes_read: Vec<Scope>,
    /// The run that the caller belongs to.
    pub run: RunId,
    /// What the identity says of the run (`sha`, `event_name`, …), for the record.
    pub claims: BTreeMap<String, String>,
    /// Whether nobody vouches for the caller. It only reads, and causes no write: no lease, no lineage, no plan.
    pub is_public: bool,
    /// How far the caller sees beyond what it reads.
    pub sight: Sight,
    /// How much the repository and its scopes may keep.
    pub quota: Quota,
}

/// How far a caller sees. Seeing is listing, showing and explaining; what is restored comes from [`Caller::scopes_read`] alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sight {
    /// The scopes that it reads, and its own run.
    #[default]
    Scopes,
    /// Also what every run of the repository planned, and from which inputs: a person who reads.
    Runs,
    /// Everything of the repository, and nothing to restore: an administrator.
    Repository,
}

impl Caller {
    /// Who administers a repository: sees all of it, writes and restores nothing.
    pub fn administrator(repository: RepositoryId, run: RunId) -> Self {
        Self {
            repository,
            scope_write: None,
            scopes_read: Vec::new(),
            run,
            claims: BTreeMap::new(),
            is_public: false,
            sight: Sight::Repository,
            quota: Quota::default(),
        }
    }

    /// Whether the caller is a run, whose plans, saves and restores are remembered.
    pub fn leaves_traces(&self) -> bool {
        !self.is_public && self.sight != Sight::Repository
    }
}
