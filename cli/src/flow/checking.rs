//! Checking and repairing where the store is: whether each snapshot is what was signed and whole, and what to drop when it is not.

use std::collections::{BTreeSet, HashSet};

use sci_snapshot::SnapshotError;
use sci_snapshot::verify::{Damage, Verifier};
use sci_store_api::admin::Repaired;
use sci_store_api::dsse::VerifyError;
use sci_store_api::{ObjectId, ObjectKind, ObjectRef, Record, SnapshotId, TransferError};
use serde::Serialize;

use crate::error::Result;
use crate::store::{Backend, Store, failed};

/// A snapshot that cannot be restored, or not wholly.
#[derive(Debug, Serialize)]
pub struct Damaged {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The workspace path.
    pub path: String,
    /// The instance.
    pub instance: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Files that cannot be restored, when the data was read.
    pub files: Vec<String>,
    /// True when no file can be restored: then `files` is empty.
    pub all_files: bool,
    /// The record's number in the index, where that is at hand.
    #[serde(skip)]
    pub number: Option<i64>,
}

/// Something wrong with a snapshot.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The object concerned; none when it is the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectId>,
    /// What is wrong.
    pub reason: String,
    #[serde(skip)]
    doubt: Option<Doubt>,
}

/// Why a record is not believed here that may be what the store signed: then there is nothing to repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// None of the keys that are trusted here signed it.
    UnknownKey,
    /// Its signature does not hold.
    Signature,
}

impl Damaged {
    /// Whether nothing is known to be damaged: only the keys that are trusted here are none of those that signed.
    pub fn is_of_an_unknown_key(&self) -> bool {
        !self.problems.is_empty() && self.problems.iter().all(|problem| problem.doubt == Some(Doubt::UnknownKey))
    }
}

impl Problem {
    /// Something wrong with an object.
    pub(super) fn of(object: ObjectId, reason: impl Into<String>) -> Self {
        Self { object: Some(object), reason: reason.into(), doubt: None }
    }

    /// The store may have signed it, but no key that is trusted here did.
    pub(super) fn of_signature(error: &VerifyError) -> Self {
        let is_unknown = matches!(error, VerifyError::Untrusted { .. });
        let doubt = if is_unknown { Doubt::UnknownKey } else { Doubt::Signature };
        Self { object: None, reason: error.to_string(), doubt: Some(doubt) }
    }

    pub(super) fn of_record(reason: impl Into<String>) -> Self {
        Self { object: None, reason: reason.into(), doubt: None }
    }

    pub(super) fn of_engine(manifest: ObjectId, error: &SnapshotError) -> Self {
        let object = match error {
            SnapshotError::Damaged { object, .. }
            | SnapshotError::Transfer(TransferError::Missing { object } | TransferError::Failed { object, .. }) => {
                Some(*object)
            }
            _ => Some(manifest),
        };
        Self { object, reason: error.to_string(), doubt: None }
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Snapshots that were checked.
    pub snapshots: u64,
    /// Objects that they list.
    pub objects: u64,
    /// The damaged ones.
    pub damaged: Vec<Damaged>,
    /// Damaged objects that no snapshot cites, when the data of a whole store was read.
    pub loose: Vec<Problem>,
}

/// Checks these records of the index and, where the data is read, every object that no snapshot cites.
///
/// # Errors
/// When the store fails.
pub fn check_all(store: &Store, numbers: &[i64], read_data: bool) -> Result<Findings> {
    let mut findings = check_some(store, numbers, read_data)?;
    if read_data {
        let loose = store.embedded()?.damaged_loose_objects().map_err(failed)?;
        findings.loose = loose.into_iter().map(|object| Problem::of(object, "it is damaged or missing")).collect();
    }
    Ok(findings)
}

/// Checks these records of the index.
///
/// # Errors
/// When the store fails.
pub fn check_some(store: &Store, numbers: &[i64], read_data: bool) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut reading = read_data.then(Reading::default);
    for number in numbers {
        let Some((objects, damaged)) = check(store, *number, reading.as_mut())? else { continue };
        findings.snapshots += 1;
        findings.objects += objects;
        findings.damaged.extend(damaged);
    }
    Ok(findings)
}

/// Checks one record of the index, by its number: gives how many objects it lists, and the damage. `None` when the
/// snapshot was forgotten meanwhile.
///
/// # Errors
/// When the index cannot be asked.
fn check(store: &Store, number: i64, reading: Option<&mut Reading>) -> Result<Option<(u64, Option<Damaged>)>> {
    let embedded = store.embedded()?;
    let backend = &store.backend;
    let Some(audited) = embedded.audit(number).map_err(failed)? else { return Ok(None) };
    let mut damaged = Damaged {
        snapshot: audited.snapshot,
        path: audited.path,
        instance: audited.instance,
        problems: audited.faults.into_iter().map(Problem::of_record).collect(),
        files: Vec::new(),
        all_files: false,
        number: Some(number),
    };
    let mut objects = 0;
    match &audited.record {
        None => damaged.all_files = reading.is_some(),
        Some((envelope, record)) => {
            objects = record.objects.len() as u64;
            if let Err(error) = store.verify(envelope) {
                damaged.problems.push(Problem::of_signature(&error));
            }
            match reading {
                Some(reading) => reading.read(store, record, &mut damaged),
                None => present(backend, record, &mut damaged),
            }
        }
    }
    if damaged.problems.is_empty() {
        return Ok(Some((objects, None)));
    }
    // Of a snapshot that was forgotten meanwhile, objects may have been collected.
    let still = embedded.audit(number).map_err(failed)?;
    Ok(still.map(|_| (objects, Some(damaged))))
}

fn present(store: &Backend, record: &Record, damaged: &mut Damaged) {
    for object in &record.objects {
        let problem = match store.object_size(&object.id) {
            Ok(size) if size == object.size => continue,
            Ok(size) => format!("it has {size} bytes instead of {}", object.size),
            Err(error) => error.to_string(),
        };
        damaged.problems.push(Problem::of(object.id, problem));
    }
}

/// Reads snapshots whole, one after the other, and what several of them share once.
#[derive(Debug, Default)]
pub(super) struct Reading {
    packs: Verifier,
    /// Other objects that are what they should be.
    whole: HashSet<ObjectId>,
}

impl Reading {
    /// Reads every byte of a snapshot: packs with the tree that they hold, everything else by itself.
    pub(super) fn read(&mut self, store: &Store, record: &Record, damaged: &mut Damaged) {
        let backend = &store.backend;
        let (packs, others): (Vec<&ObjectRef>, _) =
            record.objects.iter().partition(|object| object.kind == ObjectKind::Pack);
        let mut rest: BTreeSet<ObjectId> = packs.iter().map(|object| object.id).collect();
        others.iter().for_each(|object| self.whole(backend, &object.id, damaged));
        match store.manifest(record) {
            Err(error) => {
                damaged.add(Problem::of_engine(record.manifest, &error));
                damaged.all_files = true;
            }
            Ok(manifest) => {
                manifest.packs.iter().for_each(|pack| {
                    rest.remove(&pack.id);
                });
                match self.packs.verify(&manifest, backend) {
                    Err(error) => damaged.add(Problem::of_engine(record.manifest, &error)),
                    Ok(found) => damaged.hold(found),
                }
            }
        }
        rest.iter().for_each(|object| self.whole(backend, object, damaged));
        if damaged.problems.is_empty()
            && let Err(reason) = store.inputs(&record.derivation)
        {
            damaged.add(Problem::of(record.derivation, reason));
        }
    }

    fn whole(&mut self, store: &Backend, object: &ObjectId, damaged: &mut Damaged) {
        if self.whole.contains(object) {
            return;
        }
        match store.is_whole(object) {
            Ok(true) => drop(self.whole.insert(*object)),
            Ok(false) => damaged.add(Problem::of(*object, "its bytes are not those of its SHA-256")),
            Err(error) => damaged.add(Problem::of(*object, error.to_string())),
        }
    }
}

impl Damaged {
    /// Adds a problem, unless the same object has one already.
    pub(super) fn add(&mut self, problem: Problem) {
        if problem.object.is_none() || self.problems.iter().all(|known| known.object != problem.object) {
            self.problems.push(problem);
        }
    }

    /// Adds what is wrong with its packs.
    fn hold(&mut self, found: Damage) {
        found.objects.into_iter().for_each(|(object, reason)| self.add(Problem::of(object, reason)));
        self.files = found.files.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    }

    fn objects(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.problems.iter().filter_map(|problem| problem.object)
    }
}

/// Drops what cannot be served: damaged objects with every snapshot that cites them, then those of `damaged` that nothing
/// but forgetting helps. Gives what was done, and the snapshots that are damaged still.
///
/// # Errors
/// When the store fails; what was done until then stays done.
pub fn repair(store: &Store, damaged: &[Damaged], loose: &[Problem]) -> Result<(Repaired, Vec<SnapshotId>)> {
    let suspects: BTreeSet<ObjectId> =
        damaged.iter().flat_map(Damaged::objects).chain(loose.iter().filter_map(|problem| problem.object)).collect();
    let suspects: Vec<ObjectId> = suspects.into_iter().collect();
    let mut repaired = store.embedded()?.repair(&suspects, &[]).map_err(failed)?;
    let mut left = Vec::new();
    // All anew: much is not there any more.
    let mut reading = Reading::default();
    for before in damaged {
        // Forgotten with its objects, or healed by a save meanwhile.
        let Some(number) = before.number else { continue };
        let Some((_, Some(now))) = check(store, number, Some(&mut reading))? else { continue };
        // Its record is false, or its objects are what they should be and do not make a tree: that never heals. What was
        // damaged only since is left to the next look of the store's own.
        let is_false = now.problems.iter().any(|problem| problem.object.is_none() && problem.doubt.is_none());
        let distrusted = now.problems.iter().any(|problem| problem.doubt.is_some());
        if is_false || !distrusted && now.objects().all(|object| repaired.sound.contains(&object)) {
            repaired.forgotten.extend(store.embedded()?.repair(&[], &[number]).map_err(failed)?.forgotten);
        } else {
            left.push(now.snapshot);
        }
    }
    Ok((repaired, left))
}
