//! The order among candidates that share the same rung. Pure: the same candidates in any order rank the same.

use std::cmp::Reverse;
use std::collections::HashMap;

use sci_hasher::{InputClass, Sketch};
use sci_store_api::resolve::MAX_ANCESTORS;
use sci_store_api::verdict::{Candidate, Judgement, Refusal};
use sci_store_api::{Scope, SnapshotId, UnixMillis};

use crate::records::Indexed;

/// What the reader brings to the ranking.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    sketch: &'a Sketch,
    scopes: &'a [Scope],
    ancestors: HashMap<&'a str, u32>,
}

/// A candidate with everything that it is ranked by.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) indexed: Indexed,
    pub(crate) shared: Option<InputClass>,
    pub(crate) similarity: f64,
    distance: Option<u32>,
    /// Position of its scope among the reader's, past the end for one that may not be read.
    scope: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(sketch: &'a Sketch, scopes: &'a [Scope], ancestors: &'a [String]) -> Self {
        let mut positions = HashMap::new();
        for (position, commit) in (0..).zip(ancestors.iter().take(MAX_ANCESTORS)) {
            positions.entry(commit.as_str()).or_insert(position);
        }
        Self { sketch, scopes, ancestors: positions }
    }

    pub(crate) fn consider(&self, indexed: Indexed, shared: Option<InputClass>) -> Ranked {
        Ranked {
            similarity: self.sketch.similarity(&indexed.sketch),
            distance: indexed.sha.as_deref().and_then(|sha| self.ancestors.get(sha).copied()),
            scope: self.scopes.iter().position(|scope| *scope == indexed.scope).unwrap_or(usize::MAX),
            shared,
            indexed,
        }
    }
}

impl Ranked {
    /// Smaller is better: similarity in its steps of 1/256, ancestor distance, own scope, recency, snapshot id.
    fn rank(&self) -> (Reverse<u32>, u32, usize, Reverse<UnixMillis>, SnapshotId) {
        let similarity = (self.similarity * sci_hasher::sketch::SLOTS as f64).round() as u32;
        let distance = self.distance.unwrap_or(u32::MAX);
        (Reverse(similarity), distance, self.scope, Reverse(self.indexed.created), self.indexed.snapshot)
    }

    pub(crate) fn judged(&self, judgement: Judgement) -> Candidate {
        Candidate {
            snapshot: self.indexed.snapshot,
            scope: self.indexed.scope.clone(),
            shared: self.shared,
            similarity: self.similarity,
            distance: self.distance,
            created: self.indexed.created,
            run: self.indexed.run.clone(),
            judgement,
        }
    }

    pub(crate) fn refused(&self, reason: Refusal) -> Candidate {
        self.judged(Judgement::Refused { reason })
    }
}

/// Sorts candidates, best first.
pub(crate) fn rank(candidates: &mut [Ranked]) {
    candidates.sort_by_cached_key(Ranked::rank);
}
