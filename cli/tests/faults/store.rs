//! What the store holds, by the libraries alone: a program for each look would take too long.

use std::collections::BTreeMap;
use std::path::Path;

use sci_native::Embedded;
use sci_snapshot::{Excludes, Manifest, RestoreRequest, Silent};
use sci_store_api::RunId;
use sci_store_api::snapshots::SnapshotQuery;

use crate::machine::Machine;

/// A snapshot that is whole.
pub(crate) struct Whole {
    pub(crate) manifest: Manifest,
    /// How many objects it has, its derivation included.
    pub(crate) objects: usize,
}

/// The store, as a run of main uses it.
pub(crate) fn open(machine: &Machine) -> Embedded {
    let caller = sci_native::caller("faults", RunId::new("look").unwrap(), None, &BTreeMap::new()).unwrap();
    Embedded::open(&machine.at("store"), caller).unwrap()
}

/// Every snapshot, newest first. Fails unless each is signed, and every object is there with every byte.
pub(crate) fn verify(machine: &Machine) -> Vec<Whole> {
    let store = open(machine);
    let keys = store.public_keys().unwrap();
    let page = store.snapshots(&SnapshotQuery::default()).unwrap();
    let whole = |snapshot| {
        let envelope = store.snapshot(&snapshot).unwrap().envelope;
        let record = store.verify(&envelope, &keys).unwrap().record;
        for object in &record.objects {
            assert_eq!(store.object_size(&object.id).unwrap(), object.size, "object {}", object.id);
        }
        store.object(&record.derivation).unwrap();
        let manifest = Manifest::load(&record.manifest, &sci_cli::store::tree_objects(&record), &store).unwrap();
        let found = sci_snapshot::verify::Verifier::default().verify(&manifest, &store).unwrap();
        assert!(found.objects.is_empty() && found.files.is_empty(), "{found:?}");
        Whole { manifest, objects: record.objects.len() }
    };
    page.snapshots.iter().map(|summary| whole(summary.snapshot)).collect()
}

/// Restores a snapshot where nothing is.
pub(crate) fn write_out(machine: &Machine, manifest: Manifest, root: &Path) {
    let request = RestoreRequest {
        anchor: &machine.at(""),
        root,
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: None,
        merge: false,
        threads: 1,
        progress: &Silent,
    };
    sci_snapshot::restore(request, &open(machine)).unwrap();
}
