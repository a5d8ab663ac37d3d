//! Plans: what was planned and decided, kept so that it can be explained later.

use std::collections::BTreeSet;

use sci_store_api::explain::Explanation;
use sci_store_api::plans::{
    KEPT_PLANS, MAX_PLAN_BODY, MAX_PLANNED_PATHS, PlanQuery, PlanSummary, PlannedPath, RecordPlan, StoredPlan,
};
use sci_store_api::{ErrorCode, ObjectId, PlanId, SnapshotId, UnixMillis};

use crate::adding::{GUARD_OBJECTS, NEEDED};
use crate::blobs::Blobs;
use crate::caller::Caller;
use crate::error::Error;
use crate::ids;
use crate::keys::{Clock, Keys};
use crate::objects::unknown_object;
use crate::service::{Service, visible_runs};
use crate::sql::{self, Row, Sql, SqlError, Statement, Value};

const INSERT: &str = "INSERT INTO plans (plan, repository, scope, run, created, paths, body) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (plan) DO NOTHING";
const OBJECTS: &str = "INSERT INTO plan_objects (plan, object) \
     SELECT number, value FROM plans, json_each(?2) WHERE plan = ?1 ON CONFLICT (plan, object) DO NOTHING";
/// SQL: the plans that are too many of the class of scope ?3.
macro_rules! expired {
    () => {
        "(SELECT number FROM plans WHERE repository = ?1 \
          AND substr(scope, 1, instr(scope, ':')) = substr(?3, 1, instr(?3, ':')) \
          ORDER BY number DESC LIMIT -1 OFFSET ?2)"
    };
}
const EXPIRE_OBJECTS: &str = concat!("DELETE FROM plan_objects WHERE plan IN ", expired!());
const EXPIRE: &str = concat!("DELETE FROM plans WHERE number IN ", expired!());
const LIST: &str = "SELECT plan, run, created, paths FROM plans WHERE repository = ?1 \
     AND (?3 IS NULL OR run = ?2 OR scope IN (SELECT value FROM json_each(?3))) AND (?5 IS NULL OR run = ?5) \
     ORDER BY number DESC LIMIT ?4";
const GET: &str = "SELECT plan, run, created, paths, body FROM plans WHERE repository = ?1 \
     AND (?3 IS NULL OR run = ?2 OR scope IN (SELECT value FROM json_each(?3))) AND plan = ?4";
const DERIVATIONS: &str = "SELECT snapshot, derivation FROM records WHERE repository = ?1 AND forgotten IS NULL \
     AND (?2 IS NULL OR scope IN (SELECT value FROM json_each(?2))) AND snapshot IN (SELECT unhex(value) FROM json_each(?3))";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Stores a plan; the oldest beyond [`KEPT_PLANS`] of its class of scope go, so that pull requests
    /// cost main none. Safe to repeat with the same nonce.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownObject`] when a derivation was not put by this run and is not one that the caller may read.
    pub async fn record_plan(&self, caller: &Caller, request: &RecordPlan) -> Result<PlanId, Error> {
        if !caller.leaves_traces() {
            return Err(Error::refused(ErrorCode::Forbidden, "a plan is stored only for a run that has an identity"));
        }
        let body = serde_json::to_string(&request.paths)?;
        if request.paths.len() > MAX_PLANNED_PATHS || body.len() > MAX_PLAN_BODY {
            return Err(Error::refused(ErrorCode::Invalid, "the plan is too large to be kept"));
        }
        sql::retry(async || self.try_record_plan(caller, request, &body).await).await
    }

    async fn try_record_plan(&self, caller: &Caller, request: &RecordPlan, body: &str) -> Result<PlanId, Error> {
        let derivations: BTreeSet<ObjectId> = request.paths.iter().filter_map(|path| path.derivation).collect();
        let blobs = self.authorise_derivations(caller, &derivations.iter().copied().collect::<Vec<_>>()).await?;
        if blobs.len() != derivations.len() {
            return Err(unknown_object());
        }
        let plan = ids::plan(caller, &request.nonce);
        let numbers: Vec<i64> = blobs.iter().map(|blob| blob.key.number).collect();
        let objects = serde_json::to_string(&numbers)?;
        let scope = || Value::from(caller.scope_write.as_ref().map(ToString::to_string).unwrap_or_default());
        let row = [
            plan.as_bytes().into(),
            caller.repository.as_str().into(),
            scope(),
            caller.run.as_str().into(),
            self.clock.now().0.into(),
            (request.paths.len() as u64).into(),
            body.into(),
        ];
        let kept = || [caller.repository.as_str().into(), i64::from(KEPT_PLANS).into(), scope()];
        let batch = vec![
            Statement::new(GUARD_OBJECTS, [objects.as_str().into(), (numbers.len() as u64).into()]),
            Statement::new(INSERT, row),
            Statement::new(OBJECTS, [plan.as_bytes().into(), objects.as_str().into()]),
            Statement::new(NEEDED, [objects.as_str().into()]),
            Statement::new(EXPIRE_OBJECTS, kept()),
            Statement::new(EXPIRE, kept()),
        ];
        self.sql.quick(batch).await?;
        Ok(plan)
    }

    /// The newest plans of the caller's run, of the scopes that it reads, and where it sees every run of those; newest first.
    pub async fn plans(&self, caller: &Caller, query: &PlanQuery) -> Result<Vec<PlanSummary>, Error> {
        let params = [
            caller.repository.as_str().into(),
            caller.run.as_str().into(),
            visible_runs(caller)?.into(),
            i64::from(query.limit.map_or(KEPT_PLANS, |limit| limit.min(KEPT_PLANS))).into(),
            query.run.as_ref().map(|run| run.as_str()).into(),
        ];
        let rows = self.sql.query(Statement::new(LIST, params)).await?;
        Ok(rows.iter().map(summary).collect::<Result<_, _>>()?)
    }

    /// One plan, with the derivations of those of its candidates that still exist and that the caller sees. To a stranger
    /// candidates of other scopes are not named.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such plan for this caller.
    pub async fn explain(&self, caller: &Caller, plan: &PlanId) -> Result<Explanation, Error> {
        let scopes = visible_runs(caller)?;
        let repository = caller.repository.as_str();
        let params = [repository.into(), caller.run.as_str().into(), scopes.as_deref().into(), plan.as_bytes().into()];
        let rows = self.sql.query(Statement::new(GET, params)).await?;
        let row = rows.first().ok_or_else(|| Error::refused(ErrorCode::NotFound, "there is no such plan"))?;
        let PlanSummary { run, created, .. } = summary(row)?;
        let mut paths: Vec<PlannedPath> = serde_json::from_str(row.text(4)?)?;
        if caller.is_public {
            for path in &mut paths {
                path.verdict.candidates.retain(|candidate| caller.scopes_read.contains(&candidate.scope));
            }
        }
        let candidates: BTreeSet<SnapshotId> =
            paths.iter().flat_map(|path| &path.verdict.candidates).map(|candidate| candidate.snapshot).collect();
        let params = [repository.into(), scopes.into(), serde_json::to_string(&candidates)?.into()];
        let rows = self.sql.query(Statement::new(DERIVATIONS, params)).await?;
        let derivation = |row: &Row| Ok((SnapshotId::from_bytes(row.id(0)?), ObjectId::from_bytes(row.id(1)?)));
        let derivations = rows.iter().map(derivation).collect::<Result<_, SqlError>>()?;
        Ok(Explanation { plan: StoredPlan { plan: *plan, run, created, paths }, derivations })
    }
}

fn summary(row: &Row) -> Result<PlanSummary, SqlError> {
    Ok(PlanSummary {
        plan: PlanId::from_bytes(row.id(0)?),
        run: row.parse(1)?,
        created: UnixMillis(row.unsigned(2)?),
        paths: row.unsigned(3)?,
    })
}
