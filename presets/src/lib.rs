//! What each ecosystem keeps on disk, what that is derived from, and why: data, and the readers that data calls for.
//!
//! A [`Preset`] is a TOML file in `data/`, embedded at build time. Its fields are sci.toml's fields, so that a workspace
//! can override each one. [`detect()`] finds the presets that suit a directory. [`lockfiles`] reads the packages that a
//! lockfile names, [`CargoManifest`] the directories that a manifest does; [`prove_current`] holds what is installed against
//! lockfiles, and [`prune`] finds what a build no longer uses.
//!
//! This crate deliberately does not know sci.toml itself (merging and expanding belong to the planner), derivations,
//! snapshots or any store; it runs no command and reads no environment variable.

mod builtin;
mod checks;
mod detect;
mod elsewhere;
pub mod lockfiles;
mod manifest;
mod policy;
pub mod prune;
mod relaxed;
mod schema;
mod setting;
mod shared;

pub use checks::{Proof, prove_current};
pub use detect::{Detected, detect};
pub use elsewhere::Elsewhere;
pub use manifest::{CargoManifest, Dependencies};
pub use policy::{Check, Members, Prune, RestorePolicy, SavePolicy, Shared};
pub use schema::{Beside, EnvVar, PathSpec, Pattern, Preset, Search, Sign, Workflow};
pub use setting::Setting;
pub use shared::SharedMembers;
