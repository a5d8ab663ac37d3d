//! Checking from outside: what a client of a remote store can find out about its snapshots, and what it cannot.
//!
//! Everything that is signed or has a digest is checked here, and the store is not asked for its opinion. What only its own
//! files can show (the index, objects that no snapshot cites) is left to `sci verify` where the store is.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sci_store_api::snapshots::{SnapshotDetail, SnapshotSummary};
use sci_store_api::{ErrorCode, ObjectId, ObjectKind, ObjectRef, ObjectSource as _, Record, SnapshotId};

use super::checking::{Damaged, Findings, Problem, Reading};
use crate::error::Result;
use crate::store::{Backend, Store, StoreError, failed};

/// What is known of objects already: many snapshots share them.
type Known = BTreeMap<ObjectId, Found>;

/// An object's size, or what the store says instead.
type Found = std::result::Result<u64, String>;

/// Checks these snapshots of a remote store. Without `read_data` each object is asked for once, and only manifests are read.
///
/// # Errors
/// When the store does not answer: that is no damage.
pub fn check(store: &Store, snapshots: &[SnapshotId], read_data: bool) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut known = Known::new();
    let mut reading = read_data.then(Reading::default);
    for snapshot in snapshots {
        let Some(detail) = detail(store, snapshot)? else { continue };
        let (objects, damaged) = check_one(store, &detail, reading.as_mut(), &mut known)?;
        findings.snapshots += 1;
        findings.objects += objects;
        if damaged.problems.is_empty() {
            continue;
        }
        // A store that went down meanwhile is no damage, and of a snapshot that was forgotten meanwhile nothing is needed.
        if self::detail(store, snapshot)?.is_some() {
            findings.damaged.push(damaged);
        }
    }
    Ok(findings)
}

/// What is never checked from outside, for a person.
pub fn unchecked(store: &Store) -> Vec<String> {
    let scopes: Vec<String> = store.session.scopes_read.iter().map(ToString::to_string).collect();
    // An administrator sees every scope, and restores from none.
    let elsewhere = (!scopes.is_empty()).then(|| format!("snapshots of other scopes than {}", scopes.join(", ")));
    let always = [
        "whether the index finds each snapshot by its inputs",
        "snapshots that the store does not list",
        "objects that no snapshot cites",
    ];
    elsewhere.into_iter().chain(always.map(str::to_owned)).collect()
}

/// The snapshot; none when it is not there any more.
fn detail(store: &Store, snapshot: &SnapshotId) -> Result<Option<SnapshotDetail>> {
    match store.backend.snapshot(snapshot) {
        Ok(detail) => Ok(Some(detail)),
        Err(error) if error.code() == Some(ErrorCode::NotFound) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn check_one(
    store: &Store,
    detail: &SnapshotDetail,
    reading: Option<&mut Reading>,
    known: &mut Known,
) -> Result<(u64, Damaged)> {
    let summary = &detail.summary;
    let mut damaged = Damaged {
        snapshot: summary.snapshot,
        path: summary.path.to_string(),
        instance: summary.instance.to_string(),
        problems: Vec::new(),
        files: Vec::new(),
        all_files: false,
        number: None,
    };
    let record = match store.verify(&detail.envelope) {
        Ok(verified) => verified.record,
        Err(error) => {
            damaged.problems.push(Problem::of_signature(&error));
            damaged.all_files = reading.is_some();
            return Ok((0, damaged));
        }
    };
    damaged.problems.extend(differences(summary, &record).into_iter().map(Problem::of_record));
    if let Some(reading) = reading {
        reading.read(store, &record, &mut damaged);
    } else {
        present(&store.backend, &record.objects, known, &mut damaged)?;
        // The manifest cites no more than what is listed, and says how the packs are to be read.
        if damaged.problems.is_empty()
            && let Err(error) = store.manifest(&record)
        {
            damaged.add(Problem::of_engine(record.manifest, &error));
        }
    }
    Ok((record.objects.len() as u64, damaged))
}

/// What the store's list says and the record does not.
fn differences(summary: &SnapshotSummary, record: &Record) -> Vec<String> {
    let columns = [
        ("scope", summary.scope == record.scope),
        ("path", summary.path == record.path),
        ("instance", summary.instance == record.instance),
        ("key", summary.key == record.key),
        ("settled", summary.settled == record.settled),
        ("run", summary.run == record.run),
        ("created", summary.created == record.created),
        ("bytes", summary.bytes == record.bytes),
    ];
    let wrong = columns.into_iter().filter(|(_, same)| !same);
    wrong.map(|(column, _)| format!("the store lists another `{column}` than was signed")).collect()
}

/// Whether every object is there with its size. Those that were not asked for yet are asked for side by side.
fn present(store: &Backend, objects: &[ObjectRef], known: &mut Known, damaged: &mut Damaged) -> Result<()> {
    let new: Vec<ObjectId> = objects.iter().map(|object| object.id).filter(|id| !known.contains_key(id)).collect();
    known.extend(ask(store, &new)?);
    for object in objects {
        let problem = match known.get(&object.id) {
            Some(Ok(size)) if *size == object.size => continue,
            Some(Ok(size)) => format!("it has {size} bytes instead of {}", object.size),
            Some(Err(reason)) => reason.clone(),
            None => "the store was not asked for it".to_owned(),
        };
        let whose = if object.kind == ObjectKind::Manifest { "of the manifest: " } else { "" };
        damaged.add(Problem::of(object.id, format!("{whose}{problem}")));
    }
    Ok(())
}

/// Asks for the sizes of these objects.
fn ask(store: &Backend, objects: &[ObjectId]) -> Result<Vec<(ObjectId, Found)>> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(id) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let size = store.object_size(id);
            if let Ok(mut found) = found.lock() {
                found.push((*id, size));
            }
        }
    };
    std::thread::scope(|scope| {
        (0..store.reads_at_once().min(objects.len())).for_each(|_| drop(scope.spawn(work)));
    });
    let found: Vec<(ObjectId, std::result::Result<u64, StoreError>)> = found.into_inner().unwrap_or_default();
    let told = |(id, size): (ObjectId, std::result::Result<u64, StoreError>)| match size {
        Ok(size) => Ok((id, Ok(size))),
        // It said something about this object.
        Err(error) if error.code().is_some() => Ok((id, Err(error.to_string()))),
        Err(error) => Err(failed(error)),
    };
    found.into_iter().map(told).collect()
}
