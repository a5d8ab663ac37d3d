//! Every operation, through to the service and back.

use std::sync::atomic::{AtomicUsize, Ordering};

use sci_conformance::http::Heard;
use sci_conformance::state::State;
use sci_remote::Error;
use sci_store_api::dsse;
use sci_store_api::plans::{PlanQuery, PlannedPath};
use sci_store_api::resolve::ResolveRequest;
use sci_store_api::saves::Committed;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::verdict::{MissReason, Verdict};
use sci_store_api::{ErrorCode, Object, ObjectId, ObjectSink as _, ObjectSource as _, TransferError};

use crate::storage::Storage;

#[test]
fn what_was_saved_is_resolved_shown_read_and_forgotten() {
    let storage = Storage::default();
    let remote = storage.main();
    let state = State::new("l", "s", "tree");
    let committed = storage.save(&remote, &state);
    let Committed::Saved { snapshot } = committed else { panic!("{committed:?}") };
    let request = ResolveRequest { paths: vec![state.query()], ancestors: Vec::new() };
    let resolved = remote.resolve(&request).unwrap().paths.pop().unwrap();
    assert_eq!(resolved.verdict.snapshot(), Some(snapshot));

    let session = remote.session().unwrap();
    let envelope = resolved.envelope.unwrap();
    let verified = dsse::verify_for(&envelope, &session.public_keys, &session.store, &session.repository).unwrap();
    assert_eq!(verified.id, snapshot);
    for object in &verified.record.objects {
        let bytes = remote.object(&object.id).unwrap();
        assert_eq!(remote.object_size(&object.id).unwrap(), bytes.len() as u64);
        assert_eq!(remote.read(&object.id, 1..3).unwrap(), bytes[1..3]);
        assert_eq!(remote.read(&object.id, 0..bytes.len() as u64).unwrap(), bytes);
        assert_eq!(remote.read(&object.id, 2..2).unwrap(), b"");
        assert!(remote.read(&object.id, 0..bytes.len() as u64 + 1).is_err());
    }
    assert_eq!(remote.snapshot(&snapshot).unwrap().summary.snapshot, snapshot);
    let query = SnapshotQuery { path: Some("target".parse().unwrap()), limit: Some(1), ..SnapshotQuery::default() };
    assert_eq!(remote.snapshots(&query).unwrap().snapshots.len(), 1);

    remote.forget(&snapshot).unwrap();
    assert_eq!(remote.snapshot(&snapshot).unwrap_err().code(), Some(ErrorCode::NotFound));
    assert_eq!(remote.forget(&snapshot).unwrap_err().code(), Some(ErrorCode::NotFound));
}

#[test]
fn plans_are_kept_and_explained() {
    let storage = Storage::default();
    let remote = storage.main();
    let state = State::new("l", "s", "tree");
    let query = state.query();
    let planned = PlannedPath {
        path: query.path,
        instance: query.instance,
        ladder: query.ladder,
        sketch: query.sketch,
        derivation: Some(remote.put_derivation(b"inputs").unwrap()),
        verdict: Verdict::miss(MissReason::NothingSaved),
    };
    let plan = remote.record_plan(vec![planned.clone()]).unwrap();
    assert_eq!(remote.plans(&PlanQuery::newest(10)).unwrap()[0].plan, plan);
    assert_eq!(remote.explain(&plan).unwrap().plan.paths, [planned]);
    assert_eq!(remote.health().unwrap().store.as_str(), "under-test");
}

#[test]
fn an_unknown_object_is_missing() {
    let storage = Storage::default();
    let remote = storage.main();
    let unknown = ObjectId::of(b"nobody's");
    assert!(matches!(remote.read(&unknown, 0..1), Err(TransferError::Missing { object }) if object == unknown));
    assert_eq!(remote.object(&unknown).unwrap_err().code(), Some(ErrorCode::UnknownObject));
}

#[test]
fn many_paths_are_resolved_in_parts() {
    let storage = Storage::default();
    let remote = storage.main();
    let state = State::new("l", "s", "tree");
    let paths = (0..300).map(|number| {
        let mut query = state.query();
        query.instance = format!("packages/{number}").parse().unwrap();
        query
    });
    let request = ResolveRequest { paths: paths.collect(), ancestors: Vec::new() };
    let answer = remote.resolve(&request).unwrap();
    let asked: Vec<_> = request.paths.iter().map(|query| &query.instance).collect();
    let answered: Vec<_> = answer.paths.iter().map(|resolved| &resolved.instance).collect();
    assert_eq!(asked, answered);
}

#[test]
fn many_threads_read_and_put_at_once() {
    let storage = Storage::default();
    let remote = storage.main();
    let state = State::new("l", "s", "tree");
    let save = storage.begin(&remote, &state);
    let next = AtomicUsize::new(0);
    let objects: Vec<Vec<u8>> = (0..40_u8).map(|number| vec![number; 100_000]).collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(bytes) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    save.put(Object::of(bytes.clone())).unwrap();
                    assert_eq!(remote.put_derivation(bytes).unwrap(), ObjectId::of(bytes));
                }
            });
        }
    });
    // Nothing was stored that a commit could cite, but everything has arrived when it asks.
    save.commit(&state.commit()).unwrap_err();
    // One ticket for all of them.
    assert_eq!(storage.count("/v1/session"), 1);
    assert_eq!(storage.count("/v1/objects"), 80);
}

#[test]
fn bytes_that_changed_on_the_way_are_refused() {
    let storage = Storage::default();
    let remote = storage.main();
    let save = storage.begin(&remote, &State::new("l", "s", "tree"));
    storage.meddle(|heard, honest| match heard.method.as_str() {
        "PUT" => honest(&Heard { body: b"two".to_vec(), ..heard.clone() }),
        _ => honest(heard),
    });
    save.put(Object::of(b"one".to_vec())).unwrap();
    let error = save.commit(&State::new("l", "s", "tree").commit()).unwrap_err();
    assert!(matches!(&error, Error::Refused(error) if error.code == ErrorCode::WrongContent), "{error}");
    // Once it has failed, nothing more is taken.
    let error = save.put(Object::of(b"two".to_vec())).unwrap_err();
    assert!(matches!(&error, TransferError::Failed { reason, .. } if reason.contains("SHA-256")), "{error}");
}
