//! A store in memory: what is measured with it is the engine alone, not a disk.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use sci_store_api::{Object, ObjectId, ObjectSink, ObjectSource, TransferError};

/// Objects by their addresses.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<ObjectId, Vec<u8>>>);

impl ObjectSource for Memory {
    fn read(&self, object: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = objects.get(object).ok_or(TransferError::Missing { object: *object })?;
        let found = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let found = found.and_then(|(start, end)| bytes.get(start..end)).map(<[u8]>::to_vec);
        found.ok_or_else(|| TransferError::Failed { object: *object, reason: "the range is outside of it".into() })
    }
}

impl ObjectSink for Memory {
    fn put(&self, object: Object) -> Result<(), TransferError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(object.id(), object.into_bytes());
        Ok(())
    }
}
