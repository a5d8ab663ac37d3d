//! What is measured: the things that people wait for.

use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// The first save, into an empty store.
    Save,
    /// A save when nothing changed since the last.
    SaveUnchanged,
    /// A restore where nothing is.
    Restore,
    /// A restore over the very tree.
    RestoreNoop,
    /// A save after an upgrade of three packages, or a rebuild.
    SaveIncremental,
    /// The same on a tree of which every inode is new, as on another runner.
    SaveNewInodes,
    /// A restore over the tree from before the upgrade.
    RestoreIncremental,
    /// Deriving a key when nothing is cached.
    PlanCold,
    /// Deriving it again: the stat cache, or git's index, knows every file.
    PlanWarm,
}

impl Phase {
    /// Every phase, in the order of a run.
    pub(crate) const ALL: [Self; 9] = [
        Self::Save,
        Self::SaveUnchanged,
        Self::Restore,
        Self::RestoreNoop,
        Self::SaveIncremental,
        Self::SaveNewInodes,
        Self::RestoreIncremental,
        Self::PlanCold,
        Self::PlanWarm,
    ];

    /// The word for it on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::SaveUnchanged => "save-unchanged",
            Self::Restore => "restore",
            Self::RestoreNoop => "restore-noop",
            Self::SaveIncremental => "save-incremental",
            Self::SaveNewInodes => "save-new-inodes",
            Self::RestoreIncremental => "restore-incremental",
            Self::PlanCold => "plan-cold",
            Self::PlanWarm => "plan-warm",
        }
    }

    /// The name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Save => "full save",
            Self::SaveUnchanged => "save of an unchanged tree",
            Self::Restore => "full restore",
            Self::RestoreNoop => "no-op restore",
            Self::SaveIncremental => "incremental save",
            Self::SaveNewInodes => "incremental save, every inode new",
            Self::RestoreIncremental => "incremental restore",
            Self::PlanCold => "plan, nothing cached",
            Self::PlanWarm => "plan, warm",
        }
    }

    /// Whether it derives a key, rather than moving a tree.
    pub(crate) const fn is_plan(self) -> bool {
        matches!(self, Self::PlanCold | Self::PlanWarm)
    }

    /// Whether it needs the state after the upgrade.
    pub(crate) const fn needs_next(self) -> bool {
        matches!(self, Self::SaveIncremental | Self::SaveNewInodes | Self::RestoreIncremental)
    }

    /// Whether something is stored.
    pub(crate) const fn stores(self) -> bool {
        matches!(self, Self::Save | Self::SaveUnchanged | Self::SaveIncremental | Self::SaveNewInodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_the_documents_say() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.word());
        }
    }
}
