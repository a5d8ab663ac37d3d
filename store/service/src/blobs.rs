//! Where objects' bytes are kept.

use std::fmt;
use std::ops::Range;

use sci_store_api::{ObjectId, RepositoryId};

use crate::sql::{Row, SqlError};

/// The address of one blob: `<repository>/<object>` and the object's number in the index.
///
/// The number is never used twice, so a deletion that was decided long ago can never hit bytes that arrived since:
/// they have another number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobKey {
    /// The repository whose object it is.
    pub repository: RepositoryId,
    /// The SHA-256 of the bytes.
    pub object: ObjectId,
    /// The object's number in the index.
    pub number: i64,
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object.to_string();
        write!(f, "objects/{}/{}/{object}.{}", self.repository, &object[..2], self.number)
    }
}

/// An object that its reader may read, with where it is: authorised once, read as often as needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Where it is.
    pub key: BlobKey,
    /// Its size in bytes.
    pub size: u64,
}

impl Blob {
    /// What a row says whose columns from `at` on are object, number and size.
    pub(crate) fn from_row(repository: RepositoryId, row: &Row, at: usize) -> Result<Self, SqlError> {
        let object = ObjectId::from_bytes(row.id(at)?);
        let key = BlobKey { repository, object, number: row.integer(at + 1)? };
        Ok(Self { key, size: row.unsigned(at + 2)? })
    }
}

/// Keeps blobs. Every method may be repeated; none is ordered with another unless one has returned before the other
/// was called.
pub trait Blobs {
    /// What the host receives a body as.
    type Upload;
    /// What the host sends a body as.
    type Download;
    /// Whether what is being put takes up room before it is known to be the object. It is counted until the put has ended, so
    /// whoever says so sees each one to its end, or drops it; where a put may just stop, it would be counted for ever.
    const UNFINISHED_TAKES_ROOM: bool = false;

    /// Stores a body that must have `blob.size` bytes and the SHA-256 in `blob.key`; replaces what is there.
    ///
    /// All or nothing: a reader never sees a part, and after an error nothing has changed.
    ///
    /// # Errors
    /// [`BlobError::WrongContent`] when the body is something else than announced.
    async fn put(&self, blob: &Blob, body: Self::Upload) -> Result<(), BlobError>;

    /// Reads a range that lies within the blob; the bytes are not verified.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when there is no such blob, or it is shorter than the range.
    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Self::Download, BlobError>;

    /// The size of a blob; `None` when it does not exist.
    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError>;

    /// Reads the whole blob, and says whether it has its size and its SHA-256. One that does not exist, or that the
    /// medium does not give back, is not whole.
    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError>;

    /// Deletes a blob; one that does not exist is a success.
    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError>;

    /// Deletes blobs, as [`Blobs::delete`] does one. After an error some of them may be gone.
    async fn delete_all(&self, keys: &[BlobKey]) -> Result<(), BlobError> {
        for key in keys {
            self.delete(key).await?;
        }
        Ok(())
    }

    /// Returns once everything put before, by this value, would survive a power cut.
    async fn flush(&self) -> Result<(), BlobError>;

    /// Position of the first blob that is not there in full. A backend that must pay for each look may look at samples.
    async fn first_missing(&self, blobs: &[Blob]) -> Result<Option<usize>, BlobError> {
        for (position, blob) in blobs.iter().enumerate() {
            if self.size(&blob.key).await? != Some(blob.size) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }
}

/// Why a blob could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The body is not what was announced.
    #[error("the body of object {object} {fault}")]
    WrongContent {
        /// The object announced.
        object: ObjectId,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// There is no such blob.
    #[error("the blob does not exist")]
    Missing,
    /// There is no room left for it.
    #[error("there is no room left: {0}")]
    Full(String),
    /// The backend wants to be asked less often.
    #[error("{0}")]
    Busy(String),
    /// The backend is somewhere else and cannot be used now.
    #[error("{problem}")]
    Unreachable {
        /// What happened.
        problem: String,
        /// What the operator can do.
        hint: &'static str,
    },
    /// The backend failed.
    #[error("{0}")]
    Failed(String),
}
