//! What a job does: resolve, restore, work, save. It holds the store to all that it was told.

use std::path::PathBuf;
use std::sync::Arc;

use sci_conformance::state::{State, path};
use sci_remote::{Error, Remote, RemoteSave};
use sci_service::Clock as _;
use sci_snapshot::{Base, Excludes, Manifest, PackRef, RestoreRequest, SaveRequest, Silent, SnapshotError};
use sci_store_api::admin::DAY;
use sci_store_api::dsse::{self, Envelope};
use sci_store_api::resolve::ResolveRequest;
use sci_store_api::saves::{CommitSave, Committed};
use sci_store_api::{
    ErrorCode, Object, ObjectId, ObjectKind, ObjectRef, ObjectSink as _, Record, SnapshotId, StoreId, TransferError,
};

use crate::actors::{Role, state};
use crate::trees::{self, Tree};
use crate::world::World;

/// How often a save is begun that the store lost hold of.
const BEGINS: usize = 3;

pub(crate) struct Job<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) role: Role,
    pub(crate) run: u64,
    pub(crate) remote: Remote,
    pub(crate) root: PathBuf,
    pub(crate) random: fastrand::Rng,
}

/// What a restore brought.
struct Found {
    snapshot: SnapshotId,
    base: Base,
    tree: Tree,
}

/// Why a save ended without an answer.
enum Broken {
    /// The store lost hold of it: it is begun anew.
    Again,
    /// There is no more to be done.
    Off,
}

impl Job<'_> {
    pub(crate) fn restore(&mut self) {
        let state = state(&mut self.random);
        let _ = self.find(&state);
    }

    pub(crate) fn save(&mut self) {
        let state = state(&mut self.random);
        // Trouble on the way is a miss, as for every job.
        let found = self.find(&state).unwrap_or_default();
        let (bases, mut base, mut tree) = match found {
            Some(Found { snapshot, base, tree }) => (vec![snapshot], Some(base), tree),
            None => (Vec::new(), None, Tree::new()),
        };
        trees::edit(&mut tree, self.role, &mut self.random);
        trees::write(&self.root, &tree);
        for _ in 0..BEGINS {
            match self.attempt(&state, &bases, base.take(), &tree) {
                Err(Broken::Again) => {}
                _ => return,
            }
        }
    }

    fn attempt(&self, state: &State, bases: &[SnapshotId], base: Option<Base>, tree: &Tree) -> Result<(), Broken> {
        let instance = state.instance.parse().unwrap();
        let begun = self.remote.begin(&path(), &instance, state.ladder().key(), bases.to_vec());
        let save = begun.map_err(|error| self.note(&error))?;
        let request = SaveRequest {
            anchor: self.root.parent().unwrap(),
            root: &self.root,
            excludes: &Excludes::default(),
            select: None,
            base,
            references: Some(&self.remote),
            inputs: Vec::new(),
            threads: 1,
            progress: &Silent,
        };
        let saved = sci_snapshot::save(request, &save).map_err(broken)?;
        let derivation = format!("{} {:?}", self.role.scope(), state.inputs).into_bytes();
        let id = ObjectId::of(&derivation);
        let mut objects = saved.objects.clone();
        objects.push(ObjectRef { id, size: derivation.len() as u64, kind: ObjectKind::Derivation });
        {
            let mut model = self.world.model();
            model.trees.insert(saved.tree, tree.clone());
            for object in &objects {
                model.objects.entry(object.id).or_default().insert(self.role.scope());
            }
        }
        save.put(Object::of(derivation)).map_err(|error| broken(error.into()))?;
        let commit = CommitSave {
            ladder: state.ladder(),
            sketch: state.sketch(),
            derivation: id,
            manifest: saved.manifest,
            objects,
            tree: saved.tree,
            files: saved.files,
            bytes: saved.bytes,
            settled: true,
        };
        let told = save.commit(&commit).map_err(|error| self.not_committed(&save, &error))?;
        let known = !matches!(told, Committed::AlreadySaved { nondeterministic: true, .. });
        let mut model = self.world.model();
        model.saves += 1;
        model.acknowledged.entry(told.snapshot()).or_insert((known.then_some(saved.tree), self.role));
        Ok(())
    }

    /// A commit that failed for its client: unless that is said to be unknown, it did nothing.
    fn not_committed(&self, save: &RemoteSave, error: &Error) -> Broken {
        if error.outcome_unknown() {
            self.world.model().unknown += 1;
        } else {
            let done = self.world.network.was_committed(&save.begun().save);
            assert!(!done, "it was committed, and the client was told: {error}");
        }
        self.note(error)
    }

    fn note(&self, error: &Error) -> Broken {
        match error.code() {
            Some(ErrorCode::Retry | ErrorCode::NotFound | ErrorCode::UnknownObject) => Broken::Again,
            _ => Broken::Off,
        }
    }

    /// Restores what the store chooses; nothing for a miss.
    fn find(&self, state: &State) -> Result<Option<Found>, Error> {
        let session = self.remote.session()?;
        assert!(session.scopes_read.iter().all(|scope| self.role.reads(&scope.to_string())), "{session:?}");
        self.world.model().runs.insert(session.run.to_string(), (self.role, self.run));
        let (asked, refused) = (self.world.clock.now().0, self.world.model().refused.clone());
        let request = ResolveRequest { paths: vec![state.query()], ancestors: Vec::new() };
        let resolved = self.remote.resolve(&request)?.paths.remove(0);
        let (Some(envelope), Some(snapshot)) = (resolved.envelope, resolved.verdict.snapshot()) else {
            return Ok(None);
        };
        assert!(!refused.contains(&snapshot), "a snapshot was served that was forgotten or under quarantine");
        let record = self.verified(&envelope);
        assert!(
            self.role.reads(&record.scope.to_string()),
            "{:?} was served a snapshot of {}",
            self.role,
            record.scope
        );
        match self.take(&record) {
            Ok((base, tree)) => Ok(Some(Found { snapshot, base, tree })),
            Err(SnapshotError::Transfer(TransferError::Missing { object })) => {
                let now = self.world.clock.now().0;
                assert!(now >= asked + DAY, "object {object} of what was served is gone");
                Ok(None)
            }
            Err(SnapshotError::Transfer(_)) => Ok(None),
            Err(error) => panic!("what was served cannot be restored: {error}"),
        }
    }

    fn verified(&self, envelope: &Envelope) -> Record {
        let store = StoreId::new("under-test").unwrap();
        let keys = self.world.backend.keys();
        dsse::verify_for(envelope, &keys, &store, &"1001".parse().unwrap()).unwrap().record
    }

    /// Restores a snapshot, which must be what was saved to the last byte.
    fn take(&self, record: &Record) -> Result<(Base, Tree), SnapshotError> {
        let permitted: Vec<PackRef> = record.objects.iter().copied().map(PackRef::from).collect();
        let manifest = Manifest::load(&record.manifest, &permitted, &self.remote)?;
        let request = RestoreRequest {
            anchor: self.root.parent().unwrap(),
            root: &self.root,
            manifest: manifest.into(),
            excludes: &Excludes::default(),
            base: None,
            merge: false,
            threads: 1,
            progress: &Silent,
        };
        let restored = sci_snapshot::restore(request, &self.remote)?;
        let tree = trees::read(&self.root);
        for scope in trees::scopes(&tree) {
            assert!(self.role.reads(scope), "{:?} restored a file of {scope}", self.role);
        }
        let mut model = self.world.model();
        assert!(model.trees.get(&record.tree) == Some(&tree), "another tree was restored than was saved");
        model.restores += 1;
        drop(model);
        Ok((restored.into_base(), tree))
    }

    /// A snapshot that was acknowledged is there, and every byte of it.
    pub(crate) fn prove(&self, snapshot: &SnapshotId, known: Option<sci_hasher::Digest>) {
        let detail = self.remote.snapshot(snapshot).unwrap_or_else(|error| panic!("an acknowledged save: {error}"));
        let record = self.verified(&detail.envelope);
        assert!(known.is_none_or(|tree| tree == record.tree), "the save was acknowledged with another's snapshot");
        self.take(&record).unwrap_or_else(|error| panic!("an acknowledged save cannot be restored: {error}"));
    }
}

fn broken(error: SnapshotError) -> Broken {
    match error {
        SnapshotError::Transfer(TransferError::Again { .. }) => Broken::Again,
        SnapshotError::Transfer(_) => Broken::Off,
        error => panic!("a tree that lies still cannot be saved: {error}"),
    }
}
