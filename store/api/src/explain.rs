//! `GET /v1/explain/{plan}`: a stored plan, with what its candidates were derived from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plans::StoredPlan;
use crate::{ObjectId, SnapshotId};

/// What a client needs to explain a plan: it compares the derivations itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The plan and its verdicts.
    pub plan: StoredPlan,
    /// The derivation object of each candidate that still exists and that the caller may read.
    pub derivations: BTreeMap<SnapshotId, ObjectId>,
}
