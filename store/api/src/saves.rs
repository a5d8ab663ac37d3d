//! `POST /v1/saves` and `POST /v1/saves/{id}/commit`: objects first, record last.

use sci_hasher::{Digest, Ladder, Sketch};
use serde::{Deserialize, Serialize};

use crate::{Instance, Nonce, ObjectId, ObjectRef, PathName, RunId, SaveId, SnapshotId};

/// Begins the save of one path instance. Safe to repeat with the same nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginSave {
    /// Drawn once for this save.
    pub nonce: Nonce,
    /// The workspace path.
    pub path: PathName,
    /// The instance.
    pub instance: Instance,
    /// The key that the state will be saved under, when the commit is settled: the one planned before the run.
    pub key: Digest,
    /// The snapshots of this path that the state grew from. Each was served to this run.
    #[serde(default)]
    pub bases: Vec<SnapshotId>,
}

/// A save that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunSave {
    /// Cite it with each object and at the commit.
    pub save: SaveId,
    /// Another run is saving the same key; both may go on, and the later commit is answered with the earlier snapshot.
    pub saving: Option<RunId>,
    /// A settled snapshot has the key already and is none of the bases: a settled save would add nothing.
    pub existing: Option<SnapshotId>,
}

/// Commits a save: the objects are stored, and this makes them a snapshot. Safe to repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitSave {
    /// The rungs of the derivation the state is saved under; for a settled save its key is the one the save began with.
    pub ladder: Ladder,
    /// The sketch of that derivation.
    pub sketch: Sketch,
    /// The object that holds that derivation.
    pub derivation: ObjectId,
    /// The object that holds the tree's root.
    pub manifest: ObjectId,
    /// Every object of the snapshot, in any order, the two above included.
    pub objects: Vec<ObjectRef>,
    /// The digest of the tree without its times.
    pub tree: Digest,
    /// Entries of the tree.
    pub files: u64,
    /// Bytes of the tree's contents, uncompressed.
    pub bytes: u64,
    /// Whether the run succeeded and its inputs did not change meanwhile.
    pub settled: bool,
}

/// What became of a save. The same save id and the same request get the same answer for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Committed {
    /// A snapshot was added.
    Saved {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// The store holds this key already; nothing was added.
    AlreadySaved {
        /// The snapshot that holds it.
        snapshot: SnapshotId,
        /// Whether its tree differs although its inputs are equal: the build is not deterministic.
        nondeterministic: bool,
    },
}

impl Committed {
    /// The snapshot that holds the state.
    pub const fn snapshot(&self) -> SnapshotId {
        match self {
            Self::Saved { snapshot } | Self::AlreadySaved { snapshot, .. } => *snapshot,
        }
    }
}
