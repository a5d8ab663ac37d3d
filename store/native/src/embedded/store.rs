//! The store as its caller sees it.

use std::path::{Path, PathBuf};

use pollster::block_on;
use sci_faults::Step;
use sci_hasher::Digest;
use sci_service::{Audited, Caller, Hold};
use sci_store_api::admin::Repaired;
use sci_store_api::dsse::{self, Envelope, PublicKey, Verified, VerifyError};
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanQuery, PlanSummary, PlannedPath, RecordPlan};
use sci_store_api::resolve::{MAX_PATHS, ResolveRequest, ResolveResponse};
use sci_store_api::saves::BeginSave;
use sci_store_api::session::Session;
use sci_store_api::snapshots::{SnapshotDetail, SnapshotPage, SnapshotQuery};
use sci_store_api::{
    ApiError, ErrorCode, Instance, Nonce, Object, ObjectId, ObjectSource, PathName, PlanId, SnapshotId,
};

use super::EmbeddedSave;
use super::reader::Opened;
use crate::Error;
use crate::objects::{Connect, NoBuckets, Objects};
use crate::open::{self, NativeService};

/// A store in a directory, used by one caller. Synchronous; may be used from many threads, and many processes may open one
/// directory at once.
#[derive(Debug)]
pub struct Embedded {
    directory: PathBuf,
    pub(super) service: NativeService,
    pub(super) caller: Caller,
    pub(super) opened: Opened,
}

impl Embedded {
    /// Opens the store in `directory`, which is made, with a new signing key, when it is absent or empty.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] and [`Error::NotAStore`] before anything is written; [`Error::Io`]; [`Error::Service`] when the
    /// index cannot be used.
    pub fn open(directory: &Path, caller: Caller) -> Result<Self, Error> {
        Self::open_with(directory, caller, &NoBuckets)
    }

    /// As [`Embedded::open`], of a store whose objects may be in a bucket.
    ///
    /// # Errors
    /// As [`Embedded::open`]; [`Error::Bucket`].
    pub fn open_with(directory: &Path, caller: Caller, connect: &dyn Connect) -> Result<Self, Error> {
        let service = open::service_with(directory, None, connect)?;
        Ok(Self { directory: directory.to_owned(), service, caller, opened: Opened::default() })
    }

    /// The store's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where its objects are.
    pub fn objects(&self) -> &Objects {
        self.service.blobs()
    }

    /// Who uses it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the caller may do, and the store's keys.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn session(&self) -> Result<Session, Error> {
        Ok(block_on(self.service.session(&self.caller))?)
    }

    /// Chooses the best snapshot of each path instance, of which there may be any number; what is chosen is remembered as
    /// served to this run.
    ///
    /// # Errors
    /// [`Error::Service`]. A damaged snapshot is a refusal with its reason, not an error.
    pub fn resolve(&self, request: &ResolveRequest) -> Result<ResolveResponse, Error> {
        let mut paths = Vec::with_capacity(request.paths.len());
        for part in request.paths.chunks(MAX_PATHS) {
            let part = ResolveRequest { paths: part.to_vec(), ancestors: request.ancestors.clone() };
            paths.extend(block_on(self.service.resolve(&self.caller, &part))?.paths);
        }
        Ok(ResolveResponse { paths })
    }

    /// Begins the save of a path instance. `key` is the one planned before the run; `bases` are the snapshots of this path
    /// that the state grew from, each served to this run.
    ///
    /// # Errors
    /// [`Error::Service`], with the codes of the service's `begin_save`.
    pub fn begin(
        &self,
        path: &PathName,
        instance: &Instance,
        key: Digest,
        bases: Vec<SnapshotId>,
    ) -> Result<EmbeddedSave<'_>, Error> {
        let nonce = Nonce::from_bytes(crate::random()?);
        let request = BeginSave { nonce, path: path.clone(), instance: instance.clone(), key, bases };
        let begun = block_on(self.service.begin_save(&self.caller, &request))?;
        sci_faults::at(Step::SaveBegun);
        Ok(EmbeddedSave { store: self, begun })
    }

    /// Stores a derivation, for [`Embedded::record_plan`]. One that is there, whole, and that the caller may read, is as good:
    /// an unchanged workspace plans the same again and again.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn put_derivation(&self, bytes: Vec<u8>) -> Result<ObjectId, Error> {
        let object = Object::of(bytes);
        let id = object.id();
        if self.is_whole(&id).is_ok_and(|whole| whole) {
            return Ok(id);
        }
        block_on(self.service.put_object(&self.caller, Hold::Run, id, object.size(), object.into()))?;
        Ok(id)
    }

    /// Stores what was planned.
    ///
    /// # Errors
    /// [`Error::Service`]; `unknown-object` when a derivation was not put by this run and is not one it may read.
    pub fn record_plan(&self, paths: Vec<PlannedPath>) -> Result<PlanId, Error> {
        let request = RecordPlan { nonce: Nonce::from_bytes(crate::random()?), paths };
        Ok(block_on(self.service.record_plan(&self.caller, &request))?)
    }

    /// The newest plans, newest first.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn plans(&self, query: &PlanQuery) -> Result<Vec<PlanSummary>, Error> {
        Ok(block_on(self.service.plans(&self.caller, query))?)
    }

    /// One plan, with the derivations of those of its candidates that still exist.
    ///
    /// # Errors
    /// [`Error::Service`]; `not-found` when there is none.
    pub fn explain(&self, plan: &PlanId) -> Result<Explanation, Error> {
        Ok(block_on(self.service.explain(&self.caller, plan))?)
    }

    /// Snapshots that the caller may read, newest first.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn snapshots(&self, query: &SnapshotQuery) -> Result<SnapshotPage, Error> {
        Ok(block_on(self.service.snapshots(&self.caller, query))?)
    }

    /// One snapshot with its signed record, which the caller verifies: see [`Embedded::verify`].
    ///
    /// # Errors
    /// [`Error::Service`]; `not-found` when there is none.
    pub fn snapshot(&self, id: &SnapshotId) -> Result<SnapshotDetail, Error> {
        Ok(block_on(self.service.snapshot(&self.caller, id))?)
    }

    /// Removes a snapshot from the index; its objects go with a later collection.
    ///
    /// # Errors
    /// [`Error::Service`]; `not-found` when there is none.
    pub fn forget(&self, id: &SnapshotId) -> Result<(), Error> {
        Ok(block_on(self.service.forget(&self.caller, id))?)
    }

    /// The records of the project, newest first: their numbers in the index, for [`Embedded::audit`], and their snapshots.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn audit_list(&self) -> Result<Vec<(i64, SnapshotId)>, Error> {
        Ok(block_on(self.service.audit_list(&self.caller))?)
    }

    /// Compares what the index says of one record with what was signed; `None` when it was forgotten meanwhile, or is none
    /// that the caller may read.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn audit(&self, number: i64) -> Result<Option<Audited>, Error> {
        Ok(block_on(self.service.audit(&self.caller, number))?)
    }

    /// Whether an object that the caller may read is in the store, whole.
    ///
    /// # Errors
    /// [`Error::Service`]; `unknown-object` when there is none for this caller.
    pub fn is_whole(&self, id: &ObjectId) -> Result<bool, Error> {
        let blob = block_on(self.service.authorise(&self.caller, id))?;
        Ok(block_on(self.service.is_whole(&blob))?)
    }

    /// Reads every object of the project that no snapshot cites, and gives those that are damaged.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn damaged_loose_objects(&self) -> Result<Vec<ObjectId>, Error> {
        let mut damaged = Vec::new();
        for blob in block_on(self.service.loose_objects(&self.caller))? {
            if !block_on(self.service.is_whole(&blob))? {
                damaged.push(blob);
            }
        }
        if !damaged.is_empty() {
            // What was collected meanwhile is missing, and rightly so.
            let still = block_on(self.service.loose_objects(&self.caller))?;
            damaged.retain(|blob| still.contains(blob));
        }
        Ok(damaged.into_iter().map(|blob| blob.key.object).collect())
    }

    /// Drops those of `objects` that are damaged, with the snapshots that cite them, and forgets the records of these
    /// numbers.
    ///
    /// # Errors
    /// [`Error::Service`]; what was done until then stays done, and the next repair goes on.
    pub fn repair(&self, objects: &[ObjectId], records: &[i64]) -> Result<Repaired, Error> {
        let repaired = block_on(self.service.repair(&self.caller.repository, objects, records));
        self.opened.close();
        Ok(repaired?)
    }

    /// A whole object (a manifest, a derivation), verified.
    ///
    /// # Errors
    /// [`Error::Service`]: `unknown-object` when there is none for this caller, `corrupt` when its bytes are not its own.
    pub fn object(&self, id: &ObjectId) -> Result<Vec<u8>, Error> {
        let size = self.opened(id)?.size;
        let refused = |code, message: String| Error::Service(sci_service::Error::Refused(ApiError::new(code, message)));
        let bytes = self.read(id, 0..size).map_err(|error| refused(ErrorCode::Unavailable, error.to_string()))?;
        if ObjectId::of(&bytes) == *id {
            Ok(bytes)
        } else {
            Err(refused(ErrorCode::Corrupt, format!("object {id} is damaged: its bytes have another SHA-256")))
        }
    }

    /// The keys that sign this store's records.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn public_keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(self.session()?.public_keys)
    }

    /// Verifies a record against `trusted`, and that it was made for this store and project.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, envelope: &Envelope, trusted: &[PublicKey]) -> Result<Verified, VerifyError> {
        dsse::verify_for(envelope, trusted, self.service.store(), &self.caller.repository)
    }
}
