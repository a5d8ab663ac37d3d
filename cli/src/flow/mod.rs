//! What several commands do: make a plan, restore by it, save by it.
//!
//! The steps return reports; they print only what cannot wait (progress, and each path's lines when it is done).

pub mod auditing;
pub mod checking;
pub mod clearing;
pub mod counting;
pub mod decide;
pub mod explained;
pub mod explaining;
pub mod fingerprint;
pub mod kept;
pub mod local;
pub mod members;
pub mod outcome;
pub mod outside;
pub mod planning;
pub mod recording;
pub mod replaying;
pub mod report;
pub mod resolving;
pub mod restore_path;
pub mod restoring;
pub mod runs;
pub mod save_path;
pub mod saving;
pub mod since;
