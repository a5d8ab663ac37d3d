//! Administration: forgetting snapshots, quarantine, signing keys, and the collection of what nothing needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dsse::PublicKey;
use crate::{KeyId, ObjectId, RepositoryId, RunId, ScopeClass, SnapshotId, UnixMillis};

/// One day in milliseconds.
pub const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Refuses every snapshot of a run, and all that descends from them, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// The repository.
    pub repository: RepositoryId,
    /// The run.
    pub run: RunId,
}

/// What a quarantine reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Every snapshot of the repository that is refused now, by this or an earlier quarantine.
    pub snapshots: Vec<SnapshotId>,
}

/// Forgets a snapshot, of whatever scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// The repository.
    pub repository: RepositoryId,
    /// The snapshot.
    pub snapshot: SnapshotId,
}

/// Signs with a new key from now on, unless another than `from` signs already: so a repeated request rotates once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// The key that signs until now.
    pub from: KeyId,
}

/// The public halves of a store's keys, the current one first. The private ones never leave the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeys {
    /// The keys, retired ones with their windows.
    pub public_keys: Vec<PublicKey>,
}

/// Collects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// Of this repository only.
    #[serde(default)]
    pub repository: Option<RepositoryId>,
    /// What may be removed.
    pub policy: GcPolicy,
}

/// What collection may remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GcPolicy {
    /// An object goes after nothing has needed it for so many milliseconds; also how long a save without a sign of life
    /// is waited for. At least [`DAY`] outside tests.
    pub grace: u64,
    /// Forget all but the newest so many snapshots of each path instance and scope.
    pub keep_newest: Option<u32>,
    /// Forget snapshots older than so many milliseconds.
    pub max_age: Option<u64>,
    /// Forget snapshots of scopes of a class that were neither saved nor restored for so many milliseconds.
    #[serde(default)]
    pub max_idle: BTreeMap<ScopeClass, u64>,
}

impl Default for GcPolicy {
    fn default() -> Self {
        Self { grace: DAY, keep_newest: None, max_age: None, max_idle: BTreeMap::new() }
    }
}

/// What a collection would do now. Performing it looks at everything again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcPlan {
    /// Snapshots that the policy forgets.
    pub forget: Vec<SnapshotId>,
    /// Saves given up: no sign of life for the grace time.
    pub abandon: u64,
    /// Objects that nothing needs, and whose time of grace begins now.
    pub mark: Vec<GcObject>,
    /// Objects whose time of grace is over.
    pub delete: Vec<GcObject>,
    /// Objects that nothing needs and whose time of grace is not over, those of `mark` included.
    #[serde(default)]
    pub waiting: Held,
    /// Objects of forgotten snapshots alone, kept for runs that the snapshots were served to.
    #[serde(default)]
    pub leased: Held,
}

/// Objects that a collection leaves for now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many.
    pub objects: u64,
    /// Their size together.
    pub bytes: u64,
    /// When the time of the last of them is over; none when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMillis>,
}

impl Held {
    /// Adds an object whose time is over at `until`.
    pub fn add(&mut self, size: u64, until: UnixMillis) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.until = self.until.max(Some(until));
    }
}

impl GcPlan {
    /// Bytes that deleting frees.
    pub fn freed_bytes(&self) -> u64 {
        self.delete.iter().fold(0, |sum, object| sum.saturating_add(object.size))
    }
}

/// An object in a [`GcPlan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GcObject {
    /// The object.
    pub id: ObjectId,
    /// Its size in bytes.
    pub size: u64,
}

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcReport {
    /// Snapshots forgotten.
    pub forgotten: Vec<SnapshotId>,
    /// Objects deleted.
    pub deleted: Vec<GcObject>,
    /// Objects that nothing needs now and that go when their grace is over.
    pub marked: u64,
    /// The same, with their size.
    #[serde(default)]
    pub waiting: Held,
    /// Objects of forgotten snapshots alone, kept for runs that the snapshots were served to.
    #[serde(default)]
    pub leased: Held,
}

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repaired {
    /// Snapshots forgotten: each cited what was dropped, or was no longer what was signed.
    pub forgotten: Vec<SnapshotId>,
    /// Damaged objects removed, so that the next save stores them anew.
    pub dropped: Vec<GcObject>,
    /// Objects that were named, and are what they should be.
    pub sound: Vec<ObjectId>,
}
