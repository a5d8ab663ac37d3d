//! What is measured, and how good it has to be.

use serde::Serialize;

/// One thing that people wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// The first save, into an empty store.
    Save,
    /// A save when nothing changed since the last.
    UnchangedSave,
    /// A save after a restore and an upgrade of three packages.
    IncrementalSave,
    /// A restore where nothing is.
    Restore,
    /// A restore over the very tree.
    NoopRestore,
    /// A restore over a tree that differs in three packages.
    IncrementalRestore,
}

/// Resident memory that no phase may exceed. Bytes.
pub(crate) const MEMORY_LIMIT: u64 = 300 << 20;
/// What a first save may store, in times the peer's archive.
pub(crate) const SIZE_LIMIT: f64 = 1.0;

impl Phase {
    /// Every phase, in the order of a run.
    pub(crate) const ALL: [Self; 6] = [
        Self::Save,
        Self::UnchangedSave,
        Self::Restore,
        Self::NoopRestore,
        Self::IncrementalSave,
        Self::IncrementalRestore,
    ];

    /// The name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::UnchangedSave => "save, unchanged",
            Self::IncrementalSave => "save, incremental",
            Self::Restore => "restore",
            Self::NoopRestore => "restore, no-op",
            Self::IncrementalRestore => "restore, incremental",
        }
    }

    /// What a peer that knows nothing of the state before does instead: all of it.
    pub(crate) const fn whole(self) -> Self {
        match self {
            Self::Save | Self::UnchangedSave | Self::IncrementalSave => Self::Save,
            Self::Restore | Self::NoopRestore | Self::IncrementalRestore => Self::Restore,
        }
    }

    /// The time it may take, in times the peer's; none where nothing was promised.
    pub(crate) const fn limit(self) -> Option<f64> {
        match self {
            Self::Save | Self::Restore => Some(1.0),
            Self::IncrementalSave | Self::NoopRestore => Some(0.1),
            Self::UnchangedSave | Self::IncrementalRestore => None,
        }
    }
}
