//! Small builds, each with what it leaves behind; and what holds of any graph whatever.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its lockfile fails")]

use std::path::Path;

use proptest::prelude::*;

use super::super::records::Dependency;
use super::*;
use crate::lockfiles;

const READ: Evidence = Evidence { run_succeeded: true, always_read: Some(Seen::Read) };

/// `package@version`, `name` and what it leans on: `(package's id, fingerprint)`.
fn unit(package: &str, version: &str, hash: u64, seen: Seen, dependencies: &[(u64, u64)]) -> Unit {
    let dependency = |&(package, fingerprint): &(u64, u64)| Dependency { package, fingerprint };
    let dependencies = dependencies.iter().map(dependency).collect();
    Unit {
        package: package.to_owned(),
        name: format!("lib-{package}"),
        hash: Some(hash),
        fingerprint: Fingerprint { dependencies, ..Fingerprint::default() },
        origin: if version.is_empty() { Origin::Unknown } else { Origin::Registry(version.to_owned()) },
        seen,
    }
}

fn locked(packages: &[(&str, &str)]) -> Locked {
    let one = |(name, version): &(&str, &str)| {
        let source = if version.is_empty() { "" } else { "source = \"registry+https://example.org/index\"\n" };
        let version = if version.is_empty() { "0.1.0" } else { version };
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{source}\n")
    };
    let text: String = packages.iter().map(one).collect();
    Locked::of(lockfiles::read(Path::new("Cargo.lock"), format!("version = 4\n\n{text}").as_bytes()).unwrap().unwrap())
}

#[test]
fn another_version_leaves_the_old_one_and_what_leans_on_it_behind() {
    let units = [
        unit("dep", "1.0.0", 1, Seen::Not, &[]),
        unit("dep", "1.1.0", 2, Seen::Built, &[]),
        unit("other", "1.0.0", 3, Seen::Not, &[]),
        unit("app", "", 4, Seen::Not, &[(10, 1), (30, 3)]),
        unit("app", "", 5, Seen::Built, &[(11, 2), (30, 3)]),
    ];
    let lock = locked(&[("app", ""), ("dep", "1.1.0"), ("other", "1.0.0")]);
    // By the lockfile alone: the file system notes nothing, and the run failed.
    let blind = Evidence { run_succeeded: false, always_read: None };
    assert_eq!(dead(&units, Some(&lock), blind), [true, false, false, true, false]);
    // Without a lockfile nothing is known to be gone, and what nothing was noted of is not known to be unused.
    assert_eq!(dead(&units, None, READ), [false; 5]);
}

#[test]
fn a_version_is_known_by_who_leans_on_it_although_the_unit_itself_was_built_anew() {
    // The old root names a fingerprint that is nowhere any more, of a package that is gone.
    let units = [
        unit("dep", "1.0.0", 1, Seen::Not, &[]),
        unit("app", "", 4, Seen::Not, &[(10, 99)]),
        unit("tests", "", 6, Seen::Not, &[(10, 1)]),
        unit("app", "", 5, Seen::Built, &[]),
    ];
    assert_eq!(dead(&units, Some(&locked(&[("app", ""), ("tests", "")])), READ), [true, true, true, false]);
}

#[test]
fn other_features_leave_the_old_ones_behind_when_the_file_system_notes_what_is_read() {
    let units = |other| {
        [
            unit("dep", "1.0.0", 1, Seen::Not, &[]),
            unit("dep", "1.0.0", 2, Seen::Built, &[]),
            unit("other", "1.0.0", 3, other, &[]),
            unit("app", "", 4, Seen::Not, &[(10, 1), (30, 3)]),
            unit("app", "", 5, Seen::Built, &[(10, 2), (30, 3)]),
            unit("bench", "", 6, Seen::Not, &[(10, 1)]),
            unit("idle", "", 7, Seen::Not, &[(30, 3)]),
        ]
    };
    let lock = locked(&[("app", ""), ("bench", ""), ("idle", ""), ("dep", "1.0.0"), ("other", "1.0.0")]);
    // What leans on the old one would be built anew with it; what nothing has replaced stays.
    let expected = [true, false, false, true, false, true, false];
    assert_eq!(dead(&units(Seen::Read), Some(&lock), READ), expected);
    // `other` must have been read for `app`, and the file system does not say so: it is not to be believed.
    assert_eq!(dead(&units(Seen::Not), Some(&lock), READ), [false; 7]);
    // A run that broke off may not have come to use the old one.
    assert_eq!(dead(&units(Seen::Read), Some(&lock), Evidence { run_succeeded: false, ..READ }), [false; 7]);
}

#[test]
fn two_versions_that_are_both_locked_are_two_packages() {
    let units = [
        unit("rand", "0.8.0", 1, Seen::Not, &[]),
        unit("rand", "0.9.0", 2, Seen::Read, &[]),
        unit("app", "", 3, Seen::Built, &[(9, 2)]),
    ];
    let lock = locked(&[("app", ""), ("rand", "0.8.0"), ("rand", "0.9.0")]);
    assert_eq!(dead(&units, Some(&lock), READ), [false; 3]);
}

#[test]
fn what_the_run_used_stays_whatever_the_lockfile_says() {
    // Another workspace builds into the same directory.
    let units = [
        unit("dep", "1.0.0", 1, Seen::Not, &[]),
        unit("fuzz", "", 2, Seen::Read, &[(10, 1)]),
        unit("app", "", 3, Seen::Built, &[]),
    ];
    assert_eq!(dead(&units, Some(&locked(&[("app", "")])), READ), [false; 3]);
}

#[test]
fn where_nothing_was_built_nothing_is_dead() {
    let units = [unit("dep", "1.0.0", 1, Seen::Not, &[]), unit("app", "", 2, Seen::Read, &[])];
    assert_eq!(dead(&units, Some(&locked(&[("app", "")])), READ), [false; 2]);
}

fn any_unit() -> impl Strategy<Value = Unit> {
    let seen = prop::sample::select(vec![Seen::Built, Seen::Read, Seen::Earlier, Seen::Not, Seen::Not]);
    let version = prop::sample::select(vec!["", "1.0.0", "2.0.0"]);
    let package = prop::sample::select(vec!["a", "b", "c", "d"]);
    // Few hashes: some name nothing, some several units, some the unit itself.
    let dependencies = prop::collection::vec((0..6_u64, 0..12_u64), 0..4);
    (package, version, prop::option::weighted(0.9, 0..12_u64), seen, dependencies).prop_map(
        |(package, version, hash, seen, dependencies)| Unit { hash, ..unit(package, version, 0, seen, &dependencies) },
    )
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    (any::<bool>(), prop::sample::select(vec![None, Some(Seen::Read), Some(Seen::Not)]))
        .prop_map(|(run_succeeded, always_read)| Evidence { run_succeeded, always_read })
}

proptest! {
    #[test]
    fn what_was_used_leans_on_nothing_dead(
        units in prop::collection::vec(any_unit(), 0..16), evidence in any_evidence(), has_lock in any::<bool>(),
    ) {
        let lock = has_lock.then(|| locked(&[("a", ""), ("b", "1.0.0"), ("c", "2.0.0")]));
        let dead = dead(&units, lock.as_ref(), evidence);
        let mut alive: Vec<usize> = (0..units.len()).filter(|index| units[*index].seen.is_use()).collect();
        let mut looked_at = BTreeSet::new();
        while let Some(index) = alive.pop().filter(|_| true) {
            prop_assert!(!dead[index], "{index} of {units:?}");
            if looked_at.insert(index) {
                for dependency in &units[index].fingerprint.dependencies {
                    alive.extend((0..units.len()).filter(|it| units[*it].hash == Some(dependency.fingerprint)));
                }
            }
        }
    }

    #[test]
    fn once_is_enough(
        units in prop::collection::vec(any_unit(), 0..16), evidence in any_evidence(), has_lock in any::<bool>(),
    ) {
        let lock = has_lock.then(|| locked(&[("a", ""), ("b", "1.0.0"), ("c", "2.0.0")]));
        let first = dead(&units, lock.as_ref(), evidence);
        let left: Vec<Unit> = units.iter().zip(&first).filter(|(_, dead)| !**dead).map(|(unit, _)| unit.clone()).collect();
        prop_assert_eq!(dead(&left, lock.as_ref(), evidence), vec![false; left.len()]);
    }
}
