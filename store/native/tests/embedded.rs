//! The embedded store as the program uses it: directories, processes, threads and projects.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sci_hasher::{Derivation, Digest, InputClass, Ladder, Sketch};
use sci_native::{Embedded, Error, LocalAdmin, NoBuckets, caller};
use sci_store_api::admin::{Collect, DAY, GcPolicy, Quarantine};
use sci_store_api::resolve::{PathQuery, ResolveRequest, RestorePolicy};
use sci_store_api::saves::{CommitSave, Committed};
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::verdict::{MissReason, Outcome};
use sci_store_api::{
    Instance, Object, ObjectId, ObjectKind, ObjectSink, ObjectSource, PathName, RunId, SnapshotId, TransferError,
};
use tempfile::TempDir;

fn open(directory: &Path, project: &str, run: &str) -> Embedded {
    let caller = caller(project, RunId::new(run).unwrap(), Some("c0ffee"), &BTreeMap::new()).unwrap();
    Embedded::open(directory, caller).unwrap()
}

fn ladder(source: &str) -> Ladder {
    let mut derivation = Derivation::default();
    derivation.insert(InputClass::Sources, "main.rs".into(), Digest::of(source.as_bytes()));
    derivation.ladder()
}

fn target() -> (PathName, Instance) {
    (PathName::new("target").unwrap(), Instance::new("target").unwrap())
}

fn save(store: &Embedded, source: &str, tree: &str, bases: Vec<SnapshotId>) -> Result<Committed, Error> {
    let (path, instance) = target();
    let contents = [format!("pack {tree}"), format!("manifest {tree}"), format!("inputs {source}")];
    let kinds = [ObjectKind::Pack, ObjectKind::Manifest, ObjectKind::Derivation];
    let save = store.begin(&path, &instance, ladder(source).key(), bases)?;
    let mut objects = Vec::new();
    for (content, kind) in contents.iter().zip(kinds) {
        let object = Object::of(content.clone().into_bytes());
        objects.push(object.listed(kind));
        save.put(object).unwrap();
    }
    save.commit(&CommitSave {
        ladder: ladder(source),
        sketch: Sketch::empty(),
        derivation: objects[2].id,
        manifest: objects[1].id,
        objects,
        tree: Digest::of(tree.as_bytes()),
        files: 1,
        bytes: 1,
        settled: true,
    })
}

fn resolve(store: &Embedded, source: &str) -> Outcome {
    let (path, instance) = target();
    let query = PathQuery {
        path,
        instance,
        ladder: ladder(source),
        sketch: Sketch::empty(),
        restore: RestorePolicy::Nearest,
        at_least: InputClass::Tools,
    };
    let request = ResolveRequest { paths: vec![query], ancestors: vec![] };
    store.resolve(&request).unwrap().paths[0].verdict.outcome
}

fn blobs(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![directory.join("objects")];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.path().is_dir() { left.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found
}

#[test]
fn what_one_process_saved_another_resolves_reads_and_verifies() {
    let directory = TempDir::new().unwrap();
    let snapshot = save(&open(directory.path(), "p", "1"), "a", "t", vec![]).unwrap().snapshot();
    let store = open(directory.path(), "p", "2");
    assert_eq!(resolve(&store, "a"), Outcome::Exact { snapshot });
    let detail = store.snapshot(&snapshot).unwrap();
    let verified = store.verify(&detail.envelope, &store.public_keys().unwrap()).unwrap();
    assert_eq!((verified.id, verified.record.claims["sha"].as_str()), (snapshot, "c0ffee"));
    assert_eq!(store.object(&verified.record.manifest).unwrap(), b"manifest t");
    assert_eq!(store.read(&verified.record.manifest, 2..5).unwrap(), b"nif");
    let beyond = store.read(&verified.record.manifest, 2..500);
    assert!(matches!(beyond, Err(TransferError::Failed { .. })));
    let unknown = ObjectId::of(b"unknown");
    assert!(matches!(store.read(&unknown, 0..1), Err(TransferError::Missing { object }) if object == unknown));
}

#[test]
fn projects_share_a_store_unseen() {
    let directory = TempDir::new().unwrap();
    let (mine, theirs) = (open(directory.path(), "mine", "1"), open(directory.path(), "theirs", "1"));
    let snapshot = save(&mine, "a", "t", vec![]).unwrap().snapshot();
    assert_eq!(resolve(&theirs, "a"), Outcome::Miss { reason: MissReason::NothingSaved });
    assert_eq!(theirs.snapshots(&SnapshotQuery::default()).unwrap().snapshots, []);
    assert!(theirs.snapshot(&snapshot).is_err());
    assert!(matches!(theirs.read(&ObjectId::of(b"pack t"), 0..1), Err(TransferError::Missing { .. })));
    let envelope = mine.snapshot(&snapshot).unwrap().envelope;
    assert!(theirs.verify(&envelope, &theirs.public_keys().unwrap()).is_err(), "signed for another repository");
    let policy = GcPolicy { grace: 0, keep_newest: Some(0), max_age: None, ..GcPolicy::default() };
    let collect = Collect { repository: Some(theirs.session().unwrap().repository), policy };
    LocalAdmin::open(directory.path(), &NoBuckets).unwrap().collect(&collect).unwrap();
    assert_eq!(resolve(&mine, "a"), Outcome::Exact { snapshot });
}

#[test]
fn a_record_of_another_store_is_refused() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (here, there) = (open(here.path(), "p", "1"), open(there.path(), "p", "1"));
    let snapshot = save(&there, "a", "t", vec![]).unwrap().snapshot();
    let envelope = there.snapshot(&snapshot).unwrap().envelope;
    assert!(here.verify(&envelope, &here.public_keys().unwrap()).is_err());
    assert!(here.verify(&envelope, &there.public_keys().unwrap()).is_err());
}

#[test]
fn many_openers_at_once_make_one_store() {
    let directory = TempDir::new().unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let path = directory.path();
        let save = move |run: usize| {
            let store = open(path, "p", &run.to_string());
            (store.public_keys().unwrap(), save(&store, "a", &format!("tree {}", run % 2), vec![]).unwrap())
        };
        let threads: Vec<_> = (0..6).map(|run| scope.spawn(move || save(run))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|(keys, _)| *keys == answers[0].0));
    assert_eq!(answers.iter().filter(|(_, answer)| matches!(answer, Committed::Saved { .. })).count(), 1);
    assert!(answers.iter().all(|(_, answer)| answer.snapshot() == answers[0].1.snapshot()));
}

#[test]
fn threads_read_and_write_at_once() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path(), "p", "1");
    let (path, instance) = target();
    let save = store.begin(&path, &instance, ladder("a").key(), vec![]).unwrap();
    let content = |number: usize| format!("{number:>60000}").into_bytes();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let save = &save;
            let store = &store;
            scope.spawn(move || {
                for number in (thread..400).step_by(4) {
                    let object = Object::of(content(number));
                    let id = object.id();
                    save.put(object).unwrap();
                    assert_eq!(store.read(&id, 59_990..60_000).unwrap(), content(number)[59_990..]);
                }
            });
        }
    });
    for number in 0..400 {
        assert_eq!(store.object(&ObjectId::of(&content(number))).unwrap(), content(number));
    }
}

/// What each scope is charged for: as the index says it, and as it follows from what is there.
fn charges(index: &rusqlite::Connection) -> [Vec<(String, i64)>; 2] {
    const FOLLOWS: &str = "SELECT scope, sum(bytes) FROM (SELECT scope, size AS bytes FROM objects WHERE state < 2 \
         UNION ALL SELECT scope, 2000 + 40 * objects + length(payload) FROM records) GROUP BY scope ORDER BY scope";
    ["SELECT scope, bytes FROM charges WHERE bytes <> 0 ORDER BY scope", FOLLOWS].map(|sql| {
        let mut asked = index.prepare(sql).unwrap();
        asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    })
}

/// Takes an index back to what it was before lineage was kept by run: a row for each snapshot and each of its parents.
const BEFORE_LINEAGE_BY_RUN: &str = "DELETE FROM migrations WHERE version = 5; \
    CREATE TABLE ancestry (repository TEXT NOT NULL, snapshot BLOB NOT NULL, parent BLOB NOT NULL, run TEXT NOT NULL, \
        quarantined INTEGER NOT NULL, PRIMARY KEY (repository, snapshot, parent)) STRICT, WITHOUT ROWID; \
    INSERT INTO ancestry SELECT repository, snapshot, \
        coalesce((SELECT snapshot FROM served WHERE served.run = records.run), x''), run, quarantined FROM records; \
    DROP TABLE lineage; ALTER TABLE served DROP COLUMN origin; ALTER TABLE served DROP COLUMN scope; \
    DROP TRIGGER record_added; DROP TRIGGER record_gone; ALTER TABLE records DROP COLUMN listed; \
    CREATE TRIGGER record_added AFTER INSERT ON records BEGIN DELETE FROM guard; END; \
    CREATE TRIGGER record_gone AFTER DELETE ON records BEGIN DELETE FROM guard; END";
const BEFORE_OWNERS: &str = "DELETE FROM migrations WHERE version = 4; \
    DROP TRIGGER object_added; DROP TRIGGER object_changed; DROP TRIGGER object_gone; DROP TABLE charges; \
    DROP TRIGGER record_added; DROP TRIGGER record_gone; \
    DROP INDEX objects_by_owner; DROP INDEX records_by_scope; ALTER TABLE objects DROP COLUMN scope";

#[test]
fn lineage_from_before_it_was_kept_by_run_is_brought_up() {
    let directory = TempDir::new().unwrap();
    for (run, state) in [("1", "a"), ("2", "b"), ("3", "c"), ("other", "d")] {
        let store = open(directory.path(), "p", run);
        if run != "other" {
            resolve(&store, state);
        }
        save(&store, state, run, vec![]).unwrap();
    }
    // Served, and not saved yet.
    let later = open(directory.path(), "p", "later");
    assert!(matches!(resolve(&later, "c"), Outcome::Exact { .. }));
    let index = rusqlite::Connection::open(directory.path().join("index.sqlite")).unwrap();
    index.execute_batch(BEFORE_LINEAGE_BY_RUN).unwrap();
    let store = open(directory.path(), "p", "reader");
    let [said, follows] = charges(&index);
    assert_eq!(said, follows);
    let admin = LocalAdmin::open(directory.path(), &NoBuckets).unwrap();
    let repository = index.query_row("SELECT repository FROM records", [], |row| row.get::<_, String>(0)).unwrap();
    let request = Quarantine { repository: repository.parse().unwrap(), run: RunId::new("1").unwrap() };
    assert_eq!(admin.quarantine(&request).unwrap().len(), 3);
    save(&later, "late", "later", vec![]).unwrap();
    assert!(matches!(resolve(&store, "late"), Outcome::Nearest { .. }), "it descends from what is quarantined");
    assert!(matches!(resolve(&store, "d"), Outcome::Exact { .. }));
}

#[test]
fn an_index_from_before_objects_had_owners_is_brought_up() {
    let directory = TempDir::new().unwrap();
    let snapshot = save(&open(directory.path(), "p", "1"), "a", "t", vec![]).unwrap().snapshot();
    let index = rusqlite::Connection::open(directory.path().join("index.sqlite")).unwrap();
    let before = charges(&index);
    assert!(before[0].len() == 1 && before[0] == before[1], "{before:?}");
    index.execute_batch(BEFORE_LINEAGE_BY_RUN).unwrap();
    index.execute_batch(BEFORE_OWNERS).unwrap();
    let store = open(directory.path(), "p", "2");
    assert_eq!(resolve(&store, "a"), Outcome::Exact { snapshot });
    let [said, follows] = charges(&index);
    assert_eq!(said, follows);
    // The first collection finds out whose they are.
    let admin = LocalAdmin::open(directory.path(), &NoBuckets).unwrap();
    admin.collect(&Collect { repository: None, policy: GcPolicy::default() }).unwrap();
    assert_eq!(charges(&index), before);
    // A record that goes, and objects that are collected, are charged no more.
    store.forget(&snapshot).unwrap();
    let policy = GcPolicy { grace: 0, ..GcPolicy::default() };
    for _ in 0..3 {
        admin.collect(&Collect { repository: None, policy: policy.clone() }).unwrap();
    }
    let [said, follows] = charges(&index);
    assert_eq!(said, follows);
}

#[test]
fn a_newer_format_is_refused_with_a_hint_and_left_alone() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path(), "p", "1"));
    let marker = directory.path().join("sci-store.json");
    let newer = fs::read_to_string(&marker).unwrap().replace("\"format\": 1", "\"format\": 3, \"shape\": \"new\"");
    fs::write(&marker, &newer).unwrap();
    let caller = caller("p", RunId::new("1").unwrap(), None, &BTreeMap::new()).unwrap();
    let error = Embedded::open(directory.path(), caller).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 3, known: 2, .. }));
    assert!(error.hint().is_some());
    assert_eq!(fs::read_to_string(&marker).unwrap(), newer);
}

#[test]
fn a_directory_with_something_else_is_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("thesis.tex"), "years of work").unwrap();
    let caller = caller("p", RunId::new("1").unwrap(), None, &BTreeMap::new()).unwrap();
    assert!(matches!(Embedded::open(directory.path(), caller).unwrap_err(), Error::NotAStore { .. }));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn objects_without_their_index_are_told_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let lose = || {
        for name in ["sci-store.json", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
            let _absent = fs::remove_file(directory.path().join(name));
        }
    };
    drop(open(directory.path(), "p", "1"));
    lose();
    // Nothing was lost with it.
    save(&open(directory.path(), "p", "1"), "a", "t", vec![]).unwrap();
    lose();
    let caller = caller("p", RunId::new("1").unwrap(), None, &BTreeMap::new()).unwrap();
    let error = Embedded::open(directory.path(), caller).unwrap_err();
    assert!(matches!(&error, Error::NotAStore { path, .. } if path.ends_with("index.sqlite")), "{error}");
    for name in ["index.sqlite", "sci-store.json"] {
        assert!(!directory.path().join(name).exists(), "no new {name} is made beside them");
    }
}

#[test]
fn the_signing_key_is_its_owners_alone() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path(), "p", "1");
    let key = directory.path().join("signing-key.json");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!format!("{store:?}").contains(&fs::read_to_string(&key).unwrap()[20..40]));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let caller = caller("p", RunId::new("1").unwrap(), None, &BTreeMap::new()).unwrap();
    assert!(matches!(Embedded::open(directory.path(), caller).unwrap_err(), Error::NotAStore { .. }));
}

#[test]
fn a_damaged_object_is_named_and_a_lost_one_is_a_miss() {
    let directory = TempDir::new().unwrap();
    save(&open(directory.path(), "p", "1"), "a", "t", vec![]).unwrap();
    let manifest = ObjectId::of(b"manifest t");
    let file = blobs(directory.path()).into_iter().find(|file| file.to_string_lossy().contains(&manifest.to_string()));
    let file = file.unwrap();
    fs::write(&file, b"manifest x").unwrap();
    let error = open(directory.path(), "p", "2").object(&manifest).unwrap_err();
    assert!(error.to_string().contains(&manifest.to_string()));
    for damage in [|file: &Path| fs::write(file, b"short").unwrap(), |file: &Path| fs::remove_file(file).unwrap()] {
        damage(&file);
        let store = open(directory.path(), "p", "3");
        assert_eq!(resolve(&store, "a"), Outcome::Miss { reason: MissReason::AllRefused });
    }
    let healed = save(&open(directory.path(), "p", "4"), "a", "t", vec![]).unwrap();
    assert!(matches!(healed, Committed::AlreadySaved { nondeterministic: false, .. }), "the put brought it back");
    assert!(matches!(resolve(&open(directory.path(), "p", "5"), "a"), Outcome::Exact { .. }));
}

#[test]
fn nothing_is_left_of_what_is_collected() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path(), "p", "1");
    let snapshot = save(&store, "a", "t", vec![]).unwrap().snapshot();
    assert_eq!(blobs(directory.path()).len(), 3);
    store.forget(&snapshot).unwrap();
    let collect = |grace| Collect { repository: None, policy: GcPolicy { grace, ..GcPolicy::default() } };
    let admin = LocalAdmin::open(directory.path(), &NoBuckets).unwrap();
    assert_eq!(admin.plan_gc(&collect(DAY)).unwrap().mark.len(), 3);
    assert_eq!(admin.collect(&collect(0)).unwrap().deleted.len(), 3);
    assert_eq!(blobs(directory.path()), Vec::<PathBuf>::new());
    assert_eq!(fs::read_dir(directory.path().join("incoming")).unwrap().count(), 0);
}
