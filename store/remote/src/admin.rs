//! The administration of a store somewhere else. Each request shows the administrator's token itself: there is no ticket.

use std::sync::Arc;
use std::time::Duration;

use sci_store_api::admin::{Collect, Forget, GcPlan, GcReport, PublicKeys, Quarantine, Quarantined, RotateKey};
use sci_store_api::repositories::{Registration, Repositories};
use sci_store_api::tokens::{CreateToken, CreatedToken, TokenSummary, Tokens};
use sci_store_api::{ErrorCode, RepositoryId, SnapshotId, TokenId, routes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::address::Address;
use crate::breaker::Breaker;
use crate::call::{Attempt, Kind, Line};
use crate::error::Error;
use crate::identity::Identity;
use crate::machine::ThisMachine;
use crate::remote::Wanted;
use crate::settings::Settings;
use crate::ticket::Tickets;
use crate::wire::{Failure, Outgoing, Wire};

/// How long a collection may take before its first byte, beyond the usual.
const COLLECTING: Duration = Duration::from_secs(15 * 60);

/// The administration of a store at an address. Synchronous.
#[derive(Debug)]
pub struct RemoteAdmin {
    line: Line,
}

impl RemoteAdmin {
    /// A client of the store at an address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Roots`].
    pub fn new(address: Address, settings: Settings, identity: Box<dyn Identity>) -> Result<Self, Error> {
        let wire = Wire::new(address, settings, Arc::new(ThisMachine))?;
        let (breaker, tickets, wanted) = (Breaker::default(), Tickets::default(), Wanted::default());
        Ok(Self { line: Line { wire, breaker, tickets, identity, wanted } })
    }

    /// Where the store is.
    pub fn address(&self) -> &Address {
        self.line.wire.address()
    }

    /// Registers a repository, or replaces its registration.
    ///
    /// # Errors
    /// [`Error`], as of every operation: `unauthorized` and `forbidden` when the token is no administrator's.
    pub fn register(&self, registration: &Registration) -> Result<(), Error> {
        let target = routes::fill(routes::REPOSITORY, &registration.repository);
        self.ask::<Registration>(&Method::PUT, &target, Some(registration), CHANGE).map(drop)
    }

    /// One repository's registration.
    ///
    /// # Errors
    /// [`Error`].
    pub fn registration(&self, repository: &RepositoryId) -> Result<Option<Registration>, Error> {
        match self.get(&routes::fill(routes::REPOSITORY, repository)) {
            Ok(registration) => Ok(Some(registration)),
            Err(Error::Refused(error)) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every registration.
    ///
    /// # Errors
    /// [`Error`].
    pub fn repositories(&self) -> Result<Repositories, Error> {
        self.get(routes::REPOSITORIES)
    }

    /// Makes a token. A repeated request makes the same one.
    ///
    /// # Errors
    /// [`Error`].
    pub fn create_token(&self, request: &CreateToken) -> Result<CreatedToken, Error> {
        self.post(routes::TOKENS, request, CHANGE)
    }

    /// Every token, newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub fn tokens(&self) -> Result<Tokens, Error> {
        self.get(routes::TOKENS)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`Error`]; `not-found` when there is none.
    pub fn revoke_token(&self, id: &TokenId) -> Result<TokenSummary, Error> {
        self.ask(&Method::DELETE, &routes::fill(routes::TOKEN, id), None::<&()>, CHANGE)
    }

    /// Refuses a run's snapshots and their descendants from now on; gives every snapshot of the repository that is refused.
    ///
    /// # Errors
    /// [`Error`].
    pub fn quarantine(&self, request: &Quarantine) -> Result<Vec<SnapshotId>, Error> {
        Ok(self.post::<Quarantined>(routes::QUARANTINE, request, CHANGE)?.snapshots)
    }

    /// Removes a snapshot of whatever scope.
    ///
    /// # Errors
    /// [`Error`]; `not-found` when there is none.
    pub fn forget(&self, request: &Forget) -> Result<(), Error> {
        let body = self.encode(request)?;
        let mut repeated = false;
        let done = self.attempts(CHANGE, &mut |attempt| {
            repeated |= attempt.attempts.failed() > 0;
            let body = Some(("application/json", body.as_slice()));
            let request = Outgoing { method: Method::POST, body, ..Outgoing::get(routes::FORGET, attempt.bearer) };
            self.line.wire.send(&request, attempt.attempts.left(), attempt.work)?.nothing()
        });
        match done {
            // The attempt before did it, and its answer was lost.
            Err(Error::Refused(error)) if repeated && error.code == ErrorCode::NotFound => Ok(()),
            done => done,
        }
    }

    /// The public halves of the store's keys, the current one first.
    ///
    /// # Errors
    /// [`Error`].
    pub fn keys(&self) -> Result<PublicKeys, Error> {
        self.get(routes::KEYS)
    }

    /// Signs with a new key from now on, unless another than the one that is named signs already.
    ///
    /// # Errors
    /// [`Error`].
    pub fn rotate_key(&self, request: &RotateKey) -> Result<PublicKeys, Error> {
        self.post(routes::KEYS, request, CHANGE)
    }

    /// What a collection would do now.
    ///
    /// # Errors
    /// [`Error`].
    pub fn plan_gc(&self, request: &Collect) -> Result<GcPlan, Error> {
        self.post(routes::GC_PLAN, request, Kind { work: COLLECTING, ..Kind::default() })
    }

    /// Collects.
    ///
    /// # Errors
    /// [`Error`].
    pub fn collect(&self, request: &Collect) -> Result<GcReport, Error> {
        self.post(routes::GC, request, Kind { work: COLLECTING, ..CHANGE })
    }

    fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, Error> {
        self.ask(&Method::GET, target, None::<&()>, Kind::default())
    }

    fn post<T: DeserializeOwned>(&self, target: &str, request: &impl Serialize, kind: Kind) -> Result<T, Error> {
        self.ask(&Method::POST, target, Some(request), kind)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: &Method,
        target: &str,
        request: Option<&impl Serialize>,
        kind: Kind,
    ) -> Result<T, Error> {
        let body = request.map(|request| self.encode(request)).transpose()?;
        self.attempts(kind, &mut |attempt| self.line.json_once(method, target, body.as_deref(), attempt))
    }

    fn attempts<T>(&self, kind: Kind, attempt: &mut dyn FnMut(Attempt<'_>) -> Result<T, Failure>) -> Result<T, Error> {
        let token = self.line.identity.fresh(self.address().as_str())?;
        self.line.attempts(kind, token.as_ref(), attempt)
    }

    fn encode(&self, request: &impl Serialize) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(request).map_err(|error| self.line.nonsense(error.to_string()))
    }
}

/// What changes something, so that an outcome can be unknown.
const CHANGE: Kind = Kind { bytes: 0, changes: true, least: 0, work: Duration::ZERO };
