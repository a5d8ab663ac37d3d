//! A save in progress.

use pollster::block_on;
use sci_faults::Step;
use sci_service::Hold;
use sci_store_api::saves::{BegunSave, CommitSave, Committed};
use sci_store_api::{ErrorCode, Object, ObjectSink, TransferError};

use super::Embedded;
use crate::Error;

/// A save in progress: the sink for its objects. Dropped without a commit it leaves nothing visible; what it stored is
/// collected when its time of grace is over.
#[derive(Debug)]
pub struct EmbeddedSave<'a> {
    pub(super) store: &'a Embedded,
    pub(super) begun: BegunSave,
}

impl EmbeddedSave<'_> {
    /// What the store said at the beginning.
    pub const fn begun(&self) -> &BegunSave {
        &self.begun
    }

    /// Makes the stored objects a snapshot, which then survives a power cut. Safe to repeat.
    ///
    /// # Errors
    /// [`Error::Service`], with the codes of the service's `commit_save`.
    pub fn commit(&self, commit: &CommitSave) -> Result<Committed, Error> {
        let committed = block_on(self.store.service.commit_save(&self.store.caller, self.begun.save, commit))?;
        sci_faults::at(Step::SaveAcknowledged);
        Ok(committed)
    }
}

impl ObjectSink for EmbeddedSave<'_> {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        let (hold, id, size) = (Hold::Save(self.begun.save), object.id(), object.size());
        let put = self.store.service.put_object(&self.store.caller, hold, id, size, object.into());
        block_on(put).map_err(|error| match error.code() {
            _ if error.is_full() => TransferError::NoRoom { object: id, reason: error.to_string() },
            ErrorCode::Retry | ErrorCode::NotFound => TransferError::Again { object: id, reason: error.to_string() },
            _ => TransferError::Failed { object: id, reason: error.to_string() },
        })
    }
}
