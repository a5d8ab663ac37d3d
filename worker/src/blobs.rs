//! Objects in R2. Bodies go from the request to the bucket and from the bucket to the answer without passing through wasm.
//!
//! R2 compares the SHA-256 itself and stores nothing on a mismatch. Nothing is put only if absent: R2 does not read the body
//! of a put whose condition fails, so whoever knows a digest could claim bytes that they do not have.

use std::ops::Range;

use futures_util::future::try_join_all;
use sci_service::{Blob, BlobError, BlobKey, Blobs};
use sci_store_api::ObjectId;
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;
use worker::crypto::{DigestStream, DigestStreamAlgorithm};
use worker::{Bucket, Object, Range as R2Range, ResponseBody};

use crate::fault;

/// Requests to R2 that an invocation has under way: the platform lets the others wait.
const AT_ONCE: usize = 6;
/// The most blobs that are looked at to say that a snapshot is there: each look is a request that is paid for.
const SAMPLES: usize = 24;
/// Keys that one request deletes.
const DELETED_AT_ONCE: usize = 1_000;

/// A body that arrives.
#[derive(Debug)]
pub enum Upload {
    /// All of it.
    Bytes(Vec<u8>),
    /// Of the length that the request announces, which the runtime holds it to.
    Stream(ReadableStream),
}

/// A body that leaves.
#[derive(Debug)]
pub enum Download {
    /// No byte.
    Empty,
    /// What the bucket gave, whose body was not touched.
    Object(Object),
}

/// An R2 bucket.
#[derive(Debug)]
pub struct R2(pub Bucket);

impl R2 {
    async fn digest(&self, object: &Object) -> worker::Result<Option<Vec<u8>>> {
        let Some(body) = object.body() else { return Ok(None) };
        let ResponseBody::Stream(stream) = body.response_body()? else { return Ok(None) };
        let hasher = DigestStream::new(DigestStreamAlgorithm::Sha256);
        JsFuture::from(stream.pipe_to(hasher.raw())).await?;
        Ok(Some(hasher.digest().await?.to_vec()))
    }
}

impl Blobs for R2 {
    type Upload = Upload;
    type Download = Download;

    async fn put(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        let (key, object) = (blob.key.to_string(), blob.key.object);
        let put = match body {
            Upload::Bytes(bytes) if bytes.len() as u64 != blob.size => {
                return Err(BlobError::WrongContent { object, fault: "has not the size that was announced" });
            }
            Upload::Bytes(bytes) => self.0.put(key, bytes),
            Upload::Stream(stream) => self.0.put(key, stream),
        };
        match put.sha256(*object.as_bytes()).execute().await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(object, &error)),
        }
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Download, BlobError> {
        if range.is_empty() {
            let size = self.size(key).await?.ok_or(BlobError::Missing)?;
            return if range.end > size { Err(BlobError::Missing) } else { Ok(Download::Empty) };
        }
        let part = R2Range::OffsetWithLength { offset: range.start, length: range.end - range.start };
        match self.0.get(key.to_string()).range(part).execute().await {
            Ok(Some(object)) if object.size() >= range.end => Ok(Download::Object(object)),
            Ok(_) => Err(BlobError::Missing),
            // It begins beyond the end of what is there.
            Err(error) if is_code(&error, "10039") => Err(BlobError::Missing),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        let found = self.0.head(key.to_string()).await.map_err(|error| failed(&error))?;
        Ok(found.map(|object| object.size()))
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        let found = self.0.get(blob.key.to_string()).execute().await.map_err(|error| failed(&error))?;
        let Some(object) = found.filter(|object| object.size() == blob.size) else { return Ok(false) };
        let digest = self.digest(&object).await.map_err(|error| failed(&error))?;
        Ok(digest.is_some_and(|digest| digest == blob.key.object.as_bytes()))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.0.delete(key.to_string()).await.map_err(|error| failed(&error))
    }

    async fn delete_all(&self, keys: &[BlobKey]) -> Result<(), BlobError> {
        for keys in keys.chunks(DELETED_AT_ONCE) {
            let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
            self.0.delete_multiple(names).await.map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// A put has returned when its bytes are stored for good.
    async fn flush(&self) -> Result<(), BlobError> {
        Ok(())
    }

    async fn first_missing(&self, blobs: &[Blob]) -> Result<Option<usize>, BlobError> {
        for positions in samples(blobs.len()).chunks(AT_ONCE) {
            let looks = positions.iter().map(|position| self.size(&blobs[*position].key));
            let sizes = try_join_all(looks).await?;
            let missing = positions.iter().zip(sizes).find(|(position, size)| *size != Some(blobs[**position].size));
            if let Some((position, _)) = missing {
                return Ok(Some(*position));
            }
        }
        Ok(None)
    }
}

/// All positions below `count`, or some that are evenly apart, with the first and the last.
fn samples(count: usize) -> Vec<usize> {
    if count <= SAMPLES {
        return (0..count).collect();
    }
    (0..SAMPLES).map(|sample| sample * (count - 1) / (SAMPLES - 1)).collect()
}

/// Why R2 did not take a body.
fn refused(object: ObjectId, error: &worker::Error) -> BlobError {
    if is_code(error, "10037") {
        return BlobError::WrongContent { object, fault: "has not the SHA-256 that was announced" };
    }
    failed(error)
}

fn failed(error: &worker::Error) -> BlobError {
    let text = fault::wrapped(error);
    if is_code(error, "10058") { BlobError::Busy(text) } else { BlobError::Failed(text) }
}

/// Whether R2 gave this code, which stands in parentheses at the end of its last line.
fn is_code(error: &worker::Error, code: &str) -> bool {
    error.to_string().contains(&format!("({code})"))
}
