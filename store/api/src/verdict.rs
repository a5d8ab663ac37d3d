//! The verdict on one path: what was chosen, or why nothing was, and every candidate considered on the way.

use sci_hasher::InputClass;
use serde::{Deserialize, Serialize};

use crate::{RunId, Scope, SnapshotId, UnixMillis};

/// What resolve decided about one path instance, with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The candidates, best first, the chosen one included; at most [`Verdict::MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
}

impl Verdict {
    /// The most candidates that a verdict carries.
    pub const MAX_CANDIDATES: usize = 32;

    /// A miss without candidates.
    pub const fn miss(reason: MissReason) -> Self {
        Self { outcome: Outcome::Miss { reason }, candidates: Vec::new() }
    }

    /// The chosen snapshot.
    pub const fn snapshot(&self) -> Option<SnapshotId> {
        match self.outcome {
            Outcome::Exact { snapshot } | Outcome::Nearest { snapshot, .. } => Some(snapshot),
            Outcome::Miss { .. } => None,
        }
    }
}

/// The decision. JSON: `{"verdict": "exact" | "nearest" | "miss", …}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Outcome {
    /// A settled snapshot has the very key.
    Exact {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// No exact one is there; this one is the nearest that may be read.
    Nearest {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The highest class up to which all inputs are equal.
        shared: InputClass,
        /// Estimated part of the inputs that both share, 0 to 1.
        similarity: f64,
    },
    /// Nothing is restored.
    Miss {
        /// Why.
        reason: MissReason,
    },
}

/// Why nothing is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissReason {
    /// The path was never saved where the reader may see it.
    NothingSaved,
    /// There were candidates, and each was refused: see their reasons.
    AllRefused,
    /// The path's policy is `restore = "never"`.
    RestoreNever,
    /// The path has no key in this plan.
    Unkeyed,
    /// The store could not be asked.
    StoreUnavailable,
}

impl MissReason {
    /// A sentence for a person.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NothingSaved => "the store has no snapshot of this path",
            Self::AllRefused => "every candidate was refused",
            Self::RestoreNever => "the path is declared restore = \"never\"",
            Self::Unkeyed => "the path has no key",
            Self::StoreUnavailable => "the store could not be asked",
        }
    }
}

/// One snapshot that resolve considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The scope it was written in.
    pub scope: Scope,
    /// The highest class up to which its inputs equal the reader's; none when even `system` differs.
    pub shared: Option<InputClass>,
    /// Estimated part of the inputs that both share, 0 to 1.
    pub similarity: f64,
    /// Position of its commit in the reader's list of ancestors, 0 for the newest; none when it is not there.
    pub distance: Option<u32>,
    /// When it was saved.
    pub created: UnixMillis,
    /// The run that saved it.
    pub run: RunId,
    /// Whether it was chosen, and why or why not.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// Whether a candidate was chosen. JSON: `{"judgement": "chosen"}` or `{"judgement": "refused", "reason": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "judgement", rename_all = "lowercase")]
pub enum Judgement {
    /// It is the one that is restored.
    Chosen,
    /// Another was better, or the policy refuses it.
    Refused {
        /// Why.
        reason: Refusal,
    },
}

impl Judgement {
    /// The reason of a refusal.
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Chosen => None,
            Self::Refused { reason } => Some(reason),
        }
    }
}

/// Why a candidate was not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Another candidate shares more inputs with the reader.
    Outranked,
    /// Another one is settled and shares about as much; this one's run failed or changed its inputs.
    LessSettled,
    /// Another one shares as much, and its commit is fewer commits away.
    Farther,
    /// Another one shares as much, and its scope is read before this one's.
    LaterScope,
    /// Another one shares as much, and is newer.
    Older,
    /// The reader may not read its scope.
    Scope,
    /// It shares less than the path's `match` asks.
    BelowMatch,
    /// It has the key, but its run failed or changed its inputs: it is only a nearest candidate.
    Unsettled,
    /// The path's policy is `restore = "exact"`.
    ExactOnly,
    /// An administrator quarantined the run that wrote it, or one that it descends from.
    Quarantined,
    /// An object that it needs is missing or damaged.
    Incomplete,
    /// The machine that asked could not restore it, for a reason of its own: a full disk, a path that it may not write to.
    Unrestored,
    /// Its record is not what a currently trusted key signed.
    Signature,
}

impl Refusal {
    /// Whether nothing speaks against the candidate but that another one ranks before it.
    pub const fn is_by_rank(self) -> bool {
        matches!(self, Self::Outranked | Self::LessSettled | Self::Farther | Self::LaterScope | Self::Older)
    }

    /// A sentence for a person.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Outranked => "another candidate is nearer",
            Self::LessSettled => {
                "another candidate is about as near, and this one's run failed or changed its own inputs"
            }
            Self::Farther => "another candidate shares as much, and its commit is nearer",
            Self::LaterScope => "another candidate is as near, and its scope is read first",
            Self::Older => "another candidate is as near, and newer",
            Self::Scope => "this run may not read its scope",
            Self::BelowMatch => "it shares fewer inputs than the path's match asks for",
            Self::Unsettled => "its run failed or changed its own inputs, so it is never exact",
            Self::ExactOnly => "the path is declared restore = \"exact\"",
            Self::Quarantined => "it is quarantined, or descends from a quarantined run",
            Self::Incomplete => "an object that it needs is missing from the store, or damaged there",
            Self::Unrestored => "it could not be restored on the machine that asked",
            Self::Signature => "its record is not signed by a key that is trusted for its time",
        }
    }
}
