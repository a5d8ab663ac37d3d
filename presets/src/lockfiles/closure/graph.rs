//! What every lockfile comes down to here: nodes, and what they lead to.

use std::collections::{BTreeMap, BTreeSet};

use sci_hasher::{Digest, Encoder};

use super::NarrowError;
use crate::lockfiles::{Package, Packages};

/// A lockfile as a graph.
#[derive(Debug)]
pub struct Graph {
    /// Which kind of lockfile.
    pub(super) kind: &'static str,
    /// What concerns every member: versions, settings.
    pub(super) common: Digest,
    /// What concerns those that reach a package of this name, such as a patch.
    pub(super) conditional: Vec<(String, Digest)>,
    pub(super) members: BTreeMap<String, Reach>,
    pub(super) nodes: Vec<Node>,
}

/// Where a member begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// At one node.
    From(usize),
    /// Everywhere.
    Everything,
}

/// A package as it is installed, or a member.
#[derive(Debug)]
pub(super) struct Node {
    /// What tells it from every other.
    pub(super) id: String,
    /// All that the lockfile says of it, and what each of its dependencies leads to.
    pub(super) digest: Digest,
    pub(super) edges: Vec<usize>,
    /// The names under which it and its dependencies are known.
    pub(super) names: Vec<String>,
    /// A dependency that should be there and is not.
    pub(super) missing: Option<String>,
    /// What is shown of it; `None` for a member.
    pub(super) package: Option<Package>,
}

/// What one member can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// Changes when anything changes that is reached, and only then.
    pub digest: Digest,
    /// The packages that are reached.
    pub packages: Packages,
}

impl Graph {
    /// The members that can be asked for, in byte order.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// What the member reaches.
    ///
    /// # The digest (version 1)
    /// It is that of the kind of lockfile, of what concerns every member, and, each list in byte order and preceded by its
    /// length, of the nodes that are reached (what tells it from others, digest), and of what is said about names that are
    /// reached. `presets/tests/narrowing.rs` pins vectors.
    ///
    /// # Errors
    /// [`NarrowError::NoMember`], or [`NarrowError::Incomplete`] when something that is reached lacks a dependency.
    pub fn closure(&self, member: &str) -> Result<Closure, NarrowError> {
        let start = self.members.get(member).ok_or_else(|| NarrowError::NoMember { member: member.to_owned() })?;
        let mut reached: Vec<&Node> = match start {
            Reach::Everything => self.nodes.iter().collect(),
            Reach::From(start) => self.reached(*start),
        };
        if let Some((node, dependency)) = reached.iter().find_map(|node| Some((node, node.missing.as_ref()?))) {
            return Err(NarrowError::incomplete(&node.id, dependency));
        }
        reached.sort_unstable_by(|left, right| left.id.cmp(&right.id));
        let packages = reached.iter().filter_map(|node| node.package.clone()).collect();
        Ok(Closure { digest: self.digest(*start == Reach::Everything, &reached), packages })
    }

    fn reached(&self, start: usize) -> Vec<&Node> {
        let mut seen = vec![false; self.nodes.len()];
        let (mut waiting, mut reached) = (vec![start], Vec::new());
        while let Some(index) = waiting.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            let node = &self.nodes[index];
            reached.push(node);
            waiting.extend(node.edges.iter().filter(|edge| !seen[**edge]));
        }
        reached
    }

    fn digest(&self, everything: bool, reached: &[&Node]) -> Digest {
        let mut encoder = Encoder::new("sci v1 lockfile closure");
        encoder.text(self.kind).raw_digest(&self.common).integer(reached.len() as u64);
        for node in reached {
            encoder.text(&node.id).raw_digest(&node.digest);
        }
        let names: BTreeSet<&str> = reached.iter().flat_map(|node| &node.names).map(String::as_str).collect();
        let concerns = |(name, _): &&(String, Digest)| everything || names.contains(name.as_str());
        let mut said: Vec<_> = self.conditional.iter().filter(concerns).collect();
        said.sort_unstable();
        encoder.integer(said.len() as u64);
        for (name, digest) in said {
            encoder.text(name).raw_digest(digest);
        }
        encoder.finish()
    }
}
