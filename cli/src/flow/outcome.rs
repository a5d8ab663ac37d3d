//! What became of the save of one path instance, in the cases that need no more than a sentence.

use sci_planner::PlannedPath;
use sci_store_api::{ObjectId, SnapshotId};

use crate::error::CliError;
use crate::flow::report::{SaveWord, SavedPath};

/// What became of the save of one path instance.
pub struct Outcome {
    /// For people and programs.
    pub report: SavedPath,
    /// The snapshot that was added, and its manifest.
    pub snapshot: Option<(SnapshotId, ObjectId)>,
}

/// The outcome for a path that has no key.
pub fn unkeyed(path: &PlannedPath, reason: &str, hint: Option<&str>) -> Outcome {
    let mut report = blank(path, SaveWord::Failed, format!("no key: {reason}"));
    report.hint = hint.map(str::to_owned);
    Outcome { report, snapshot: None }
}

/// The outcome for a path that could not be saved.
pub fn failed(path: &PlannedPath, error: &CliError) -> Outcome {
    let mut report = blank(path, SaveWord::Failed, error.message.clone());
    report.hint.clone_from(&error.hint);
    Outcome { report, snapshot: None }
}

/// The outcome for a path that is left alone.
pub fn skipped(path: &PlannedPath, reason: impl Into<String>) -> Outcome {
    Outcome { report: blank(path, SaveWord::Skipped, reason.into()), snapshot: None }
}

/// A report with nothing but the outcome and its reason.
pub fn blank(path: &PlannedPath, outcome: SaveWord, reason: String) -> SavedPath {
    SavedPath {
        name: path.name.clone(),
        instance: path.instance.clone(),
        outcome,
        reason,
        hint: None,
        settled: None,
        key: None,
        snapshot: None,
        work: None,
        warnings: Vec::new(),
    }
}
