//! What the cases play with: a store under test, its clock and its keys, callers, and states to save.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pollster::block_on;
use sci_hasher::{Derivation, Digest, InputClass, Ladder, Sketch};
use sci_service::{
    Blob, BlobError, BlobKey, Blobs, Caller, Clock, Error, Hold, KeyError, Keys, Rows, Service, Settings, Sql,
    SqlError, Statement, Value,
};
use sci_store_api::admin::{DAY, GcPolicy, GcReport};
use sci_store_api::dsse::{Envelope, PublicKey, SecretKey};
use sci_store_api::resolve::{PathQuery, ResolveRequest, Resolved, RestorePolicy};
use sci_store_api::saves::{BeginSave, BegunSave, CommitSave, Committed};
use sci_store_api::{
    ErrorCode, Instance, KeyId, Nonce, ObjectId, ObjectKind, ObjectRef, PathName, Record, RepositoryId, RunId,
    SnapshotId, StoreId, UnixMillis,
};

/// A backend under test.
pub trait Harness: Default + Send + Sync + 'static {
    /// Its store of objects.
    type Blobs: Blobs<Upload = Bytes, Download = Bytes> + Send + Sync;
    /// Its index.
    type Sql: Sql + Send + Sync;

    /// An empty backend.
    fn open(&self) -> (Self::Blobs, Self::Sql);
}

/// A store under test.
pub struct World<H: Harness> {
    /// The service.
    pub service: Service<Hooked<H::Blobs>, Flaky<H::Sql>, TestClock, TestKeys>,
    /// Its clock.
    pub clock: TestClock,
    /// Its keys.
    pub keys: TestKeys,
    nonces: AtomicU64,
    _harness: H,
}

/// A clock that stands still until it is told the time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// A key that may be retired or exchanged.
#[derive(Debug, Clone)]
pub struct TestKeys(Arc<Mutex<(SecretKey, Vec<PublicKey>)>>);

impl TestKeys {
    fn new() -> Self {
        let key = secret("sci-1", 1);
        let public = vec![key.public()];
        Self(Arc::new(Mutex::new((key, public))))
    }

    /// Ends the window of every key known so far at `time`.
    pub fn retire(&self, time: UnixMillis) {
        self.0.lock().unwrap().1.iter_mut().for_each(|key| key.not_after = Some(time));
    }

    /// Signs with another key from now on, and trusts only that one.
    pub fn exchange(&self) {
        let key = secret("sci-2", 2);
        let public = vec![key.public()];
        *self.0.lock().unwrap() = (key, public);
    }
}

fn secret(name: &str, seed: u8) -> SecretKey {
    SecretKey::from_seed(KeyId::new(name).unwrap(), &[seed; 32])
}

impl Keys for TestKeys {
    async fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, KeyError> {
        Ok(self.0.lock().unwrap().0.sign(payload_type, payload))
    }

    async fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        Ok(self.0.lock().unwrap().1.clone())
    }
}

type Hook = Box<dyn FnOnce() + Send>;

/// A store of objects that lets something else happen first, once: how a race is made certain.
pub struct Hooked<B> {
    inner: B,
    before_put: Mutex<Option<Hook>>,
    before_delete: Mutex<Option<Hook>>,
}

impl<B> Hooked<B> {
    /// Runs before the next put reaches the backend.
    pub fn before_put(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_put.lock().unwrap() = Some(Box::new(hook));
    }

    /// Runs before the next deletion reaches the backend.
    pub fn before_delete(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_delete.lock().unwrap() = Some(Box::new(hook));
    }
}

fn fire(hook: &Mutex<Option<Hook>>) {
    let hook = hook.lock().unwrap().take();
    if let Some(hook) = hook {
        hook();
    }
}

impl<B: Blobs<Upload = Bytes, Download = Bytes>> Blobs for Hooked<B> {
    type Upload = Bytes;
    type Download = Bytes;

    async fn put(&self, blob: &Blob, body: Bytes) -> Result<(), BlobError> {
        fire(&self.before_put);
        self.inner.put(blob, body).await
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.inner.get(key, range).await
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        self.inner.size(key).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        fire(&self.before_delete);
        self.inner.delete(key).await
    }

    async fn flush(&self) -> Result<(), BlobError> {
        self.inner.flush().await
    }
}

/// An index that fails once, when it is told to.
pub struct Flaky<S> {
    inner: S,
    fault: Mutex<Option<Fault>>,
}

/// A failure to come.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Calls that succeed before.
    pub after: usize,
    /// Whether the call that fails did its work nevertheless, as when only the answer is lost.
    pub done: bool,
}

impl<S: Sql> Flaky<S> {
    /// Lets one call fail.
    pub fn fail(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// Whether a failure is still to come; there will be none then.
    pub fn calm(&self) -> bool {
        self.fault.lock().unwrap().take().is_some()
    }

    fn due(&self) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap();
        match fault.as_mut() {
            Some(Fault { after: 0, .. }) => fault.take(),
            Some(Fault { after, .. }) => {
                *after -= 1;
                None
            }
            None => None,
        }
    }

    async fn run(&self, call: impl Future<Output = Result<Vec<Rows>, SqlError>>) -> Result<Vec<Rows>, SqlError> {
        let due = self.due();
        if due.is_none_or(|fault| fault.done) {
            let rows = call.await?;
            if due.is_none() {
                return Ok(rows);
            }
        }
        Err(SqlError::Failed("the test wants it so".to_owned()))
    }
}

impl<S: Sql> Sql for Flaky<S> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.run(self.inner.batch(statements)).await
    }

    async fn quick(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.run(self.inner.quick(statements)).await
    }
}

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
    }
}

/// A caller that writes and reads `trusted:refs/heads/main`.
pub fn main(run: &str) -> Caller {
    caller(run, &["trusted:refs/heads/main"])
}

impl<H: Harness> Default for World<H> {
    fn default() -> Self {
        let harness = H::default();
        let (inner, sql) = harness.open();
        let blobs = Hooked { inner, before_put: Mutex::default(), before_delete: Mutex::default() };
        let clock = TestClock(Arc::new(AtomicU64::new(1_000 * DAY)));
        let keys = TestKeys::new();
        let settings = Settings { store: StoreId::new("under-test").unwrap(), lease: DAY };
        let service = block_on(Service::open(
            blobs,
            Flaky { inner: sql, fault: Mutex::default() },
            clock.clone(),
            keys.clone(),
            settings,
        ))
        .unwrap();
        Self { service, clock, keys, nonces: AtomicU64::new(0), _harness: harness }
    }
}

impl<H: Harness> World<H> {
    /// A nonce that was not used before.
    pub fn nonce(&self) -> Nonce {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.nonces.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        Nonce::from_bytes(bytes)
    }

    /// Begins a save.
    pub fn begin(&self, caller: &Caller, state: &State, bases: &[SnapshotId]) -> Result<BegunSave, Error> {
        let request = BeginSave {
            nonce: self.nonce(),
            path: path(),
            instance: Instance::new(state.instance).unwrap(),
            key: state.ladder().key(),
            bases: bases.to_vec(),
        };
        block_on(self.service.begin_save(caller, &request))
    }

    /// Puts one object.
    pub fn put(&self, caller: &Caller, hold: Hold, bytes: &Bytes) -> Result<(), Error> {
        let id = ObjectId::of(bytes);
        block_on(self.service.put_object(caller, hold, id, bytes.len() as u64, bytes.clone()))
    }

    /// Puts every object of a state.
    pub fn put_all(&self, caller: &Caller, save: &BegunSave, state: &State) -> Result<(), Error> {
        state.objects().iter().try_for_each(|(_, bytes)| self.put(caller, Hold::Save(save.save), bytes))
    }

    /// Commits a save.
    pub fn commit(&self, caller: &Caller, save: &BegunSave, state: &State) -> Result<Committed, Error> {
        block_on(self.service.commit_save(caller, save.save, &state.commit()))
    }

    /// Saves a state from beginning to end, a millisecond later than what was before.
    pub fn save(&self, caller: &Caller, state: &State, bases: &[SnapshotId]) -> Result<Committed, Error> {
        self.clock.advance(1);
        let save = self.begin(caller, state, bases)?;
        self.put_all(caller, &save, state)?;
        self.commit(caller, &save, state)
    }

    /// Saves a state that must be new, and gives its snapshot.
    pub fn saved(&self, caller: &Caller, state: &State) -> SnapshotId {
        match self.save(caller, state, &[]).unwrap() {
            Committed::Saved { snapshot } => snapshot,
            other => panic!("expected a new snapshot, got {other:?}"),
        }
    }

    /// Resolves one question.
    pub fn ask(&self, caller: &Caller, query: PathQuery, ancestors: &[&str]) -> Resolved {
        let ancestors = ancestors.iter().map(|commit| (*commit).to_owned()).collect();
        let request = ResolveRequest { paths: vec![query], ancestors };
        block_on(self.service.resolve(caller, &request)).unwrap().paths.remove(0)
    }

    /// Resolves a state.
    pub fn resolve(&self, caller: &Caller, state: &State) -> Resolved {
        self.ask(caller, state.query(), &[])
    }

    /// The signed record of a snapshot.
    pub fn record(&self, caller: &Caller, id: &SnapshotId) -> Record {
        let detail = block_on(self.service.snapshot(caller, id)).unwrap();
        Record::decode(&detail.envelope.payload).unwrap()
    }

    /// Reads a whole object.
    pub fn read(&self, caller: &Caller, id: &ObjectId) -> Result<Bytes, Error> {
        let size = block_on(self.service.authorise(caller, id))?.size;
        block_on(self.service.get_object(caller, id, 0..size))
    }

    /// Collects with a grace.
    pub fn gc(&self, grace: u64) -> GcReport {
        block_on(self.service.gc(None, &GcPolicy { grace, ..GcPolicy::default() })).unwrap()
    }

    /// Deletes an object's blob behind the index's back.
    pub fn lose(&self, caller: &Caller, id: &ObjectId) {
        let blob = block_on(self.service.authorise(caller, id)).unwrap();
        block_on(self.service.blobs().inner.delete(&blob.key)).unwrap();
    }

    /// Changes the index behind the service's back.
    pub fn tamper<const N: usize>(&self, sql: &'static str, params: [Value; N]) {
        block_on(self.service.index().batch(vec![Statement::new(sql, params)])).unwrap();
    }
}

/// The code of an error.
pub fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}
