//! `GET /v1/snapshots` and `GET /v1/snapshots/{id}`.

use sci_hasher::Digest;
use serde::{Deserialize, Serialize};

use crate::dsse::Envelope;
use crate::{Instance, PathName, RunId, Scope, SnapshotId, UnixMillis};

/// The most snapshots of one page.
pub const MAX_PAGE: u32 = 1_000;

/// Selects snapshots; what is absent selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotQuery {
    /// Of this workspace path only.
    pub path: Option<PathName>,
    /// Of this instance only.
    pub instance: Option<Instance>,
    /// Of this scope only.
    pub scope: Option<Scope>,
    /// Saved by this run only.
    pub run: Option<RunId>,
    /// At most so many; [`MAX_PAGE`] when absent or larger.
    pub limit: Option<u32>,
    /// Continue after this page's [`SnapshotPage::next`].
    pub before: Option<u64>,
}

impl SnapshotQuery {
    /// The query of a request: only what is safe in one as it is, or encoded.
    pub fn parameters(&self) -> String {
        crate::routes::parameters([
            ("path", self.path.as_ref().map(ToString::to_string)),
            ("instance", self.instance.as_ref().map(ToString::to_string)),
            ("scope", self.scope.as_ref().map(ToString::to_string)),
            ("run", self.run.as_ref().map(ToString::to_string)),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("before", self.before.map(|before| before.to_string())),
        ])
    }
}

/// Snapshots that the caller may read, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPage {
    /// The snapshots.
    pub snapshots: Vec<SnapshotSummary>,
    /// Where the next page begins; none after the last.
    pub next: Option<u64>,
}

/// A snapshot, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSummary {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The scope it was written in.
    pub scope: Scope,
    /// The workspace path.
    pub path: PathName,
    /// The instance.
    pub instance: Instance,
    /// The derivation key.
    pub key: Digest,
    /// Whether it may be exact.
    pub settled: bool,
    /// Whether it is quarantined.
    pub quarantined: bool,
    /// Entries of the tree.
    pub files: u64,
    /// Bytes of the tree's contents, uncompressed.
    pub bytes: u64,
    /// Bytes of its objects, shared ones counted in full.
    pub stored_bytes: u64,
    /// The run that saved it.
    pub run: RunId,
    /// When it was saved.
    pub created: UnixMillis,
}

/// One snapshot with its signed record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDetail {
    /// As in a list.
    pub summary: SnapshotSummary,
    /// The signed record, for the reader to verify.
    pub envelope: Envelope,
}
