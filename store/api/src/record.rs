//! The record: what a store signs about one snapshot. It lists every object of the snapshot, so a store never parses a
//! manifest.

use std::collections::BTreeMap;

use sci_hasher::{Digest, Ladder};
use serde::{Deserialize, Serialize};

use crate::{Instance, ObjectId, PathName, RepositoryId, RunId, Scope, SnapshotId, StoreId, UnixMillis};

/// The version this crate writes, and the only one it reads.
pub const VERSION: u32 = 1;
/// The largest payload, in bytes: a row of the index must hold it.
pub const MAX_PAYLOAD: usize = 3 << 19;
/// The most objects of one snapshot.
pub const MAX_OBJECTS: usize = 8_192;
/// The most parents that a record names.
pub const MAX_PARENTS: usize = 4_096;
/// The largest object, in bytes.
pub const MAX_OBJECT_SIZE: u64 = 1 << 30;

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// Blocks of compressed contents.
    Pack,
    /// A tree: a manifest's root, or one of its segments.
    Manifest,
    /// The inputs that a snapshot or a plan was derived from.
    Derivation,
}

/// One object of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRef {
    /// The object's address.
    pub id: ObjectId,
    /// Its size in bytes.
    pub size: u64,
    /// What it holds.
    pub kind: ObjectKind,
}

/// The signed statement about one snapshot.
///
/// Its payload is JSON in the order of the fields below, maps in byte order of their keys, without white space; a payload
/// in any other form is refused, so a record has one payload and one [`SnapshotId`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// The store that signed.
    pub store: StoreId,
    /// The repository whose state it is.
    pub repository: RepositoryId,
    /// The scope it was written in.
    pub scope: Scope,
    /// The workspace path.
    pub path: PathName,
    /// The instance of that path.
    pub instance: Instance,
    /// The derivation key: the ladder's top rung.
    pub key: Digest,
    /// The derivation's rungs.
    pub ladder: Ladder,
    /// The object that holds the derivation's inputs.
    pub derivation: ObjectId,
    /// The object that holds the tree's root.
    pub manifest: ObjectId,
    /// Every object of the snapshot, by ascending id, the two above included.
    pub objects: Vec<ObjectRef>,
    /// The digest of the tree without its times: equal for two saves of equal contents.
    pub tree: Digest,
    /// Entries of the tree.
    pub files: u64,
    /// Bytes of the tree's contents, uncompressed.
    pub bytes: u64,
    /// What the identity said of the writer (`sha`, `event_name`, …), checked by the backend.
    pub claims: BTreeMap<String, String>,
    /// The run that wrote it.
    pub run: RunId,
    /// The snapshots that the store had served to that run, on any path, in ascending order: all of them, or [`MAX_PARENTS`] of
    /// more.
    pub parents: Vec<SnapshotId>,
    /// Whether the run succeeded and its inputs did not change meanwhile: only then may the snapshot be `exact`.
    pub settled: bool,
    /// When the store signed.
    pub created: UnixMillis,
}

/// A payload, or a record, that breaks a rule of the format.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The payload is longer than [`MAX_PAYLOAD`].
    #[error("the record has {found} bytes, more than {MAX_PAYLOAD}")]
    TooLarge {
        /// Length in bytes.
        found: usize,
    },
    /// The payload is not the JSON of a record.
    #[error("the record cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A later version of sci wrote it.
    #[error("the record has version {found}; this sci reads version {VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A rule between fields is broken.
    #[error("the record is invalid: {0}")]
    Invalid(&'static str),
}

impl Record {
    /// The payload: the bytes that are signed and whose SHA-256 is the snapshot's id.
    ///
    /// # Errors
    /// [`RecordError`] when the record breaks a rule of the format; what is encoded can always be decoded.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        self.check()?;
        let payload = serde_json::to_vec(self)?;
        if payload.len() > MAX_PAYLOAD { Err(RecordError::TooLarge { found: payload.len() }) } else { Ok(payload) }
    }

    /// Reads a payload. Verify its signature first: see [`crate::dsse`].
    ///
    /// # Errors
    /// [`RecordError`] for anything but the exact bytes that [`Record::encode`] gives.
    pub fn decode(payload: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(RecordError::TooLarge { found: payload.len() });
        }
        let Versioned { version } = serde_json::from_slice(payload)?;
        if version != VERSION {
            return Err(RecordError::Version { found: version });
        }
        let record: Self = serde_json::from_slice(payload)?;
        if record.encode()? == payload { Ok(record) } else { Err(RecordError::Invalid("the payload is not canonical")) }
    }

    /// Bytes of all objects: what the snapshot takes in the store when it shares nothing.
    pub fn stored_bytes(&self) -> u64 {
        self.objects.iter().fold(0, |sum, object| sum.saturating_add(object.size))
    }

    fn check(&self) -> Result<(), RecordError> {
        let holds = |id: &ObjectId, kind| {
            let found = self.objects.binary_search_by_key(id, |object| object.id);
            found.is_ok_and(|at| self.objects[at].kind == kind)
        };
        let rules = [
            (self.version == VERSION, "unknown version"),
            (self.key == self.ladder.key(), "the key is not the ladder's top rung"),
            (self.objects.len() <= MAX_OBJECTS, "too many objects"),
            (self.objects.windows(2).all(|pair| pair[0].id < pair[1].id), "objects are not in ascending order"),
            (self.objects.iter().all(|object| object.size <= MAX_OBJECT_SIZE), "an object is too large"),
            (self.parents.len() <= MAX_PARENTS, "too many parents"),
            (self.parents.windows(2).all(|pair| pair[0] < pair[1]), "parents are not in ascending order"),
            (holds(&self.manifest, ObjectKind::Manifest), "the manifest is not among the objects"),
            (holds(&self.derivation, ObjectKind::Derivation), "the derivation is not among the objects"),
        ];
        rules.into_iter().try_for_each(|(kept, rule)| if kept { Ok(()) } else { Err(RecordError::Invalid(rule)) })
    }
}
