//! The stored form of a record, and the difference between two.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sci_hasher::{Derivation, Digest, InputClass, InputName, Ladder};
use sci_planner::{Change, InputRecord, Note, NotedPackage, RecordError, diff};

fn package(name: &str, version: &str) -> NotedPackage {
    NotedPackage { name: name.into(), version: version.into(), source: None }
}

fn record(inputs: &[(InputClass, &str, &str, Option<Note>)]) -> InputRecord {
    let mut record = InputRecord::default();
    for (class, name, value, note) in inputs {
        record.derivation.insert(*class, InputName::from(*name), Digest::of(value.as_bytes()));
        if let Some(note) = note {
            record.notes.insert(*class, InputName::from(*name), note.clone());
        }
    }
    record
}

fn lockfile(packages: &[(&str, &str)]) -> InputRecord {
    let noted = packages.iter().map(|(name, version)| package(name, version)).collect();
    record(&[(InputClass::Lockfiles, "Cargo.lock", &format!("{packages:?}"), Some(Note::Packages(noted)))])
}

/// The package changes between two lockfiles, one per line.
fn told(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
    let diff = diff(&lockfile(before), &lockfile(after));
    let packages = diff.classes[0].inputs[0].packages.clone().unwrap();
    let changed = packages.changed.iter().map(|it| format!("{} {} → {}", it.name, it.before.version, it.after.version));
    let removed = packages.removed.iter().map(|it| format!("- {} {}", it.name, it.version));
    let added = packages.added.iter().map(|it| format!("+ {} {}", it.name, it.version));
    changed.chain(removed).chain(added).collect()
}

#[test]
fn a_package_that_was_upgraded_is_told_with_both_versions() {
    assert_eq!(
        told(&[("a", "1.0.0"), ("b", "1.2.3"), ("c", "2.0.0")], &[("a", "1.0.0"), ("b", "1.2.4"), ("d", "0.1.0")]),
        ["b 1.2.3 → 1.2.4", "- c 2.0.0", "+ d 0.1.0"]
    );
}

#[test]
fn of_several_versions_only_those_that_belong_together_are_told_as_a_change() {
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&["1.0.0", "2.0.0"], &["1.0.0", "2.0.1"], &["x 2.0.0 → 2.0.1"]),
        (&["1.0.0", "2.0.0"], &["1.1.0", "2.1.0"], &["x 1.0.0 → 1.1.0", "x 2.0.0 → 2.1.0"]),
        (&["0.4.1", "0.5.1"], &["0.4.2", "0.5.2"], &["x 0.4.1 → 0.4.2", "x 0.5.1 → 0.5.2"]),
        (&["1.0.0"], &["2.0.0"], &["x 1.0.0 → 2.0.0"]),
        (&["1.0.0"], &["2.0.0", "3.0.0"], &["- x 1.0.0", "+ x 2.0.0", "+ x 3.0.0"]),
        (&["1.0.0"], &["1.0.0", "2.0.0"], &["+ x 2.0.0"]),
        (&["1.0.0", "1.1.0"], &["1.2.0"], &["- x 1.0.0", "- x 1.1.0", "+ x 1.2.0"]),
    ];
    for (before, after, expected) in cases {
        let named = |versions: &[&'static str]| versions.iter().map(|version| ("x", *version)).collect::<Vec<_>>();
        assert_eq!(told(&named(before), &named(after)), *expected, "{before:?} to {after:?}");
    }
}

#[test]
fn a_package_from_another_source_is_a_change() {
    let from = |source: &str| {
        let package = NotedPackage { source: Some(source.into()), ..package("a", "1.0.0") };
        record(&[(InputClass::Lockfiles, "Cargo.lock", source, Some(Note::Packages(vec![package])))])
    };
    let diff = diff(&from("registry+x"), &from("git+y"));
    let packages = diff.classes[0].inputs[0].packages.as_ref().unwrap();
    assert_eq!(packages.len(), 1);
    assert_eq!(packages.changed[0].before.source.as_deref(), Some("registry+x"));
    assert_eq!(packages.changed[0].after.source.as_deref(), Some("git+y"));
}

#[test]
fn the_difference_as_json() {
    let text = |text: &str| Some(Note::Text(text.into()));
    let mut before = record(&[
        (InputClass::Tools, "rustc -vV", "1", text("rustc 1.94.0")),
        (InputClass::Env, "RUSTFLAGS", "", Some(Note::Absent)),
        (InputClass::Env, "TOKEN", "a", None),
        (InputClass::Sources, "src/gone.rs", "1", None),
        (InputClass::Sources, "src/same.rs", "1", None),
    ]);
    let mut after = record(&[
        (InputClass::Tools, "rustc -vV", "2", text("rustc 1.95.0")),
        (InputClass::Env, "RUSTFLAGS", "-Dwarnings", text("-Dwarnings")),
        (InputClass::Env, "TOKEN", "b", None),
        (InputClass::Sources, "src/new.rs", "1", None),
        (InputClass::Sources, "src/same.rs", "1", None),
    ]);
    let ladder = |config: &str| {
        let mut upstream = Derivation::default();
        upstream.insert(InputClass::Configs, "package.json".into(), Digest::of(config.as_bytes()));
        upstream.ladder()
    };
    before.derivation.insert_upstream("node_modules", ladder("1"));
    after.derivation.insert_upstream("node_modules", ladder("2"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&diff(&before, &after)).unwrap(), @r#"
    {
      "classes": [
        {
          "class": "tools",
          "inputs": [
            {
              "name": "rustc -vV",
              "change": "changed",
              "before": "rustc 1.94.0",
              "after": "rustc 1.95.0"
            }
          ]
        },
        {
          "class": "env",
          "inputs": [
            {
              "name": "RUSTFLAGS",
              "change": "changed",
              "before": "(none)",
              "after": "-Dwarnings"
            },
            {
              "name": "TOKEN",
              "change": "changed"
            }
          ]
        },
        {
          "class": "sources",
          "inputs": [
            {
              "name": "src/gone.rs",
              "change": "removed"
            },
            {
              "name": "src/new.rs",
              "change": "added"
            }
          ]
        }
      ],
      "upstreams": [
        {
          "instance": "node_modules",
          "change": "changed",
          "from": "configs"
        }
      ]
    }
    "#);
}

#[test]
fn a_lockfile_that_came_or_went_lists_its_packages() {
    let (none, some) = (InputRecord::default(), lockfile(&[("a", "1.0.0")]));
    let came = diff(&none, &some);
    assert_eq!(came.classes[0].inputs[0].change, Change::Added);
    assert_eq!(came.classes[0].inputs[0].packages.as_ref().unwrap().added, [package("a", "1.0.0")]);
    let went = diff(&some, &none);
    assert_eq!(went.classes[0].inputs[0].packages.as_ref().unwrap().removed, [package("a", "1.0.0")]);
}

#[test]
fn what_is_not_a_record_is_refused_with_its_reason() {
    let good = lockfile(&[("a", "1.0.0")]).encode().unwrap();
    assert_eq!(InputRecord::decode(b""), Err(RecordError::Foreign));
    assert_eq!(InputRecord::decode(b"PK\x03\x04"), Err(RecordError::Foreign));
    let mut later = good.clone();
    later[7] = 2;
    assert_eq!(InputRecord::decode(&later), Err(RecordError::Version { found: 2 }));
    let mut huge = good.clone();
    huge[8..16].copy_from_slice(&(257u64 << 20).to_le_bytes());
    assert_eq!(InputRecord::decode(&huge), Err(RecordError::TooLong { declared: 257 << 20 }));
    let mut short = good.clone();
    short[8] -= 1;
    assert!(matches!(InputRecord::decode(&short), Err(RecordError::Damaged(_))));
    assert!(matches!(InputRecord::decode(&good[..good.len() - 3]), Err(RecordError::Damaged(_))));
}

#[test]
fn a_bomb_is_cut_off_at_its_declared_length() {
    let mut bomb = b"sci-inp\x01".to_vec();
    bomb.extend(1000u64.to_le_bytes());
    bomb.extend(zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap());
    assert!(matches!(InputRecord::decode(&bomb), Err(RecordError::Damaged(_))));
}

fn class() -> impl Strategy<Value = InputClass> {
    proptest::sample::select(InputClass::ALL.to_vec())
}

fn note() -> impl Strategy<Value = Note> {
    let package = (".*", ".*", proptest::option::of(".*")).prop_map(|(name, version, source)| NotedPackage {
        name,
        version,
        source,
    });
    prop_oneof![".*".prop_map(Note::Text), Just(Note::Absent), vec(package, 0..4).prop_map(Note::Packages)]
}

fn any_record() -> impl Strategy<Value = InputRecord> {
    let input = (class(), vec(any::<u8>(), 0..12), any::<[u8; 32]>(), proptest::option::of(note()));
    (vec(input, 0..12), btree_map(".*", any::<[[u8; 32]; 7]>(), 0..3)).prop_map(|(inputs, upstreams)| {
        let mut record = InputRecord::default();
        for (class, name, digest, note) in inputs {
            record.derivation.insert(class, InputName::new(name.clone()), Digest::from_bytes(digest));
            if let Some(note) = note {
                record.notes.insert(class, InputName::new(name), note);
            }
        }
        for (instance, rungs) in upstreams {
            record.derivation.insert_upstream(instance, Ladder::from_rungs(rungs.map(Digest::from_bytes)));
        }
        record
    })
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(record in any_record()) {
        prop_assert_eq!(InputRecord::decode(&record.encode().unwrap()), Ok(record));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = InputRecord::decode(&bytes);
    }

    /// Behind a valid head and a valid frame, so that the bytes reach the last reader.
    #[test]
    fn hostile_content_never_panics(content in vec(any::<u8>(), 0..200)) {
        let mut bytes = b"sci-inp\x01".to_vec();
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(zstd::bulk::compress(&content, 1).unwrap());
        let _ = InputRecord::decode(&bytes);
    }

    #[test]
    fn a_flipped_bit_never_panics(record in any_record(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = record.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let _ = InputRecord::decode(&bytes);
    }

    #[test]
    fn two_records_differ_exactly_where_their_derivations_do(before in any_record(), after in any_record()) {
        prop_assert!(diff(&before, &before).is_empty());
        prop_assert_eq!(diff(&before, &after).is_empty(), before.derivation == after.derivation);
        for class in InputClass::ALL {
            let equal = before.derivation.class(class).eq(after.derivation.class(class));
            prop_assert_eq!(diff(&before, &after).class(class).is_none(), equal);
        }
    }
}
