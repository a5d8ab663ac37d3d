//! What the snapshot engine asks of a store, wherever the store is: ranged reads and whole puts of objects.
//!
//! The traits are synchronous and `Sync` because the engine calls them from its own worker threads; an HTTP client blocks
//! on its runtime inside them.

use std::ops::Range;

use crate::{Object, ObjectId};

/// Reads objects. A range is never longer than asked; a shorter one is an error.
pub trait ObjectSource: Sync {
    /// Reads `range` of the object's bytes.
    ///
    /// The bytes are *not* verified here: a range has no digest of its own, so the caller checks what it reads.
    ///
    /// # Errors
    /// [`TransferError::Missing`] when the object does not exist for this reader; [`TransferError::Failed`] otherwise.
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError>;

    /// How many reads are worth having under way at once, whatever the number of processors: one where a read waits for
    /// nothing but this machine.
    fn reads_at_once(&self) -> usize {
        1
    }
}

/// Stores objects. Idempotent: an object that is already there is a success.
pub trait ObjectSink: Sync {
    /// Stores an object. A sink may take it and store it later: that it could not is then told by a later put, or by what
    /// completes the save.
    ///
    /// # Errors
    /// [`TransferError::Failed`]; whether the object was stored is then unknown, and a retry is safe. [`TransferError::Again`].
    fn put(&self, object: Object) -> Result<(), TransferError>;
}

/// Why an object could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The object does not exist, or not for this reader: the two are deliberately indistinguishable.
    #[error("object {object} is not in the store")]
    Missing {
        /// The object asked for.
        object: ObjectId,
    },
    /// What the save relied on was given up, collected or dropped meanwhile: begun anew it may succeed.
    #[error("object {object}: {reason}")]
    Again {
        /// The object sent.
        object: ObjectId,
        /// What happened, for a person.
        reason: String,
    },
    /// The store has no room left for the object.
    #[error("object {object}: {reason}")]
    NoRoom {
        /// The object sent.
        object: ObjectId,
        /// What happened, for a person.
        reason: String,
    },
    /// The store has the object, and its own disk does not give it: the file is cut off, or cannot be read.
    #[error("object {object}: {reason}")]
    Unreadable {
        /// The object asked for.
        object: ObjectId,
        /// What happened, for a person.
        reason: String,
    },
    /// The store answered with something else than was asked, or not at all.
    #[error("object {object}: {reason}")]
    Failed {
        /// The object asked for or sent.
        object: ObjectId,
        /// What happened, for a person.
        reason: String,
    },
}
