//! Reading: a range arrives part after part while it is taken, and no faster.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _};
use sci_native::{Arriving, Bucket, Download, Elsewhere as _};
use sci_service::{Blob, BlobError, BlobKey};
use sci_store_api::ObjectId;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Sender, channel};

use crate::observed::Sight;
use crate::store::S3;
use crate::trouble::Trouble;

/// Parts that may wait to be taken.
const WAITING: usize = 2;
/// Bytes that are hashed at a time.
const STEP: usize = 256 * 1_024;
/// The status of a range that begins beyond the end.
const NO_SUCH_RANGE: u16 = 416;

impl S3 {
    pub(crate) fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        if range.is_empty() {
            // No request asks for nothing.
            let is_within = self.size(key)?.is_some_and(|size| range.end <= size);
            return if is_within { Ok(Download::Memory(Bytes::new())) } else { Err(BlobError::Missing) };
        }
        let found = self.open(self.place(key), range)?;
        Ok(self.arriving(found))
    }

    /// Begins to read a range.
    pub(crate) fn open(&self, place: Path, range: Range<u64>) -> Result<GetResult, BlobError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        match self.ask(|client| async move { client.get_opts(&place, options).await }) {
            // A server gives what there is of a range.
            Ok(found) if found.range == range => Ok(found),
            Ok(_) => Err(BlobError::Missing),
            Err(trouble) if matches!(trouble.answer(), Some((NO_SUCH_RANGE, _))) => Err(BlobError::Missing),
            Err(trouble) => Err(self.blob_error(&trouble)),
        }
    }

    /// Lets what was found arrive.
    fn arriving(&self, found: GetResult) -> Download {
        let (send, mut receive) = channel(WAITING);
        let pumping = pump(found, send, self.bucket.clone());
        // Whoever waits for the parts sees that they have ended.
        drop(self.driver.start(pumping));
        Download::Parts(Arriving::new(std::iter::from_fn(move || receive.blocking_recv())))
    }

    pub(crate) fn examine(&self, blob: &Blob) -> Result<bool, BlobError> {
        if blob.size == 0 {
            return Ok(self.size(&blob.key)? == Some(0) && ObjectId::of(b"") == blob.key.object);
        }
        let found = match self.open(self.place(&blob.key), 0..blob.size) {
            Ok(found) if found.meta.size == blob.size => found,
            Ok(_) | Err(BlobError::Missing) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut body = self.arriving(found);
        let mut hasher = Sha256::new();
        loop {
            // What did not arrive may be whole all the same: that is not known.
            let part = body.next_part(STEP).map_err(|error| BlobError::Failed(error.to_string()))?;
            if part.is_empty() {
                return Ok(hasher.finalize().as_slice() == blob.key.object.as_bytes());
            }
            hasher.update(&part);
        }
    }
}

/// Hands parts on as they arrive, until the range is complete or nobody takes them any more.
async fn pump(found: GetResult, parts: Sender<io::Result<Bytes>>, bucket: Bucket) {
    let mut missing = found.range.end - found.range.start;
    let sight = Sight::default();
    let mut stream = found.into_stream();
    let failed = loop {
        match sight.of(stream.next()).await {
            None if missing == 0 => return,
            None => break Trouble::Other("an object ended early"),
            Some(Err(error)) => break sight.trouble(&error),
            Some(Ok(part)) => match missing.checked_sub(part.len() as u64) {
                None => break Trouble::Other("an object is longer than was said"),
                Some(left) => {
                    missing = left;
                    if parts.send(Ok(part)).await.is_err() {
                        return;
                    }
                }
            },
        }
    };
    // Nobody may be there any more to be told.
    let _ = parts.send(Err(io::Error::other(failed.sentence(&bucket)))).await;
}
