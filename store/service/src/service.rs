//! The service itself: what it is made of, and the session.

use sci_store_api::admin::{PublicKeys, RotateKey};
use sci_store_api::session::Session;
use sci_store_api::{ApiError, ErrorCode, Scope, StoreId, UnixMillis};

use crate::blobs::Blobs;
use crate::caller::{Caller, Sight};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::schema;
use crate::sql::Sql;
use crate::unfinished::Unfinished;

/// What a host decides about its store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's id, part of every record.
    pub store: StoreId,
    /// How long a snapshot's objects are kept for a run that it was served to, in milliseconds, even when it is forgotten.
    pub lease: u64,
}

/// The backend. Its methods take the [`Caller`] first and may be called at the same time, from several processes too:
/// what must not interleave is one batch of the index.
#[derive(Debug)]
pub struct Service<B, S, C, K> {
    pub(crate) blobs: B,
    pub(crate) sql: S,
    pub(crate) clock: C,
    pub(crate) keys: K,
    pub(crate) settings: Settings,
    pub(crate) unfinished: Unfinished,
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Makes a service, and brings the index to the newest schema.
    ///
    /// # Errors
    /// [`Error::Sql`] when the index cannot be used.
    pub async fn open(blobs: B, sql: S, clock: C, keys: K, settings: Settings) -> Result<Self, Error> {
        schema::migrate(&sql).await?;
        Ok(Self { blobs, sql, clock, keys, settings, unfinished: Unfinished::default() })
    }

    /// The store of objects, for the host's own use.
    pub const fn blobs(&self) -> &B {
        &self.blobs
    }

    /// The index, for the host's own use: backups, statistics.
    pub const fn index(&self) -> &S {
        &self.sql
    }

    /// The signing keys, for the host's own use: rotation.
    pub const fn keys(&self) -> &K {
        &self.keys
    }

    /// The time, by the service's clock.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The store's id.
    pub const fn store(&self) -> &StoreId {
        &self.settings.store
    }

    /// The public halves of the signing keys, the current one first.
    pub async fn public_keys(&self) -> Result<PublicKeys, Error> {
        Ok(PublicKeys { public_keys: self.keys.public_keys().await? })
    }

    /// Signs with a new key from now on. A repeated request rotates once.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] where keys are not made by the backend itself.
    pub async fn rotate_key(&self, request: &RotateKey) -> Result<PublicKeys, Error> {
        if !self.keys.rotate(&request.from, self.clock.now()).await? {
            let error = ApiError::new(ErrorCode::Invalid, "this backend does not make its own signing keys");
            return Err(Error::Refused(error.with_hint("change the key where the backend is set up")));
        }
        self.public_keys().await
    }

    /// What the caller may do.
    pub async fn session(&self, caller: &Caller) -> Result<Session, Error> {
        Ok(Session {
            store: self.settings.store.clone(),
            repository: caller.repository.clone(),
            run: caller.run.clone(),
            scope_write: caller.scope_write.clone(),
            scopes_read: caller.scopes_read.clone(),
            public_keys: self.keys.public_keys().await?,
        })
    }
}

/// The scope that the caller writes to.
pub(crate) fn writer(caller: &Caller) -> Result<&Scope, Error> {
    let refuse = || Error::refused(ErrorCode::Forbidden, "this run may not save");
    caller.scope_write.as_ref().ok_or_else(refuse)
}

/// The scopes whose snapshots the caller sees, as a list for a statement; none when it sees every one.
pub(crate) fn visible(caller: &Caller) -> Result<Option<String>, Error> {
    (caller.sight < Sight::Repository).then(|| readable(caller)).transpose()
}

/// The scopes whose runs the caller sees, the same.
pub(crate) fn visible_runs(caller: &Caller) -> Result<Option<String>, Error> {
    (caller.sight < Sight::Runs).then(|| readable(caller)).transpose()
}

/// The scopes that the caller may read, as a list for a statement.
pub(crate) fn readable(caller: &Caller) -> Result<String, Error> {
    Ok(serde_json::to_string(&caller.scopes_read)?)
}
