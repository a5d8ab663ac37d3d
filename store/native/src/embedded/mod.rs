//! The embedded store: the service in this process, over a directory.

mod caller;

pub use caller::{caller, in_ci};

use std::ops::Range;
use std::path::{Path, PathBuf};

use sci_hasher::Digest;
use sci_service::Caller;
use sci_store_api::admin::{GcPlan, GcPolicy, GcReport};
use sci_store_api::dsse::{Envelope, PublicKey, Verified, VerifyError};
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanSummary, PlannedPath};
use sci_store_api::resolve::{ResolveRequest, ResolveResponse};
use sci_store_api::saves::{BegunSave, CommitSave, Committed};
use sci_store_api::session::Session;
use sci_store_api::snapshots::{SnapshotDetail, SnapshotPage, SnapshotQuery};
use sci_store_api::{Instance, ObjectId, ObjectSink, ObjectSource, PathName, PlanId, RunId, SnapshotId, TransferError};

use crate::Error;

/// A store in a directory, used by one caller. Synchronous; may be used from many threads, and many processes may open one
/// directory at once.
#[derive(Debug)]
pub struct Embedded {
    directory: PathBuf,
    caller: Caller,
}

/// How far a collection reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The caller's project only.
    Project,
    /// Every project of the store.
    Store,
}

impl Embedded {
    /// Opens the store in `directory`, which is made when it is absent or empty.
    pub fn open(directory: &Path, caller: Caller) -> Result<Self, Error> {
        Ok(Self { directory: directory.to_owned(), caller })
    }

    /// The store's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Who uses it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the caller may do.
    pub fn session(&self) -> Result<Session, Error> {
        unimplemented!()
    }

    /// Chooses the best snapshot of each path instance; what is chosen is remembered as served to this run.
    pub fn resolve(&self, _request: &ResolveRequest) -> Result<ResolveResponse, Error> {
        unimplemented!()
    }

    /// Begins the save of a path instance.
    pub fn begin(
        &self,
        _path: &PathName,
        _instance: &Instance,
        _key: Digest,
        _bases: Vec<SnapshotId>,
    ) -> Result<EmbeddedSave<'_>, Error> {
        unimplemented!()
    }

    /// Stores a derivation, for [`Embedded::record_plan`].
    pub fn put_derivation(&self, _bytes: Vec<u8>) -> Result<ObjectId, Error> {
        unimplemented!()
    }

    /// Stores what was planned.
    pub fn record_plan(&self, _paths: Vec<PlannedPath>) -> Result<PlanId, Error> {
        unimplemented!()
    }

    /// The newest plans, newest first.
    pub fn plans(&self, _limit: u32) -> Result<Vec<PlanSummary>, Error> {
        unimplemented!()
    }

    /// One plan, with what its candidates were derived from.
    pub fn explain(&self, _plan: &PlanId) -> Result<Explanation, Error> {
        unimplemented!()
    }

    /// Snapshots that the caller may read, newest first.
    pub fn snapshots(&self, _query: &SnapshotQuery) -> Result<SnapshotPage, Error> {
        unimplemented!()
    }

    /// One snapshot.
    pub fn snapshot(&self, _id: &SnapshotId) -> Result<SnapshotDetail, Error> {
        unimplemented!()
    }

    /// Removes a snapshot from the index; its objects go with a later collection.
    pub fn forget(&self, _id: &SnapshotId) -> Result<(), Error> {
        unimplemented!()
    }

    /// Refuses a run's snapshots and their descendants from now on; gives those that are refused.
    pub fn quarantine(&self, _run: &RunId) -> Result<Vec<SnapshotId>, Error> {
        unimplemented!()
    }

    /// What a collection would do now.
    pub fn plan_gc(&self, _policy: &GcPolicy, _reach: Reach) -> Result<GcPlan, Error> {
        unimplemented!()
    }

    /// Collects.
    pub fn gc(&self, _policy: &GcPolicy, _reach: Reach) -> Result<GcReport, Error> {
        unimplemented!()
    }

    /// The size of an object that the caller may read.
    pub fn object_size(&self, _id: &ObjectId) -> Result<u64, Error> {
        unimplemented!()
    }

    /// A whole object (a manifest, a derivation), verified.
    pub fn object(&self, _id: &ObjectId) -> Result<Vec<u8>, Error> {
        unimplemented!()
    }

    /// The keys that sign this store's records.
    pub fn public_keys(&self) -> Result<Vec<PublicKey>, Error> {
        unimplemented!()
    }

    /// Verifies a record against `trusted`, and that it was made for this store and project.
    pub fn verify(&self, _envelope: &Envelope, _trusted: &[PublicKey]) -> Result<Verified, VerifyError> {
        unimplemented!()
    }
}

impl ObjectSource for Embedded {
    fn read(&self, _object: &ObjectId, _range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        unimplemented!()
    }
}

/// A save in progress: the sink for its objects.
#[derive(Debug)]
pub struct EmbeddedSave<'a> {
    #[allow(dead_code)]
    store: &'a Embedded,
    begun: BegunSave,
}

impl EmbeddedSave<'_> {
    /// What the store said at the beginning.
    pub const fn begun(&self) -> &BegunSave {
        &self.begun
    }

    /// Makes the stored objects a snapshot. Safe to repeat.
    pub fn commit(&self, _commit: &CommitSave) -> Result<Committed, Error> {
        unimplemented!()
    }
}

impl ObjectSink for EmbeddedSave<'_> {
    fn put(&self, _object: &ObjectId, _bytes: Vec<u8>) -> Result<(), TransferError> {
        unimplemented!()
    }
}
