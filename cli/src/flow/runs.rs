//! What a store has of a project, run by run: what each planned and what it saved; and how much each scope holds.

use std::collections::BTreeMap;

use sci_store_api::plans::PlanQuery;
use sci_store_api::snapshots::{MAX_PAGE, SnapshotQuery, SnapshotSummary};
use sci_store_api::{RunId, Scope, UnixMillis};
use serde::Serialize;

use crate::error::Result;
use crate::store::{Store, failed};

/// What is published under a project, as far as the caller may see it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The name that snapshots are kept under.
    pub project: String,
    /// The runs, newest first.
    pub runs: Vec<Run>,
    /// The newest snapshots, newest first.
    pub snapshots: Vec<SnapshotSummary>,
    /// Whether there are older ones, which were not asked for.
    pub more: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its name.
    pub run: RunId,
    /// When it was last heard of.
    pub created: UnixMillis,
    /// Path instances of its largest plan; 0 when none is kept.
    pub planned: u64,
    /// Snapshots that it saved.
    pub saved: u64,
}

/// What one scope holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeSum {
    /// The scope.
    pub scope: Scope,
    /// Its snapshots.
    pub snapshots: u64,
    /// Bytes of their trees.
    pub bytes: u64,
    /// Bytes of their objects, shared ones counted in full.
    pub stored_bytes: u64,
}

/// Asks the store: once for plans, and once for a page of snapshots.
///
/// # Errors
/// When the store fails.
pub fn published(store: &Store) -> Result<Published> {
    let plans = store.backend.plans(&PlanQuery::default()).map_err(failed)?;
    let query = SnapshotQuery { limit: Some(MAX_PAGE), ..SnapshotQuery::default() };
    let page = store.backend.snapshots(&query).map_err(failed)?;
    let mut runs: BTreeMap<RunId, Run> = BTreeMap::new();
    let mut heard = |run: RunId, created: UnixMillis, planned: u64, saved: u64| {
        let new = || Run { run: run.clone(), created, planned: 0, saved: 0 };
        let known = runs.entry(run.clone()).or_insert_with(new);
        known.created = known.created.max(created);
        known.planned = known.planned.max(planned);
        known.saved += saved;
    };
    plans.into_iter().for_each(|plan| heard(plan.run, plan.created, plan.paths, 0));
    page.snapshots.iter().for_each(|snapshot| heard(snapshot.run.clone(), snapshot.created, 0, 1));
    let mut runs: Vec<Run> = runs.into_values().collect();
    runs.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.run.cmp(&a.run)));
    Ok(Published { project: store.project.clone(), runs, more: page.next.is_some(), snapshots: page.snapshots })
}

/// What each scope holds, the largest first.
pub fn by_scope(snapshots: &[SnapshotSummary]) -> Vec<ScopeSum> {
    let mut scopes: BTreeMap<&Scope, ScopeSum> = BTreeMap::new();
    for snapshot in snapshots {
        let scope = &snapshot.scope;
        let new = || ScopeSum { scope: scope.clone(), snapshots: 0, bytes: 0, stored_bytes: 0 };
        let sum = scopes.entry(scope).or_insert_with(new);
        sum.snapshots += 1;
        sum.bytes = sum.bytes.saturating_add(snapshot.bytes);
        sum.stored_bytes = sum.stored_bytes.saturating_add(snapshot.stored_bytes);
    }
    let mut scopes: Vec<ScopeSum> = scopes.into_values().collect();
    scopes.sort_by(|a, b| b.stored_bytes.cmp(&a.stored_bytes).then_with(|| a.scope.cmp(&b.scope)));
    scopes
}

/// What sets a snapshot apart: "unsettled", "quarantined".
pub fn remarks(snapshot: &SnapshotSummary) -> String {
    let remarks = [(!snapshot.settled, "unsettled"), (snapshot.quarantined, "quarantined")];
    remarks.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect::<Vec<_>>().join(", ")
}
