//! Collection without grace, over and over, beside those who save and restore: on disk, each with an `Embedded` of its own,
//! as processes have them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sci_hasher::{Derivation, Digest, InputClass, Ladder, Sketch};
use sci_native::{Embedded, Error, LocalAdmin, NoBuckets, caller};
use sci_store_api::admin::{Collect, DAY, GcPolicy};
use sci_store_api::resolve::{PathQuery, ResolveRequest, RestorePolicy};
use sci_store_api::saves::CommitSave;
use sci_store_api::{
    ErrorCode, Instance, Object, ObjectKind, ObjectSink, PathName, Record, RunId, SnapshotId, TransferError,
};

const SAVERS: usize = 2;
const RESTORERS: usize = 2;
/// Saves that each saver brings to their end.
const SAVES: usize = 25;

fn open(directory: &Path, run: &str) -> Embedded {
    let caller = caller("p", RunId::new(run).unwrap(), None, &BTreeMap::new()).unwrap();
    Embedded::open(directory, caller).unwrap()
}

fn ladder(source: &str) -> Ladder {
    let mut derivation = Derivation::default();
    derivation.insert(InputClass::Tools, "rustc".into(), Digest::of(b"1"));
    derivation.insert(InputClass::Sources, "main.rs".into(), Digest::of(source.as_bytes()));
    derivation.ladder()
}

fn place(saver: usize) -> (PathName, Instance) {
    (PathName::new("target").unwrap(), Instance::new(format!("{saver}/target")).unwrap())
}

/// What a snapshot is made of: a pack of its own, one that comes back every third time, one that all share.
fn objects(saver: usize, number: usize) -> Vec<(ObjectKind, Vec<u8>)> {
    let pack = |name: String| (ObjectKind::Pack, format!("{name:>30000}").into_bytes());
    vec![
        pack(format!("own {saver} {number}")),
        pack(format!("again {saver} {}", number % 3)),
        pack("shared".to_owned()),
        (ObjectKind::Manifest, format!("manifest {saver} {number}").into_bytes()),
        (ObjectKind::Derivation, format!("inputs {saver} {number}").into_bytes()),
    ]
}

/// Saves once; `Err` when a collection was faster, which is allowed without grace.
fn save(store: &Embedded, saver: usize, number: usize) -> Result<SnapshotId, String> {
    let (path, instance) = place(saver);
    let ladder = ladder(&format!("{saver} {number}"));
    let began = store.begin(&path, &instance, ladder.key(), Vec::new()).map_err(overtaken)?;
    let mut listed = Vec::new();
    for (kind, bytes) in objects(saver, number) {
        let object = Object::of(bytes);
        listed.push(object.listed(kind));
        began.put(object).map_err(|error| match error {
            TransferError::Again { .. } => error.to_string(),
            error => panic!("{error}"),
        })?;
    }
    let commit = CommitSave {
        ladder,
        sketch: Sketch::empty(),
        derivation: listed[4].id,
        manifest: listed[3].id,
        objects: listed,
        tree: Digest::of(format!("{saver} {number}").as_bytes()),
        files: 1,
        bytes: 1,
        settled: true,
    };
    Ok(began.commit(&commit).map_err(overtaken)?.snapshot())
}

fn overtaken(error: Error) -> String {
    match error.code() {
        Some(ErrorCode::Retry | ErrorCode::NotFound | ErrorCode::UnknownObject) => error.to_string(),
        _ => panic!("{error}"),
    }
}

/// Saves until it is done each time; what was acknowledged is there, since the newest of each place is kept.
fn saver(directory: &Path, saver: usize, acknowledged: &AtomicUsize) -> usize {
    let store = open(directory, &format!("saver-{saver}"));
    let mut overtaken = 0;
    for number in 0..SAVES {
        let snapshot = loop {
            match save(&store, saver, number) {
                Ok(snapshot) => break snapshot,
                Err(_) => overtaken += 1,
            }
        };
        let found = store.snapshot(&snapshot);
        assert!(found.is_ok(), "an acknowledged snapshot is gone: {:?}", found.err());
        acknowledged.fetch_add(1, Ordering::AcqRel);
    }
    overtaken
}

/// Resolves and reads all that it was promised, however often collection comes in between.
fn restorer(directory: &Path, number: usize, done: &AtomicBool) -> usize {
    let mut restored = 0;
    for round in 0.. {
        if done.load(Ordering::Acquire) {
            break;
        }
        let store = open(directory, &format!("restorer-{number}-{round}"));
        let (path, instance) = place(round % SAVERS);
        let query = PathQuery {
            path,
            instance,
            ladder: ladder("nobody has this"),
            sketch: Sketch::empty(),
            restore: RestorePolicy::Nearest,
            at_least: InputClass::Tools,
        };
        let answer = store.resolve(&ResolveRequest { paths: vec![query], ancestors: Vec::new() }).unwrap();
        let Some(envelope) = answer.paths.into_iter().next().and_then(|path| path.envelope) else { continue };
        let record: Record = store.verify(&envelope, &store.public_keys().unwrap()).unwrap().record;
        for object in &record.objects {
            std::thread::yield_now();
            let bytes = store.object(&object.id);
            assert!(bytes.is_ok(), "promised, and gone: {:?}", bytes.err());
        }
        restored += 1;
    }
    restored
}

/// Collects until everybody is done: once for each save without any grace, when not even saves in flight are spared, and
/// all the time with some, so that they come to an end.
fn collector(directory: &Path, acknowledged: &AtomicUsize, done: &AtomicBool) -> usize {
    let store = LocalAdmin::open(directory, &NoBuckets).unwrap();
    let (mut deleted, mut seen) = (0, 0);
    while !done.load(Ordering::Acquire) {
        let now = acknowledged.load(Ordering::Acquire);
        let grace = if now > seen { 0 } else { DAY };
        seen = now;
        let policy = GcPolicy { grace, keep_newest: Some(1), max_age: None, ..GcPolicy::default() };
        deleted += store.collect(&Collect { repository: None, policy }).unwrap().deleted.len();
    }
    deleted
}

#[test]
fn what_was_promised_or_acknowledged_survives_collection_without_grace() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    drop(open(path, "first"));
    let (done, saving, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(SAVERS), AtomicUsize::new(0));
    let (done, saving, acknowledged) = (&done, &saving, &acknowledged);
    let (restored, deleted, overtaken) = std::thread::scope(|scope| {
        let savers: Vec<_> = (0..SAVERS)
            .map(|number| {
                scope.spawn(move || {
                    // Whether it succeeds or panics: the others must end.
                    let _ended = Ended(saving, done);
                    saver(path, number, acknowledged)
                })
            })
            .collect();
        let restorers: Vec<_> =
            (0..RESTORERS).map(|number| scope.spawn(move || restorer(path, number, done))).collect();
        let collector = scope.spawn(move || collector(path, acknowledged, done));
        let overtaken: usize = savers.into_iter().map(|thread| thread.join().unwrap()).sum();
        let restored: usize = restorers.into_iter().map(|thread| thread.join().unwrap()).sum();
        (restored, collector.join().unwrap(), overtaken)
    });
    println!("{restored} restores, {deleted} objects deleted, {overtaken} saves overtaken");
    assert!(restored > 0 && deleted > 0, "{restored} restores, {deleted} objects deleted");

    let store = open(path, "last");
    let records = store.audit_list().unwrap();
    for (number, snapshot) in &records {
        let audited = store.audit(*number).unwrap().unwrap();
        assert_eq!(audited.faults, Vec::<String>::new(), "{snapshot}");
        for object in audited.record.unwrap().1.objects {
            assert!(store.is_whole(&object.id).unwrap(), "{snapshot} needs {}", object.id);
        }
    }
    assert!(records.len() >= SAVERS, "the newest of each place is kept: {}", records.len());
}

/// Says when the last saver has ended.
struct Ended<'a>(&'a AtomicUsize, &'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if self.0.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.1.store(true, Ordering::Release);
        }
    }
}
