//! A save in progress.

use std::time::Duration;

use sci_store_api::saves::{BegunSave, CommitSave, Committed};
use sci_store_api::{ErrorCode, Object, ObjectId, ObjectSink, TransferError, routes};

use crate::call::Kind;
use crate::error::Error;
use crate::remote::Remote;
use crate::uploads::Uploads;

/// How fast the store is believed to bring a save's bytes to its disk at the commit, in bytes per second.
const FLUSHED: u64 = 8 << 20;

/// A save in progress: the sink for its objects. Dropped without a commit it leaves nothing visible; what it stored is
/// collected when its time of grace is over.
#[derive(Debug)]
pub struct RemoteSave {
    remote: Remote,
    begun: BegunSave,
    uploads: Uploads,
}

impl RemoteSave {
    pub(crate) fn new(remote: Remote, begun: BegunSave) -> Self {
        let uploads = Uploads::new(remote.clone(), begun.save);
        Self { remote, begun, uploads }
    }

    /// What the store said at the beginning.
    pub const fn begun(&self) -> &BegunSave {
        &self.begun
    }

    /// Waits until every object is stored, and makes them a snapshot. Safe to repeat.
    ///
    /// # Errors
    /// [`Error`]; [`Error::NoAnswer`] says when it is unknown whether the snapshot was made.
    pub fn commit(&self, commit: &CommitSave) -> Result<Committed, Error> {
        self.uploads.finish()?;
        let bytes: u64 = commit.objects.iter().map(|object| object.size).fold(0, u64::saturating_add);
        let work = Duration::from_secs(bytes / FLUSHED);
        let target = routes::fill(routes::COMMIT, self.begun.save);
        self.remote.post(&target, commit, Kind { changes: true, work, ..Kind::default() })
    }
}

impl ObjectSink for RemoteSave {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        let id = object.id();
        self.uploads.put(id, object.into_bytes()).map_err(|error| refused(id, &error))
    }
}

fn refused(object: ObjectId, error: &Error) -> TransferError {
    let reason = error.to_string();
    match error.code() {
        Some(ErrorCode::Quota) => TransferError::NoRoom { object, reason },
        Some(ErrorCode::Retry | ErrorCode::NotFound) => TransferError::Again { object, reason },
        _ => TransferError::Failed { object, reason },
    }
}
