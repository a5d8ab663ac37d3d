//! Resolve: the exact snapshot, else the nearest that may be read, and a reason for every candidate that is not it.

use std::collections::HashSet;

use sci_hasher::InputClass;
use sci_store_api::dsse::{Envelope, PublicKey};
use sci_store_api::resolve::{MAX_PATHS, PathQuery, ResolveRequest, ResolveResponse, Resolved, RestorePolicy};
use sci_store_api::verdict::{Candidate, Judgement, MissReason, Outcome, Refusal, Verdict};
use sci_store_api::{ApiError, ErrorCode};

use crate::blobs::Blobs;
use crate::caller::{Caller, Sight};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::ranking::{Ranked, Reader, rank};
use crate::records::{Indexed, indexed_columns};
use crate::service::{Service, readable};
use crate::sql::{self, Sql, SqlError, Statement, Value};

/// Candidates read per rung, scope and settledness: the newest so many.
const NEWEST: i64 = 64;
/// Candidates read only to be named with their refusal.
const NAMED: i64 = 4;

const SHARING: &str = concat!(
    "SELECT ",
    indexed_columns!(),
    " FROM rungs JOIN records ON records.number = rungs.record \
     WHERE rungs.site = (SELECT number FROM sites WHERE repository = ?1 AND path = ?2 AND instance = ?3) \
     AND digest = ?4 AND rungs.scope = ?5 AND rungs.settled = ?6 ORDER BY rungs.record DESC LIMIT ?7"
);
/// Of candidates to be named only so many are looked at: another scope's flood must not cost the reader.
const ELSEWHERE: &str = concat!(
    "SELECT ",
    indexed_columns!(),
    " FROM records WHERE number IN (SELECT record FROM rungs \
     WHERE rungs.site = (SELECT number FROM sites WHERE repository = ?1 AND path = ?2 AND instance = ?3) \
     AND digest = ?4 AND rungs.scope NOT IN (SELECT value FROM json_each(?5)) LIMIT 256) \
     ORDER BY number DESC LIMIT ?6"
);
const ANY: &str = concat!(
    "SELECT ",
    indexed_columns!(),
    " FROM records WHERE site = (SELECT number FROM sites WHERE repository = ?1 AND path = ?2 AND instance = ?3) \
     AND scope = ?4 AND forgotten IS NULL ORDER BY number DESC LIMIT ?5"
);
const GUARD_SERVABLE: &str = "INSERT INTO guard SELECT 0 WHERE NOT EXISTS \
     (SELECT 1 FROM records WHERE number = ?1 AND snapshot = ?2 AND forgotten IS NULL AND quarantined = 0)";
const SERVE: &str = "INSERT INTO served (repository, run, snapshot, record, until, origin, scope) \
     SELECT ?1, ?2, snapshot, number, ?4, run, scope FROM records WHERE number = ?3 \
     ON CONFLICT (repository, run, snapshot) DO UPDATE SET until = max(until, excluded.until), record = excluded.record, \
     origin = excluded.origin, scope = excluded.scope";

/// One path being resolved.
struct Search<'a> {
    caller: &'a Caller,
    query: &'a PathQuery,
    reader: Reader<'a>,
    keys: &'a [PublicKey],
    seen: HashSet<i64>,
    candidates: Vec<Candidate>,
}

/// What a search found.
struct Found {
    ranked: Ranked,
    envelope: Envelope,
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Chooses a snapshot for each path instance, and remembers those chosen as served to the caller's run: they become
    /// parents of what the run saves, and their objects are kept for it.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] for more than [`MAX_PATHS`]; [`ErrorCode::Forbidden`] for an administrator. A damaged or missing snapshot is a refusal with its reason, not
    /// an error.
    pub async fn resolve(&self, caller: &Caller, request: &ResolveRequest) -> Result<ResolveResponse, Error> {
        if request.paths.len() > MAX_PATHS {
            return Err(Error::refused(ErrorCode::Invalid, format!("a request has at most {MAX_PATHS} paths")));
        }
        if caller.sight == Sight::Repository {
            let error = ApiError::new(ErrorCode::Forbidden, "an administrator's token restores nothing");
            return Err(Error::Refused(error.with_hint("`sci token create --repository` makes one that reads")));
        }
        let keys = self.keys.public_keys().await?;
        let mut paths = Vec::with_capacity(request.paths.len());
        for query in &request.paths {
            let resolve = async || self.resolve_path(caller, query, &request.ancestors, &keys).await;
            paths.push(sql::retry(resolve).await?);
        }
        Ok(ResolveResponse { paths })
    }

    async fn resolve_path(
        &self,
        caller: &Caller,
        query: &PathQuery,
        ancestors: &[String],
        keys: &[PublicKey],
    ) -> Result<Resolved, Error> {
        let answer = |verdict, envelope| {
            let (path, instance) = (query.path.clone(), query.instance.clone());
            Ok(Resolved { path, instance, verdict, envelope })
        };
        if query.restore == RestorePolicy::Never {
            return answer(Verdict::miss(MissReason::RestoreNever), None);
        }
        let reader = Reader::new(&query.sketch, &caller.scopes_read, ancestors);
        let mut search = Search { caller, query, reader, keys, seen: HashSet::new(), candidates: Vec::new() };
        if let Some(found) = self.exact(&mut search).await? {
            self.serve(caller, &found).await?;
            let outcome = Outcome::Exact { snapshot: found.ranked.indexed.snapshot };
            return answer(search.verdict(outcome), Some(found.envelope));
        }
        if let Some(found) = self.nearest(&mut search).await? {
            self.elsewhere(&mut search, &[InputClass::Variant]).await?;
            self.serve(caller, &found).await?;
            let Ranked { indexed, shared, similarity, .. } = found.ranked;
            let shared = shared.unwrap_or(InputClass::System);
            let outcome = Outcome::Nearest { snapshot: indexed.snapshot, shared, similarity };
            return answer(search.verdict(outcome), Some(found.envelope));
        }
        self.below(&mut search).await?;
        self.elsewhere(&mut search, &[InputClass::Variant, query.at_least]).await?;
        let reason = if search.candidates.is_empty() { MissReason::NothingSaved } else { MissReason::AllRefused };
        answer(search.verdict(Outcome::Miss { reason }), None)
    }

    /// The newest settled record with the key, scope by scope.
    async fn exact(&self, search: &mut Search<'_>) -> Result<Option<Found>, Error> {
        for scope in &search.caller.scopes_read {
            let found =
                self.quick_rows(vec![search.sharing(InputClass::Variant, scope.to_string(), true, NEWEST)]).await?;
            let ranked = search.unseen(found, Some(InputClass::Variant));
            // The newest is chosen, wherever its commit is.
            if let Some(found) = self.first_good(search, ranked, |_, _| Refusal::Older).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The best candidate of the highest rung, not below `match`, that has a good one.
    async fn nearest(&self, search: &mut Search<'_>) -> Result<Option<Found>, Error> {
        for class in InputClass::ALL.into_iter().rev().take_while(|class| *class >= search.query.at_least) {
            let limit = if search.query.restore == RestorePolicy::Exact { NAMED } else { NEWEST };
            let found = self.quick_rows(search.every_scope(class, limit)).await?;
            let mut ranked = search.unseen(found, Some(class));
            rank(&mut ranked);
            if search.query.restore == RestorePolicy::Exact {
                let refusal = if class == InputClass::Variant { Refusal::Unsettled } else { Refusal::ExactOnly };
                search.candidates.extend(ranked.iter().map(|candidate| candidate.refused(refusal)));
                if ranked.is_empty() { continue } else { break }
            }
            if let Some(found) = self.first_good(search, ranked, Ranked::beaten_by).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Names candidates that share too little.
    async fn below(&self, search: &mut Search<'_>) -> Result<(), Error> {
        for class in InputClass::ALL.into_iter().rev().filter(|class| *class < search.query.at_least) {
            let found = self.quick_rows(search.every_scope(class, NAMED)).await?;
            search.name(found, Some(class), Refusal::BelowMatch);
        }
        let any = search.caller.scopes_read.iter().map(|scope| {
            let [repository, path, instance] = search.place();
            Statement::new(ANY, [repository, path, instance, scope.to_string().into(), NAMED.into()])
        });
        let found = self.quick_rows(any.collect()).await?;
        search.name(found, None, Refusal::BelowMatch);
        Ok(())
    }

    /// Names candidates in scopes that the caller may not read; to a stranger not even that they exist.
    async fn elsewhere(&self, search: &mut Search<'_>, classes: &[InputClass]) -> Result<(), Error> {
        if search.caller.is_public {
            return Ok(());
        }
        for class in classes {
            let [repository, path, instance] = search.place();
            let digest = search.query.ladder.rung(*class);
            let scopes = readable(search.caller)?;
            let params = [repository, path, instance, digest.as_bytes().into(), scopes.into(), NAMED.into()];
            let found = self.quick_rows(vec![Statement::new(ELSEWHERE, params)]).await?;
            search.name(found, Some(*class), Refusal::Scope);
        }
        Ok(())
    }

    /// The first that is what it should be. `beaten` says why a candidate after it is not chosen.
    async fn first_good(
        &self,
        search: &mut Search<'_>,
        ranked: Vec<Ranked>,
        beaten: fn(&Ranked, &Ranked) -> Refusal,
    ) -> Result<Option<Found>, Error> {
        let mut found: Option<Found> = None;
        for candidate in ranked {
            if let Some(found) = &found {
                search.candidates.push(candidate.refused(beaten(&candidate, &found.ranked)));
                continue;
            }
            let query = search.query;
            let shares = |record: &sci_store_api::Record| {
                record.repository == search.caller.repository
                    && record.path == query.path
                    && record.instance == query.instance
                    // The row that was found names a scope, too, and nothing binds that to what was signed.
                    && search.caller.scopes_read.contains(&record.scope)
                    && candidate.shared.is_none_or(|class| record.ladder.rung(class) == query.ladder.rung(class))
            };
            match self.check(&candidate.indexed, search.keys, shares).await? {
                Err(refusal) => search.candidates.push(candidate.refused(refusal)),
                Ok((envelope, _)) => {
                    search.candidates.insert(0, candidate.judged(Judgement::Chosen));
                    found = Some(Found { ranked: candidate, envelope });
                }
            }
        }
        Ok(found)
    }

    async fn serve(&self, caller: &Caller, found: &Found) -> Result<(), Error> {
        if caller.is_public {
            return Ok(());
        }
        let Indexed { number, snapshot, .. } = &found.ranked.indexed;
        let until = self.clock.now().plus(self.settings.lease);
        let row = [caller.repository.as_str().into(), caller.run.as_str().into(), (*number).into(), until.0.into()];
        let guard = Statement::new(GUARD_SERVABLE, [(*number).into(), snapshot.as_bytes().into()]);
        self.sql.quick(vec![guard, Statement::new(SERVE, row)]).await?;
        Ok(())
    }

    async fn quick_rows(&self, statements: Vec<Statement>) -> Result<Vec<Indexed>, SqlError> {
        let rows = self.sql.quick(statements).await?;
        rows.iter().flatten().map(Indexed::from_row).collect()
    }
}

impl Search<'_> {
    fn place(&self) -> [Value; 3] {
        let PathQuery { path, instance, .. } = self.query;
        [self.caller.repository.as_str().into(), path.as_str().into(), instance.as_str().into()]
    }

    fn sharing(&self, class: InputClass, scope: String, settled: bool, limit: i64) -> Statement {
        let [repository, path, instance] = self.place();
        let digest = self.query.ladder.rung(class);
        let params = [repository, path, instance, digest.as_bytes().into(), scope.into(), settled.into(), limit.into()];
        Statement::new(SHARING, params)
    }

    fn every_scope(&self, class: InputClass, limit: i64) -> Vec<Statement> {
        let scopes = self.caller.scopes_read.iter();
        scopes
            .flat_map(|scope| [true, false].map(|settled| self.sharing(class, scope.to_string(), settled, limit)))
            .collect()
    }

    fn unseen(&mut self, found: Vec<Indexed>, shared: Option<InputClass>) -> Vec<Ranked> {
        let new = found.into_iter().filter(|indexed| self.seen.insert(indexed.number));
        new.map(|indexed| self.reader.consider(indexed, shared)).collect()
    }

    fn name(&mut self, found: Vec<Indexed>, shared: Option<InputClass>, refusal: Refusal) {
        let mut ranked = self.unseen(found, shared);
        rank(&mut ranked);
        self.candidates.extend(ranked.iter().map(|candidate| candidate.refused(refusal)));
    }

    fn verdict(&mut self, outcome: Outcome) -> Verdict {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.truncate(Verdict::MAX_CANDIDATES);
        Verdict { outcome, candidates }
    }
}
