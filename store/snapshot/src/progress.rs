//! How the engine tells how far it is.

/// Told of progress from any thread. Implementations must be cheap: they are called once per file.
pub trait Progress: Sync {
    /// Announces how much there is to do; may be called again when more is found.
    fn total(&self, items: u64, bytes: u64);
    /// Announces that this much more is done.
    fn advance(&self, items: u64, bytes: u64);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn total(&self, _items: u64, _bytes: u64) {}
    fn advance(&self, _items: u64, _bytes: u64) {}
}
