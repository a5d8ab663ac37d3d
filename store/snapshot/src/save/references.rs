//! The contents of the base's blocks, for new ones to be compressed against. Without them a save only takes more room.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sci_store_api::ObjectSource;

use crate::manifest::Manifest;
use crate::tree::NONE;
use crate::unpack::Unpacker;

/// Reads blocks, and keeps the last.
pub(super) struct References<'a> {
    base: &'a Manifest,
    source: Option<&'a dyn ObjectSource>,
    last: Mutex<Option<(u32, Arc<Vec<u8>>)>>,
    failed: AtomicBool,
}

impl<'a> References<'a> {
    /// Blocks of `base`, if there is anywhere to read them from.
    pub(super) fn new(base: &'a Manifest, source: Option<&'a dyn ObjectSource>) -> Self {
        Self { base, source, last: Mutex::default(), failed: AtomicBool::new(false) }
    }

    /// The content of a block; `None` where that is not to be had.
    pub(super) fn get(&self, number: u32) -> Option<Arc<Vec<u8>>> {
        let source = self.source.filter(|_| number != NONE && !self.failed.load(Ordering::Relaxed))?;
        // Held while it is read: whoever comes next mostly wants the same.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, content)) = last.as_ref().filter(|(known, _)| *known == number) {
            return Some(Arc::clone(content));
        }
        let mut content = Vec::new();
        if Unpacker::new().read(self.base, number, source, &mut content).is_err() {
            // What keeps this one from being read would keep the others too, and each may wait long for that.
            self.failed.store(true, Ordering::Relaxed);
            return None;
        }
        let content = Arc::new(content);
        *last = Some((number, Arc::clone(&content)));
        Some(content)
    }
}
