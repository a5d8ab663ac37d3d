//! Who calls, and states to save.

use std::collections::BTreeMap;

use bytes::Bytes;
use sci_hasher::{Derivation, Digest, InputClass, Ladder, Sketch};
use sci_service::{Caller, Sight};
use sci_store_api::repositories::Quota;
use sci_store_api::resolve::{PathQuery, RestorePolicy};
use sci_store_api::saves::CommitSave;
use sci_store_api::{Instance, ObjectId, ObjectKind, ObjectRef, PathName, RepositoryId, RunId};

/// A state of one path, to be saved or asked for.
#[derive(Debug, Clone)]
pub struct State {
    /// The path's instance; its name is always `target`.
    pub instance: &'static str,
    /// What its inputs are: class and content.
    pub inputs: Vec<(InputClass, &'static str)>,
    /// What the sketch is made of.
    pub elements: Vec<&'static str>,
    /// What the path holds.
    pub tree: String,
    /// Whether the save is settled.
    pub settled: bool,
}

impl State {
    /// A state that holds `tree`, derived from one lockfile and one source.
    pub fn new(lockfile: &'static str, source: &'static str, tree: &str) -> Self {
        let inputs = vec![
            (InputClass::System, "linux"),
            (InputClass::Tools, "rustc 1"),
            (InputClass::Lockfiles, lockfile),
            (InputClass::Sources, source),
        ];
        let elements = vec![lockfile, source];
        Self { instance: "target", inputs, elements, tree: tree.to_owned(), settled: true }
    }

    /// The same, unsettled.
    #[must_use]
    pub fn unsettled(self) -> Self {
        Self { settled: false, ..self }
    }

    /// The ladder of the inputs.
    pub fn ladder(&self) -> Ladder {
        let mut derivation = Derivation::default();
        for (class, content) in &self.inputs {
            derivation.insert(*class, (*content).into(), Digest::of(content.as_bytes()));
        }
        derivation.ladder()
    }

    /// The sketch of the elements.
    pub fn sketch(&self) -> Sketch {
        Sketch::of(self.elements.iter().map(|element| Digest::of(element.as_bytes())))
    }

    /// The question for this state's snapshot.
    pub fn query(&self) -> PathQuery {
        PathQuery {
            path: path(),
            instance: Instance::new(self.instance).unwrap(),
            ladder: self.ladder(),
            sketch: self.sketch(),
            restore: RestorePolicy::Nearest,
            at_least: InputClass::Tools,
        }
    }

    /// The objects of its snapshot: kind and bytes.
    pub fn objects(&self) -> Vec<(ObjectKind, Bytes)> {
        let object = |kind: &str| Bytes::from(format!("{kind} of {}", self.tree));
        let inputs = Bytes::from(format!("{:?}", self.inputs));
        vec![
            (ObjectKind::Pack, object("pack")),
            (ObjectKind::Manifest, object("manifest")),
            (ObjectKind::Derivation, inputs),
        ]
    }

    /// The commit of its save.
    pub fn commit(&self) -> CommitSave {
        let objects = self.objects();
        let id = |at: usize| ObjectId::of(&objects[at].1);
        let reference = |(kind, bytes): &(ObjectKind, Bytes)| ObjectRef {
            id: ObjectId::of(bytes),
            size: bytes.len() as u64,
            kind: *kind,
        };
        CommitSave {
            ladder: self.ladder(),
            sketch: self.sketch(),
            derivation: id(2),
            manifest: id(1),
            objects: objects.iter().map(reference).collect(),
            tree: Digest::of(self.tree.as_bytes()),
            files: 1,
            bytes: 1,
            settled: self.settled,
        }
    }
}

/// The path of every [`State`].
pub fn path() -> PathName {
    PathName::new("target").unwrap()
}

/// A caller of repository `demo` that writes the first scope and reads all.
pub fn caller(run: &str, scopes: &[&str]) -> Caller {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
    Caller {
        repository: RepositoryId::new("demo").unwrap(),
        scope_write: scopes.first().cloned(),
        scopes_read: scopes,
        run: RunId::new(run).unwrap(),
        claims: BTreeMap::new(),
        is_public: false,
        sight: Sight::Scopes,
        quota: Quota::default(),
    }
}

/// A caller that writes and reads `trusted:refs/heads/main`.
pub fn main(run: &str) -> Caller {
    caller(run, &["trusted:refs/heads/main"])
}
