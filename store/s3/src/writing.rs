//! Writing: a small object in one request, a large one in parts that become visible when its digest has been seen to agree.
//!
//! A small object is stored only where there is none, since bytes that are there already need no second version. A large one
//! replaces what is there: the condition cannot be set on the end of an upload in parts, and the bytes are the same.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use sci_native::{Checked, Upload};
use sci_service::{Blob, BlobError};

use crate::store::{S3, asked};
use crate::trouble::Trouble;

/// Bytes of one part; an object of no more is stored in one request.
const PART: usize = 8 << 20;
/// Parts that an upload holds: one that is sent, one that is filled.
const HELD: usize = 2;
/// The most bytes of a body that are taken at a time when it is in memory already.
const STEP: usize = 1 << 20;

/// A part that is on its way.
type Sending = Receiver<Result<(), Trouble>>;

impl S3 {
    pub(crate) fn write(&self, blob: &Blob, body: Upload) -> Result<(), BlobError> {
        let body = body.checked(blob, STEP)?;
        let size = usize::try_from(blob.size).unwrap_or(usize::MAX);
        let Some(_held) = self.memory.hold(size.min(PART * HELD)) else {
            return Err(BlobError::Busy(format!("{}: too many objects are sent at once", self.bucket)));
        };
        if size <= PART { self.write_whole(blob, body, size) } else { self.write_parts(blob, body) }
    }

    fn write_whole(&self, blob: &Blob, mut body: Checked, size: usize) -> Result<(), BlobError> {
        let mut whole = BytesMut::with_capacity(size);
        while let Some(part) = body.next_part()? {
            whole.extend_from_slice(&part);
        }
        let (place, whole) = (self.place(&blob.key), whole.freeze());
        if self.create(&place, &whole).map_err(|trouble| self.blob_error(&trouble))? == Created::Exists
            && !self.examine(blob)?
        {
            // Somebody damaged it; what was just verified heals it.
            self.replace(&place, whole).map_err(|trouble| self.blob_error(&trouble))?;
        }
        Ok(())
    }

    /// Stores something where there is nothing.
    pub(crate) fn create(&self, place: &Path, bytes: &Bytes) -> Result<Created, Trouble> {
        if self.conditional.load(Ordering::Relaxed) {
            match self.put_once(place, bytes.clone(), PutMode::Create) {
                Ok(()) => return Ok(Created::Now),
                Err(trouble) if matches!(trouble.answer(), Some((304 | 409 | 412, _))) => return Ok(Created::Exists),
                Err(trouble) if matches!(trouble.answer(), Some((501, _) | (_, "NotImplemented"))) => {
                    self.conditional.store(false, Ordering::Relaxed);
                    tracing::warn!(bucket = %self.bucket, "the server has no conditional writes: objects are replaced");
                }
                // What was sent may have arrived. The request below may be repeated, and does no harm if it has.
                Err(trouble) if trouble.answer().is_none() => {}
                Err(trouble) => return Err(trouble),
            }
        }
        self.replace(place, bytes.clone()).map(|()| Created::Now)
    }

    fn replace(&self, place: &Path, bytes: Bytes) -> Result<(), Trouble> {
        self.put_once(place, bytes, PutMode::Overwrite)
    }

    fn put_once(&self, place: &Path, bytes: Bytes, mode: PutMode) -> Result<(), Trouble> {
        let place = place.clone();
        let options = PutOptions { mode, ..PutOptions::default() };
        self.ask(|client| async move { client.put_opts(&place, bytes.into(), options).await.map(drop) })
    }

    fn write_parts(&self, blob: &Blob, mut body: Checked) -> Result<(), BlobError> {
        let place = self.place(&blob.key);
        let begun = self.ask(|client| async move { client.put_multipart(&place).await });
        let mut upload = begun.map_err(|trouble| self.blob_error(&trouble))?;
        match self.send_parts(&mut *upload, &mut body) {
            Ok(()) => self.complete(upload),
            Err(error) => {
                self.abort(upload, blob);
                Err(error)
            }
        }
    }

    /// Sends every part. Succeeds only when the bytes were the object.
    fn send_parts(&self, upload: &mut dyn MultipartUpload, body: &mut Checked) -> Result<(), BlobError> {
        let mut sending: Option<Sending> = None;
        let mut filled = BytesMut::with_capacity(PART);
        let mut is_over = false;
        while !is_over {
            let mut rest = match body.next_part()? {
                Some(part) => part,
                None => {
                    is_over = true;
                    Bytes::new()
                }
            };
            while !rest.is_empty() || (is_over && !filled.is_empty()) {
                let taken = rest.split_to(rest.len().min(PART - filled.len()));
                filled.extend_from_slice(&taken);
                if filled.len() < PART && !is_over {
                    break;
                }
                let part = std::mem::replace(&mut filled, BytesMut::with_capacity(if is_over { 0 } else { PART }));
                self.sent(sending.take())?;
                sending = self.driver.start(asked(upload.put_part(PutPayload::from_bytes(part.freeze()))));
            }
        }
        self.sent(sending)
    }

    /// Waits for a part to be stored.
    fn sent(&self, sending: Option<Sending>) -> Result<(), BlobError> {
        let Some(sending) = sending else { return Ok(()) };
        let sent = sending.recv().unwrap_or(Err(Trouble::PANICKED));
        sent.map_err(|trouble| self.blob_error(&trouble))
    }

    fn complete(&self, mut upload: Box<dyn MultipartUpload>) -> Result<(), BlobError> {
        let completing = async move {
            let completed = asked(upload.complete()).await;
            // An end whose answer was lost may have been one. Nothing is aborted then, and a repetition replaces it.
            if completed.as_ref().is_err_and(|trouble| trouble.answer().is_some()) {
                let _ = upload.abort().await;
            }
            completed.map(drop)
        };
        self.wait(completing).map_err(|trouble| self.blob_error(&trouble))
    }

    fn abort(&self, mut upload: Box<dyn MultipartUpload>, blob: &Blob) {
        if let Err(trouble) = self.ask(|_| async move { upload.abort().await }) {
            let error = trouble.sentence(&self.bucket);
            tracing::warn!(object = %blob.key.object, error, "parts of an object that was given up stay in the bucket");
        }
    }
}

/// What became of something that was to be stored where there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is stored.
    Now,
    /// There is something already.
    Exists,
}
