//! The difference between two records of inputs: what explain shows.
//!
//! This module deliberately does not know which snapshots the records belong to, or how the difference is rendered.

mod compare;
mod versions;

pub use compare::{Change, ClassDiff, InputChange, InputDiff, UpstreamChange, diff};
pub use versions::{PackageChange, PackageDiff, PackageVersion};
