//! Objects in memory, for tests of what does not need a disk.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sci_service::{Blob, BlobError, BlobKey, Blobs};
use sci_store_api::ObjectId;

use crate::body::{Download, Upload};

/// Objects in memory.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<HashMap<BlobKey, Bytes>>,
}

impl MemoryBlobs {
    fn blobs(&self) -> MutexGuard<'_, HashMap<BlobKey, Bytes>> {
        // Each change is one call on the map, so a panic elsewhere leaves it whole.
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs for MemoryBlobs {
    type Upload = Upload;
    type Download = Download;

    async fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        let mut body = body.checked(blob, usize::MAX)?;
        let mut whole = Vec::new();
        while let Some(part) = body.next_part()? {
            whole.extend_from_slice(&part);
        }
        self.blobs().insert(blob.key.clone(), whole.into());
        Ok(())
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        let blob = self.blobs().get(key).cloned().ok_or(BlobError::Missing)?;
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
            return Err(BlobError::Missing);
        };
        let is_within = start <= end && end <= blob.len();
        if is_within { Ok(Download::Memory(blob.slice(start..end))) } else { Err(BlobError::Missing) }
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(self.blobs().get(key).map(|blob| blob.len() as u64))
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        let found = self.blobs().get(&blob.key).cloned();
        Ok(found.is_some_and(|body| body.len() as u64 == blob.size && ObjectId::of(&body) == blob.key.object))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.blobs().remove(key);
        Ok(())
    }

    async fn flush(&self) -> Result<(), BlobError> {
        Ok(())
    }
}
