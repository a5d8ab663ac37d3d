//! The store behind the commands: in this process, or somewhere else. Both do the same; the words differ when they fail.

use std::ops::Range;

use sci_hasher::Digest;
use sci_native::{Embedded, EmbeddedSave};
use sci_remote::{Remote, RemoteSave};
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanQuery, PlanSummary, PlannedPath};
use sci_store_api::resolve::{ResolveRequest, ResolveResponse};
use sci_store_api::saves::{BegunSave, CommitSave, Committed};
use sci_store_api::snapshots::{SnapshotDetail, SnapshotPage, SnapshotQuery};
use sci_store_api::{
    ErrorCode, Instance, Object, ObjectId, ObjectSink, ObjectSource, PathName, PlanId, SnapshotId, TransferError,
};

/// Where the commands' store is.
#[derive(Debug)]
pub enum Backend {
    /// In a directory of this machine, used from this process.
    Embedded(Box<Embedded>),
    /// At the `url` of sci.toml, or of `--store`.
    Remote(Remote),
}

/// What went wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// In this process.
    #[error(transparent)]
    Embedded(#[from] sci_native::Error),
    /// Somewhere else, or on the way.
    #[error(transparent)]
    Remote(#[from] sci_remote::Error),
}

impl StoreError {
    /// The service's code; none when it gave no answer.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Embedded(error) => error.code(),
            Self::Remote(error) => error.code(),
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Embedded(error) => error.hint(),
            Self::Remote(error) => error.hint(),
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// Does the same with either.
macro_rules! either {
    ($backend:expr, $store:ident => $call:expr) => {
        match $backend {
            Backend::Embedded($store) => Ok($call?),
            Backend::Remote($store) => Ok($call?),
        }
    };
}

impl Backend {
    /// Chooses the best snapshot of each path instance.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn resolve(&self, request: &ResolveRequest) -> Result<ResolveResponse> {
        either!(self, store => store.resolve(request))
    }

    /// Begins the save of a path instance.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(
        &self,
        path: &PathName,
        instance: &Instance,
        key: Digest,
        bases: Vec<SnapshotId>,
    ) -> Result<Saving<'_>> {
        match self {
            Self::Embedded(store) => Ok(Saving::Embedded(store.begin(path, instance, key, bases)?)),
            Self::Remote(store) => Ok(Saving::Remote(store.begin(path, instance, key, bases)?)),
        }
    }

    /// Stores a derivation, for [`Backend::record_plan`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_derivation(&self, bytes: Vec<u8>) -> Result<ObjectId> {
        match self {
            Self::Embedded(store) => Ok(store.put_derivation(bytes)?),
            Self::Remote(store) => Ok(store.put_derivation(&bytes)?),
        }
    }

    /// Stores what was planned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn record_plan(&self, paths: Vec<PlannedPath>) -> Result<PlanId> {
        either!(self, store => store.record_plan(paths))
    }

    /// The newest plans, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plans(&self, query: &PlanQuery) -> Result<Vec<PlanSummary>> {
        either!(self, store => store.plans(query))
    }

    /// One plan, with the derivations of those of its candidates that still exist.
    ///
    /// # Errors
    /// [`StoreError`]; `not-found` when there is none.
    pub fn explain(&self, plan: &PlanId) -> Result<Explanation> {
        either!(self, store => store.explain(plan))
    }

    /// Snapshots that the caller may read, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshots(&self, query: &SnapshotQuery) -> Result<SnapshotPage> {
        either!(self, store => store.snapshots(query))
    }

    /// One snapshot with its signed record, which is verified by [`super::Store::verify`].
    ///
    /// # Errors
    /// [`StoreError`]; `not-found` when there is none.
    pub fn snapshot(&self, id: &SnapshotId) -> Result<SnapshotDetail> {
        either!(self, store => store.snapshot(id))
    }

    /// Removes a snapshot from the index.
    ///
    /// # Errors
    /// [`StoreError`]; `not-found` when there is none.
    pub fn forget(&self, id: &SnapshotId) -> Result<()> {
        either!(self, store => store.forget(id))
    }

    /// The size in bytes of an object, of which as much was read as shows that it is there.
    ///
    /// # Errors
    /// [`StoreError`]; `unknown-object` when there is none for this caller.
    pub fn object_size(&self, id: &ObjectId) -> Result<u64> {
        either!(self, store => store.object_size(id))
    }

    /// Whether an object's bytes are its own.
    ///
    /// # Errors
    /// [`StoreError`]; `unknown-object` when there is none for this caller.
    pub fn is_whole(&self, id: &ObjectId) -> Result<bool> {
        match self {
            Self::Embedded(store) => Ok(store.is_whole(id)?),
            Self::Remote(store) => match store.object(id) {
                Err(sci_remote::Error::Damaged { .. }) => Ok(false),
                read => Ok(read.map(|_| true)?),
            },
        }
    }

    /// A whole object, verified.
    ///
    /// # Errors
    /// [`StoreError`]; `unknown-object` when there is none for this caller.
    pub fn object(&self, id: &ObjectId) -> Result<Vec<u8>> {
        either!(self, store => store.object(id))
    }
}

impl ObjectSource for Backend {
    fn reads_at_once(&self) -> usize {
        match self {
            Self::Embedded(store) => store.reads_at_once(),
            Self::Remote(store) => store.reads_at_once(),
        }
    }

    fn read(&self, object: &ObjectId, range: Range<u64>) -> std::result::Result<Vec<u8>, TransferError> {
        match self {
            Self::Embedded(store) => store.read(object, range),
            Self::Remote(store) => store.read(object, range),
        }
    }
}

/// A save in progress: the sink for its objects.
#[derive(Debug)]
pub enum Saving<'a> {
    /// Into the embedded store.
    Embedded(EmbeddedSave<'a>),
    /// Into the remote one.
    Remote(RemoteSave),
}

impl Saving<'_> {
    /// What the store said at the beginning.
    pub const fn begun(&self) -> &BegunSave {
        match self {
            Self::Embedded(save) => save.begun(),
            Self::Remote(save) => save.begun(),
        }
    }

    /// Makes the stored objects a snapshot.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn commit(&self, commit: &CommitSave) -> Result<Committed> {
        match self {
            Self::Embedded(save) => Ok(save.commit(commit)?),
            Self::Remote(save) => Ok(save.commit(commit)?),
        }
    }
}

impl ObjectSink for Saving<'_> {
    fn put(&self, object: Object) -> std::result::Result<(), TransferError> {
        match self {
            Self::Embedded(save) => save.put(object),
            Self::Remote(save) => save.put(object),
        }
    }
}
