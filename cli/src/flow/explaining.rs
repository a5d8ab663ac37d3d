//! Explaining plans: which stored plan tells of each path, and how its inputs differ from the candidate's.
//!
//! Everything comes from the store: the plan as it was recorded, the candidates that resolve considered, and the inputs
//! that each was derived from. So a run of yesterday, in another process or on another machine, is explained as well as
//! this one.

use std::collections::BTreeSet;

use sci_store_api::RunId;
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanQuery, PlannedPath};

use crate::called::Called;
use crate::error::Result;
use crate::flow::explained::{Compared, Explained, Trouble, Unkeyed};
use crate::state::before::{Before, BeforePath};
use crate::store::{Store, failed};

/// Plans that are looked through for the latest one of each path.
const PLANS: u32 = 64;

/// What is to be explained; what is absent selects all.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// These paths only.
    pub paths: &'a [Called],
    /// The plans of this run, instead of the latest.
    pub run: Option<RunId>,
}

impl Wanted<'_> {
    fn has(&self, name: &str, instance: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|wanted| wanted.means(name, instance))
    }

    fn has_planned(&self, path: &PlannedPath) -> bool {
        self.has(path.path.as_str(), path.instance.as_str())
    }
}

/// The newest plan of each path instance that is asked for.
///
/// A plan may be of some paths only (`sci restore PATH`), so older ones are read until every path that this machine
/// planned last is found with the key that it had then: in a shared store the newest plan is often somebody else's. On a
/// machine that planned nothing, the newest plan stands for all; a run has every path that it planned.
///
/// # Errors
/// When the store fails.
pub fn latest(store: &Store, wanted: &Wanted<'_>, before: Option<&Before>) -> Result<Vec<Explained>> {
    let mut missing: Vec<&BeforePath> = keyed(before, wanted).collect();
    let keyed: Vec<&BeforePath> = missing.clone();
    let run = wanted.run.clone();
    let whole_run = run.is_some();
    let mut read: Vec<Explanation> = Vec::new();
    for summary in store.backend.plans(&PlanQuery { run, limit: Some(PLANS) }).map_err(failed)? {
        let explanation = store.backend.explain(&summary.plan).map_err(failed)?;
        let paths = &explanation.plan.paths;
        missing.retain(|path| !paths.iter().any(|found| is_of(found, path) && Some(found.ladder) == path.ladder));
        let is_enough = missing.is_empty() && paths.iter().any(|path| wanted.has_planned(path));
        read.push(explanation);
        if is_enough && !whole_run {
            break;
        }
    }
    let all = || read.iter().flat_map(|explanation| explanation.plan.paths.iter().map(move |path| (explanation, path)));
    if before.is_some() {
        let same_key = |path: &&BeforePath| {
            let mut plans = all().filter(|(_, found)| is_of(found, path));
            let exact = plans.clone().find(|(_, found)| Some(found.ladder) == path.ladder);
            exact.or_else(|| plans.next())
        };
        let explained = |path: &&BeforePath| {
            let (of, planned) = same_key(path)?;
            // Another machine may have planned the same key, and restored it.
            let is_miss = planned.verdict.snapshot().is_none() && Some(planned.ladder) == path.ladder;
            let trouble = path.trouble.clone().filter(|_| is_miss);
            let trouble = trouble.map(|(message, hint)| Trouble { message, hint });
            Some(Explained { trouble, ..explain(store, of, planned) })
        };
        return Ok(keyed.iter().filter_map(explained).collect());
    }
    let mut seen = BTreeSet::new();
    let newest = all().filter(|(_, path)| wanted.has_planned(path) && seen.insert((&path.path, &path.instance)));
    Ok(newest.map(|(of, path)| explain(store, of, path)).collect())
}

/// The paths that this machine planned last and that are asked for.
fn keyed<'b>(before: Option<&'b Before>, wanted: &Wanted<'_>) -> impl Iterator<Item = &'b BeforePath> {
    let paths = before.map_or(&[][..], |before| &before.paths).iter();
    paths.filter(|path| path.ladder.is_some() && wanted.has(&path.name, &path.instance))
}

fn is_of(planned: &PlannedPath, path: &BeforePath) -> bool {
    planned.path.as_str() == path.name && planned.instance.as_str() == path.instance
}

/// Paths that the latest plan of this machine could not key: such a plan has nothing to store.
pub fn unkeyed(before: Option<&Before>, wanted: &Wanted<'_>) -> Vec<Unkeyed> {
    let paths = before.map_or(&[][..], |before| &before.paths).iter();
    let called = paths.filter(|path| wanted.has(&path.name, &path.instance));
    let unkeyed = |path: &BeforePath| {
        Some(Unkeyed { reason: path.unkeyed.clone()?, name: path.name.clone(), instance: path.instance.clone() })
    };
    called.filter_map(unkeyed).collect()
}

fn explain(store: &Store, explanation: &Explanation, path: &PlannedPath) -> Explained {
    Explained {
        name: path.path.to_string(),
        instance: path.instance.to_string(),
        plan: explanation.plan.plan,
        run: explanation.plan.run.clone(),
        created: explanation.plan.created,
        key: path.ladder.key(),
        derivation: path.derivation,
        verdict: path.verdict.clone(),
        trouble: None,
        compared: compared(store, explanation, path),
    }
}

/// Compares with the chosen candidate or, on a miss, with the best one whose inputs are still kept.
fn compared(store: &Store, explanation: &Explanation, path: &PlannedPath) -> Option<Compared> {
    let chosen = path.verdict.snapshot();
    let candidates = chosen.into_iter().chain(path.verdict.candidates.iter().map(|candidate| candidate.snapshot));
    let (snapshot, object) = candidates.into_iter().find_map(|id| Some((id, explanation.derivations.get(&id)?)))?;
    let ours = path.derivation.as_ref().ok_or_else(|| "the plan's inputs were not stored".to_owned());
    let differences = ours
        .and_then(|ours| store.inputs(ours))
        .and_then(|after| Ok(sci_planner::diff(&store.inputs(object)?, &after)));
    let (differences, problem) = match differences {
        Ok(differences) => (Some(differences), None),
        Err(problem) => (None, Some(problem)),
    };
    Some(Compared { snapshot, chosen: chosen == Some(snapshot), differences, problem })
}
