//! Reading objects: each is authorised and opened once, then read by any number of threads without a lock.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use pollster::block_on;
use sci_service::{BlobError, BlobKey, Blobs as _};
use sci_store_api::{ErrorCode, ObjectId, ObjectSource, TransferError};

use super::Embedded;
use crate::Error;
use crate::body::read_range;
use crate::objects::Objects;

/// Files kept open; when there are more, all are closed and opened again as needed.
const OPEN_FILES: usize = 256;
/// Reads of a bucket that are worth having under way at once.
const READS_OF_A_BUCKET: usize = 16;

/// The objects opened so far.
#[derive(Debug, Default)]
pub(super) struct Opened {
    files: RwLock<HashMap<ObjectId, Arc<Readable>>>,
}

/// An object that the caller may read.
#[derive(Debug)]
pub(super) struct Readable {
    place: Place,
    pub(super) size: u64,
}

/// Where its bytes are.
#[derive(Debug)]
enum Place {
    Here(File),
    Elsewhere(BlobKey),
}

impl Opened {
    /// Closes everything: what is opened next is what is there then.
    pub(super) fn close(&self) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Embedded {
    pub(super) fn opened(&self, id: &ObjectId) -> Result<Arc<Readable>, Error> {
        let files = &self.opened.files;
        if let Some(object) = files.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Arc::clone(object));
        }
        let blob = block_on(self.service.authorise(&self.caller, id))?;
        let place = match self.service.blobs() {
            Objects::Here(disk) => Place::Here(disk.file(&blob.key).map_err(sci_service::Error::from)?),
            Objects::Elsewhere(_) => Place::Elsewhere(blob.key),
        };
        let object = Arc::new(Readable { place, size: blob.size });
        let mut files = files.write().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= OPEN_FILES {
            files.clear();
        }
        files.insert(*id, Arc::clone(&object));
        Ok(object)
    }

    /// How many bytes there are of an object that the caller may read, whatever the index says.
    ///
    /// # Errors
    /// [`Error::Service`]; `unknown-object` when there is none for this caller.
    pub fn object_size(&self, id: &ObjectId) -> Result<u64, Error> {
        let found = match &self.opened(id)?.place {
            Place::Here(file) => {
                file.metadata().map(|found| Some(found.len())).map_err(|error| BlobError::Failed(error.to_string()))
            }
            Place::Elsewhere(key) => block_on(self.service.blobs().size(key)),
        };
        let size = found.and_then(|size| size.ok_or(BlobError::Missing));
        Ok(size.map_err(sci_service::Error::from)?)
    }
}

impl ObjectSource for Embedded {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        let failed = |reason: String| TransferError::Failed { object: *object, reason };
        let opened = self.opened(object).map_err(|error| match error.code() {
            Some(ErrorCode::UnknownObject) => TransferError::Missing { object: *object },
            _ => failed(error.to_string()),
        })?;
        if range.start > range.end || range.end > opened.size {
            return Err(failed(format!("the range {range:?} goes beyond its {} bytes", opened.size)));
        }
        match &opened.place {
            Place::Here(file) => read_range(file, range).map_err(|error| {
                let reason = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "its file is shorter than it was".to_owned(),
                    _ => error.to_string(),
                };
                TransferError::Unreadable { object: *object, reason }
            }),
            Place::Elsewhere(key) => match block_on(self.service.blobs().get(key, range)) {
                Ok(body) => Bytes::try_from(body).map(Vec::from).map_err(|error| failed(error.to_string())),
                Err(BlobError::Missing) => Err(TransferError::Missing { object: *object }),
                Err(error) => Err(failed(error.to_string())),
            },
        }
    }

    fn reads_at_once(&self) -> usize {
        match self.service.blobs() {
            Objects::Here(_) => 1,
            Objects::Elsewhere(_) => READS_OF_A_BUCKET,
        }
    }
}
