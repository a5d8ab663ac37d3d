//! From sci.toml to derivation keys, and the difference between two derivations.
//!
//! [`config::load`] reads and checks sci.toml; [`plan`] walks the workspace once, runs the declared tools, hashes the inputs
//! and returns a [`Plan`]: one derivation per path instance. [`diff`] compares two [`InputRecord`]s, so that explain needs no
//! workspace. Whatever the machine contributes comes in as a [`Host`].
//!
//! This crate deliberately does not know stores, snapshots, terminals or command lines, and prints nothing: it returns
//! values, and a bad sci.toml is one of them.

pub mod config;
mod derive;
mod diff;
mod env;
mod error;
mod glob;
mod host;
mod inputs;
mod instances;
mod keyed;
mod narrow;
mod os_release;
mod packages;
mod place;
mod plain;
mod plan;
mod planning;
mod record;
mod tools;
mod tracked;

pub use config::{Config, ConfigError};
pub use diff::{
    Change, ClassDiff, InputChange, InputDiff, PackageChange, PackageDiff, PackageVersion, UpstreamChange, diff,
};
pub use error::PlanError;
pub use host::Host;
pub use inputs::{DirGlob, Findings, InputPattern, Outputs, RefusedPattern};
pub use keyed::Keyed;
pub use narrow::member_of;
pub use place::{NoPlace, Place};
pub use plan::{Outcome, Plan, PlannedPath, Policy, TrackedFile};
pub use planning::{PlanOptions, find_and_plan, plan};
pub use record::{InputRecord, Note, NotedPackage, Notes, RecordError};
pub use tools::Approval;
