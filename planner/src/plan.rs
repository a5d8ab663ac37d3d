//! The plan: what every declared path is derived from, as a value that commands perform and explain.

use std::path::PathBuf;

use sci_hasher::{Digest, InputClass};
use sci_presets::{Check, Prune, RestorePolicy, SavePolicy, Shared};

use crate::{Keyed, Place};

/// What a workspace's declared paths are derived from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The directory that holds sci.toml, canonical.
    pub workspace: PathBuf,
    /// Every instance of every declared path; an upstream stands before what comes `after` it.
    pub paths: Vec<PlannedPath>,
    /// The workspace's files and directories for source-mtime replay, in byte order of their paths; empty unless a path
    /// has `replay`.
    pub tracked: Vec<TrackedFile>,
}

/// One instance of a declared path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPath {
    /// The declared name: `node_modules` in `[path.node_modules]`.
    pub name: String,
    /// Where it is, as records name it: relative to the workspace with `/` between components, or `~/…`.
    pub instance: String,
    /// Where it is on this machine.
    pub place: Place,
    /// Whether it is called by a place below the home directory, where workspaces share it.
    pub home: bool,
    /// What may be restored, saved, and how.
    pub policy: Policy,
    /// The instances of `after` that joined this derivation.
    pub upstreams: Vec<String>,
    /// The derivation, or why there is none.
    pub outcome: Outcome,
}

/// What may be done with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which snapshots may be restored.
    pub restore: RestorePolicy,
    /// The lowest class up to which a nearest snapshot must agree (`match` in sci.toml).
    pub matching: InputClass,
    /// When the path is saved.
    pub save: SavePolicy,
    /// Globs relative to the path that are not kept, sorted.
    pub exclude: Vec<String>,
    /// Whether sources get back the mtimes they had before the restored build.
    pub replay: bool,
    /// How to prove that the tree is current for the lockfiles.
    pub check: Option<Check>,
    /// What of a shared path belongs to this workspace.
    pub shared: Option<Shared>,
    /// What a save leaves out, because the build no longer uses it.
    pub prune: Prune,
    /// The lockfiles of this instance, relative to the workspace, for `check`, `shared` and `prune`.
    pub lockfiles: Vec<PathBuf>,
}

/// Whether a path has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every input is known.
    Keyed(Box<Keyed>),
    /// An input could not be determined: nothing is restored and nothing is saved.
    Unkeyed {
        /// Why, as one sentence without a full stop.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl PlannedPath {
    /// The derivation, when there is one.
    pub fn keyed(&self) -> Option<&Keyed> {
        match &self.outcome {
            Outcome::Keyed(keyed) => Some(keyed),
            Outcome::Unkeyed { .. } => None,
        }
    }
}

/// A file or directory of the workspace whose mtime replay may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedFile {
    /// Path relative to the workspace, in bytes, with `/` between components.
    pub path: Vec<u8>,
    /// BLAKE3 of the content; of a symlink's target; of a directory, the digest of its children's names and kinds.
    pub digest: Digest,
    /// Modification time as it is now: seconds since the epoch and nanoseconds.
    pub mtime: (i64, u32),
    /// Whether it is a directory.
    pub is_dir: bool,
}
