//! Which packages of a lockfile differ, with both versions.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::record::NotedPackage;

/// The packages that two lockfiles do not share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackageDiff {
    /// Only the later lockfile has these.
    pub added: Vec<NotedPackage>,
    /// Only the earlier lockfile has these.
    pub removed: Vec<NotedPackage>,
    /// One version took the place of another.
    pub changed: Vec<PackageChange>,
}

/// A package one version of which took the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// The package.
    pub name: String,
    /// The earlier version.
    pub before: PackageVersion,
    /// The later version.
    pub after: PackageVersion,
}

/// A version and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PackageVersion {
    /// The version, as the lockfile spells it.
    pub version: String,
    /// Where it comes from, when the lockfile says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl PackageDiff {
    /// Compares the packages of two lockfiles.
    ///
    /// A lockfile may hold several versions of one package. A version that left and one that came are told as a change when
    /// they can only belong together: the same version from another source, the only two that are compatible (as `1.2` and
    /// `1.3` are, or `0.4.1` and `0.4.2`), or the only two there are.
    pub(super) fn between(before: &[NotedPackage], after: &[NotedPackage]) -> Self {
        let (left, right): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
        let mut names: BTreeMap<&str, Sides<'_>> = BTreeMap::new();
        for package in left.difference(&right) {
            names.entry(&package.name).or_default().gone.push(package);
        }
        for package in right.difference(&left) {
            names.entry(&package.name).or_default().come.push(package);
        }
        let mut diff = Self::default();
        for sides in names.into_values() {
            sides.tell(&mut diff);
        }
        diff
    }

    /// Whether both lockfiles name the same packages.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// How many packages differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len()
    }
}

/// The versions of one package that only one lockfile has.
#[derive(Default)]
struct Sides<'p> {
    gone: Vec<&'p NotedPackage>,
    come: Vec<&'p NotedPackage>,
}

impl<'p> Sides<'p> {
    fn tell(mut self, diff: &mut PackageDiff) {
        self.pair_by(|package| package.version.clone(), diff);
        self.pair_by(|package| compatible(&package.version), diff);
        self.pair_by(|_| String::new(), diff);
        diff.removed.extend(self.gone.into_iter().cloned());
        diff.added.extend(self.come.into_iter().cloned());
    }

    /// Takes out, as changes, the versions that are alone on each side with their `key`.
    fn pair_by(&mut self, key: impl Fn(&NotedPackage) -> String, diff: &mut PackageDiff) {
        let mut groups: BTreeMap<String, (Vec<&'p NotedPackage>, Vec<&'p NotedPackage>)> = BTreeMap::new();
        for package in self.gone.drain(..) {
            groups.entry(key(package)).or_default().0.push(package);
        }
        for package in self.come.drain(..) {
            groups.entry(key(package)).or_default().1.push(package);
        }
        for (gone, come) in groups.into_values() {
            match (gone.as_slice(), come.as_slice()) {
                ([before], [after]) => diff.changed.push(PackageChange::new(before, after)),
                _ => {
                    self.gone.extend(gone);
                    self.come.extend(come);
                }
            }
        }
    }
}

impl PackageChange {
    fn new(before: &NotedPackage, after: &NotedPackage) -> Self {
        let side = |package: &NotedPackage| PackageVersion {
            version: package.version.clone(),
            source: package.source.clone(),
        };
        Self { name: after.name.clone(), before: side(before), after: side(after) }
    }
}

/// What versions that may replace one another have in common: everything up to the first number that is not zero.
fn compatible(version: &str) -> String {
    let mut common = String::new();
    for number in version.split(['.', '-', '+']) {
        common.push_str(number);
        common.push('.');
        if number != "0" {
            break;
        }
    }
    common
}
