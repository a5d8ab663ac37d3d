//! Asks the store for the best snapshot of each path, and believes the answer only when everything about it holds.

use sci_planner::{Keyed, PlannedPath};
use sci_presets::RestorePolicy as Allowed;
use sci_store_api::dsse::Verified;
use sci_store_api::resolve::{MAX_PATHS, PathQuery, ResolveRequest, Resolved, RestorePolicy};
use sci_store_api::verdict::{Judgement, MissReason, Outcome, Refusal, Verdict};
use sci_store_api::{Instance, PathName, SnapshotId};

use crate::error::{CliError, Kind};
use crate::store::{Store, failed};

/// A verdict and, when something was chosen, its verified record.
#[derive(Debug)]
pub struct Answer<'p> {
    /// The path.
    pub path: &'p PlannedPath,
    /// Its derivation.
    pub keyed: &'p Keyed,
    /// What the store decided, amended by what was found wrong here.
    pub verdict: Verdict,
    /// The record of the chosen snapshot.
    pub chosen: Option<Verified>,
    /// What is wrong with the store or with its choice.
    pub trouble: Option<CliError>,
    /// What the store chose, and only this machine does not believe.
    disbelieved: Option<SnapshotId>,
}

impl<'p> Answer<'p> {
    /// The answer when the store could not be asked.
    fn without_store(path: &'p PlannedPath, keyed: &'p Keyed, error: &CliError) -> Self {
        let mut trouble = error.clone();
        trouble.message = format!("{}: {}", MissReason::StoreUnavailable.sentence(), error.message);
        let verdict = Verdict::miss(MissReason::StoreUnavailable);
        Self { path, keyed, verdict, chosen: None, trouble: Some(trouble), disbelieved: None }
    }

    /// Turns the choice into a refused candidate, and the verdict into a miss.
    pub fn refuse(&mut self, reason: Refusal, error: CliError) {
        for candidate in &mut self.verdict.candidates {
            if candidate.judgement == Judgement::Chosen {
                candidate.judgement = Judgement::Refused { reason };
            }
        }
        self.verdict.outcome = Outcome::Miss { reason: MissReason::AllRefused };
        self.chosen = None;
        self.trouble = Some(error);
    }

    /// The candidates that were refused for what they are, not for what they were derived from; but not one that the store
    /// serves and only this machine does not believe, perhaps for want of a newer key.
    pub fn damaged(&self) -> impl Iterator<Item = SnapshotId> {
        let unusable = |reason| matches!(reason, Some(Refusal::Incomplete | Refusal::Signature));
        let refused = self.verdict.candidates.iter().filter(move |candidate| unusable(candidate.judgement.refusal()));
        refused.map(|candidate| candidate.snapshot).filter(|snapshot| Some(*snapshot) != self.disbelieved)
    }
}

/// Resolves every keyed path. Trouble is part of the answers.
pub fn resolve<'p>(store: &Store, paths: &[&'p PlannedPath], ancestors: Vec<String>) -> Vec<Answer<'p>> {
    let mut answers = Vec::new();
    let mut queries = Vec::new();
    for path in paths {
        let Some(keyed) = path.keyed() else { continue };
        match query(path, keyed) {
            Ok(query) => queries.push((*path, keyed, query)),
            Err(error) => answers.push(Answer::without_store(path, keyed, &error)),
        }
    }
    for page in queries.chunks(MAX_PATHS) {
        let request = ResolveRequest {
            paths: page.iter().map(|(_, _, query)| query.clone()).collect(),
            ancestors: ancestors.clone(),
        };
        match store.backend.resolve(&request).map_err(failed) {
            Ok(response) => {
                let pairs = page.iter().zip(response.paths);
                answers.extend(pairs.map(|((path, keyed, _), resolved)| answer(store, path, keyed, resolved)));
            }
            Err(error) => {
                answers.extend(page.iter().map(|(path, keyed, _)| Answer::without_store(path, keyed, &error)));
            }
        }
    }
    answers
}

/// The answers when the store could not be opened.
pub fn unavailable<'p>(paths: &[&'p PlannedPath], error: &CliError) -> Vec<Answer<'p>> {
    let keyed = paths.iter().filter_map(|path| Some((*path, path.keyed()?)));
    keyed.map(|(path, keyed)| Answer::without_store(path, keyed, error)).collect()
}

fn query(path: &PlannedPath, keyed: &Keyed) -> Result<PathQuery, CliError> {
    let refused = |error: sci_store_api::NameError| {
        CliError::new(Kind::Config, error).hint("the store cannot hold a path of this name")
    };
    Ok(PathQuery {
        path: PathName::new(path.name.as_str()).map_err(refused)?,
        instance: Instance::new(path.instance.as_str()).map_err(refused)?,
        ladder: keyed.ladder,
        sketch: keyed.sketch().clone(),
        restore: match path.policy.restore {
            Allowed::Nearest => RestorePolicy::Nearest,
            Allowed::Exact => RestorePolicy::Exact,
            Allowed::Never => RestorePolicy::Never,
        },
        at_least: path.policy.matching,
    })
}

fn answer<'p>(store: &Store, path: &'p PlannedPath, keyed: &'p Keyed, resolved: Resolved) -> Answer<'p> {
    let Resolved { verdict, envelope, .. } = resolved;
    let mut answer = Answer { path, keyed, verdict, chosen: None, trouble: None, disbelieved: None };
    let Some(snapshot) = answer.verdict.snapshot() else { return answer };
    let verified = match envelope {
        Some(envelope) => store.verify(&envelope).map_err(|error| error.to_string()),
        None => Err("the store sent no record of it".to_owned()),
    };
    let believed = verified.and_then(|verified| match broken_promise(store, &answer, &verified) {
        None => Ok(verified),
        Some(broken) => Err(broken.to_owned()),
    });
    match believed {
        Ok(verified) => answer.chosen = Some(verified),
        Err(why) => {
            let error = CliError::store(format!("snapshot {} is not believed: {why}", snapshot.short())).hint(
                match store.directory() {
                    Some(_) => "`sci verify` checks every snapshot of this project",
                    None => "`sci doctor` compares the keys that sci.toml trusts with the store's",
                },
            );
            answer.refuse(Refusal::Signature, error);
            answer.disbelieved = Some(snapshot);
        }
    }
    answer
}

/// What the store's choice promises and its signed record does not keep: policy is evaluated here once more.
fn broken_promise(store: &Store, answer: &Answer<'_>, verified: &Verified) -> Option<&'static str> {
    let record = &verified.record;
    let chosen = answer.verdict.snapshot();
    let shares_enough = |record: &sci_store_api::Record| {
        record.ladder.shared(&answer.keyed.ladder).is_some_and(|class| class >= answer.path.policy.matching)
    };
    let policy = answer.path.policy.restore;
    let (allowed, kept) = match answer.verdict.outcome {
        Outcome::Exact { .. } => (policy != Allowed::Never, record.settled && record.key == answer.keyed.key()),
        Outcome::Nearest { .. } => (policy == Allowed::Nearest, shares_enough(record)),
        Outcome::Miss { .. } => (true, true),
    };
    [
        (chosen != Some(verified.id), "the record is another snapshot's"),
        (record.path.as_str() != answer.path.name, "it is of another path"),
        (record.instance.as_str() != answer.path.instance, "it is of another instance"),
        (!store.session.scopes_read.contains(&record.scope), "this run may not read its scope"),
        (!kept, "its inputs are not what the store says"),
        (!allowed, "sci.toml does not allow it for this path"),
    ]
    .into_iter()
    .find_map(|(broken, what)| broken.then_some(what))
}
