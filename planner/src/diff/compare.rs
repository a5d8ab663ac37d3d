//! Compares two records class by class.

use std::collections::BTreeMap;

use sci_hasher::{Digest, InputClass, InputName, Ladder};
use serde::Serialize;

use super::versions::PackageDiff;
use crate::record::{InputRecord, Note};

/// What became of something between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the later record has it.
    Added,
    /// Only the earlier record has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

/// The difference between two records of inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InputDiff {
    /// The classes in which anything differs, in ladder order.
    pub classes: Vec<ClassDiff>,
    /// The upstream instances that differ, in byte order.
    pub upstreams: Vec<UpstreamChange>,
}

/// The inputs of one class that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassDiff {
    /// The class.
    pub class: InputClass,
    /// Its inputs that differ, in byte order of their names; never empty.
    pub inputs: Vec<InputChange>,
}

/// One input that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputChange {
    /// The input.
    pub name: InputName,
    /// What became of it.
    pub change: Change,
    /// Its earlier value, where that may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its later value, where that may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// For a lockfile that both sides could be read of: the packages that differ, perhaps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<PackageDiff>,
}

/// One upstream instance that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpstreamChange {
    /// The instance.
    pub instance: String,
    /// What became of it.
    pub change: Change,
    /// For a changed one: the lowest class in which the two differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<InputClass>,
}

impl InputDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.upstreams.is_empty()
    }

    /// The difference in one class.
    pub fn class(&self, class: InputClass) -> Option<&ClassDiff> {
        self.classes.iter().find(|diff| diff.class == class)
    }
}

/// Compares two records.
pub fn diff(before: &InputRecord, after: &InputRecord) -> InputDiff {
    let classes = InputClass::ALL.into_iter().map(|class| ClassDiff { class, inputs: inputs(class, before, after) });
    InputDiff {
        classes: classes.filter(|diff| !diff.inputs.is_empty()).collect(),
        upstreams: upstreams(before.derivation.upstreams(), after.derivation.upstreams()),
    }
}

/// Pairs the entries of two maps by key, and keeps those that are not equal.
fn differing<'m, K: Ord + 'm, V: PartialEq + 'm>(
    before: impl Iterator<Item = (&'m K, &'m V)>,
    after: impl Iterator<Item = (&'m K, &'m V)>,
) -> impl Iterator<Item = (&'m K, Change, (Option<&'m V>, Option<&'m V>))> {
    let mut sides: BTreeMap<&K, (Option<&V>, Option<&V>)> = BTreeMap::new();
    for (key, value) in before {
        sides.entry(key).or_default().0 = Some(value);
    }
    for (key, value) in after {
        sides.entry(key).or_default().1 = Some(value);
    }
    sides.into_iter().filter(|(_, (before, after))| before != after).map(|(key, sides)| {
        let change = match sides {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        (key, change, sides)
    })
}

fn inputs(class: InputClass, before: &InputRecord, after: &InputRecord) -> Vec<InputChange> {
    differing::<InputName, Digest>(before.derivation.class(class), after.derivation.class(class))
        .map(|(name, change, _)| {
            let notes = [before, after].map(|record| record.notes.get(class, name.as_bytes()));
            let [shown_before, shown_after] = notes.map(|note| note.and_then(shown));
            let packages = match notes {
                [Some(Note::Packages(before)), Some(Note::Packages(after))] => {
                    Some(PackageDiff::between(before, after))
                }
                [Some(Note::Packages(before)), None] if change == Change::Removed => {
                    Some(PackageDiff::between(before, &[]))
                }
                [None, Some(Note::Packages(after))] if change == Change::Added => {
                    Some(PackageDiff::between(&[], after))
                }
                _ => None,
            };
            InputChange { name: name.clone(), change, before: shown_before, after: shown_after, packages }
        })
        .collect()
}

fn shown(note: &Note) -> Option<String> {
    match note {
        Note::Text(text) => Some(text.clone()),
        Note::Absent => Some("(none)".to_owned()),
        Note::Packages(_) => None,
    }
}

fn upstreams(before: &BTreeMap<String, Ladder>, after: &BTreeMap<String, Ladder>) -> Vec<UpstreamChange> {
    differing(before.iter(), after.iter())
        .map(|(instance, change, ladders)| {
            let from = match ladders {
                (Some(before), Some(after)) => {
                    InputClass::ALL.into_iter().find(|class| before.rung(*class) != after.rung(*class))
                }
                _ => None,
            };
            UpstreamChange { instance: instance.clone(), change, from }
        })
        .collect()
}
