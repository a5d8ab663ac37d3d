//! Labelled steps of save, restore and collection, at each of which a test kills the process.
//!
//! In a program as people run it [`at`] is nothing: the feature `armed` is asked for by tests only, and with it a step looks
//! into the environment (see `armed.rs`). This crate deliberately knows nothing of what happens at a step.
//!
//! The `fail` crate would do less: it takes any text for a label, so a misspelt one is never hit and nobody is told.

#[cfg(feature = "armed")]
mod armed;

#[cfg(feature = "armed")]
pub use armed::{VARIABLE, at};

/// Passes a step. In this build that is nothing.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn at(_: Step) {}

macro_rules! steps {
    ($($step:ident $label:literal $what:literal)*) => {
        /// A step at which a test kills the process.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step {
            $(#[doc = $what] $step,)*
        }

        impl Step {
            /// Every step.
            pub const ALL: &[Self] = &[$(Self::$step),*];

            /// Its name.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$step => $label,)*
                }
            }
        }
    };
}

steps! {
    // The store's directory, in the order in which it comes into being.
    StoreLocked "store.locked" "The directory is there and locked; nothing else is."
    MarkerPartial "store.marker.partial" "The marker is written, but not in its place."
    MarkerWritten "store.marker.written" "The marker is in its place."
    KeyPartial "store.key.partial" "The signing key is written, but not in its place."
    KeyWritten "store.key.written" "The signing key is in its place."
    IndexMade "store.index.made" "The index is open; its tables may not be there."
    StoreOpened "store.opened" "The store is open."

    // Objects and the index, for saves and collections.
    ObjectPartial "object.partial" "An object is written, but not in its place."
    ObjectStored "object.stored" "An object is in its place; the index does not know yet."
    ObjectSynced "object.synced" "An object is on the disk."
    ObjectsFlushed "object.flushed" "Every object that a commit cites is on the disk."
    ObjectDeleting "object.deleting" "An object is about to be deleted: the index has doomed it."
    ObjectDeleted "object.deleted" "An object is deleted; the index does not know yet."
    BatchRun "index.run" "The statements of a batch that writes are run, but not committed."
    BatchCommitted "index.committed" "A batch that writes is committed."

    // Save.
    SaveBegun "save.begun" "The store knows of the save."
    SaveWalked "save.walked" "The tree is known; no file was read."
    SaveRead "save.read" "A unit was read and digested."
    SavePacked "save.packed" "A pack is full, and about to be put."
    SavePut "save.put" "A pack was put."
    SaveManifest "save.manifest" "The manifest is made, and about to be put."
    SaveStored "save.stored" "Everything the engine stores is stored."
    SaveAcknowledged "save.acknowledged" "The commit was acknowledged; this machine has noted nothing of it."

    // Restore, and what completes one that was cut off.
    RestoreFound "restore.found" "Something was left behind, and was read."
    RestorePlanned "restore.planned" "What is to be done is known; nothing is."
    StageMade "restore.stage" "The staging directory is there and locked."
    FilePartial "restore.file.partial" "A part of a file is written; length, time and mode are not set."
    FileStaged "restore.file" "A file is staged."
    EntryStaged "restore.entry" "A directory, link or empty file is staged."
    LinksStaged "restore.links" "Hard links are staged."
    DirectoriesStaged "restore.directories" "Directories have their modes and times: all is staged."
    IntentPartial "restore.intent.partial" "The intent is written, but not in its place."
    IntentWritten "restore.intent.written" "The intent is in its place: there is no way back."
    SetAside "restore.aside" "What came into the way of an entry was moved aside; the entry is not in its place."
    OpPerformed "restore.op" "One step of the intent is performed."
    Applied "restore.applied" "Every step of the intent is performed."
    IntentRemoved "restore.intent.removed" "The intent is removed; the rest of the staging directory is there."
    DirectoryRemoved "restore.removed" "A directory below the staging directory is removed."
    StageRemoved "restore.stage.removed" "The staging directory is removed."
    SourceRenewed "restore.replay" "A source has its new mtime."

    // What this machine remembers.
    BasePartial "state.base.partial" "What the engine saw is written, but not in its place."
    BaseWritten "state.base.written" "What the engine saw is in its place."
    StatePartial "state.partial" "A file of the local state is written, but not in its place."
    StateWritten "state.written" "A file of the local state is in its place."
}
