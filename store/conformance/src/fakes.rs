//! What stands in for the world: a clock and keys that obey, and backends that race or fail when they are told to.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sci_service::{Blob, BlobError, BlobKey, Blobs, Clock, KeyError, Keys, Rows, Sql, SqlError, Statement};
use sci_store_api::dsse::{Envelope, PublicKey, SecretKey};
use sci_store_api::{KeyId, UnixMillis};

/// A clock that stands still until it is told the time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// A clock that shows so many milliseconds since 1970.
    pub fn at(millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(millis)))
    }

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
pub struct TestKeys(Arc<Mutex<Held>>);

/// The key that signs, by its name and the byte that its seed repeats, and every key whose signatures count.
type Held = ((&'static str, u8), Vec<PublicKey>);

impl Default for TestKeys {
    fn default() -> Self {
        let key = ("sci-1", 1);
        let public = vec![secret(key).public()];
        Self(Arc::new(Mutex::new((key, public))))
    }
}

impl TestKeys {
    /// What another process needs to sign and to trust alike.
    pub fn held(&self) -> ((&'static str, u8), Vec<PublicKey>) {
        self.0.lock().unwrap().clone()
    }

    /// Ends the window of every key known so far at `time`.
    pub fn retire(&self, time: UnixMillis) {
        self.0.lock().unwrap().1.iter_mut().for_each(|key| key.not_after = Some(time));
    }

    /// Signs with another key from now on, and trusts only that one.
    pub fn exchange(&self) {
        let key = ("sci-2", 2);
        let public = vec![secret(key).public()];
        *self.0.lock().unwrap() = (key, public);
    }
}

fn secret((name, seed): (&str, u8)) -> SecretKey {
    SecretKey::from_seed(KeyId::new(name).unwrap(), &[seed; 32])
}

impl Keys for TestKeys {
    async fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, KeyError> {
        Ok(secret(self.0.lock().unwrap().0).sign(payload_type, payload))
    }

    async fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        Ok(self.0.lock().unwrap().1.clone())
    }

    async fn rotate(&self, from: &KeyId, now: UnixMillis) -> Result<bool, KeyError> {
        let mut held = self.0.lock().unwrap();
        if held.0.0 == from.as_str() {
            let (key, mut retired) = (("sci-rotated", 3), held.1.clone());
            retired[0].not_after = Some(now);
            let all = std::iter::once(secret(key).public()).chain(retired).collect();
            *held = (key, all);
        }
        Ok(true)
    }
}

type Hook = Box<dyn FnOnce() + Send>;

/// A store of objects that lets something else happen first, once: how a race is made certain.
pub struct Hooked<B> {
    inner: B,
    before_put: Mutex<Option<Hook>>,
    before_delete: Mutex<Option<Hook>>,
    before_flush: Mutex<Option<Hook>>,
    after_look: Mutex<Option<Hook>>,
}

impl<B> Hooked<B> {
    pub(crate) fn new(inner: B) -> Self {
        let hook = Mutex::default;
        Self { inner, before_put: hook(), before_delete: hook(), before_flush: hook(), after_look: hook() }
    }

    /// Whether something is still to happen.
    pub fn is_armed(&self) -> bool {
        let hooks = [&self.before_put, &self.before_delete, &self.before_flush, &self.after_look];
        hooks.iter().any(|hook| hook.lock().unwrap().is_some())
    }

    /// Runs before the next put reaches the backend.
    pub fn before_put(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_put.lock().unwrap() = Some(Box::new(hook));
    }

    /// Runs before the next deletion reaches the backend.
    pub fn before_delete(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_delete.lock().unwrap() = Some(Box::new(hook));
    }

    /// Runs when an object has been read to see whether it is whole, before anything is made of the answer.
    pub fn after_look(&self, hook: impl FnOnce() + Send + 'static) {
        *self.after_look.lock().unwrap() = Some(Box::new(hook));
    }

    /// Runs before the next flush reaches the backend: after a commit has looked at its objects, before its batch.
    pub fn before_flush(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_flush.lock().unwrap() = Some(Box::new(hook));
    }
}

fn fire(hook: &Mutex<Option<Hook>>) {
    let hook = hook.lock().unwrap().take();
    if let Some(hook) = hook {
        hook();
    }
}

impl<B: Blobs> Blobs for Hooked<B> {
    type Upload = B::Upload;
    type Download = B::Download;
    const UNFINISHED_TAKES_ROOM: bool = B::UNFINISHED_TAKES_ROOM;

    async fn put(&self, blob: &Blob, body: B::Upload) -> Result<(), BlobError> {
        fire(&self.before_put);
        self.inner.put(blob, body).await
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<B::Download, BlobError> {
        self.inner.get(key, range).await
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        self.inner.size(key).await
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        let whole = self.inner.is_whole(blob).await;
        fire(&self.after_look);
        whole
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        fire(&self.before_delete);
        self.inner.delete(key).await
    }

    async fn flush(&self) -> Result<(), BlobError> {
        fire(&self.before_flush);
        self.inner.flush().await
    }
}

/// An index that fails once, or lets something else happen first, when it is told to.
pub struct Flaky<S> {
    inner: S,
    fault: Mutex<Option<Fault>>,
    before: Mutex<Option<(usize, Hook)>>,
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
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, fault: Mutex::default(), before: Mutex::default() }
    }

    /// Whether something is still to happen.
    pub fn is_armed(&self) -> bool {
        self.fault.lock().unwrap().is_some() || self.before.lock().unwrap().is_some()
    }

    /// Runs before the call that comes after so many others.
    pub fn before(&self, after: usize, hook: impl FnOnce() + Send + 'static) {
        *self.before.lock().unwrap() = Some((after, Box::new(hook)));
    }

    /// What [`Self::before`] was told to run, when its call is due. It is not run here: it calls the index, too.
    fn come(&self) -> Option<Hook> {
        let mut before = self.before.lock().unwrap();
        match before.as_mut()? {
            (0, _) => before.take().map(|(_, hook)| hook),
            (after, _) => {
                *after -= 1;
                None
            }
        }
    }

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
        if let Some(hook) = self.come() {
            hook();
        }
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
