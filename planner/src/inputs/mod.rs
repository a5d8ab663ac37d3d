//! Declared input files: one walk of the workspace, patterns matched against it, contents hashed once.
//!
//! This module deliberately does not know classes, derivations or policies.

pub(crate) mod dir_glob;
mod hashes;
mod lfs;
mod likely;
mod member;
mod pattern;
mod select;
mod submodules;
mod text;
mod tree;
mod walk;

pub use dir_glob::DirGlob;
pub use hashes::Findings;
pub use pattern::{InputPattern, RefusedPattern};
pub use tree::Outputs;

pub(crate) use hashes::{Hashes, UnreadableInput};
pub(crate) use likely::Likely;
pub(crate) use member::Member;
pub(crate) use select::{Cause, Links, Missing, Site, Unfetched, all_below, select};
pub(crate) use text::Texts;
pub(crate) use tree::{EntryId, Tree, directory_of, join, resolve, to_path};
pub(crate) use walk::{Search, walk};
