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

/// How much more an unsettled candidate has to share than a settled one to be chosen: a 32nd of the inputs.
///
/// Two candidates that share just as much seldom have the same estimate: of ten inputs with one changed, two estimates lie
/// about so far apart.
const HANDICAP: u32 = sci_hasher::sketch::SLOTS as u32 / 32;

/// What decides among candidates of the same rung, field by field; smaller is better.
///
/// What a failed run left may be half of a tree, so of candidates that share about as much a settled one is chosen,
/// however old. One that clearly shares more is chosen all the same: a build whose tests failed is nearer than last week's.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// In its steps of 1/256, a settled one's with [`HANDICAP`] more.
    similarity: Reverse<u32>,
    unsettled: bool,
    /// In commits.
    distance: u32,
    /// Among the reader's: the own scope is the first.
    scope: usize,
    created: Reverse<UnixMillis>,
    /// So that the order is total.
    snapshot: SnapshotId,
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
    /// The similarity in its steps of 1/256.
    fn steps(&self) -> u32 {
        (self.similarity * sci_hasher::sketch::SLOTS as f64).round() as u32
    }

    /// Smaller is better, see [`Rank`].
    fn rank(&self) -> Rank {
        Rank {
            similarity: Reverse(self.steps() + if self.indexed.settled { HANDICAP } else { 0 }),
            unsettled: !self.indexed.settled,
            distance: self.distance.unwrap_or(u32::MAX),
            scope: self.scope,
            created: Reverse(self.indexed.created),
            snapshot: self.indexed.snapshot,
        }
    }

    /// Why this one is not chosen where `chosen`, which ranks before it on the same rung, is.
    pub(crate) fn beaten_by(&self, chosen: &Self) -> Refusal {
        let (own, other) = (self.rank(), chosen.rank());
        if own.unsettled && !other.unsettled && self.steps() >= chosen.steps() {
            Refusal::LessSettled
        } else if self.steps() != chosen.steps() {
            Refusal::Outranked
        } else if own.distance != other.distance {
            Refusal::Farther
        } else if own.scope != other.scope {
            Refusal::LaterScope
        } else {
            Refusal::Older
        }
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
