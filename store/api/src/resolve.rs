//! `POST /v1/resolve`: many paths at once to verdicts and signed records.

use sci_hasher::{InputClass, Ladder, Sketch};
use serde::{Deserialize, Serialize};

use crate::dsse::Envelope;
use crate::verdict::Verdict;
use crate::{Instance, PathName};

/// The most path instances of one request; a client with more sends several.
pub const MAX_PATHS: usize = 256;
/// The most ancestor commits that count.
pub const MAX_ANCESTORS: usize = 64;

/// Asks for the best snapshot of each path instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    /// The path instances; at most [`MAX_PATHS`].
    pub paths: Vec<PathQuery>,
    /// The commits before the reader's own state, newest first, as hexadecimal; at most [`MAX_ANCESTORS`].
    #[serde(default)]
    pub ancestors: Vec<String>,
}

/// One path instance and what it is derived from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathQuery {
    /// The workspace path.
    pub path: PathName,
    /// The instance.
    pub instance: Instance,
    /// The derivation's rungs.
    pub ladder: Ladder,
    /// The derivation's sketch.
    pub sketch: Sketch,
    /// The path's `restore` policy.
    pub restore: RestorePolicy,
    /// The path's `match`: a nearest snapshot shares at least this rung.
    #[serde(rename = "match")]
    pub at_least: InputClass,
}

/// The `restore` policy of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestorePolicy {
    /// The exact snapshot, else the nearest.
    Nearest,
    /// The exact snapshot only.
    Exact,
    /// Nothing.
    Never,
}

/// The answer, in the order of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolveResponse {
    /// One per path instance asked for.
    pub paths: Vec<Resolved>,
}

/// The verdict on one path instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The workspace path.
    pub path: PathName,
    /// The instance.
    pub instance: Instance,
    /// The decision and its reasons.
    pub verdict: Verdict,
    /// The signed record of the chosen snapshot; present exactly when there is one.
    pub envelope: Option<Envelope>,
}
