//! How the engine tells how far it is, and is told to stop.

use crate::{Result, SnapshotError};

/// Told of progress from any thread. Implementations must be cheap: they are called once per file.
pub trait Progress: Sync {
    /// Announces how much there is to do; may be called again when more is found.
    fn total(&self, items: u64, bytes: u64);
    /// Announces that this much more is done.
    fn advance(&self, items: u64, bytes: u64);
    /// Announces what a restore takes on disk, before it writes anything.
    fn room(&self, _room: Room) {}
    /// Whether to stop. Asked between pieces of work, until the intent of a restore is written, or the last object of a
    /// save is put: then it is completed.
    fn interrupted(&self) -> bool {
        false
    }
}

/// What the entries of a restore take on the target's file system. What they replace is still there at that time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes, in whole blocks.
    pub bytes: u64,
    /// Files, links and directories.
    pub entries: u64,
}

impl Room {
    /// Adds an entry of so many bytes, where blocks are of so many.
    pub(crate) fn take(&mut self, bytes: u64, block: u64) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes.div_ceil(block).saturating_mul(block));
    }
}

/// Ends with [`SnapshotError::Interrupted`] when it is time to stop.
pub(crate) fn go_on(progress: &dyn Progress) -> Result<()> {
    if progress.interrupted() { Err(SnapshotError::Interrupted) } else { Ok(()) }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn total(&self, _items: u64, _bytes: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
}
