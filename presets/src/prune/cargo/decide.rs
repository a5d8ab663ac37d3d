//! Which units are dead, from what is known of all units of one profile. Pure.
//!
//! A unit is dead that the lockfile makes impossible: its package is not locked, or not in that version. So is one that this
//! run did not use while it used another of the same target in the same package and profile: other features, or other
//! versions underneath. And so is what leans on a dead unit, since cargo would build it anew with it.
//!
//! What this run built or read is alive, with all that it leans on. Everything else may be some other command's, and stays.

use std::collections::{BTreeMap, BTreeSet};

use super::locked::{Locked, Origin};
use super::records::Fingerprint;

/// One unit.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// Its package.
    pub(super) package: String,
    /// Its kind and target, as cargo names its records: `lib-serde`, `test-integration-test-it`.
    pub(super) name: String,
    /// The hash of its fingerprint, by which others name it; none when it did not come to be built.
    pub(super) hash: Option<u64>,
    /// Its fingerprint.
    pub(super) fingerprint: Fingerprint,
    /// Where its sources came from.
    pub(super) origin: Origin,
    /// What became of it in this run.
    pub(super) seen: Seen,
}

/// What the file system tells of a unit's record in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seen {
    /// It was written.
    Built,
    /// It was read.
    Read,
    /// It was read since it was put here, nobody knows when.
    Earlier,
    /// It was not read since it was put here, if the file system notes such things.
    Not,
}

impl Seen {
    const fn is_use(self) -> bool {
        matches!(self, Self::Built | Self::Read)
    }
}

/// How far it may be believed that what was not read was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Whether every step of the run was carried out.
    pub(super) run_succeeded: bool,
    /// A file that cargo reads at each start, where it is one that was restored.
    pub(super) always_read: Option<Seen>,
}

/// For each unit whether it is dead. Where the run built nothing, none is: a tree that no build touched stays what it was.
pub(super) fn dead(units: &[Unit], locked: Option<&Locked>, evidence: Evidence) -> Vec<bool> {
    let mut dead = vec![false; units.len()];
    if !units.iter().any(|unit| unit.seen == Seen::Built) {
        return dead;
    }
    let graph = Graph::of(units);
    let alive = graph.below(|unit| unit.seen.is_use());
    let mut doomed = Vec::new();
    if let Some(locked) = locked {
        doomed.extend(impossible(&graph, locked));
    }
    if evidence.run_succeeded && is_reading_noted(&graph, evidence.always_read) {
        doomed.extend(superseded(units));
    }
    // A dependent is given up when of all units that could be the one it names none is left.
    let mut left: BTreeMap<u64, usize> = graph.by_hash.iter().map(|(hash, units)| (*hash, units.len())).collect();
    while let Some(unit) = doomed.pop() {
        if alive[unit] || std::mem::replace(&mut dead[unit], true) {
            continue;
        }
        let Some(count) = units[unit].hash.and_then(|hash| left.get_mut(&hash).map(|count| (hash, count))) else {
            continue;
        };
        *count.1 -= 1;
        if *count.1 == 0 {
            doomed.extend(graph.users.get(&count.0).into_iter().flatten());
        }
    }
    dead
}

/// Units by what they lean on.
struct Graph<'a> {
    units: &'a [Unit],
    by_hash: BTreeMap<u64, Vec<usize>>,
    users: BTreeMap<u64, Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn of(units: &'a [Unit]) -> Self {
        let (mut by_hash, mut users) = (BTreeMap::<u64, Vec<usize>>::new(), BTreeMap::<u64, Vec<usize>>::new());
        for (index, unit) in units.iter().enumerate() {
            if let Some(hash) = unit.hash {
                by_hash.entry(hash).or_default().push(index);
            }
            for dependency in &unit.fingerprint.dependencies {
                users.entry(dependency.fingerprint).or_default().push(index);
            }
        }
        Self { units, by_hash, users }
    }

    fn named(&self, fingerprint: u64) -> &[usize] {
        self.by_hash.get(&fingerprint).map_or(&[], Vec::as_slice)
    }

    /// These units, and all that they lean on.
    fn below(&self, begins: impl Fn(&Unit) -> bool) -> Vec<bool> {
        let mut found = vec![false; self.units.len()];
        let mut waiting: Vec<usize> = (0..self.units.len()).filter(|index| begins(&self.units[*index])).collect();
        let mut followed = BTreeSet::new();
        while let Some(index) = waiting.pop() {
            if std::mem::replace(&mut found[index], true) {
                continue;
            }
            for dependency in &self.units[index].fingerprint.dependencies {
                if followed.insert(dependency.fingerprint) {
                    waiting.extend(self.named(dependency.fingerprint));
                }
            }
        }
        found
    }
}

/// The units that the lockfile makes impossible.
fn impossible(graph: &Graph<'_>, locked: &Locked) -> Vec<usize> {
    let gone: Vec<bool> = graph.units.iter().map(|unit| !locked.has(&unit.package, &unit.origin)).collect();
    // Not every unit tells its version, but who leans on it names the version by a hash.
    let mut packages = BTreeSet::new();
    for dependency in graph.units.iter().flat_map(|unit| &unit.fingerprint.dependencies) {
        if graph.named(dependency.fingerprint).iter().any(|index| gone[*index]) {
            packages.insert(dependency.package);
        }
    }
    let leans = |unit: &Unit| unit.fingerprint.dependencies.iter().any(|it| packages.contains(&it.package));
    (0..gone.len()).filter(|index| gone[*index] || leans(&graph.units[*index])).collect()
}

/// Whether the file system notes what is read: it must have, of everything that is known to have been read.
fn is_reading_noted(graph: &Graph<'_>, always_read: Option<Seen>) -> bool {
    let read = graph.below(|unit| unit.seen == Seen::Built);
    let read = graph.units.iter().zip(read).filter(|(unit, read)| *read && unit.seen != Seen::Built);
    let mut witnesses = read.map(|(unit, _)| unit.seen).chain(always_read).peekable();
    witnesses.peek().is_some() && witnesses.all(|seen| seen != Seen::Not)
}

/// The units that were not used, while another one of the same target was.
fn superseded(units: &[Unit]) -> Vec<usize> {
    let target = |unit: &Unit| {
        let print = &unit.fingerprint;
        (unit.package.clone(), unit.name.clone(), print.target, print.profile, print.kind)
    };
    let mut used: BTreeMap<_, BTreeSet<&Origin>> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.seen.is_use()) {
        used.entry(target(unit)).or_default().insert(&unit.origin);
    }
    let is_superseded = |unit: &Unit| {
        // Two versions may be locked, of which one was used: the other one is another package.
        let same = |origin: &&Origin| [*origin, &unit.origin].contains(&&Origin::Unknown) || **origin == unit.origin;
        unit.seen == Seen::Not && used.get(&target(unit)).is_some_and(|origins| origins.iter().any(same))
    };
    (0..units.len()).filter(|index| is_superseded(&units[*index])).collect()
}

#[cfg(test)]
mod tests;
