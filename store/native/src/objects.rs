//! The objects of a store on this machine, wherever they are: in its directory, or in a bucket.

use std::fmt;
use std::ops::Range;

use sci_service::{Blob, BlobError, BlobKey, Blobs};
use sci_store_api::StoreId;

use crate::body::{Download, Upload};
use crate::bucket::Bucket;
use crate::{Disk, Error};

/// Where a store's objects are.
#[derive(Debug)]
pub enum Objects {
    /// In its directory.
    Here(Disk),
    /// In a bucket.
    Elsewhere(Box<dyn Elsewhere>),
}

/// Objects in a bucket, for one store alone. Each method may block, and does what the method of [`Blobs`] with its name does.
pub trait Elsewhere: fmt::Debug + fmt::Display + Send + Sync {
    /// Sees whether the bucket can be used and is this store's, and makes it this store's when it is nobody's.
    ///
    /// # Errors
    /// [`Error::Bucket`].
    fn check(&self) -> Result<(), Error>;

    /// As [`Blobs::put`].
    ///
    /// # Errors
    /// [`BlobError`].
    fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError>;

    /// As [`Blobs::get`].
    ///
    /// # Errors
    /// [`BlobError`].
    fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError>;

    /// As [`Blobs::size`].
    ///
    /// # Errors
    /// [`BlobError`].
    fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError>;

    /// As [`Blobs::is_whole`].
    ///
    /// # Errors
    /// [`BlobError`].
    fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError>;

    /// As [`Blobs::delete`].
    ///
    /// # Errors
    /// [`BlobError`].
    fn delete(&self, key: &BlobKey) -> Result<(), BlobError>;

    /// As [`Blobs::first_missing`].
    ///
    /// # Errors
    /// [`BlobError`].
    fn first_missing(&self, blobs: &[Blob]) -> Result<Option<usize>, BlobError>;
}

/// What reaches buckets.
pub trait Connect: fmt::Debug + Send + Sync {
    /// Gets ready to use a bucket for a store. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`Error::Bucket`] when the settings cannot be used.
    fn connect(&self, bucket: &Bucket, store: &StoreId) -> Result<Box<dyn Elsewhere>, Error>;
}

/// Reaches none: for a program without HTTP.
#[derive(Debug, Clone, Copy)]
pub struct NoBuckets;

impl Connect for NoBuckets {
    fn connect(&self, bucket: &Bucket, _store: &StoreId) -> Result<Box<dyn Elsewhere>, Error> {
        let problem = format!("the store's objects are in {bucket}, and this program reaches no buckets");
        Err(Error::Bucket { problem, hint: "use the store with `sci`" })
    }
}

impl Objects {
    /// Sees whether the objects can be used at all: a directory was seen when it was opened, a bucket is asked.
    ///
    /// # Errors
    /// [`Error::Bucket`].
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Here(_) => Ok(()),
            Self::Elsewhere(bucket) => bucket.check(),
        }
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("the store's directory"),
            Self::Elsewhere(bucket) => bucket.fmt(f),
        }
    }
}

/// Does the same with either.
macro_rules! either {
    ($objects:expr, $method:ident($($argument:expr),*)) => {
        match $objects {
            Objects::Here(disk) => disk.$method($($argument),*).await,
            Objects::Elsewhere(bucket) => bucket.$method($($argument),*),
        }
    };
}

impl Blobs for Objects {
    type Upload = Upload;
    type Download = Download;
    /// As on a [`Disk`]; a bucket keeps the parts that have arrived.
    const UNFINISHED_TAKES_ROOM: bool = true;

    async fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        either!(self, put(blob, body))
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        either!(self, get(key, range))
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        either!(self, size(key))
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        either!(self, is_whole(blob))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        either!(self, delete(key))
    }

    async fn flush(&self) -> Result<(), BlobError> {
        match self {
            Self::Here(disk) => disk.flush().await,
            // A bucket has acknowledged what was put, which is all that it says.
            Self::Elsewhere(_) => Ok(()),
        }
    }

    async fn first_missing(&self, blobs: &[Blob]) -> Result<Option<usize>, BlobError> {
        either!(self, first_missing(blobs))
    }
}
