//! `POST /v1/plans`: what was planned, kept so that a run of yesterday can be explained.

use sci_hasher::{Ladder, Sketch};
use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;
use crate::{Instance, Nonce, ObjectId, PathName, PlanId, RunId, UnixMillis};

/// The most paths of one plan.
pub const MAX_PLANNED_PATHS: usize = 4_096;
/// The longest that a plan's paths may be as JSON, in bytes: a row must hold them.
pub const MAX_PLAN_BODY: usize = 3 << 19;
/// Plans kept of each class of scope of a repository; the oldest beyond go when a plan is added.
pub const KEPT_PLANS: u32 = 256;

/// Stores a plan. Safe to repeat with the same nonce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordPlan {
    /// Drawn once for this plan.
    pub nonce: Nonce,
    /// What was planned; at most [`MAX_PLANNED_PATHS`].
    pub paths: Vec<PlannedPath>,
}

/// Selects plans; what is absent selects all that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanQuery {
    /// Of this run only.
    pub run: Option<RunId>,
    /// At most so many; [`KEPT_PLANS`] when absent or larger.
    pub limit: Option<u32>,
}

impl PlanQuery {
    /// The newest plans, at most so many.
    pub const fn newest(limit: u32) -> Self {
        Self { run: None, limit: Some(limit) }
    }

    /// The query of a request, encoded.
    pub fn parameters(&self) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        crate::routes::parameters([("run", self.run.as_ref().map(ToString::to_string)), ("limit", limit)])
    }
}

/// One path instance of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPath {
    /// The workspace path.
    pub path: PathName,
    /// The instance.
    pub instance: Instance,
    /// The derivation's rungs.
    pub ladder: Ladder,
    /// The derivation's sketch.
    pub sketch: Sketch,
    /// The object that holds the derivation.
    pub derivation: Option<ObjectId>,
    /// What resolve decided.
    pub verdict: Verdict,
}

/// A stored plan, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// The plan.
    pub plan: PlanId,
    /// The run that made it.
    pub run: RunId,
    /// When it was stored.
    pub created: UnixMillis,
    /// Number of path instances.
    pub paths: u64,
}

/// A stored plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredPlan {
    /// The plan.
    pub plan: PlanId,
    /// The run that made it.
    pub run: RunId,
    /// When it was stored.
    pub created: UnixMillis,
    /// What was planned.
    pub paths: Vec<PlannedPath>,
}
