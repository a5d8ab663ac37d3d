//! The store as its caller sees it.

use std::sync::Arc;

use sci_hasher::Digest;
use sci_store_api::dsse::PublicKey;
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanQuery, PlanSummary, PlannedPath, RecordPlan};
use sci_store_api::resolve::{ResolveRequest, ResolveResponse, Resolved};
use sci_store_api::saves::{BeginSave, BegunSave};
use sci_store_api::session::{Health, PROTOCOL, Session};
use sci_store_api::snapshots::{SnapshotDetail, SnapshotPage, SnapshotQuery};
use sci_store_api::{ErrorCode, Instance, Nonce, ObjectId, PathName, PlanId, RepositoryId, RunId, SnapshotId, routes};
use serde::Serialize;
use ureq::http::Method;

use crate::address::Address;
use crate::breaker::Breaker;
use crate::call::{Kind, Line};
use crate::error::Error;
use crate::identity::Identity;
use crate::machine::{Machine, ThisMachine};
use crate::save::RemoteSave;
use crate::settings::Settings;
use crate::ticket::Tickets;
use crate::wire::{Outgoing, Wire};

/// Path instances that are resolved with one request. Their records come with the answer, which is bounded.
const RESOLVED_AT_ONCE: usize = 64;

/// What the caller means to work with.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The repository. A session for another one is refused; without an identity it is the one to read, and with an
    /// administrator's token the one to look at.
    pub repository: Option<RepositoryId>,
    /// What tells this run apart from others with the same `sci token`.
    pub run: Option<RunId>,
}

/// A store somewhere else, used by one caller. Synchronous; may be used from many threads.
#[derive(Debug, Clone)]
pub struct Remote {
    pub(crate) line: Arc<Line>,
}

impl Remote {
    /// A client of the store at an address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Roots`].
    pub fn new(
        address: Address,
        settings: Settings,
        identity: Box<dyn Identity>,
        wanted: Wanted,
    ) -> Result<Self, Error> {
        Self::on(Arc::new(ThisMachine), address, settings, identity, wanted)
    }

    /// As [`Remote::new`], on another machine than this one.
    ///
    /// # Errors
    /// [`Error::Roots`].
    pub fn on(
        machine: Arc<dyn Machine>,
        address: Address,
        settings: Settings,
        identity: Box<dyn Identity>,
        wanted: Wanted,
    ) -> Result<Self, Error> {
        let wire = Wire::new(address, settings, machine)?;
        let line = Line { wire, breaker: Breaker::default(), tickets: Tickets::default(), identity, wanted };
        Ok(Self { line: Arc::new(line) })
    }

    /// Where the store is.
    pub fn address(&self) -> &Address {
        self.line.wire.address()
    }

    /// What kind of identity is shown, for a person.
    pub fn identity(&self) -> &'static str {
        self.line.identity.kind()
    }

    /// Whether the store is up and speaks this protocol.
    ///
    /// # Errors
    /// [`Error`].
    pub fn health(&self) -> Result<Health, Error> {
        let line = &self.line;
        let health: Health = line.attempts(Kind::default(), None, &mut |attempt| {
            line.json_once(&Method::GET, routes::HEALTH, None, attempt)
        })?;
        if (health.oldest_protocol..=health.newest_protocol).contains(&PROTOCOL) {
            return Ok(health);
        }
        let (oldest, newest) = (health.oldest_protocol, health.newest_protocol);
        Err(self.nonsense(format!("it speaks protocols {oldest} to {newest}, and this sci {PROTOCOL}")))
    }

    /// What the caller may do, and the keys that the store says are its own.
    ///
    /// # Errors
    /// [`Error`].
    pub fn session(&self) -> Result<Session, Error> {
        Ok(self.line.ticket()?.session.clone())
    }

    /// How far the store's clock is ahead of this machine's, in milliseconds.
    ///
    /// # Errors
    /// [`Error`].
    pub fn clock_offset(&self) -> Result<i64, Error> {
        Ok(self.line.ticket()?.clock_offset)
    }

    /// The keys that the store says are its own. Which ones to trust is for whoever wrote sci.toml to say.
    ///
    /// # Errors
    /// [`Error`].
    pub fn public_keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(self.session()?.public_keys)
    }

    /// Chooses the best snapshot of each path instance, of which there may be any number; what is chosen is remembered as
    /// served to this run.
    ///
    /// # Errors
    /// [`Error`].
    pub fn resolve(&self, request: &ResolveRequest) -> Result<ResolveResponse, Error> {
        let mut paths = Vec::with_capacity(request.paths.len());
        for part in request.paths.chunks(RESOLVED_AT_ONCE) {
            let part = ResolveRequest { paths: part.to_vec(), ancestors: request.ancestors.clone() };
            self.resolve_part(&part, &mut paths)?;
        }
        Ok(ResolveResponse { paths })
    }

    /// Resolves by halves when the records are too large for one answer.
    fn resolve_part(&self, request: &ResolveRequest, resolved: &mut Vec<Resolved>) -> Result<(), Error> {
        let kind = Kind { bytes: 1 << 20, ..Kind::default() };
        match self.post::<ResolveResponse>(routes::RESOLVE, request, kind) {
            Err(Error::TooLong { .. }) if request.paths.len() > 1 => {
                let (left, right) = request.paths.split_at(request.paths.len() / 2);
                [left, right].into_iter().try_for_each(|half| {
                    let half = ResolveRequest { paths: half.to_vec(), ancestors: request.ancestors.clone() };
                    self.resolve_part(&half, resolved)
                })
            }
            Err(error) => Err(error),
            Ok(response) => {
                let is_asked = response.paths.len() == request.paths.len()
                    && request
                        .paths
                        .iter()
                        .zip(&response.paths)
                        .all(|(asked, answer)| asked.path == answer.path && asked.instance == answer.instance);
                if !is_asked {
                    return Err(self.nonsense("it resolves other paths than those asked for"));
                }
                resolved.extend(response.paths);
                Ok(())
            }
        }
    }

    /// Begins the save of a path instance. `key` is the one planned before the run; `bases` are the snapshots of this path
    /// that the state grew from, each served to this run.
    ///
    /// # Errors
    /// [`Error`].
    pub fn begin(
        &self,
        path: &PathName,
        instance: &Instance,
        key: Digest,
        bases: Vec<SnapshotId>,
    ) -> Result<RemoteSave, Error> {
        let request = BeginSave { nonce: self.nonce()?, path: path.clone(), instance: instance.clone(), key, bases };
        let kind = Kind { changes: true, ..Kind::default() };
        let begun: BegunSave = self.post(routes::SAVES, &request, kind)?;
        Ok(RemoteSave::new(self.clone(), begun))
    }

    /// Stores a derivation, for [`Remote::record_plan`].
    ///
    /// # Errors
    /// [`Error`].
    pub fn put_derivation(&self, bytes: &[u8]) -> Result<ObjectId, Error> {
        let id = ObjectId::of(bytes);
        self.put_object(&id, None, bytes)?;
        Ok(id)
    }

    /// Stores what was planned.
    ///
    /// # Errors
    /// [`Error`]; `unknown-object` when a derivation was not put by this run and is not one it may read.
    pub fn record_plan(&self, paths: Vec<PlannedPath>) -> Result<PlanId, Error> {
        let request = RecordPlan { nonce: self.nonce()?, paths };
        self.post(routes::PLANS, &request, Kind { changes: true, bytes: 1 << 20, ..Kind::default() })
    }

    /// The newest plans, newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub fn plans(&self, query: &PlanQuery) -> Result<Vec<PlanSummary>, Error> {
        self.get(&format!("{}?{}", routes::PLANS, query.parameters()))
    }

    /// One plan, with the derivations of those of its candidates that still exist.
    ///
    /// # Errors
    /// [`Error`]; `not-found` when there is none.
    pub fn explain(&self, plan: &PlanId) -> Result<Explanation, Error> {
        self.get(&routes::fill(routes::EXPLAIN, plan))
    }

    /// Snapshots that the caller may read, newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub fn snapshots(&self, query: &SnapshotQuery) -> Result<SnapshotPage, Error> {
        let page: SnapshotPage = self.get(&format!("{}?{}", routes::SNAPSHOTS, query.parameters()))?;
        // A page that leads back, or to itself, would be followed for ever.
        match (page.next, query.before) {
            (Some(next), Some(before)) if next >= before => Err(self.nonsense("its list of snapshots has no end")),
            (Some(_), _) if page.snapshots.is_empty() => Err(self.nonsense("its list of snapshots has no end")),
            _ => Ok(page),
        }
    }

    /// One snapshot with its signed record, which the caller verifies: see [`sci_store_api::dsse::verify_for`].
    ///
    /// # Errors
    /// [`Error`]; `not-found` when there is none.
    pub fn snapshot(&self, id: &SnapshotId) -> Result<SnapshotDetail, Error> {
        let detail: SnapshotDetail = self.get(&routes::fill(routes::SNAPSHOT, id))?;
        if detail.summary.snapshot == *id && detail.envelope.snapshot_id() == *id {
            return Ok(detail);
        }
        Err(self.nonsense("it gives another snapshot than the one asked for"))
    }

    /// Removes a snapshot from the index; its objects go with a later collection.
    ///
    /// # Errors
    /// [`Error`]; `not-found` when there is none.
    pub fn forget(&self, id: &SnapshotId) -> Result<(), Error> {
        let target = routes::fill(routes::SNAPSHOT, id);
        let mut repeated = false;
        let kind = Kind { changes: true, ..Kind::default() };
        let done = self.line.with_ticket(kind, |attempt| {
            repeated |= attempt.attempts.failed() > 0;
            let bearer = attempt.bearer;
            let request = Outgoing { method: Method::DELETE, ..Outgoing::get(&target, bearer) };
            self.line.wire.send(&request, attempt.attempts.left(), attempt.work)?.nothing()
        });
        match done {
            // The attempt before did it, and its answer was lost.
            Err(Error::Refused(error)) if repeated && error.code == ErrorCode::NotFound => Ok(()),
            done => done,
        }
    }

    pub(crate) fn post<T: serde::de::DeserializeOwned>(
        &self,
        target: &str,
        request: &impl Serialize,
        kind: Kind,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(request).map_err(|error| self.nonsense(error.to_string()))?;
        let kind = Kind { bytes: kind.bytes + body.len() as u64, ..kind };
        self.line.json(&Method::POST, target, Some(&body), kind)
    }

    fn get<T: serde::de::DeserializeOwned>(&self, target: &str) -> Result<T, Error> {
        self.line.json(&Method::GET, target, None, Kind { bytes: 1 << 20, ..Kind::default() })
    }

    pub(crate) fn nonsense(&self, reason: impl Into<String>) -> Error {
        self.line.nonsense(reason)
    }

    fn nonce(&self) -> Result<Nonce, Error> {
        let mut bytes = [0; 32];
        self.line.wire.machine().random(&mut bytes)?;
        Ok(Nonce::from_bytes(bytes))
    }
}
